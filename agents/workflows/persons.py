"""Steps that wait for a person: what they are asked, and whether an answer fits. A run that waits has ended, and goes
on when it is resumed with answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from agents.workflows.checkpoints import Record, State
from agents.workflows.errors import AnswerRefused
from agents.workflows.values import Json, ValueMissing, shown

APPROVE, EDIT, ANSWER = PERSON_KINDS = ("approve", "edit", "answer")


@dataclass(frozen=True, slots=True)
class Person:
    """What a step runs that waits for one: `name` is approve, edit or answer."""

    name: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run waits for. `place` is what an answer goes to: the step, or `step[item]`.

    `kind` says what is wanted: approve (true or false, or `approved` with a `comment`), edit (the `value`, changed or
    not), answer (a text, or one of the `choices`, where there are any).
    """

    step: str
    item: int | None
    kind: str
    prompt: str
    value: Json = None
    choices: tuple[Json, ...] = ()

    @property
    def place(self) -> str:
        return self.step if self.item is None else f"{self.step}[{self.item}]"


def check_asked(arguments: Json) -> None:
    """Raise ValueMissing where there is nothing to choose from."""
    choices = arguments.get("choices", [""]) if isinstance(arguments, dict) else None
    if not isinstance(choices, list) or not choices:
        raise ValueMissing(f"choices: {shown(choices)[:80]} is no list of what there is to choose from")


def waiting_in(record: Record) -> list[Waiting]:
    """Return what a recorded run waits for; also of one that is under way."""
    return [waiting_of(state) for state in record.states.values() if state.status == "waiting"]


def waiting_of(state: State) -> Waiting:
    asked = cast("dict[str, Json]", state.arguments)
    choices = asked.get("choices")
    return Waiting(
        step=state.step,
        item=state.item,
        kind=shown(asked["person"]),
        prompt=shown(asked["prompt"]),
        value=asked.get("value"),
        choices=tuple(choices) if isinstance(choices, list) else (),
    )


def answered(record: Record | None, answers: Mapping[str, Json]) -> list[State]:
    """Return the states of answered steps, by their place. Raises AnswerRefused for the first that can't be taken."""
    states = {state.place: state for state in record.states.values()} if record else {}
    return [_answered(place, states.get(place), answer) for place, answer in answers.items()]


def _answered(place: str, state: State | None, answer: Json) -> State:
    if state is None or (state.status != "waiting" and not _was_asked(state)):
        raise AnswerRefused(f"step {place} does not wait for an answer")
    if state.status != "waiting":
        raise AnswerRefused(f"step {place} was answered before")
    output = _output(waiting_of(state), answer)
    return State(state.step, "completed", item=state.item, arguments=state.arguments, output=output)


def _was_asked(state: State) -> bool:
    return isinstance(state.arguments, dict) and "person" in state.arguments


def _output(asked: Waiting, answer: Json) -> Json:
    """Return what a step has for output with this answer. Raises AnswerRefused for one that doesn't fit."""
    match asked.kind, answer:
        case "approve", bool():
            return {"approved": answer, "comment": ""}
        case "approve", {"approved": bool() as approved, **others} if others.keys() <= {"comment"}:
            if isinstance(comment := others.get("comment", ""), str):
                return {"approved": approved, "comment": comment}
        case "edit", _ if _like(answer, asked.value):
            return answer
        case "answer", _ if asked.choices:
            if any(_same(answer, choice) for choice in asked.choices):
                return answer
        case "answer", str() if answer.strip():
            return answer
    raise AnswerRefused(f"step {asked.place} wants {_wanted(asked)}, not {shown(answer)[:80]!r}")


def _wanted(asked: Waiting) -> str:
    if asked.kind == APPROVE:
        return 'true or false, or {"approved": true, "comment": "why"}'
    if asked.kind == EDIT:
        return "a value of the kind that it shows: text for text, a list for a list"
    return f"one of {', '.join(map(shown, asked.choices))}" if asked.choices else "a text"


def _like(answer: Json, value: Json) -> bool:
    """Tell whether two values are of one kind; what takes the place of null may be of any."""
    if value is None or isinstance(value, bool) or isinstance(answer, bool):
        return value is None or type(answer) is type(value)
    kinds = ((int, float), (str,), (list,), (dict,))
    return any(isinstance(answer, kind) and isinstance(value, kind) for kind in kinds)


def _same(answer: Json, choice: Json) -> bool:
    return answer == choice and isinstance(answer, bool) == isinstance(choice, bool)
