"""Change a workflow's text. What a change is not about stays byte for byte, and what it says is verified by reading the
new text.

    text = change(text, AddStep("find", "tool", "shelf"))
    text = change(text, SetKey("find", "with.topic", "${inputs.topic}"))
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agents.workflows.editing.text import WorkflowText
from agents.workflows.editing.writing import write_key, write_scalar
from agents.workflows.errors import ChangeRefused, WorkflowInvalid
from agents.workflows.step import NAME_RULE, STEP_KINDS, TOP_KEYS, is_name
from agents.workflows.values import Json
from agents.workflows.yaml import YamlPart

NAMING = ("needs", "else")  # keys of a step that name others
_PATH = re.compile(r"\$\$\{|(?P<begin>\$\{\s*steps\.)(?P<name>[\w-]+)(?=[.\s}])")


@dataclass(frozen=True, slots=True)
class AddStep:
    """Add a step behind the step `after`, or as the last one; `keys` are those it has besides its kind."""

    name: str
    kind: str
    target: Json
    after: str | None = None
    keys: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoveStep:
    """Remove a step with the comment above it. What refers to it stays, and is a problem then."""

    name: str


@dataclass(frozen=True, slots=True)
class MoveStep:
    """Move a step in the file, to the position `to` (from 0). When it runs is decided by what it needs."""

    name: str
    to: int


@dataclass(frozen=True, slots=True)
class RenameStep:
    """Rename a step, also in paths, `needs` and `else` of the others and in the output."""

    name: str
    new: str


@dataclass(frozen=True, slots=True)
class SetKind:
    """Let a step run something else: its kind and target, in the place of those it had."""

    step: str
    kind: str
    target: Json


@dataclass(frozen=True, slots=True)
class SetKey:
    """Set a key of a step, or remove it (None). `with.topic` is a key in a key; as a tuple, names may have dots."""

    step: str
    key: str | tuple[str, ...]
    value: Json


@dataclass(frozen=True, slots=True)
class SetTop:
    """Set a key of the workflow, or remove it (None)."""

    key: Literal["name", "output", "timeout", "parallel"]
    value: Json


@dataclass(frozen=True, slots=True)
class SetInput:
    """Declare an input, or say something else of one: each None is removed, or not written."""

    name: str
    description: str | None = None
    default: Json = None


@dataclass(frozen=True, slots=True)
class RemoveInput:
    name: str


Change: TypeAlias = AddStep | RemoveStep | MoveStep | RenameStep | SetKind | SetKey | SetTop | SetInput | RemoveInput
Keys: TypeAlias = "dict[str, Json]"


def change(text: str, asked: Change) -> str:
    """Return the text with the change. Raises ChangeRefused where it can't be made, or the text is no workflow."""
    try:
        before = WorkflowText(text)
        changed = _changed(before, asked)
        wanted = _expected(before.plain, asked)
        after = before if changed == text else WorkflowText(changed)
        if _as_read(after.plain) != _as_read(wanted):
            raise ChangeRefused("the text is written in a way in which this can't be changed here; change it by hand")
    except WorkflowInvalid as error:
        raise ChangeRefused(str(error)) from error
    return changed


# ---- the text --------------------------------------------------------------------------------------------------------
def _changed(document: WorkflowText, asked: Change) -> str:
    match asked:
        case AddStep(name, kind, target, after, keys):
            return _add_step(document, name, {_kind(kind): target, **keys}, after=after)
        case RemoveStep(name):
            return document.without_entry(("steps", _known(document, name)))
        case MoveStep(name, to):
            return document.with_order(("steps",), _known(document, name), to)
        case RenameStep(name, new):
            _check_new(document, new)
            return _rename(document, _known(document, name), new)
        case SetKind(step, kind, target):
            return _set_kind(document, _known(document, step), _kind(kind), target)
        case SetKey(step, key, value):
            return with_value(document, ("steps", _known(document, step), *_parts(key)), value, prune=3)
        case SetTop(key, value):
            if key not in ("name", "output", "timeout", "parallel"):
                raise ChangeRefused(f"{key} is none of name, output, timeout, parallel")
            return with_value(document, (key,), value)
        case SetInput(name, description, default):
            return _set_input(document, name, {"description": description, "default": default})
        case RemoveInput(name):
            if document.find(("inputs", name)) is None:
                raise ChangeRefused(f"there is no input {name!r}")
            return document.without_entry(("inputs", name))


def _add_step(document: WorkflowText, name: str, keys: Keys, *, after: str | None) -> str:
    _check_new(document, name)
    if document.find(("steps",)) is None:
        return with_value(document, ("steps",), {name: keys})
    position = None if after is None else _names(document).index(_known(document, after))
    return document.with_entry(("steps",), name, keys, after=position)


