"""What a person would ask about a section, in the language of its document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, zip_longest

from chatsite.asking.english_questions import english_questions
from chatsite.asking.german_questions import german_questions
from chatsite.asking.sections import TITLE_MOST, Section
from retrieval.text.words import is_unspaced

RULES: Mapping[str, Callable[[Section], Iterator[str]]] = {"en": english_questions, "de": german_questions}
"""By ISO 639-1 code. In other languages a heading is asked as it is."""

_QUESTION_MARKS = ("?", "？", "؟", ";")
_LEAST, _MOST = 4, TITLE_MOST + 20  # characters of a question

Asked = tuple[str, Section]
"""A question, and the section that it was made from."""


def questions_about(sections: Iterable[Section], *, language: str) -> list[Asked]:
    """Return what `sections` may answer: the best question of each, in their order, then the second best of each."""
    rules = RULES.get(language, _as_they_are)
    asked = (_asked(section, rules) for section in sections)
    return [one for one in chain.from_iterable(zip_longest(*asked)) if one]


def topics_of(sections: Iterable[Section]) -> list[Asked]:
    """Return headings that can be searched for as they are, where no question could be made of any."""
    return [(section.title, section) for section in sections if _is_topic(section)]


def _asked(section: Section, rules: Callable[[Section], Iterator[str]]) -> Iterator[Asked]:
    if 0 < len(section.title) <= TITLE_MOST and section.body.strip():
        yield from ((question, section) for question in rules(section) if _LEAST <= len(question) <= _MOST)


def _as_they_are(section: Section) -> Iterator[str]:
    """Yield the heading where it asks, or says what it is about in several words."""
    if section.title.endswith(_QUESTION_MARKS) or _is_topic(section):
        yield section.title


def _is_topic(section: Section) -> bool:
    title = section.title
    says_enough = len(title.split()) > 1 or is_unspaced(title)
    is_new = title.casefold() not in section.document_title.casefold()
    return says_enough and is_new and _LEAST <= len(title) <= TITLE_MOST and bool(section.body.strip())
