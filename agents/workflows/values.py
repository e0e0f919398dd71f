"""Values that flow between steps: `${paths}` in texts, which are looked up, and conditions. No code is evaluated.

    path      = "inputs." name | "steps." name "." ("output" | "status" | "error") | "item" | "index", then more fields
    fields    = ("." key-or-position)*
    condition = "${" path "}" [ ("==" | "!=" | "<" | "<=" | ">" | ">=") ( JSON scalar | 'text' | "${" path "}" ) ]

Everything is JSON. A field is looked up in an object or a list, never on a Python object. A field of null is null.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Scope: TypeAlias = "dict[str, Json]"

_TOKEN = re.compile(r"(\$\$\{)|\$\{([^{}]*)\}|(\$\{)")
_PATH = re.compile(r"[\w-]+(\.[\w-]+)*")
_CONDITION = re.compile(r"(\$\{[^{}]*\})\s*(?:(==|!=|<=|>=|<|>)\s*(.+?)\s*)?")
_OPERATORS: dict[str, Callable[..., bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ValueMissing(ValueError):
    """A path leads nowhere, or two values can't be compared."""


@dataclass(frozen=True, slots=True)
class Path:
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "${" + ".".join(self.parts) + "}"

    def look_up(self, scope: Scope) -> Json:
        """Raises ValueMissing."""
        value: Json = scope
        for part in self.parts:
            match value:
                case None:
                    return None
                case dict() if part in value:
                    value = value[part]
                case list() if part.isdecimal() and int(part) < len(value):
                    value = value[int(part)]
                case dict():
                    raise ValueMissing(f"{self} has no {part!r}; there are: {', '.join(value) or 'none'}")
                case list():
                    raise ValueMissing(f"{self} has no {part!r}: it is a list of {len(value)}")
                case _:
                    raise ValueMissing(f"{self} has no {part!r}: it is {json.dumps(value)[:80]}")
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """Literal texts and paths, in order."""

    parts: tuple[str | Path, ...]


Template: TypeAlias = "Path | Text | dict[str, Template] | list[Template] | str | int | float | bool | None"


def parse_text(text: str) -> Path | Text | str:
    """A path alone stays a value of its type; among other words it becomes text. `$${` stands for `${`.

    Raises ValueError for what begins like a path and is none.
    """
    parts: list[str | Path] = []
    end = 0
    for token in _TOKEN.finditer(text):
        escaped, path, unclosed = token.groups()
        if unclosed or (path is not None and not _PATH.fullmatch(path.strip())):
            shown = text[token.start() : token.start() + 40]
            raise ValueError(f"{shown!r} is no ${{path}}; write $${{ for a plain ${{")
        parts.append(text[end : token.start()])
        parts.append("${" if escaped else Path(tuple(path.strip().split("."))))
        end = token.end()
    parts = [part for part in (*parts, text[end:]) if part]
    match parts:
        case [Path() as alone]:
            return alone
        case _ if any(isinstance(part, Path) for part in parts):
            return Text(tuple(parts))
        case _:
            return "".join(map(str, parts))


def render(template: Template, *, scope: Scope) -> Json:
    """Return the template with its paths looked up. Raises ValueMissing."""
    match template:
        case Path():
            return template.look_up(scope)
        case Text():
            return "".join(part if isinstance(part, str) else _shown(part.look_up(scope)) for part in template.parts)
        case dict():
            return {key: render(value, scope=scope) for key, value in template.items()}
        case list():
            return [render(value, scope=scope) for value in template]
        case _:
            return template


def paths_in(template: Template) -> Iterator[Path]:
    match template:
        case Path():
            yield template
        case Text(parts):
            yield from (part for part in parts if isinstance(part, Path))
        case dict():
            for value in template.values():
                yield from paths_in(value)
        case list():
            for value in template:
                yield from paths_in(value)


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds if a value is true (neither null, false, 0 nor empty), or compares with another as it says."""

    text: str
    left: Path
    operator: str | None
    right: Template

    def holds(self, scope: Scope) -> bool:
        """Raises ValueMissing, also for two values without an order."""
        left = self.left.look_up(scope)
        if self.operator is None:
            return bool(left)
        right = render(self.right, scope=scope)
        try:
            return _OPERATORS[self.operator](left, right)
        except TypeError as error:
            raise ValueMissing(f"{self.text}: {_shown(left)} and {_shown(right)} have no order") from error


def parse_condition(text: str) -> Condition:
    """Raises ValueError for anything but a path, alone or compared with one value."""
    if not (match := _CONDITION.fullmatch(text.strip())):
        raise ValueError(f"{text!r} is no condition: write ${{path}}, or ${{path}} == value (or !=, <, <=, >, >=)")
    left, compared, right = match.groups()
    return Condition(text, cast(Path, parse_text(left)), compared, _parse_operand(right) if compared else None)


def _parse_operand(text: str) -> Template:
    if text.startswith("${") and isinstance(path := parse_text(text), Path):
        return path
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        value = json.loads(text)
    except ValueError:
        value = []
    if isinstance(value, list | dict):
        raise ValueError(f"{text} is nothing to compare with: write a number, true, false, null, 'text' or ${{path}}")
    return cast(Template, value)
