"""Pieces partition their text, stay within the limit, and end where a reader would pause."""

from __future__ import annotations

from itertools import pairwise

import pytest

from retrieval.text.chunks import Piece, estimate_tokens, split
from retrieval.text.headings import Heading
from tests.retrieval.text.work import calls


def pieces_of(text: str, *, limit: int = 20, headings: tuple[Heading, ...] = ()) -> list[str]:
    pieces = split(text, count_tokens=estimate_tokens, headings=headings, limit=limit)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    assert all(before.end == after.start for before, after in pairwise(pieces))
    return [text[piece.start : piece.end] for piece in pieces]


def test_short_text_is_one_piece() -> None:
    assert split("One. Two.", count_tokens=estimate_tokens) == [Piece(0, 9, ())]


def test_empty_text_has_no_pieces() -> None:
    assert split("", count_tokens=estimate_tokens) == []


def test_pieces_end_at_sentences() -> None:
    text = "The cat sat on the mat today. It slept there until the rain came. Then it went in again. Nobody saw it."
    assert pieces_of(text, limit=13) == [
        "The cat sat on the mat today. ",
        "It slept there until the rain came. ",
        "Then it went in again. Nobody saw it.",
    ]


def test_pieces_prefer_to_end_at_paragraphs() -> None:
    text = "One two three four five six. One two three four.\n\nOne two three. One two three four five."
    assert pieces_of(text, limit=18) == [
        "One two three four five six. One two three four.\n\n",
        "One two three. One two three four five.",
    ]


def test_heading_begins_a_piece_and_gives_its_path() -> None:
    intro = "# Guide\n\nOne two three four five.\n\n"
    text = f"{intro}## Setup\n\nSix seven eight.\n"
    headings = (Heading(0, 1, "Guide"), Heading(len(intro), 2, "Setup"))
    pieces = split(text, count_tokens=estimate_tokens, headings=headings, limit=20)
    assert [(text[piece.start : piece.end], piece.headings) for piece in pieces] == [
        (intro, ("Guide",)),
        ("## Setup\n\nSix seven eight.\n", ("Guide", "Setup")),
    ]


def test_long_sentence_is_cut_at_whitespace_within_the_limit() -> None:
    pieces = pieces_of("word " * 500, limit=20)
    assert max(estimate_tokens(pieces)) <= 20
    assert {piece.replace("word ", "") for piece in pieces} == {""}


@pytest.mark.parametrize(
    "pattern", ["x", "a b ", "\n", ". ", ".)", "(", "a.\t", "\n \t", "# a\n", "。", "\u0301", "| a "]
)
def test_hostile_text_takes_work_in_proportion_to_its_length(pattern: str) -> None:
    once, twice = (calls(pieces_of, pattern * (length // len(pattern)), limit=200) for length in (15_000, 30_000))
    assert twice <= 2.2 * once + 100
    pieces_of(pattern * (300_000 // len(pattern)), limit=200)
