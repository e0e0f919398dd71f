"""A question asked again as a reader: what that person and whoever looks may both read, and nothing of what only one of
them may; noted in the admin's log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from chatsite.answering import kept
from chatsite.models import Conversation, Run
from chatsite.reader import TrialReader
from retrieval.ingestion import ingest
from retrieval.model_documents import ModelDocuments, documents
from retrieval.model_documents.declaring import withdraw
from retrieval.models import Collection, Document
from tests.chatsite.overview.test_again import QUESTION, shown
from tests.chatsite.prompts.staff import client_of, staff

pytestmark = pytest.mark.django_db(transaction=True)  # what is tried has a thread and a connection of its own

OF_ALL, OF_BOTH = "Wait four minutes before you pour the tea.", "Wait five minutes before you pour the tea of both."
OF_LOOKER = "Wait nine minutes before you pour the tea of the lookers."
OF_READER = "Wait seven minutes before you pour the tea of the readers."


@pytest.fixture
def reader(transactional_db: None, put: Any, settings: Any) -> Iterator[User]:
    """A reader in two groups, of which the looker is in one; each group has a collection, and so have all."""
    settings.RUN_SAVE_SECONDS, settings.CHAT_MODELS = 0.1, []
    reader, looker = User.objects.create_user("ada"), staff("looker", "view_run", "view_user")
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", OF_ALL)
    for name, text, members in (
        ("both", OF_BOTH, (reader, looker)),
        ("lookers", OF_LOOKER, (looker,)),
        ("readers", OF_READER, (reader,)),
    ):
        group = Group.objects.create(name=name)
        group.user_set.set(members)
        collection = Collection.objects.create(name=name, slug=name)
        collection.groups.add(group)
        put(collection, f"{name}.md", text)
    yield reader
    kept.join(60)


@pytest.fixture
def asked(reader: User) -> Run:
    client = Client()
    client.force_login(reader)
    fields = {"query": QUESTION, "keep": False}
    body = client.post("/api/v1/chat/query", fields, content_type="application/json").json()
    return Run.objects.get(pk=body["run_id"])


def again(run: Run, looker: Client, **fields: Any) -> str:
    return shown(looker, looker.post(f"/admin/chatsite/run/{run.pk}/again/", fields))


def found(run: Run) -> set[str]:
    ids = {source["document_id"] for source in run.sources}
    return {*Document.objects.filter(pk__in=ids).values_list("title", flat=True)}


def test_what_both_may_read_is_found_and_nothing_that_only_one_may(reader: User, asked: Run) -> None:
    looker = client_of(User.objects.get(username="looker"))
    page = again(asked, looker, person=reader.pk)
    run = Run.objects.get(conversation__trial=True)
    assert found(run) == {"tea", "both"}
    assert found(asked) == {"tea", "both", "readers"}
    assert "five minutes" in page
    assert "nine minutes" not in page  # the looker's, and not the reader's
    assert "seven minutes" not in page  # the reader's, and not the looker's: also not what they were answered
    assert "<dt>As this reader</dt><dd>ada</dd>" in page
    again(asked, looker)
    assert found(Run.objects.filter(conversation__trial=True).latest("created_at")) == {"tea", "both", "lookers"}


def test_whoever_may_read_more_than_the_reader_sees_what_the_reader_sees(reader: User, asked: Run) -> None:
    page = again(asked, client_of(User.objects.create_superuser("root")), person=reader.pk)
    assert found(Run.objects.get(conversation__trial=True)) == {"tea", "both", "readers"}
    assert "seven minutes" in page
    assert "nine minutes" not in page


def test_superuser_as_whom_somebody_looks_gives_them_nothing(reader: User, asked: Run) -> None:
    root = User.objects.create_superuser("root")
    page = again(asked, client_of(User.objects.get(username="looker")), person=root.pk)
    assert found(Run.objects.get(conversation__trial=True)) == {"tea", "both", "lookers"}
    assert "seven minutes" not in page


def test_collection_of_one_of_them_alone_can_not_be_asked_for(reader: User, asked: Run) -> None:
    looker = client_of(User.objects.get(username="looker"))
    for slug in ("lookers", "readers"):
        response = looker.post(
            f"/admin/chatsite/run/{asked.pk}/again/", {"person": reader.pk, "collection": slug}, follow=True
        )
        assert 'class="error"' in response.content.decode()
    assert not Run.objects.filter(conversation__trial=True).exists()


def test_question_that_was_narrowed_is_narrowed_to_what_both_may_read(reader: User, asked: Run) -> None:
    both, readers = (Document.objects.get(title=title) for title in ("both", "readers"))
    Run.objects.filter(pk=asked.pk).update(
        scope={"collections": ["both", "readers"], "document_ids": [both.pk, readers.pk]}
    )
    again(asked, client_of(User.objects.get(username="looker")), person=reader.pk)
    run = Run.objects.get(conversation__trial=True)
    assert run.scope == {"collections": ["both"], "document_ids": [both.pk], "person": str(reader.pk)}
    assert found(run) == {"both"}


def test_rows_of_the_site_are_those_that_both_may_read(reader: User, asked: Run, index: None) -> None:
    looker = User.objects.get(username="looker")

    @documents(Conversation, collection="talks")
    class Talks(ModelDocuments):
        def text(self, row: Any) -> Any:
            return f"Wait {row.title} minutes before you pour the tea of talks."

        def visible_to(self, user: Any) -> Any:
            return Conversation.objects.filter(browser__contains=f"<{user.pk}>")

    titles = {"eleven": (looker,), "twelve": (reader,), "thirteen": (looker, reader)}
    for title, readers in titles.items():
        Conversation.objects.create(title=title, browser="".join(f"<{one.pk}>" for one in readers))
    try:
        call_command("sync_models", verbosity=0)
        while ingest.ingest_next():
            pass
        page = again(asked, client_of(looker), person=reader.pk)
    finally:
        withdraw("chatsite.conversation")
    run = Run.objects.filter(conversation__trial=True).latest("created_at")
    assert found(run) & set(titles) == {"thirteen"}
    assert "eleven minutes" not in page
    assert "twelve minutes" not in page


def test_person_is_for_who_may_see_people(reader: User, asked: Run) -> None:
    url = f"/admin/chatsite/run/{asked.pk}/change/"
    looker = client_of(staff("clerk", "view_run"))
    assert "As this reader" not in looker.get(url).content.decode()
    again(asked, looker, person=reader.pk)
    run = Run.objects.get(conversation__trial=True)
    assert "person" not in run.scope
    assert found(run) == {"tea"}
    assert not LogEntry.objects.exists()
    allowed = client_of(User.objects.get(username="looker")).get(url).content.decode()
    assert "As this reader" in allowed
    assert "autocomplete" in allowed
    assert ">ada<" not in allowed  # one is searched for, and all are not listed


def test_name_is_told_to_who_may_see_people(reader: User, asked: Run) -> None:
    looker = client_of(User.objects.get(username="looker"))
    response = looker.post(f"/admin/chatsite/run/{asked.pk}/again/", {"person": reader.pk})
    shown(looker, response)
    clerk = client_of(staff("clerk", "view_run"))
    page = clerk.get(response.headers["Location"]).content.decode()
    assert "Answers side by side" in page
    assert "As this reader" not in page
    assert "five minutes" not in page  # which the clerk may not read


def test_it_stands_in_the_log(reader: User, asked: Run) -> None:
    looker = User.objects.get(username="looker")
    again(asked, client_of(looker), person=reader.pk)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (looker, str(asked.pk))
    assert entry.get_change_message() == "Asked it again as ada."
    assert (
        "Asked it again as ada." in client_of(looker).get(f"/admin/chatsite/run/{asked.pk}/history/").content.decode()
    )


def test_rights_that_end_meanwhile_are_gone(reader: User) -> None:
    looker = User.objects.get(username="looker")
    asker = TrialReader(looker, as_person=reader)
    assert {document.title for document in asker.documents()} == {"tea", "both"}
    assert {collection.slug for collection in asker.collections()} == {"handbook", "both"}
    User.objects.filter(pk=reader.pk).update(is_active=False)
    now = asker.now()
    assert now is not None
    assert {document.title for document in now.documents()} == {"tea"}
    reader.delete()
    assert asker.now() is None
    assert not TrialReader(looker).documents().filter(title="readers").exists()
