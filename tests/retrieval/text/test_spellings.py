"""The other spellings by which a text is found."""

from __future__ import annotations

import pytest

from retrieval.text.spellings import dates, spellings, unaccented
from tests.retrieval.text.work import calls


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("Error E-1234 and e1234", ["E1234"]),
        ("Error E 1234", ["E1234"]),
        ("1,000 of 2.500 or 1 000", ["1000", "2500"]),
        ("pi is 3.14159, in 1999", []),
        ("on 2024-03-05", ["20240305"]),
        ("on 5 March 2024, on March 5, 2024 and am 5. März 2024", ["20240305", "Marz"]),
        ("am 05.03.2024", ["20240305"]),
        ("an e-mail from the café", ["email", "cafe"]),
        ("plain words, NASA", []),
        ("हिन्दी ไทย", []),  # marks are letters there
    ],
)
def test_spellings_are_those_that_others_write(text: str, others: list[str]) -> None:
    assert spellings(text) == others


def test_dates_that_are_none_are_left_out() -> None:
    assert [date for _, date in dates("2024-13-05, 32. Mai 2024, 31.12.2024")] == ["2024-12-31"]


def test_letters_of_other_scripts_keep_their_marks() -> None:
    assert [unaccented(word) for word in ("Übergröße", "naïve", "हिन्दी")] == ["Ubergrosse", "naive", "हिन्दी"]


@pytest.mark.parametrize("unit", ["E-", "1,", "1 000 ", "é", "A 12 ", "1 March ", "a-b", "1. "])
def test_long_texts_take_linear_time(unit: str) -> None:
    assert calls(spellings, unit * 4_000) < 5 * calls(spellings, unit * 1_000)
