"""What a child process answers is believed as far as it makes sense: a hostile file may have taken the child over."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import NAMES_KEPT, Note
from retrieval.parsing.formats.extracted import HEADINGS_LIMIT, Extracted, RecognisedLine
from retrieval.text.headings import Heading
from tests.retrieval.parsing.formats.reading import noted, read

LINE = RecognisedLine(0, 2, 1, 0.1, 0.2, (0.1, 0.2, 0.3))
HEADING = {"start": 0, "level": 1, "title": "T"}


def answer(**forged: Any) -> dict[str, Any]:
    good = Extracted(
        "0123456789", [0, 5], ["i", "ii"], [Heading(2, 1, "T")], [(0, 2), (5, 7)], "T", "", "2024-05-31", [2], [LINE],
        10, [Note("fields", 1, ("a",))],
    )  # fmt: skip
    return dataclasses.asdict(good) | forged


def test_answer_that_makes_sense_is_read() -> None:
    extracted = Extracted.from_json(answer())
    assert extracted.notes == [Note("fields", 1, ("a",))]
    assert extracted.recognised == [LINE]


@pytest.mark.parametrize(
    "forged",
    [
        {"text": None}, {"text": "a\0b"}, {"text": "\ud800"}, {"text": "x" * 11}, {"page_starts": [0, 11]},
        {"page_starts": [5, 0]}, {"page_starts": [-1]}, {"page_starts": ["0"]}, {"page_labels": [1]},
        {"headings": [HEADING | {"start": 11}]}, {"headings": [HEADING | {"start": 5}, HEADING]},
        {"headings": [HEADING | {"level": 0}]}, {"headings": [HEADING | {"title": 5}]},
        {"headings": [HEADING | {"x": 1}]},
        {"headings": [HEADING] * (HEADINGS_LIMIT + 1)}, {"headings": 5}, {"unsearched": [[5, 2]]},
        {"unsearched": [[5, 12]]}, {"unsearched": [[5]]}, {"unsearched": [[6, 8], [1, 2]]}, {"title": "\0"},
        {"unread_pages": [0]}, {"unread_pages": ["1"]}, {"recognised": [dataclasses.asdict(LINE) | {"end": 99}]},
        {"recognised": [dataclasses.asdict(LINE) | {"edges": ["a"]}]}, {"pages_end": 11}, {"notes": [{}]},
        {"notes": [{"kind": "fields", "count": "x", "names": []}]}, {"notes": None}, {"unknown": 1},
        {"notes": [{"kind": "fields", "count": 1, "names": [1]}]}, {"notes": [{"kind": [], "count": 1, "names": []}]},
    ],
)  # fmt: skip
def test_forged_answer_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(ParsingError) as raised:
        Extracted.from_json(answer(**forged), max_characters=10)
    assert str(raised.value) == "The parser's answer makes no sense."


def test_notes_of_an_answer_are_known_cleaned_and_few() -> None:
    notes = [
        {"kind": "unheard", "count": 1, "names": []},
        {"kind": "fields", "count": -5, "names": ["A\0B\u202e" + "x" * 500] * 99},
    ]
    assert Extracted.from_json(answer(notes=notes)).notes == [Note("fields", 0, ("AB" + "x" * 98,) * NAMES_KEPT)]


def test_headings_beyond_a_limit_are_text_and_noted() -> None:
    extracted = read("a.md", "# A\n\n" * (HEADINGS_LIMIT + 5))
    assert len(extracted.headings) == HEADINGS_LIMIT
    assert noted(extracted) == {"headings": 5}
