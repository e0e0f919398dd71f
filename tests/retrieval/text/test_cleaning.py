"""Text as readers see it."""

from __future__ import annotations

import time
import unicodedata

import pytest

from retrieval.text.cleaning import clean

JOINER = "\u034f"
ACUTE, DOT_BELOW = "\u0301", "\u0323"


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Cafe" + ACUTE, "Café"),
        ("a" + ACUTE + DOT_BELOW, "ạ" + ACUTE),
        ("─" * 80, "─" * 80),
        ("क्षत्रिय" * 20, "क्षत्रिय" * 20),
        ("a" + ACUTE * 30, "á" + ACUTE * 29),
        ("b" + ACUTE * 31, "b" + ACUTE * 30 + JOINER + ACUTE),
    ],
)
def test_letters_are_composed_and_marks_without_end_are_parted(written: str, seen: str) -> None:
    assert clean(written) == seen
    assert clean(seen) == seen


def test_millions_of_marks_take_no_long_time() -> None:
    begun = time.process_time()
    cleaned = clean("a" + (ACUTE + DOT_BELOW) * 500_000)
    assert time.process_time() - begun < 4
    assert unicodedata.is_normalized("NFC", cleaned)
    assert len(cleaned.replace(JOINER, "")) == 1_000_000
