"""Staff see how often each document is cited, by which questions, and which nobody's question ever used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatsite.models import Citation, Conversation, Run
from retrieval.models import Collection, Document

pytestmark = pytest.mark.django_db


def document_of(collection: Collection, title: str, *, days_ago: int = 0) -> Document:
    document = Document.objects.create(
        collection=collection, title=title, filename=f"{title}.md", state="ready", live_generation=1
    )
    Document.objects.filter(pk=document.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return document


def answered(question: str, *documents: Document, days_ago: int = 0, **fields: Any) -> Run:
    values = {"mode": "retrieval", "state": "completed", "ended_at": timezone.now(), "answered": True} | fields
    run = Run.objects.create(conversation=Conversation.objects.create(), question=question, **values)
    for marker, document in enumerate(documents, 1):
        Citation.objects.create(run=run, marker=marker, document=document, quote="May", start=0, end=3)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return run


def page_of(collection: Collection, query: str = "") -> str:
    return f"/admin/retrieval/collection/{collection.pk}/change/{query}"


def titles(client: Client, collection: Collection, query: str) -> list[str]:
    found = client.get(page_of(collection, query)).context["documents"]["cl"].result_list
    return [document.title for document in found]


def test_each_question_counts_once_and_links_to_the_questions(admin_client: Client, public: Collection) -> None:
    manual = document_of(public, "Manual")
    answered("When?", manual, manual)
    again = answered("Why?", manual)
    answered("Why", manual, replaced_by=again)
    answered("Hello!", manual, small_talk="greeting")
    answered("How?", manual, days_ago=91)
    page = admin_client.get(page_of(public)).text
    assert f'<a href="/admin/chatsite/run/?cites={manual.pk}">2</a>' in page
    questions = admin_client.get(f"/admin/chatsite/run/?cites={manual.pk}").context["cl"].result_list
    assert {run.question for run in questions} == {"When?", "Why?"}
    of_document = admin_client.get(f"/admin/retrieval/document/{manual.pk}/change/").text
    assert "2 questions in 90 days." in of_document
    assert "When?" in of_document


def test_documents_are_sorted_by_it_and_narrowed_by_use(admin_client: Client, public: Collection) -> None:
    often, once, idle, never, new = (
        document_of(public, title, days_ago=days)
        for title, days in [("Often", 100), ("Once", 100), ("Idle", 200), ("Never", 31), ("New", 29)]
    )
    answered("a", often)
    answered("b", often, once)
    answered("c", idle, days_ago=100)
    assert titles(admin_client, public, "?o=-5.1") == ["Often", "Once", "Idle", "Never", "New"]
    assert sorted(titles(admin_client, public, "?use=cited")) == ["Often", "Once"]
    assert sorted(titles(admin_client, public, "?use=idle")) == ["Idle", "Never", "New"]
    assert titles(admin_client, public, "?use=never") == ["Never"]
    assert "No answer has ever cited" in admin_client.get(f"/admin/retrieval/document/{never.pk}/change/").text
    assert "No answer has ever cited" not in admin_client.get(f"/admin/retrieval/document/{new.pk}/change/").text


def test_failed_documents_are_not_called_unused(admin_client: Client, public: Collection) -> None:
    document_of(public, "Broken", days_ago=100)
    Document.objects.update(state="failed", live_generation=0)
    assert titles(admin_client, public, "?use=never") == titles(admin_client, public, "?use=idle") == []


def test_editor_sees_numbers_and_no_question(client: Client, public: Collection) -> None:
    manual = document_of(public, "Manual")
    answered("What does he earn?", manual)
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_collection", "view_document"]))
    client.force_login(user)
    assert '<td class="field-cited">1</td>' in client.get(page_of(public)).text
    page = client.get(f"/admin/retrieval/document/{manual.pk}/change/").text
    assert "1 question in 90 days." in page
    assert "What does he earn?" not in page


def test_questions_of_a_document_that_one_may_not_read_are_not_shown(client: Client) -> None:
    secret = document_of(Collection.objects.create(name="Secret", slug="secret"), "Salaries")
    answered("What does he earn?", secret)
    user = User.objects.create_user("analyst", is_staff=True)
    wanted = ["view_collection", "view_document", "view_run"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=wanted))
    client.force_login(user)
    for page in (page_of(secret.collection), f"/admin/retrieval/document/{secret.pk}/change/"):
        assert "?cites=" not in client.get(page).text
    for asked in (secret.pk, "x", "9" * 40):
        questions = client.get(f"/admin/chatsite/run/?cites={asked}")
        assert questions.context["cl"].result_count == 0
        assert "Salaries" not in questions.text


def test_page_takes_as_many_queries_for_25_cited_documents_as_for_1(admin_client: Client, public: Collection) -> None:
    answered("When?", document_of(public, "First"))
    admin_client.get(page_of(public))
    with CaptureQueriesContext(connection) as for_1:
        admin_client.get(page_of(public))
    for number in range(30):
        answered("When?", document_of(public, f"Part {number}"))
    with CaptureQueriesContext(connection) as for_25:
        admin_client.get(page_of(public))
    assert len(for_25) == len(for_1)
