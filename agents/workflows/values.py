"""Values that flow between steps: `${paths}` in texts, which are looked up. No code is evaluated.

    path   = "inputs." name | "steps." name "." ("output" | "status" | "error") | "item" | "index", then more fields
    fields = ("." key-or-position)*

Everything is JSON. A field is looked up in an object or a list, never on a Python object. A field of null is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Scope: TypeAlias = "dict[str, Json]"

_TOKEN = re.compile(r"(\$\$\{)|\$\{([^{}]*)\}|(\$\{)")
_PATH = re.compile(r"[\w-]+(\.[\w-]+)*")


VALUE_MOST = 10_000_000  # characters that one value may have when it is written as text


class ValueMissing(ValueError):
    """A path leads nowhere, two values can't be compared, or a value is too large to be passed on."""


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
    """Return the template with its paths looked up. Raises ValueMissing, also where values multiply beyond
    VALUE_MOST."""
    return _bounded(_rendered(template, scope=scope))


def _rendered(template: Template, *, scope: Scope) -> Json:
    match template:
        case Path():
            return template.look_up(scope)
        case Text():
            texts: list[str] = []
            left = VALUE_MOST
            for part in template.parts:
                texts.append(part if isinstance(part, str) else shown(part.look_up(scope)))
                if (left := left - len(texts[-1])) < 0:
                    raise _too_large()
            return "".join(texts)
        case dict():
            return {key: _rendered(value, scope=scope) for key, value in template.items()}
        case list():
            return [_rendered(value, scope=scope) for value in template]
        case _:
            return template


def _bounded(value: Json) -> Json:
    """Return `value`. Raises ValueMissing where it is too large, also by one part that stands in it many times."""
    left = VALUE_MOST
    waiting = [value]
    while waiting:
        inside: list[Json] = []
        match waiting.pop():
            case str() as text:
                left -= len(text)
            case dict() as fields:
                left -= sum(map(len, fields))
                inside = list(fields.values())
            case list() as items:
                inside = items
            case _:
                pass
        if (left := left - len(inside)) < 0:
            raise _too_large()
        waiting += inside
    return value


def _too_large() -> ValueMissing:
    return ValueMissing(f"the value is larger than {VALUE_MOST:,} characters: pass on less of what it is made of")


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


def shown(value: Json) -> str:
    """Return a value as it stands in a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
