"""What says the same with other figures, and what only looks like it."""

from __future__ import annotations

import pytest

from retrieval.comparing.figures import contradict, sentences_with_figures


def said(text: str, *, language: str = "en"):
    return sentences_with_figures(text, language=language)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("The grace period is 14 days.", "The grace period is 30 days.", "en"),
        ("The period of grace is 14 days.", "The grace period is of 30 days.", "en"),
        ("The lathe was bought on 3 May 2019.", "The lathe was bought on 3 May 2021.", "en"),
        ("The fee for members is 1,200 euros.", "The fee for members is 1,500 euros.", "en"),
        ("Die Kündigungsfrist beträgt 14 Tage.", "Die Kündigungsfrist beträgt 30 Tage.", "de"),
    ],
)
def test_same_words_with_other_figures_contradict(one: str, other: str, language: str) -> None:
    [first], [second] = said(one, language=language), said(other, language=language)
    assert contradict(first, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The grace period is 14 days.", "A grace period of 14 days is granted."),
        ("The small one is kept at 40 degrees.", "The large one is kept at 60 degrees."),
        ("The grace period is 14 days.", "The grace period is 14 days, of which 2 are paid."),
        ("From 8 to 12 the office is open.", "From 12 to 8 the office is open."),
    ],
)
def test_other_matters_do_not(one: str, other: str) -> None:
    assert not any(contradict(first, second) for first in said(one) for second in said(other))


@pytest.mark.parametrize(
    "text",
    [
        "As is described in section 4.2, the pump is oiled.",
        "The rule stands on page 12 of the handbook.",
        "3. Open the valve of the pump slowly.",
        "| price | 12 | 14 | 18 |",
        "Pump 12 34 56.",
        "It runs with version 3.11 of the program.",
        "A line that does not end 14 days",
        "# Care of the old lathe (2019)",
        "Care of the old lathe (2019)",
    ],
)
def test_numbers_of_places_and_tables_are_no_figures(text: str) -> None:
    assert said(text) == []


def test_place_in_the_text() -> None:
    text = "The pump is oiled. The grace period is 14 days."
    [sentence] = said(text)
    assert text[sentence.start : sentence.end].strip() == "The grace period is 14 days."
