"""Questions are saved by hand, of a reader's question and of a gap, and taken in and handed out as a table."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from chatsite.models import Citation, Conversation, Gap, Run, SavedQuestion
from retrieval.evaluation.tables import read_table
from retrieval.models import Collection, Document
from tests.chatsite.prompts.staff import client_of, saved, staff

pytestmark = pytest.mark.usefixtures("index")

LIST = "/admin/chatsite/savedquestion/"
WORDS = "The pump is oiled every second month."
SAVE = ("add_savedquestion", "view_savedquestion", "view_run", "view_gap")


@pytest.fixture
def root(db: None) -> Client:
    return client_of(User.objects.create_superuser("root"))


@pytest.fixture
def manual(public: Collection, put: Any) -> Document:
    document: Document = put(public, "pump.md", f"Pumps.\n\n{WORDS}")
    return document


def answered(document: Document) -> Run:
    run = Run.objects.create(
        conversation=Conversation.objects.create(), mode="retrieval", question="When is the pump oiled?",
        state="completed", ended_at=timezone.now(), answered=True, answer=f"{WORDS} [1]", model="extractive",
    )  # fmt: skip
    start = 8
    Citation.objects.create(
        run=run, marker=1, document=document, quote=WORDS, start=start, end=start + len(WORDS),
        content_hash=document.live_hash,
    )  # fmt: skip
    return run


def test_saved_of_a_run_with_what_it_cites(root: Client, manual: Document) -> None:
    run = answered(manual)
    assert f'{LIST}add/?run={run.pk}"' in root.get(f"/admin/chatsite/run/{run.pk}/change/").content.decode()
    page = root.get(f"{LIST}add/?run={run.pk}").content.decode()
    assert "When is the pump oiled?" in page
    assert WORDS in page
    fields = {"question": run.question, "expected": "document", "document": manual.pk, "quote": WORDS}
    assert root.post(f"{LIST}add/?run={run.pk}", fields).status_code == 302
    one = SavedQuestion.objects.get()
    assert (one.run, one.document, one.created_by) == (run, manual, User.objects.get())
    assert (one.start, one.end) == (8, 8 + len(WORDS))


def test_words_of_documents_that_one_may_not_read_are_not_offered_or_listed(manual: Document) -> None:
    Collection.objects.update(public=False)
    run = answered(manual)
    saved("When is it oiled?", expected="quote", document=manual, quote=WORDS, start=8, end=45)
    saved("What is typed?", expected="quote", quote="typed by hand")
    client = client_of(staff("analyst", *SAVE))
    offered = client.get(f"{LIST}add/?run={run.pk}").content.decode()
    assert "When is the pump oiled?" in offered
    assert "every second month" not in offered
    listed = client.get(LIST).content.decode()
    assert "What is typed?" in listed
    assert "When is it oiled?" not in listed
    manual.delete()  # nor when the document has gone
    assert "When is it oiled?" not in client.get(LIST).content.decode()


def test_who_may_not_view_runs_is_told_nothing_of_one(manual: Document) -> None:
    client = client_of(staff("writer", "add_savedquestion", "view_savedquestion"))
    assert "When is the pump oiled?" not in client.get(f"{LIST}add/?run={answered(manual).pk}").content.decode()


def test_saved_of_a_gap(root: Client) -> None:
    gap = Gap.objects.create(question="When is the canteen open?")
    assert f'{LIST}add/?gap={gap.pk}"' in root.get(f"/admin/chatsite/gap/{gap.pk}/change/").content.decode()
    assert "When is the canteen open?" in root.get(f"{LIST}add/?gap={gap.pk}").content.decode()
    root.post(f"{LIST}add/?gap={gap.pk}", {"question": gap.question, "expected": "answered"})
    assert SavedQuestion.objects.get().gap == gap


def test_what_a_good_answer_is_must_be_named(root: Client, manual: Document) -> None:
    for fields, said in [
        ({"expected": "document"}, "Choose the document that a good answer cites."),
        ({"expected": "quote"}, "Write the words that a good answer cites."),
        ({"expected": "quote", "document": manual.pk, "quote": "Never."}, "“pump” doesn’t hold these words."),
    ]:
        assert said in root.post(f"{LIST}add/", {"question": "When?"} | fields).content.decode()
    assert not SavedQuestion.objects.exists()


def test_table_is_handed_out_and_taken_in_again(root: Client, manual: Document, tmp_path: Any) -> None:
    saved("When is the pump oiled?", expected="quote", document=manual, quote=WORDS, start=8, end=8 + len(WORDS))
    saved("=1+1?", expected="refused")
    saved("Answered at all?", expected="answered")
    chosen = {"action": "as_table", "_selected_action": list(SavedQuestion.objects.values_list("pk", flat=True))}
    table = root.post(LIST, chosen).content
    rows = list(csv.reader(io.StringIO(table.decode())))
    assert [row[0] for row in rows] == ["question", "When is the pump oiled?", " =1+1?"]
    (path := tmp_path / "questions.csv").write_bytes(table)
    assert [question.answerable for question in read_table(path).questions] == [True, False]
    SavedQuestion.objects.all().delete()
    for made in (2, 0):  # what is there already is left out
        root.post(f"{LIST}table/", {"table": SimpleUploadedFile("questions.csv", table)})
        assert SavedQuestion.objects.count() == 2, made
    first, second = SavedQuestion.objects.order_by("pk")
    assert "Taken in from a table." in root.get(f"{LIST}{first.pk}/history/").content.decode()
    assert (first.expected, first.document, first.quote, first.start) == ("quote", manual, WORDS, 8)
    assert (second.question, second.expected) == ("=1+1?", "refused")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"asked\nWhen?\n", "has no column “question”"),
        (b"question,document,quote\nWhen?,Nowhere,Never\n", "No readable document is called “Nowhere” here."),
        (b"\xff\xfe\x00", "csv"),
    ],
)
def test_table_that_is_wrong_is_refused_whole(root: Client, table: bytes, said: str) -> None:
    page = root.post(f"{LIST}table/", {"table": SimpleUploadedFile("questions.csv", table)}).content.decode()
    assert said in page
    assert not SavedQuestion.objects.exists()


def test_table_tells_nothing_of_documents_that_one_may_not_read(manual: Document) -> None:
    Collection.objects.update(public=False)
    client = client_of(staff("writer", "add_savedquestion", "view_savedquestion"))
    table = f"question,document,start,end\nWhen?,{manual.pk},8,45\n".encode()
    page = client.post(f"{LIST}table/", {"table": SimpleUploadedFile("questions.csv", table)}).content.decode()
    assert "No readable document is called" in page
    assert not SavedQuestion.objects.exists()
