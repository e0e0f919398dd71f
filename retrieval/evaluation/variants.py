"""Harder questions made of a set's own: longer, misspelt, about what stands nowhere, following others.

The same questions give the same variants in every run: chance is seeded with each question's own text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from retrieval.evaluation.located import Located
from retrieval.evaluation.rewriting import (
    exchange_name,
    exchange_number,
    misspell,
    point_at,
    spoken,
    surround,
    without_accents,
)
from retrieval.evaluation.small_talk import ELSEWHERE

AS_ASKED = "as-asked"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Background:
    """What variants need to know beside the questions: whether a document holds a text, and what to ask of other
    subjects; without `elsewhere`, questions about everyday things are asked."""

    holds: Callable[[str], bool]
    elsewhere: Sequence[str] = ()


Made = Iterator[Located]
Make = Callable[[Sequence[Located], Background], Made]


def _rewritten(questions: Sequence[Located], _: Background, *, rewrite: Callable[[str, random.Random], str]) -> Made:
    """Yield the questions that `rewrite` changes; what answers them stays."""
    for question in questions:
        if (text := rewrite(question.text, _chance(question.text))) != question.text:
            yield replace(question, text=text)


def _absent(
    questions: Sequence[Located],
    background: Background,
    *,
    exchange: Callable[..., str],
) -> Made:
    """Yield the answerable questions that name something, with a name that no document holds: nothing answers them."""
    for question in filter(_answerable, questions):
        if text := exchange(question.text, _chance(question.text), holds=background.holds):
            yield Located(text, {}, ())


def _removed(questions: Sequence[Located], _: Background) -> Made:
    return (replace(question, removed=True) for question in filter(_answerable, questions))


def _elsewhere(questions: Sequence[Located], background: Background) -> Made:
    """Yield questions about something else, in the languages that the set's own are in."""
    languages = dict.fromkeys(spoken(question.text) for question in questions)
    everyday = chain.from_iterable(ELSEWHERE[language] for language in languages)
    return (Located(text, {}, ()) for text in background.elsewhere or everyday)


def _follow_ups(questions: Sequence[Located], _: Background) -> Made:
    """Yield questions that call by a pronoun what the question before them, about the same document, names."""
    by_document: dict[frozenset[str], list[Located]] = {}
    for question in filter(_answerable, questions):
        by_document.setdefault(question.documents, []).append(question)
    for together in by_document.values():
        left = iter(together)
        first = next(left)
        for second in left:
            if text := point_at(second.text, named_in=first.text):
                yield replace(second, text=text, earlier=(first.text,))
                second = next(left, first)
            first = second


def _new_subjects(questions: Sequence[Located], background: Background) -> Made:
    """Yield, behind each question and its follow-up, one of another document that stands alone."""
    others, follow_ups = list(filter(_answerable, questions)), list(_follow_ups(questions, background))
    for number, follow_up in enumerate(follow_ups):
        start = number * len(others) // len(follow_ups) + len(others) // 2
        around = (others[(start + step) % len(others)] for step in range(len(others)))
        different = next((other for other in around if not other.documents & follow_up.documents), None)
        if different:
            yield replace(different, earlier=(*follow_up.earlier, follow_up.text))


def _answerable(question: Located) -> bool:
    return question.answerable


def _chance(text: str) -> random.Random:
    return random.Random(text)  # noqa: S311 - the same in every run, and nobody's secret


def _rewriting(rewrite: Callable[..., str], **options: object) -> Make:
    return partial(_rewritten, rewrite=partial(rewrite, **options))


FAMILIES: Mapping[str, Mapping[str, Make]] = {
    "long": {
        f"long-{words}-{place}": _rewriting(surround, words=words, place=place)
        for words in (31, 253)
        for place in ("first", "middle", "last")
    },
    "typos": {f"typos-{percent}": _rewriting(misspell, share=percent / 100) for percent in (20, 40)},
    "accents": {"no-accents": _rewriting(without_accents)},
    "absent": {
        "absent-name": partial(_absent, exchange=exchange_name),
        "absent-number": partial(_absent, exchange=exchange_number),
    },
    "removed": {"answer-removed": _removed},
    "off-topic": {"off-topic": _elsewhere},
    "follow-ups": {"follow-up": _follow_ups, "new-subject": _new_subjects},
}
_IN_ORDER = {"follow-up", "new-subject"}  # need neighbours, so they are made of all questions and then chosen from


def variants_of(
    questions: Sequence[Located], families: Iterable[str], *, most: int, background: Background
) -> Iterator[tuple[str, list[Located]]]:
    """Yield the questions as they are, then each variant of these `families`, under its name; of each `most` questions,
    evenly chosen. A variant that none of the questions has is left out."""
    yield AS_ASKED, evenly(questions, most)
    for family in dict.fromkeys(families):
        for name, make in FAMILIES[family].items():
            if name in _IN_ORDER:
                made = evenly(list(make(questions, background)), most)
            else:
                made = list(islice(make(_spread(questions, most), background), most))
            if made:
                yield name, made


def evenly(rows: Sequence[_T], most: int) -> list[_T]:
    """Return `most` of the rows, spread over all of them."""
    return list(rows[:: max(len(rows) // most, 1)][:most])


def _spread(questions: Sequence[Located], most: int) -> list[Located]:
    """Return all questions, first those that are asked as they are: others are variants of the same, where they can."""
    step = max(len(questions) // most, 1)
    first = range(0, len(questions), step)[:most]
    return [questions[i] for i in first] + [question for i, question in enumerate(questions) if i not in first]