def _set_kind(document: WorkflowText, step: str, kind: str, target: Json) -> str:
    piece = document.find(("steps", step))
    others = [key.text for key, _ in piece.pairs if key.text in STEP_KINDS] if piece else []
    if kind in others or not others:
        return with_value(document, ("steps", step, kind), target)
    renamed = WorkflowText(document.with_key(("steps", step, others[0]), kind))
    return with_value(renamed, ("steps", step, kind), target)


def _set_input(document: WorkflowText, name: str, facts: Keys) -> str:
    given: Keys = {key: value for key, value in facts.items() if value is not None}
    if document.find(("inputs", name)) is None:
        if not is_name(name):
            raise ChangeRefused(f"{name!r}: {NAME_RULE}")
        return with_value(document, ("inputs", name), given)
    for key, value in facts.items():
        path = ("inputs", name, key)
        if value is not None or document.find(path):
            document = WorkflowText(with_value(document, path, value, prune=3))
    return document.text


def with_value(document: WorkflowText, path: Sequence[str], value: Json, *, prune: int = 1) -> str:
    """Return the text with a value set, the mappings that it stands in made as well, or removed (None)."""
    if value is None:
        return document.without_entry(path, prune=prune)
    for end in range(1, len(path)):
        if document.find(path[:end]) is None:
            inner = value
            for name in reversed(path[end:]):
                inner = {name: inner}
            return _with_new(document, path[:end], inner)
    if document.find(path) is None:
        return _with_new(document, path, value)
    old = document.value_at(path)
    if json.dumps(old, sort_keys=True) == json.dumps(value, sort_keys=True):
        return document.text
    if isinstance(old, dict) and isinstance(value, dict) and old and value:
        return _with_keys(document, path, old, value)
    if isinstance(value, list):
        return document.with_items(path, value)
    return document.with_value(path, value)


def _with_new(document: WorkflowText, path: Sequence[str], value: Json) -> str:
    *outer, key = path
    after = None
    if not outer and document.top:
        there = [name.text for name, _ in document.top.pairs]
        earlier = TOP_KEYS[: TOP_KEYS.index(key)]
        after = max((position for position, name in enumerate(there) if name in earlier), default=-1)
    return document.with_entry(outer, key, value, after=after)


def _with_keys(document: WorkflowText, path: Sequence[str], old: Keys, new: Keys) -> str:
    """Return the text with a mapping made equal to another, key by key: those that stay keep their comments."""
    for key in [key for key in new if key in old] + [key for key in new if key not in old]:
        if key not in old or json.dumps(old[key]) != json.dumps(new[key]):
            if new[key] is None and key in old:
                document = WorkflowText(document.with_value((*path, key), None))
            elif new[key] is None:
                document = WorkflowText(document.with_entry(path, key, None))
            else:
                document = WorkflowText(with_value(document, (*path, key), new[key]))
    for key in old:
        if key not in new:
            document = WorkflowText(document.without_entry((*path, key), prune=len(path) + 1))
    return document.text


# ---- another name ----------------------------------------------------------------------------------------------------
def _rename(document: WorkflowText, name: str, new: str) -> str:
    edits: list[tuple[int, int, str]] = []
    steps = document.find(("steps",))
    for key, step in steps.pairs if steps else []:
        if key.text == name:
            edits.append((key.start, key.end, write_key(new, flow=True, like=key)))
        for inner, value in step.pairs:
            named = [value, *value.items] if inner.text in NAMING else []
            edits += [(e.start, e.end, write_scalar(new, flow=True, like=e)) for e in named if e.text == name]
            edits += _in_paths(document, value, name, new)
    if output := document.find(("output",)):
        edits += _in_paths(document, output, name, new)
    text = document.text
    for start, end, written in sorted(edits, reverse=True):
        text = text[:start] + written + text[end:]
    return text


def _in_paths(document: WorkflowText, piece: YamlPart, name: str, new: str) -> list[tuple[int, int, str]]:
    if piece.kind != "scalar":
        inner = [value for _, value in piece.pairs] + piece.items
        return [edit for each in inner for edit in _in_paths(document, each, name, new)]
    wanted = _PATH.sub(lambda found: _renamed(found, name, new), piece.text)
    if wanted == piece.text:
        return []
    found = [each for each in _PATH.finditer(document.text, piece.start, piece.end) if each["name"] == name]
    if len(found) != sum(each["name"] == name for each in _PATH.finditer(piece.text)):  # some are written with \u
        return [(piece.start, piece.end, write_scalar(wanted, flow=True, like=piece))]
    return [(each.start("name"), each.end("name"), new) for each in found]


