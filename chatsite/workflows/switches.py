"""A step that chooses what to run by a value, as a card: the value, its cases, and what runs where none fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from agents.workflows.editing.cards import Card
from agents.workflows.editing.changes import Change, SetKey, SetKind
from agents.workflows.step import KINDS
from agents.workflows.values import Json

ADDED = "switch:value"  # what the designer calls such a step where one is added
CASES_MOST = 50  # that a form can have
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case: the value that it is for, and what it runs, `kind:name`. Both are empty in a row for another one."""

    name: str = ""
    target: str = ""
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class SwitchCard:
    """What a card shows of a switch. `path` is None where the value is written in a way that only the text can
    change."""

    path: str | None
    cases: tuple[CaseRow, ...]
    default: CaseRow

    @property
    def shown(self) -> tuple[CaseRow, ...]:
        """Return the rows of a form: one more than there are cases."""
        return (*self.cases, CaseRow())


def switch_card(card: Card, *, path: str | None, offered: set[str]) -> SwitchCard:
    """Return what the card of a switch shows."""
    rows = [_row(name, case, offered) for name, case in _mapping(card.keys.get("cases")).items()]
    return SwitchCard(path, tuple(rows), _row(DEFAULT, card.keys.get(DEFAULT), offered))


def switch_changes(card: Card, shown: SwitchCard, form: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the changes that a form asks for: a case whose target stays keeps all that its text says."""
    path = str(form.get("switch.value", ""))
    if shown.path is not None and path and path != shown.path:
        yield SetKind(card.name, "switch", f"${{{path}}}")
    former = _mapping(card.keys.get("cases"))
    cases = _cases(shown, former, form)
    if cases and list(cases.items()) != list(former.items()):
        yield SetKey(card.name, "cases", cases)
    target = str(form.get("default.target", shown.default.target))
    if target != shown.default.target:
        yield SetKey(card.name, DEFAULT, _run(target) if target else None)


def first_switch(path: str, first: str) -> tuple[Json, dict[str, Json]]:
    """Return the value and the keys that a new switch has: one case, which runs `first`, `kind:name`."""
    keys: dict[str, Json] = {"cases": {_("yes"): _run(first)}}
    if path and first.startswith("agent:"):
        keys["prompt"] = f"${{{path}}}"
    return (f"${{{path}}}" if path else ""), keys


def _cases(shown: SwitchCard, former: Mapping[str, Json], form: Mapping[str, Any]) -> dict[str, Json]:
    """Return the cases that a form has, in its order; one without a name or a target is taken out."""
    cases: dict[str, Json] = {}
    for number in range(min(CASES_MOST, len(shown.cases) + 1)):
        row = shown.shown[number]
        name = str(form.get(f"case.{number}.name", row.name)).strip()
        target = str(form.get(f"case.{number}.target", row.target))
        if name and (target or row.name):
            cases[name] = former[row.name] if row.name and target == row.target else _run(target)
    return {name: case for name, case in cases.items() if case is not None}


def _row(name: str, case: Json, offered: set[str]) -> CaseRow:
    kind, target = next(((kind, named) for kind, named in _mapping(case).items() if kind in KINDS), ("", ""))
    key = f"{kind}:{target}" if kind and isinstance(target, str) else ""
    return CaseRow(name, key, key in offered)


def _run(target: str) -> Json:
    kind, _colon, name = target.partition(":")
    return {kind: name} if kind in KINDS and name else None


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
