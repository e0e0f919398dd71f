"""German words that are written together are known by their parts."""

from __future__ import annotations

import pytest

from retrieval.searching.compounds import halves


@pytest.mark.parametrize(
    ("word", "first", "second"),
    [
        ("bauarbeiten", "bau", "arbeiten"),
        ("arbeitsvertrag", "arbeit", "vertrag"),
        ("schulbuch", "schule", "buch"),
        ("blumentopf", "blume", "topf"),
    ],
)
def test_word_is_parted_whatever_links_its_parts(word: str, first: str, second: str) -> None:
    assert any(first in firsts and second == last for firsts, last in halves(word))


def test_parts_are_not_short() -> None:
    assert list(halves("abende")) == []
    assert [last for _, last in halves("bauhof")] == []