def _renamed(found: re.Match[str], name: str, new: str) -> str:
    return found["begin"] + new if found["name"] == name else found[0]


# ---- what it says then -----------------------------------------------------------------------------------------------
def _as_read(plain: Keys) -> str:
    """Return data for a comparison: the order of steps counts, that of other keys and what is empty does not."""
    steps = plain.get("steps")
    return json.dumps([list(steps) if isinstance(steps, dict) else [], _without_empty(plain)], sort_keys=True)


def _without_empty(value: Json) -> Json:
    match value:
        case dict():
            inner = {key: _without_empty(each) for key, each in value.items()}
            return {key: each for key, each in inner.items() if each not in (None, {})}
        case list():
            return [_without_empty(each) for each in value]
    return value


def _expected(plain: Keys, asked: Change) -> Keys:
    """Return the data of the changed text, worked out without the text."""
    match asked:
        case AddStep(name, kind, target, after, keys):
            steps = list(_mapping(plain.get("steps")).items())
            at = len(steps) if after is None else [key for key, _ in steps].index(after) + 1
            return {**plain, "steps": dict([*steps[:at], (name, {kind: target, **keys}), *steps[at:]])}
        case RemoveStep(name):
            return _with(plain, ("steps", name), None)
        case MoveStep(name, to):
            steps = list(_mapping(plain["steps"]).items())
            steps.insert(to, steps.pop([key for key, _ in steps].index(name)))
            return {**plain, "steps": dict(steps)}
        case RenameStep(name, new):
            steps = list(_mapping(plain["steps"]).items())
            renamed = {new if key == name else key: _with_paths(step, name, new) for key, step in steps}
            return {**plain, "steps": renamed, "output": _with_paths(plain.get("output"), name, new, key="output")}
        case SetKind(step, kind, target):
            others = [key for key in _mapping(_mapping(plain["steps"])[step]) if key in STEP_KINDS]
            without = _with(plain, ("steps", step, others[0]), None) if others and kind not in others else plain
            return _with(without, ("steps", step, kind), target)
        case SetKey(step, key, value):
            return _with(plain, ("steps", step, *_parts(key)), value)
        case SetTop(key, value):
            return _with(plain, (key,), value)
        case SetInput(name, description, default):
            facts: Keys = {"description": description, "default": default}
            return _with(plain, ("inputs", name), {key: value for key, value in facts.items() if value is not None})
        case RemoveInput(name):
            return _with(plain, ("inputs", name), None)


def _with(plain: Keys, path: Sequence[str], value: Json) -> Keys:
    key, *inner = path
    if inner:
        return {**plain, key: _with(_mapping(plain.get(key)), inner, value)}
    if value is None:
        return {other: each for other, each in plain.items() if other != key}
    return {**plain, key: value}


def _with_paths(value: Json, name: str, new: str, *, key: str = "") -> Json:
    """Return what a step holds with a step's new name in it."""
    match value:
        case dict():
            return {inner: _with_paths(each, name, new, key=key or inner) for inner, each in value.items()}
        case list():
            return [_with_paths(each, name, new, key=key) for each in value]
        case str() if key in NAMING and value == name:
            return new
        case str():
            return _PATH.sub(lambda found: _renamed(found, name, new), value)
    return value


# ---- what was asked --------------------------------------------------------------------------------------------------
def _mapping(value: Json) -> Keys:
    return value if isinstance(value, dict) else {}


def _names(document: WorkflowText) -> list[str]:
    return list(_mapping(document.plain.get("steps")))


def _known(document: WorkflowText, name: str) -> str:
    if name not in (names := _names(document)):
        raise ChangeRefused(f"there is no step {name!r}; there are: {', '.join(names) or 'none'}")
    return name


def _check_new(document: WorkflowText, name: str) -> None:
    if not is_name(name):
        raise ChangeRefused(f"{name!r}: {NAME_RULE}")
    if name in _names(document):
        raise ChangeRefused(f"there is a step {name!r} already")


def _kind(kind: str) -> str:
    if kind not in STEP_KINDS:
        raise ChangeRefused(f"a step has one of {', '.join(STEP_KINDS)}, not {kind!r}")
    return kind


def _parts(key: str | tuple[str, ...]) -> tuple[str, ...]:
    parts = tuple(key.split(".")) if isinstance(key, str) else key
    if not parts or not all(parts):
        raise ChangeRefused(f"{key!r} is no key")
    return parts
