"""Workflows to begin with: YAML files, whose first two lines are comments with a title and a description."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agents.workflows.editing.cards import read_cards, targets_in

NAMES = ("simple", "sequential", "collaborative", "routed", "review", "report")  # from the simplest on


@dataclass(frozen=True, slots=True)
class WorkflowTemplate:
    """A text to begin with. `needs` are the agents, functions and tools that it names, as (kind, name); their names are
    to be replaced by those of a registry."""

    name: str
    title: str
    description: str
    text: str
    needs: tuple[tuple[str, str], ...]


@cache
def templates() -> tuple[WorkflowTemplate, ...]:
    return tuple(map(_read, NAMES))


def template(name: str) -> WorkflowTemplate:
    """Raises KeyError."""
    return {each.name: each for each in templates()}[name]


def _read(name: str) -> WorkflowTemplate:
    first, second, text = (Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8").split("\n", maxsplit=2)
    needs = dict.fromkeys(target for card in read_cards(text).steps for target in targets_in(card))
    return WorkflowTemplate(name, first.removeprefix("# "), second.removeprefix("# "), text, tuple(needs))
