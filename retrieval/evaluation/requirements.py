"""What figures must reach at least, so that a change that costs answers is noticed before it is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.measures import middle
from retrieval.evaluation.run import Values
from retrieval.evaluation.variants import AS_ASKED


@dataclass(frozen=True)
class Requirement:
    """The least percentage that a figure must have, of the questions as they are or of a variant of them."""

    figure: str
    least: float
    variant: str = AS_ASKED

    def __str__(self) -> str:
        return self.figure if self.variant == AS_ASKED else f"{self.variant}:{self.figure}"


def parse_requirement(text: str) -> Requirement:
    """Return "recall@5=90" or "typos-20:answered=95" as a requirement. Raises EvaluationSetError."""
    name, _, least = text.rpartition("=")
    variant, _, figure = name.rpartition(":")
    try:
        if figure.strip():
            return Requirement(figure.strip(), float(least), variant.strip() or AS_ASKED)
    except ValueError:
        pass
    raise EvaluationSetError(f"“{text}” is not a figure and the least it must be, like recall@5=90.")


def shortfalls(requirements: Iterable[Requirement], results: Mapping[str, Values]) -> list[str]:
    """Return a sentence for each figure that falls short. Raises EvaluationSetError for one that was not measured."""
    return [
        f"{one} is {value:.1f}, and must be at least {one.least:g}."
        for one in requirements
        if (value := _measured(one, results)) < one.least
    ]


def _measured(requirement: Requirement, results: Mapping[str, Values]) -> float:
    values = results.get(requirement.variant, {}).get(requirement.figure, [])
    if not values:
        figures = (Requirement(figure, 0, variant) for variant, measured in results.items() for figure in measured)
        raise EvaluationSetError(f"{requirement} was not measured. These were: {', '.join(map(str, figures))}.")
    return middle(values)
