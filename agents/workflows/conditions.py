"""Conditions: when a step runs. No code is evaluated.

    condition  = all { "or" all }
    all        = part { "and" part }
    part       = "not" part | "(" condition ")" | operand [ comparison operand ]
    comparison = "==" | "!=" | "<" | "<=" | ">" | ">="
    operand    = "${" path "}" | number | true | false | null | 'text' (or "text")

An operand alone is a path, which holds if its value is neither null, false, 0 nor empty.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from agents.workflows.values import Json, Path, Scope, ValueMissing, parse_text, shown

DEPTH_MAX = 40  # of brackets and nots

_TOKEN = re.compile(
    r"""(?P<path>\$\{[^{}]*\}) | (?P<text>'(?:[^']|'')*' | "(?:[^"\\]|\\.)*") | (?P<operator>==|!=|<=|>=|<|>)
    | (?P<bracket>[()]) | (?P<number>-?\d[\w.+-]*) | (?P<word>[A-Za-z_]\w*) | (?P<other>\S)""",
    flags=re.VERBOSE,
)
_OPERATORS: dict[str, Callable[..., bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}
Operand: TypeAlias = Path | str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Operand
    operator: str | None
    right: Operand
    text: str  # as it stands in the file

    def holds(self, scope: Scope) -> bool:
        """Raises ValueMissing, also for two values without an order."""
        left = _value(self.left, scope)
        if self.operator is None:
            return bool(left)
        right = _value(self.right, scope)
        try:
            return _OPERATORS[self.operator](left, right)
        except TypeError as error:
            raise ValueMissing(f"{self.text}: {shown(left)} and {shown(right)} have no order") from error


@dataclass(frozen=True, slots=True)
class Not:
    part: Part

    def holds(self, scope: Scope) -> bool:
        return not self.part.holds(scope)


@dataclass(frozen=True, slots=True)
class Every:
    """Parts that must all hold; what stands behind the first that doesn't is not looked at."""

    parts: Sequence[Part]

    def holds(self, scope: Scope) -> bool:
        return all(part.holds(scope) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Some:
    """Parts of which one must hold; what stands behind the first that does is not looked at."""

    parts: Sequence[Part]

    def holds(self, scope: Scope) -> bool:
        return any(part.holds(scope) for part in self.parts)


Part: TypeAlias = Comparison | Not | Every | Some


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    part: Part

    def holds(self, scope: Scope) -> bool:
        """Raises ValueMissing."""
        return self.part.holds(scope)

    def paths(self) -> Iterator[Path]:
        return _paths(self.part)


def parse_condition(text: str) -> Condition:
    """Raises ValueError for what is no condition, which says where it goes wrong."""
    return Condition(text, _Parser(text).condition())


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_TOKEN.finditer(text))
        self._at = self._depth = 0

    def condition(self) -> Part:
        part = self._some()
        if self._at < len(self._tokens):
            raise self._wrong("and, or, or its end")
        return part

    def _some(self) -> Part:
        parts = [self._every()]
        while self._takes("or"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(parts)

    def _every(self) -> Part:
        parts = [self._part()]
        while self._takes("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Every(parts)

    def _part(self) -> Part:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ValueError(f"a condition is nested at most {DEPTH_MAX} deep")
        try:
            if self._takes("not"):
                return Not(self._part())
            if self._takes("("):
                part = self._some()
                if not self._takes(")"):
                    raise self._wrong("and, or, or )")
                return part
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Comparison:
        begin = self._at
        left, compared, right = self._operand(), None, cast("Operand", None)
        if (token := self._token()) and token["operator"]:
            self._at += 1
            compared, right = token["operator"], self._operand()
        if not any(isinstance(operand, Path) for operand in (left, right)):
            raise self._wrong("a ${path} on one of its sides", at=begin)
        text = self._text[self._tokens[begin].start() : self._tokens[self._at - 1].end()]
        return Comparison(left, compared, right, text)

    def _operand(self) -> Operand:
        token = self._token()
        self._at += 1
        match token and token.lastgroup:
            case "path" if token and isinstance(path := parse_text(token[0]), Path):
                return path
            case "text" if token and token[0][0] == "'":
                return token[0][1:-1].replace("''", "'")
            case "word" if token and token[0] in _CONSTANTS:
                return cast(Operand, _CONSTANTS[token[0]])
            case "text" | "number" if token:
                try:
                    return cast(Operand, json.loads(token[0]))
                except ValueError:
                    pass
        self._at -= 1
        raise self._wrong("a ${path}, a number, true, false, null or 'text'")

    def _token(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, word: str) -> bool:
        token = self._token()
        if token is None or token[0] != word or token.lastgroup not in ("word", "bracket"):
            return False
        self._at += 1
        return True

    def _wrong(self, wanted: str, *, at: int | None = None) -> ValueError:
        at = self._at if at is None else at
        found = repr(self._tokens[at][0]) if at < len(self._tokens) else "its end"
        return ValueError(f"{self._text!r} is no condition: at {found} there should be {wanted}")


def _value(operand: Operand, scope: Scope) -> Json:
    return operand.look_up(scope) if isinstance(operand, Path) else operand


def _paths(part: Part) -> Iterator[Path]:
    match part:
        case Comparison(left, _, right):
            yield from (operand for operand in (left, right) if isinstance(operand, Path))
        case Not(inner):
            yield from _paths(inner)
        case Every(parts) | Some(parts):
            for each in parts:
                yield from _paths(each)
