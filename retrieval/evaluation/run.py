"""Ask every question of a set as a reader would, and measure what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from django.contrib.auth import get_user_model

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.measures import CUTOFFS, Place, normalized_gain, recall, reciprocal_rank, span_overlap
from retrieval.evaluation.questions import JudgedQuestion, Quote
from retrieval.models import Document, User
from retrieval.searching.confidence import confidence
from retrieval.searching.passages import Passage
from retrieval.searching.search import Method, search
from retrieval.texts import document_text

METHODS = {
    "BM25": Method(vectors=False),
    "dense": Method(words=False),
    "hybrid": Method(),
    "hybrid + rerank": Method(rerank="maxsim"),
}
SHOWN = 5  # passages that an answer is made from
_DISTINCT = 20  # passages asked for, so that ten different documents are among them

Values = dict[str, list[float]]  # measure -> one value for each question it applies to, in the order of the questions


@dataclass(frozen=True)
class Located:
    """A question with its answer in terms of this site's documents."""

    text: str
    relevant: Mapping[str, int]
    places: tuple[Place, ...]

    @property
    def answerable(self) -> bool:
        return bool(self.relevant or self.places)

    def answered_by(self, passage: Passage) -> bool:
        """Return whether the passage, or another document that it names for saying the same, holds any of what is
        wanted."""
        return any(self.relevant.get(key, 0) > 0 for key in _documents(passage)) or any(
            document == str(passage.document_id) and passage.start < end and start < passage.end
            for document, start, end in self.places
        )


def _documents(passage: Passage) -> list[str]:
    """Return the document that it is from, and those that it names for saying the same: what a reader is led to."""
    return [str(passage.document_id), *(str(other.document_id) for other in passage.also_in)]


def parse_method(text: str) -> Method:
    """Return "neighbours=0,rerank=maxsim" as a method. Raises EvaluationSetError, which names the settings there
    are."""
    method: dict[str, Any] = {}
    known = {field.name: field.type for field in fields(Method)}
    for part in filter(None, text.split(",")):
        name, _, value = part.strip().partition("=")
        if known.get(name) == "str":
            method[name] = value
        elif known.get(name) in {"int", "bool"} and value.isdigit():
            method[name] = int(value) if known[name] == "int" else value != "0"
        else:
            settings = ", ".join(f"{name} ({kind})" for name, kind in known.items())
            raise EvaluationSetError(f"“{part}” is no setting of a search. These are: {settings}; as name=value.")
    return Method(**method)


def locate(questions: Iterable[JudgedQuestion], *, documents: Mapping[str, int]) -> list[Located]:
    """The questions with their answers' documents as ids; `documents` gives those of the set's own keys. Without it
    a document is named by its id or its title. Raises EvaluationSetError when one isn't here, or lacks the quote.

    A judged document that isn't here can't be found, and counts as missed, as in trec_eval.
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
            tuple(_place(quote, document_of(quote.document)) for quote in question.quotes),
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


def _place(quote: Quote, document: Document) -> Place:
    """Return where the quote stands: where it says, when its text does, else where its text is found nearest to that.
    Raises EvaluationSetError."""
    key, expected = str(document.pk), quote.start or 0
    if quote.start is not None and quote.end is not None:
        there = document_text(document, start=quote.start, end=quote.end)
        if not quote.text or there.split() == quote.text.split():
            return key, quote.start, quote.end
    text, wanted = document_text(document), quote.text.strip()
    behind, before = text.find(wanted, expected), text.rfind(wanted, 0, expected + len(wanted))
    starts = [start for start in (behind, before) if start >= 0]
    if not wanted or not starts:
        raise EvaluationSetError(f"“{document.title}” doesn't hold the quote “{wanted[:60]}”.")
    start = min(starts, key=lambda start: abs(start - expected))
    return key, start, start + len(wanted)


def ask(questions: Sequence[Located], *, method: Method, report: Callable[[int], None]) -> Values:
    """Return every measure that applies to these questions; `report` is called with how many are done. Reads every
    collection."""
    reader = get_user_model()()
    reader.is_active = reader.is_superuser = True
    values: Values = {}
    for done, question in enumerate(questions, start=1):
        for name, value in _measures(question, method=method, user=reader):
            values.setdefault(name, []).append(value)
        report(done)
    return values


def _measures(question: Located, *, method: Method, user: User) -> Iterable[tuple[str, float]]:
    """Yield the measures of one question: in percent, but for lengths, which are characters."""
    many = search(question.text, user=user, limit=_DISTINCT, method=method).passages
    if question.relevant:
        yield from _of_documents(question, many)
    if question.places:
        yield from _of_places(question, method=method, user=user)
    shown = search(question.text, user=user, limit=SHOWN, method=method)
    if not question.answerable:
        yield "unanswerable refused", 100.0 * (not shown.answers)
        return
    if any(map(question.answered_by, shown.passages)):
        yield "found and answered", 100.0 * shown.answers
    without = [passage for passage in many if not question.answered_by(passage)][:SHOWN]
    sure = confidence(question.text, without, language=shown.language)
    yield "answer removed, refused", 100.0 * (not replace(shown, confidence=sure).answers)
    if shown.passages:
        yield "passage characters", sum(len(passage.text) for passage in shown.passages) / len(shown.passages)


def _of_documents(question: Located, passages: Sequence[Passage]) -> Iterable[tuple[str, float]]:
    ranking = list(dict.fromkeys(key for passage in passages for key in _documents(passage)))
    for cutoff in CUTOFFS:
        yield f"recall@{cutoff}", 100 * recall(ranking, question.relevant, cutoff=cutoff)
    yield "nDCG@10", 100 * normalized_gain(ranking, question.relevant)
    yield "MRR@10", 100 * reciprocal_rank(ranking, question.relevant)


def _of_places(question: Located, *, method: Method, user: User) -> Iterable[tuple[str, float]]:
    """Yield the measures of places. Each number of passages is asked for by itself: how far passages widen depends on
    it."""
    for cutoff in CUTOFFS:
        passages = search(question.text, user=user, limit=cutoff, method=method).passages
        places = [(str(passage.document_id), passage.start, passage.end) for passage in passages]
        found, precise = span_overlap(places, question.places)
        yield f"span recall@{cutoff}", 100 * found
        yield f"span precision@{cutoff}", 100 * precise
