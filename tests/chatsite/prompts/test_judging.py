"""An answer is judged by what is expected of it, and counted before and after."""

from __future__ import annotations

from typing import Any

import pytest

from chatsite.models import Citation, Conversation, Run, SavedQuestion
from chatsite.prompts.judging import counts, judged
from retrieval.models import Collection, Document

WORDS = "The pump is oiled every second month."


@pytest.fixture
def manual(public: Collection) -> Document:
    return Document.objects.create(collection=public, title="Pump")


def answered(document: Document | None, *, state: str = "completed", quote: str = WORDS) -> Run:
    conversation = Conversation.objects.create()
    run = Run.objects.create(
        conversation=conversation, mode="retrieval", question="When?", state="running", answered=document is not None
    )
    run.state, run.error = state, "" if state == "completed" else "model_refused"
    if document:
        Citation.objects.create(run=run, marker=1, document=document, quote=quote, start=8, end=8 + len(quote))
    return run


def question(expected: str, **fields: Any) -> SavedQuestion:
    return SavedQuestion(question="When?", expected=expected, **fields)


def test_right_document_is_the_one_named(manual: Document, public: Collection) -> None:
    other = Document.objects.create(collection=public, title="Other")
    for document, good in ((manual, True), (other, False), (None, False)):
        found = judged(answered(document), question("document", document=manual))
        assert (found["good"], found["document"]) == (good, good)


@pytest.mark.parametrize(
    ("wanted", "good"),
    [("every  second\nmonth", True), ("EVERY SECOND MONTH", True), ("every third month", False)],
)
def test_words_count_however_they_are_spaced(manual: Document, wanted: str, good: bool) -> None:
    assert judged(answered(manual), question("quote", quote=wanted))["good"] is good


def test_words_count_where_their_place_is_cited(manual: Document) -> None:
    saved = question("quote", quote="oiled every", document=manual, start=20, end=31)
    assert judged(answered(manual, quote="Nothing alike, at that place"), saved)["quote"]
    saved.start, saved.end = 100, 111
    assert not judged(answered(manual, quote="Nothing alike, at that place"), saved)["quote"]


def test_refusing_is_good_where_it_is_expected_and_failing_never(manual: Document) -> None:
    assert judged(answered(None), question("refused"))["good"]
    assert not judged(answered(manual), question("refused"))["good"]
    failed = judged(answered(None, state="failed"), question("refused"))
    assert (failed["good"], failed["refused"], failed["error"]) == (False, None, "model_refused")


def test_table_counts_what_applies() -> None:
    def one(**fields: Any) -> dict[str, Any]:
        return {"good": False, "answered": False, "document": None, "quote": None, "refused": None} | fields

    results = [
        {"before": one(answered=True, document=False), "after": one(answered=True, document=True, good=True)},
        {"before": one(refused=True, good=True), "after": one(answered=True, refused=False)},
    ]
    assert [(row.before, row.after, row.of, row.difference) for row in counts(results)] == [
        (1, 1, 2, 0), (1, 2, 2, 1), (0, 1, 1, 1), (1, 0, 1, -1),
    ]  # fmt: skip
    assert counts([]) == []
