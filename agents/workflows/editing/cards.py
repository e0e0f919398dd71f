"""Read a workflow's text as cards, one for each step, also where it names what there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.workflows.editing.text import WorkflowText
from agents.workflows.step import KINDS, STEP_KINDS
from agents.workflows.values import Json

_STEP_PATH = re.compile(r"\$\$\{|\$\{\s*steps\.([\w-]+)")


@dataclass(frozen=True, slots=True)
class Card:
    """A step as it stands in the text.

    `kind` is agent, function, tool, person or switch, or nothing where none is said; `target` is the name of what it
    runs, or what a person is to do (a switch has none, and stays among the `keys` with its cases). `needs` are the
    steps that it waits for, also for the sake of its paths. Lines count from 1; a comment above the step is among them.
    """

    name: str
    kind: str
    target: str
    keys: dict[str, Json]
    needs: tuple[str, ...]
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Cards:
    """A workflow as it stands in its text; `name` and `output` are nothing where the text doesn't say."""

    name: str
    inputs: dict[str, dict[str, Json]]
    output: Json
    timeout: Json
    parallel: Json
    agents: tuple[str, ...]  # that the file defines
    steps: tuple[Card, ...]

    def step(self, name: str) -> Card | None:
        return next((card for card in self.steps if card.name == name), None)


def read_cards(text: str) -> Cards:
    """Return what can be shown, from an empty text on. Raises WorkflowInvalid, with a line, where the text is no YAML,
    or the steps are no mapping."""
    document = WorkflowText(text)
    plain = document.plain
    entries = document.entry.mapping() if document.entry else {}
    inputs = plain.get("inputs")
    if "steps" in entries:
        entries["steps"].mapping()
    return Cards(
        name=str(plain.get("name") or ""),
        inputs={name: _mapping(each) for name, each in _mapping(inputs).items()},
        output=plain.get("output"),
        timeout=plain.get("timeout"),
        parallel=plain.get("parallel"),
        agents=tuple(_mapping(plain.get("agents"))),
        steps=tuple(_cards(document)),
    )


def _cards(document: WorkflowText) -> Iterator[Card]:
    piece = document.find(("steps",))
    steps = _mapping(document.plain.get("steps"))
    lines = document.lines_of(piece) if piece else []
    for (name, step), (begin, end) in zip(steps.items(), lines, strict=True):
        keys = _mapping(step)
        kind = next((key for key in keys if key in STEP_KINDS), "")
        target = keys.get(kind)
        yield Card(
            name=name,
            kind=kind,
            target=target if isinstance(target, str) and kind != "switch" else "",
            keys={key: value for key, value in keys.items() if key != kind or kind == "switch"},
            needs=tuple(need for need in dict.fromkeys(_needs(keys)) if need in steps),
            first_line=begin + 1,
            last_line=end,
        )


def targets_in(card: Card) -> Iterator[tuple[str, str]]:
    """Return what a step runs, as kind and name: what stands in its cases as well, and no person."""
    for kind, name in [(card.kind, card.target), *_case_targets(card)]:
        if kind in KINDS and name:
            yield kind, name


def _case_targets(card: Card) -> Iterator[tuple[str, str]]:
    for case in [*_mapping(card.keys.get("cases")).values(), card.keys.get("default")]:
        yield from ((kind, target) for kind, target in _mapping(case).items() if isinstance(target, str))


def _needs(keys: dict[str, Json]) -> Iterator[str]:
    for key in ("needs", "else"):
        named = keys.get(key)
        yield from (name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str))
    yield from steps_in(keys)


def steps_in(value: Json) -> Iterator[str]:
    """Return the names of the steps that paths in a value lead to."""
    match value:
        case str():
            yield from (found[1] for found in _STEP_PATH.finditer(value) if found[1])
        case dict():
            for each in value.values():
                yield from steps_in(each)
        case list():
            for each in value:
                yield from steps_in(each)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
