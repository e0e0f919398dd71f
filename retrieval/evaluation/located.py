"""Questions with their answers in terms of this site's documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.measures import Place
from retrieval.evaluation.questions import JudgedQuestion, Quote
from retrieval.models import Document
from retrieval.parsing.formats import clean
from retrieval.searching.passages import Passage
from retrieval.texts import document_text


@dataclass(frozen=True)
class Located:
    """A question, and what of this site's documents answers it: whole documents, graded by their ids, and `places`.

    `gold`: what a good answer says. `earlier`: what was asked before it in the same conversation, oldest first.
    `removed`: it is asked as though the passages that answer it were not there.
    """

    text: str
    relevant: Mapping[str, int]
    places: tuple[Place, ...]
    gold: str = ""
    earlier: tuple[str, ...] = ()
    removed: bool = False

    @property
    def answerable(self) -> bool:
        return bool(self.relevant or self.places) and not self.removed

    @property
    def documents(self) -> frozenset[str]:
        """Return the ids of the documents that answer it."""
        places = (document for document, _, _ in self.places)
        return frozenset([*places, *(key for key, grade in self.relevant.items() if grade > 0)])

    def answered_by(self, passage: Passage) -> bool:
        """Return whether the passage, or another document that it names for saying the same, holds any of what is
        wanted."""
        return any(self.relevant.get(key, 0) > 0 for key in documents_of(passage)) or any(
            document == str(passage.document_id) and passage.start < end and start < passage.end
            for document, start, end in self.places
        )


def documents_of(passage: Passage) -> list[str]:
    """Return the document that it is from, and those that it names for saying the same: what a reader is led to."""
    return [str(passage.document_id), *(str(other.document_id) for other in passage.also_in)]


def locate(questions: Iterable[JudgedQuestion], *, documents: Mapping[str, int]) -> list[Located]:
    """Return the questions with their answers' documents as ids; `documents` gives those of the set's own keys. Without
    it a document is named by its id or its title. Raises EvaluationSetError when one isn't here, or lacks the quote.

    A judged document that isn't here can't be found, and counts as missed, as in trec_eval. Where documents are judged,
    quotes only say what a good answer says.
    """
    found: dict[str, Document] = {}

    def document_of(key: str) -> Document:
        if key not in found:
            rows = Document.objects.listed().readable().order_by("pk")
            named = rows.filter(pk=documents[key]) if key in documents else rows.filter(title=key)
            if not documents and key.isdigit():
                named = rows.filter(pk=int(key))
            if (row := named.first()) is None:
                raise EvaluationSetError(f"No readable document is called “{key}” here.")
            found[key] = row
        return found[key]

    return [
        Located(
            question.text,
            _judged(question.relevant, documents),
            tuple(_place(quote, document_of(quote.document)) for quote in question.quotes if not question.relevant),
            gold=" ".join(quote.text or _said(quote, document_of(quote.document)) for quote in question.quotes),
        )
        for question in questions
    ]


def _judged(relevant: Mapping[str, int], documents: Mapping[str, int]) -> dict[str, int]:
    """Return the grades by id. Two documents with the same text are one, which gets the better grade."""
    grades: dict[str, int] = {}
    for key, grade in relevant.items():
        name = str(documents[key]) if key in documents else f"missing {key}"
        grades[name] = max(grade, grades.get(name, grade))
    return grades


def _said(quote: Quote, document: Document) -> str:
    return document_text(document, start=quote.start or 0, end=quote.end)


def _place(quote: Quote, document: Document) -> Place:
    """Return where the quote stands: where it says, when its text does, else where its text is found nearest to that.
    Raises EvaluationSetError."""
    key, expected, wanted = str(document.pk), quote.start or 0, clean(quote.text).strip()
    if quote.start is not None and quote.end is not None:
        there = document_text(document, start=quote.start, end=quote.end)
        if not wanted or there.split() == wanted.split():
            return key, quote.start, quote.end
    text = document_text(document)
    behind, before = text.find(wanted, expected), text.rfind(wanted, 0, expected + len(wanted))
    starts = [start for start in (behind, before) if start >= 0]
    if not wanted or not starts:
        raise EvaluationSetError(f"“{document.title}” doesn't hold the quote “{wanted[:60]}”.")
    start = min(starts, key=lambda start: abs(start - expected))
    return key, start, start + len(wanted)
