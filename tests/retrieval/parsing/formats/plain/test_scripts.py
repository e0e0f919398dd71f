"""Raised and lowered text in a line."""

from __future__ import annotations

import pytest

from retrieval.parsing.formats.plain.scripts import LOWERED, RAISED, in_line


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        ([("10", ""), ("4", RAISED), (" m", "")], "10^4 m"),
        ([("10", ""), ("-", RAISED), ("", ""), ("3", RAISED)], "10^-3"),
        ([("H", ""), ("2", LOWERED), ("O", "")], "H_2O"),
        ([("x", ""), ("i", LOWERED), ("2", RAISED)], "x_i^2"),
        ([("1", ""), ("st", RAISED), (" of 2", ""), ("a", RAISED)], "1st of 2a"),
        ([("1", RAISED), (" See below.", "")], "1 See below."),
        ([("a ", ""), ("2", RAISED)], "a 2"),
        ([], ""),
    ],
)
def test_raised_and_lowered_text_is_told_from_what_stands_before_it(runs: list[tuple[str, str]], shown: str) -> None:
    assert in_line(runs) == shown
