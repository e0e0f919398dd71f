"""Pages and doors beside searches and citations tell nothing of a row that its reader may not read."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from chatsite.models import ApiKey, Conversation
from retrieval.ingestion import ingest
from retrieval.model_documents.declaring import hides_rows, withdraw
from retrieval.models import Collection, Document
from retrieval.searching.search import search
from tests.chatsite.doors.test_mcp_door import call

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(ada: User, client: Client) -> Client:
    """Return a client of Ada's, who reads "engines" alone; "looms" and "weather" lie beside it."""
    while ingest.ingest_next():
        pass
    Collection.objects.filter(slug="talks").update(public=True)
    client.force_login(ada)
    return client


def test_reader_leads_to_no_row_that_may_not_be_read(ada: User, read: Client) -> None:
    pages = {one.title: one.get_absolute_url() for one in Document.objects.all()}
    shown = read.get(pages["engines"]).content.decode()
    assert [title in shown for title in ("engines", "looms", "weather")] == [True, False, False]
    assert pages["looms"] not in shown
    Conversation.objects.filter(title="looms").update(user=ada)
    assert pages["looms"] in read.get(pages["engines"]).content.decode()
    assert read.get(pages["weather"]).status_code == 404


def test_counts_are_of_rows_that_may_be_read(ada: User, read: Client) -> None:
    for page in ("/documents/", "/"):
        assert [one.document_count for one in read.get(page).context["collections"]] == [1]
    key = ApiKey(user=ada, name="a key", all_collections=True)
    secret = key.make_secret()
    key.save()
    told = Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/collections").json()
    assert [one["documents"] for one in told["collections"]] == [1]
    assert call("list_collections", secret)["structuredContent"]["collections"][0]["documents"] == 1


def test_words_of_a_model_that_is_declared_no_longer_are_offered_to_nobody(
    ada: User, read: Client, public: Collection, put: Any
) -> None:
    put(public, "mill.md", "The mill grinds corn.")
    Conversation.objects.create(user=None, title="zymurgy")
    call_command("sync_models", verbosity=0)
    while ingest.ingest_next():
        pass
    assert Collection.objects.get(slug="talks").holds_rows
    withdraw("chatsite.conversation")
    assert hides_rows("talks", holds_rows=True)
    assert not hides_rows("handbook", holds_rows=False)
    assert search("What is zymurgyy?", user=ada).corrections == ()
