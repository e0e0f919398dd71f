"""What a child process answers of a page is believed as far as it makes sense: a hostile picture may have taken the
child over."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import RecognisedLine
from retrieval.parsing.recognition.page import ReadPage, pages_from_answer

LINE = RecognisedLine(0, 2, 3, 0.1, 0.2, (0.1, 0.2, 0.3))
PAGE = ReadPage(3, "ab cd", [LINE], 1, readable=True)


def answer(**forged: Any) -> bytes:
    return json.dumps(dataclasses.asdict(PAGE) | forged).encode() + b"\n"


def test_page_that_makes_sense_is_read_and_one_without_an_end_is_not() -> None:
    assert pages_from_answer(answer() + answer(page=4) + answer(page=5)[:-9], asked=[3, 4, 5]) == [
        PAGE,
        dataclasses.replace(PAGE, page=4),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\n", b"[]\n", b"5\n", b"[" * 100_000 + b"\n", b"{}\n", answer(page=9), answer(page="3"),
        answer(text=5), answer(text="a\0b"), answer(text="\ud800"), answer(lines=None), answer(lines=[{}]),
        answer(unread_lines=-1), answer(unread_lines=None), answer(readable="yes"), answer(more=1), answer(page=True),
        answer(lines=[dataclasses.asdict(LINE) | {"end": 6}]), answer(lines=[dataclasses.asdict(LINE) | {"start": -1}]),
        answer(lines=[dataclasses.asdict(LINE) | {"top": "high"}]),
        answer(lines=[dataclasses.asdict(LINE) | {"page": 0}]),
        answer(lines=[dataclasses.asdict(LINE) | {"edges": [float("nan")]}]),
        answer(lines=[dataclasses.asdict(LINE) | {"bottom": float("inf")}]),
    ],
)  # fmt: skip
def test_forged_page_is_refused(content: bytes) -> None:
    with pytest.raises(ParsingError) as raised:
        pages_from_answer(content, asked=[3])
    assert str(raised.value) == "The parser's answer makes no sense."
