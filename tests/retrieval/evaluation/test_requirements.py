"""The least that figures must be, as they are written on a command line."""

from __future__ import annotations

import pytest

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.requirements import Requirement, parse_requirement, shortfalls

RESULTS = {"as-asked": {"recall@5": [100.0, 50.0], "answered": [100.0, 100.0]}, "typos-20": {"recall@5": [0.0, 50.0]}}


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("recall@5=90", Requirement("recall@5", 90)),
        ("found and answered = 97.5", Requirement("found and answered", 97.5)),
        ("typos-20:recall@5=80", Requirement("recall@5", 80, "typos-20")),
    ],
)
def test_requirement_is_read(text: str, requirement: Requirement) -> None:
    assert parse_requirement(text) == requirement


@pytest.mark.parametrize("text", ["recall@5", "recall@5=", "recall@5=high", "=90", "typos-20:=90", ""])
def test_requirement_without_figure_or_number_is_refused(text: str) -> None:
    with pytest.raises(EvaluationSetError, match=r"is not a figure and the least it must be, like recall@5=90"):
        parse_requirement(text)


def test_figures_that_fall_short_are_named_with_both_numbers() -> None:
    wanted = [parse_requirement(text) for text in ("recall@5=75", "answered=99", "typos-20:recall@5=30.5")]
    assert shortfalls(wanted, RESULTS) == ["typos-20:recall@5 is 25.0, and must be at least 30.5."]
    assert shortfalls([Requirement("recall@5", 75.1)], RESULTS) == ["recall@5 is 75.0, and must be at least 75.1."]


@pytest.mark.parametrize("text", ["refused=90", "typos-40:recall@5=90"])
def test_figure_that_was_not_measured_is_an_error_and_not_a_pass(text: str) -> None:
    with pytest.raises(EvaluationSetError, match=r"was not measured\. These were: recall@5, answered, typos-20:recall"):
        shortfalls([parse_requirement(text)], RESULTS)
