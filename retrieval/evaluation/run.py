"""Ask every question of a set as a reader would, and measure what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any, Protocol

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.located import Located, documents_of
from retrieval.evaluation.measures import (
    CUTOFFS,
    Place,
    gain_of_places,
    normalized_gain,
    recall,
    reciprocal_rank,
    span_overlap,
    word_count,
)
from retrieval.searching.confidence import confidence
from retrieval.searching.names import missing_names
from retrieval.searching.passages import Passage
from retrieval.searching.search import Method, SearchResult
from retrieval.text.sentences import sentence_spans
from retrieval.text.words import letter_runs, words

METHODS = {
    "BM25": Method(vectors=False),
    "dense": Method(words=False),
    "hybrid": Method(),
    "hybrid + rerank": Method(rerank="maxsim"),
}
FIRST, ANSWERED, FOUND_AND_ANSWERED, REFUSED = "first passage", "answered", "found and answered", "refused"
QUOTED, GOLD_WORDS, IN_FIRST_SENTENCE, WORDS = "quoted", "gold words", "in first sentence", "median words"
SHOWN = 5  # passages that an answer is made from
_DISTINCT = 20  # passages asked for, so that ten different documents are among them

Values = dict[str, list[float]]  # measure -> one value for each question it applies to, in the order of the questions


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


class AskedSite(Protocol):
    """The site whose searches and answers are measured."""

    def find(self, messages: Sequence[str], *, limit: int, method: Method | None) -> SearchResult:
        """Return what it finds for the last of the messages, which follows those before it; in every collection."""

    def quote(self, messages: Sequence[str]) -> str:
        """Return the sentences that it answers the last of the messages with; empty when it refuses."""


Find = Callable[[int], SearchResult]  # how many passages at most -> what is found


def ask(
    questions: Sequence[Located],
    *,
    site: AskedSite,
    method: Method | None,
    report: Callable[[int], None] = lambda done: None,
    cutoffs: Sequence[int] = CUTOFFS,
    quotes: bool = False,
) -> Values:
    """Return every measure that applies to these questions, with `quotes` also those of the sentences that answer;
    `report` is called with how many are done."""
    values: Values = {}
    for done, question in enumerate(questions, start=1):
        messages = (*question.earlier, question.text)
        for name, value in _measures(question, _finder(site, messages, method), cutoffs):
            values.setdefault(name, []).append(value)
        for name, value in _of_answer(question, site.quote(messages)) if quotes and question.answerable else ():
            values.setdefault(name, []).append(value)
        report(done)
    return values


def _finder(site: AskedSite, messages: Sequence[str], method: Method | None) -> Find:
    """Return a function that searches for each number of passages once."""

    @cache
    def find(limit: int) -> SearchResult:
        return site.find(messages, limit=limit, method=method)

    return find


def _measures(question: Located, find: Find, cutoffs: Sequence[int]) -> Iterator[tuple[str, float]]:
    """Yield the measures of one question: in percent, but for lengths, which are characters."""
    shown, many = find(SHOWN), find(_DISTINCT).passages
    if question.removed:
        yield REFUSED, 100.0 * _is_refused_without(question, many, shown)
        return
    if not question.answerable:
        yield REFUSED, 100.0 * (not shown.answers)
        return
    yield from _of_documents(question, many, cutoffs) if question.relevant else _of_places(question, find, cutoffs)
    yield FIRST, 100.0 * any(map(question.answered_by, shown.passages[:1]))
    yield ANSWERED, 100.0 * shown.answers
    if any(map(question.answered_by, shown.passages)):
        yield FOUND_AND_ANSWERED, 100.0 * shown.answers
    yield "answer removed, refused", 100.0 * _is_refused_without(question, many, shown)
    if shown.passages:
        yield "passage characters", sum(len(passage.text) for passage in shown.passages) / len(shown.passages)


def _is_refused_without(question: Located, many: Sequence[Passage], shown: SearchResult) -> bool:
    """Return whether the search would say that nothing answers, without the passages that do."""
    left = [passage for passage in many if not question.answered_by(passage)][:SHOWN]
    texts = [f"{passage.title}\n{passage.section}\n{passage.text}" for passage in left]
    sure = (
        0.0 if missing_names(asked, texts) else confidence(asked, left, language=shown.language)
        for asked in shown.asked
    )
    return not replace(shown, confidence=max(sure, default=0.0)).answers


def _of_documents(
    question: Located, passages: Sequence[Passage], cutoffs: Sequence[int]
) -> Iterator[tuple[str, float]]:
    ranking = list(dict.fromkeys(key for passage in passages for key in documents_of(passage)))
    for cutoff in cutoffs:
        yield f"recall@{cutoff}", 100 * recall(ranking, question.relevant, cutoff=cutoff)
    yield "nDCG@10", 100 * normalized_gain(ranking, question.relevant)
    yield "MRR@10", 100 * reciprocal_rank(ranking, question.relevant)


def _of_places(question: Located, find: Find, cutoffs: Sequence[int]) -> Iterator[tuple[str, float]]:
    """Yield the measures of places. Each number of passages is asked for by itself: how far passages widen depends on
    it."""
    for cutoff in cutoffs:
        found, precise = span_overlap(_places(find(cutoff)), question.places)
        yield f"recall@{cutoff}", 100 * found
        yield f"precision@{cutoff}", 100 * precise
    yield "nDCG@10", 100 * gain_of_places(_places(find(_DISTINCT)), question.places)


def _places(found: SearchResult) -> list[Place]:
    return [(str(passage.document_id), passage.start, passage.end) for passage in found.passages]


def _of_answer(question: Located, answer: str) -> Iterator[tuple[str, float]]:
    """Yield the measures of the sentences that answer: how many of the words that a good answer has are among theirs,
    and how many words they are."""
    yield QUOTED, 100.0 * bool(answer)
    gold = _compared(question.gold)
    if not answer or not gold:
        return
    start, end = next(iter(sentence_spans(answer)), (0, 0))
    yield GOLD_WORDS, 100 * len(gold & _compared(answer)) / len(gold)
    yield IN_FIRST_SENTENCE, 100 * len(gold & _compared(answer[start:end])) / len(gold)
    yield WORDS, word_count(answer)


def _compared(text: str) -> frozenset[str]:
    return frozenset(part for word in words(text) for part in letter_runs(word) or (word,))
