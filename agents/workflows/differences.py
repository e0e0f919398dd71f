"""Say in which fields values of JSON differ, and two recorded runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agents.workflows.checkpoints import Record, State
from agents.workflows.values import Json

COMPARED = ("arguments", "error", "messages", "output", "status")  # not attempts and seconds, which may well differ


class Difference(NamedTuple):
    """`field` is dotted, from the state's own; the values are those of the first and of the second."""

    field: str
    first: Json
    second: Json


def differences(first: Json, second: Json, *, field: str) -> Iterator[Difference]:
    """Return the innermost fields that differ."""
    match first, second:
        case dict(), dict() if first.keys() == second.keys():
            for key in first:
                yield from differences(first[key], second[key], field=f"{field}.{key}")
        case list(), list() if len(first) == len(second):
            for position, (one, other) in enumerate(zip(first, second, strict=True)):
                yield from differences(one, other, field=f"{field}.{position}")
        case _ if first != second:
            yield Difference(field, first, second)


def state_differences(first: State, second: State | None) -> Iterator[Difference]:
    for name in COMPARED:
        yield from differences(getattr(first, name), getattr(second, name, None), field=name)


def run_differences(first: Record, second: Record) -> Iterator[Difference]:
    """Compare two runs: their inputs, their states one by one, and their ends. A state that one hasn't is null."""
    inputs: tuple[Json, Json] = (dict(first.header.inputs), dict(second.header.inputs))
    yield from differences(*inputs, field="inputs")
    for key in dict.fromkeys([*first.states, *second.states]):
        match first.states.get(key), second.states.get(key):
            case State() as one, State() as other:
                for field, *values in state_differences(one, other):
                    yield Difference(f"{one.place}.{field}", values[0], values[1])
            case State() as one, _:
                yield Difference(one.place, one.status, None)
            case _, State() as other:
                yield Difference(other.place, None, other.status)
    yield from differences(first.ended, second.ended, field="ended")
