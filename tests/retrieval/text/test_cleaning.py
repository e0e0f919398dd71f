"""Text as readers see it."""

from __future__ import annotations

import time
import unicodedata

import pytest

from retrieval.text.cleaning import clean, with_unseen_shown

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


UNSEEN = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0xAD, 0x61C, 0x3164, 0xFE0F]


@pytest.mark.parametrize("code", [*UNSEEN, *range(0xE0000, 0xE0080), 0xE0100, 0, 0x1B, 0x85, 0xD800])
def test_what_nobody_sees_is_written_out(code: int) -> None:
    assert with_unseen_shown(f"pay {chr(code)}a{chr(code)}b{chr(code)}") == (
        f"pay ‹U+{code:04X}›a‹U+{code:04X}›b‹U+{code:04X}›"
    )


def test_every_character_without_a_picture_is_written_out() -> None:
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    seen = {*range(0x600, 0x606), 0x6DD, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}  # signs
    kept = [
        f"{code:04X}"
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in unseen and code not in seen and with_unseen_shown(chr(code)) == chr(code)
    ]
    assert kept == ["0009", "000A"]


@pytest.mark.parametrize(
    "text",
    ["Straße 5, Köln", "می\u200cخواهم", "👩\u200d👩\u200d👧", "❤️ ™️ 1️⃣", "שלום", "one\r\n\ttwo", "a\u00a0b", "क्षत्रिय"],
)
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    assert with_unseen_shown(text) == text
