"""Values as people pick them: a text in pieces, each with a value behind it, in place of `${…}` in the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.workflows.conditions import Comparison, Every, Not, Part, Some, parse_condition
from agents.workflows.values import Json, Path, Text, parse_text

ROWS_MOST = 50  # of one field
OPERATORS = ("true", "not", "==", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A text, and the path of the value behind it; either may be empty."""

    text: str = ""
    value: str = ""


def rows_of(value: Json) -> list[ValueRow] | None:
    """Return a value in rows; None for one that has no such form, as a list or a mapping."""
    if value is None:
        return []
    if isinstance(value, dict | list):
        return None
    if not isinstance(value, str):
        return [ValueRow(json.dumps(value))]
    try:
        template = parse_text(value)
    except ValueError:
        return [ValueRow(value)]
    match template:
        case Path(parts):
            return [ValueRow("", ".".join(parts))]
        case Text(parts):
            return _in_rows(parts)
        case text:
            return [ValueRow(text)] if text else []


def _in_rows(parts: Iterable[str | Path]) -> list[ValueRow]:
    rows: list[ValueRow] = []
    text = ""
    for part in parts:
        if isinstance(part, Path):
            rows.append(ValueRow(text, ".".join(part.parts)))
            text = ""
        else:
            text += part
    return [*rows, ValueRow(text)] if text else rows


def text_of(rows: Iterable[ValueRow]) -> str:
    """Return rows as one text, with their values as paths."""
    return "".join(_escaped(row.text) + (f"${{{row.value}}}" if row.value else "") for row in rows)


def _escaped(text: str) -> str:
    return text.replace("${", "$${")


def typed(text: str) -> Json:
    """Return what was typed where a number, or true or false, is wanted; as the text where it is none."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        return _escaped(text)
    return _escaped(text) if isinstance(value, dict | list | str) else value


def rows_in(form: Mapping[str, Any], name: str) -> list[ValueRow]:
    """Return the rows of a field as a form has sent them, without empty ones."""
    rows = []
    for number in range(ROWS_MOST):
        if f"{name}.{number}.text" not in form and f"{name}.{number}.value" not in form:
            break
        text = str(form.get(f"{name}.{number}.text", "")).replace("\r\n", "\n")
        rows.append(ValueRow(text, str(form.get(f"{name}.{number}.value", ""))))
    return [row for row in rows if row.text or row.value]


# ---- conditions ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CardCondition:
    """A condition that people can pick: a value, how it is compared, and with what. A value that is empty: none."""

    value: str = ""
    operator: str = "true"
    text: str = ""


@dataclass(frozen=True, slots=True)
class CardConditions:
    """Conditions that people can pick, all of which must hold (`joined` is "and") or one of which must ("or")."""

    rows: tuple[CardCondition, ...] = ()
    joined: str = "and"

    @property
    def shown(self) -> tuple[CardCondition, ...]:
        """Return the rows of a form: one more than there are, so that another one can be added."""
        return (*self.rows, CardCondition())


def card_conditions_of(condition: str) -> CardConditions | None:
    """Return a condition as such rows; None for one that says more."""
    try:
        part = parse_condition(condition).part
    except ValueError:
        return None
    rows = [_row_of(each) for each in (part.parts if isinstance(part, Some | Every) else [part])]
    joined = "or" if isinstance(part, Some) else "and"
    known = tuple(row for row in rows if row is not None)
    return CardConditions(known, joined) if len(known) == len(rows) else None


def _row_of(part: Part) -> CardCondition | None:
    match part:
        case Comparison(left=Path(parts), operator=None):
            return CardCondition(".".join(parts))
        case Not(part=Comparison(left=Path(parts), operator=None)):
            return CardCondition(".".join(parts), "not")
        case Comparison(left=Path(parts), operator=str(operator), right=right) if not isinstance(right, Path):
            said = right if isinstance(right, str) else json.dumps(right)
            return CardCondition(".".join(parts), operator, said)
    return None


def condition_of(conditions: CardConditions) -> str | None:
    """Return them as a file has it; None for what always holds."""
    return f" {conditions.joined} ".join(_written(row) for row in conditions.rows if row.value) or None


def _written(row: CardCondition) -> str:
    path = f"${{{row.value}}}"
    match row.operator:
        case "true":
            return path
        case "not":
            return f"not {path}"
        case operator:
            return f"{path} {operator} {_operand(row.text)}"


def _operand(text: str) -> str:
    value = typed(text)
    return "'" + text.replace("'", "''") + "'" if isinstance(value, str) else json.dumps(value)
