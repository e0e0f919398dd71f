"""Say what is wrong with a workflow's text, and what may be picked for a step, so that nobody has to write a path."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from agents.agent import Agent, Runnable
from agents.tools import Definition, Tool
from agents.workflows.editing.cards import Cards, read_cards
from agents.workflows.errors import ChangeRefused
from agents.workflows.file import all_wrong
from agents.workflows.registry import Function, Registry
from agents.workflows.values import Json

DESCRIPTION_CHARACTERS = 200
_TYPES = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "fields",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: in which line (from 1), at which step, if any, and at which key, dotted from the top."""

    line: int
    step: str
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class PickableValue:
    """A value of the run: `path` is what the text says, `label` what a person reads; `name` is the input or step."""

    path: str
    label: str
    kind: Literal["input", "output", "approved", "comment", "item", "index"]
    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """What a function or tool is given by name. `type` is text, number, true or false, list, fields or any; `options`
    are the values there are, where there are no others."""

    name: str
    type: str
    required: bool
    description: str
    default: Json
    options: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Described:
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be picked for a step.

    `steps` are those it may wait for, `skippable` those among them that may be its `else`; `arguments` are those of the
    function or tool that it runs. Agents and tools that need approval are left out: a step can't run them.
    """

    values: tuple[PickableValue, ...]
    steps: tuple[str, ...]
    skippable: tuple[str, ...]
    arguments: tuple[Argument, ...]
    agents: tuple[Described, ...]
    functions: tuple[Described, ...]
    tools: tuple[Described, ...]

    @property
    def paths(self) -> dict[str, str]:
        """Return the labels by path."""
        return {value.path: value.label for value in self.values}


def problems(text: str, *, registry: Registry) -> list[Problem]:
    """Return all that is wrong with a workflow's text, in the order of its lines; nothing where it can be run."""
    return [
        Problem(wrong.line, _step_of(wrong.key), wrong.key, wrong.problem)
        for wrong in all_wrong(text, name="workflow", registry=registry)
    ]


def _step_of(key: str) -> str:
    top, _, inner = key.partition(".")
    return inner.partition(".")[0] if top == "steps" else ""


def choices(text: str, step: str, *, registry: Registry) -> Choices:
    """Return what may be picked for a step; for a new one, which has no name yet, `step` is empty.

    Raises ChangeRefused where there is no such step, and WorkflowInvalid where the text is no YAML.
    """
    cards = read_cards(text)
    card = cards.step(step)
    if card is None and step:
        raise ChangeRefused(f"there is no step {step!r}")
    after = _dependents(cards, step)
    steps = tuple(each for each in cards.steps if each.name not in after)
    repeats = card is not None and "foreach" in card.keys
    return Choices(
        values=tuple(_values(cards, [each.name for each in steps], repeats=repeats)),
        steps=tuple(each.name for each in steps),
        skippable=tuple(each.name for each in steps if {"when", "else", "switch"} & each.keys.keys()),
        arguments=arguments_of(card.kind, card.target, registry=registry) if card else (),
        agents=tuple(_described(agent for agent in registry.agents.values() if not agent.pauses))
        + tuple(Described(name, "defined in this workflow") for name in cards.agents if name not in registry.agents),
        functions=tuple(_described(registry.functions.values())),
        tools=tuple(_described(tool for tool in registry.tools.values() if not tool.approve)),
    )


def _dependents(cards: Cards, step: str) -> set[str]:
    """Return the step and all that wait for it."""
    found = {step}
    while more := {card.name for card in cards.steps if card.name not in found and found & set(card.needs)}:
        found |= more
    return found


def _values(cards: Cards, steps: Iterable[str], *, repeats: bool) -> Iterator[PickableValue]:
    if repeats:
        yield PickableValue("${item}", "the item", "item", "")
        yield PickableValue("${index}", "the item's number, from 0", "index", "")
    for name, facts in cards.inputs.items():
        said = facts.get("description")
        yield PickableValue(f"${{inputs.{name}}}", f"{name}: {said}" if said else f"input {name}", "input", name)
    for name in steps:
        card = cards.step(name)
        if card and (card.kind, card.target) == ("person", "approve"):
            yield PickableValue(f"${{steps.{name}.output.approved}}", f"approval of {name}", "approved", name)
            yield PickableValue(f"${{steps.{name}.output.comment}}", f"comment on {name}", "comment", name)
        else:
            yield PickableValue(f"${{steps.{name}.output}}", f"output of {name}", "output", name)


def arguments_of(kind: str, target: str, *, registry: Registry) -> tuple[Argument, ...]:
    """Return the arguments of a function or a tool; none for agents, and for what the registry doesn't have."""
    if kind == "tool" and (tool := registry.tools.get(target)):
        return _arguments(tool.parameters)
    if kind == "function" and (function := registry.functions.get(target)):
        try:
            return _arguments(Definition(function.function).parameters)
        except (TypeError, ValueError):  # not all parameters say their types, or it is no Python function
            return tuple(_untyped(function))
    return ()


def _arguments(schema: dict[str, Any]) -> tuple[Argument, ...]:
    required = schema.get("required", ())
    return tuple(
        Argument(
            name=name,
            type=_type(facts),
            required=name in required,
            description=facts.get("description", ""),
            default=facts.get("default"),
            options=tuple(facts.get("enum", ())),
        )
        for name, facts in schema.get("properties", {}).items()
    )


def _type(schema: dict[str, Any]) -> str:
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return _TYPES.get((options[0] if len(options) == 1 else schema).get("type", ""), "any")


def _untyped(function: Function) -> Iterator[Argument]:
    try:
        parameters = inspect.signature(function.function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions tell no signature
        return
    for each in parameters:
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
            yield Argument(each.name, "any", each.default is each.empty, "", None, ())


def _described(targets: Iterable[Runnable | Function | Tool]) -> Iterator[Described]:
    for target in targets:
        match target:
            case Agent():
                said = target.instructions if isinstance(target.instructions, str) else ""
            case Tool():
                said = target.description
            case Function():
                said = inspect.getdoc(target.function) or ""
            case _:
                said = ""
        yield Described(target.name, said.strip().split("\n")[0][:DESCRIPTION_CHARACTERS])
