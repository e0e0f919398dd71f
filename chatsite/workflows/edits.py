"""What a form of the designer asks for, made with the draft: a card's fields become changes of the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from agents.workflows.editing.changes import (
    AddStep,
    Change,
    MoveStep,
    RemoveInput,
    RemoveStep,
    RenameStep,
    SetInput,
    SetKey,
    SetKind,
    SetTop,
    change,
)
from agents.workflows.errors import ChangeRefused
from agents.workflows.values import Json
from chatsite.models import Workflow
from chatsite.workflows import drafts
from chatsite.workflows.cards import Designed, StepCard
from chatsite.workflows.fields import PROMPT, key_of, taken_by
from chatsite.workflows.inputs import InputField
from chatsite.workflows.switches import ADDED, first_switch, switch_changes
from chatsite.workflows.values import OPERATORS, CardCondition, CardConditions, condition_of, rows_in, text_of, typed
from retrieval.models import User

Form = Mapping[str, Any]
TEXT_MOST = 200_000  # characters of a draft
CONDITIONS_MOST = 20  # that a form can join


@dataclass(frozen=True, slots=True)
class Edit:
    """What became of a form: what was `said` to have changed, empty where nothing was; the `problem` with it; the
    `step` to show."""

    said: str = ""
    problem: str = ""
    step: str = ""


class EditRefused(ValueError):
    """What a form asks for can't be done; the message says why."""


def edit(workflow: Workflow, draft: Designed, form: Form, *, user: User) -> Edit:
    """Change the draft as a form says."""
    base, action = str(form.get("base", "")), str(form.get("action", ""))
    try:
        if action == "undo":
            done = drafts.undo(workflow, base=base, user=user)
            return Edit(said=_("Took the last change back.")) if done else Edit(problem=_("Nothing to take back."))
        text, said, step = _edited(workflow, draft, form, action)
        if len(text) > TEXT_MOST:
            raise EditRefused(_("That is longer than a workflow may be."))
        changed = drafts.save_draft(workflow, text, base=base, user=user)
    except (ChangeRefused, EditRefused, drafts.DraftChanged) as refusal:
        return Edit(problem=str(refusal), step=str(form.get("step", "")))
    return Edit(said=said if changed else "", step=step)


def _edited(workflow: Workflow, draft: Designed, form: Form, action: str) -> tuple[str, str, str]:
    """Return the new text, what is said of the change, and the step to show."""
    if action == "text":
        return str(form.get("text", "")).replace("\r\n", "\n"), _("Changed the text."), ""
    if action == "restore":
        version = workflow.versions.filter(number=form.get("version") or 0).first()
        if version is None:
            raise EditRefused(_("There is no such version."))
        return version.text, _("Took version %(number)d into the draft.") % {"number": version.number}, ""
    make = _ACTIONS.get(action)
    if make is None:
        raise EditRefused(_("There is no such change."))
    changes, said, step = make(draft, form)
    text = draft.text
    for one in changes:
        text = change(text, one)
    return text, said, step


Made = tuple[list[Change], str, str]


def _card(draft: Designed, form: Form) -> StepCard:
    name = form.get("step")
    found = next((card for card in draft.cards() if card.name == name), None)
    if found is None:
        raise EditRefused(_("There is no step “%(step)s” any more.") % {"step": name})
    return found


# ---- steps -----------------------------------------------------------------------------------------------------------
def _add(draft: Designed, form: Form) -> Made:
    kind, _colon, target = str(form.get("target", "")).partition(":")
    if not target:
        raise EditRefused(_("Choose what the step runs."))
    is_switch = f"{kind}:{target}" == ADDED
    if is_switch and not draft.run_offers:
        raise EditRefused(_("There is nothing that it could choose from."))
    names = [card.name for card in draft.steps]
    name = _free_name("choice" if is_switch else target, names)
    after = form.get("after") if form.get("after") in names else (names[-1] if names else None)
    if is_switch:
        value, keys = first_switch(_path_before(draft, after), draft.run_offers[0][1][0].key)
    else:
        value, keys = target, _first_values(draft, kind, target, after)
    return [AddStep(name, kind, value, after=after, keys=keys)], _("Added step %(step)s.") % {"step": name}, name


def _free_name(target: str, taken: Sequence[str]) -> str:
    """Return a name for a step that runs this: its own, with a number where that is taken."""
    name = re.sub(r"[^\w-]+", "_", target).strip("_-") or "step"
    name = f"step_{name}" if name[0].isdecimal() else name
    names = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 3))]
    return next(one for one in names if one not in taken)


def _first_values(draft: Designed, kind: str, target: str, before: str | None) -> dict[str, Json]:
    """Return what a step is given at first: what the step before it gave, or else the first input."""
    required = [one for one in taken_by(draft.registry, kind, target) if one.required]
    path = _path_before(draft, before)
    if not required or not path:
        return {}
    value = f"${{{path}}}"
    if (kind, target) == ("person", "edit"):
        return {"prompt": _("Change what you like."), "value": value}
    return {"prompt": value} if key_of(kind, required[0]) == PROMPT else {"with": {required[0].name: value}}


def _path_before(draft: Designed, before: str | None) -> str:
    return f"steps.{before}.output" if before else f"inputs.{draft.inputs[0].name}" if draft.inputs else ""


def _remove(draft: Designed, form: Form) -> Made:
    card = _card(draft, form)
    neighbour = draft.steps[card.number - 2].name if card.number > 1 else ""
    return [RemoveStep(card.name)], _("Removed step %(step)s.") % {"step": card.name}, neighbour


def _move(by: int) -> Callable[[Designed, Form], Made]:
    def move(draft: Designed, form: Form) -> Made:
        card = _card(draft, form)
        to = card.number - 1 + by
        if not 0 <= to < len(draft.steps):
            raise EditRefused(_("It stands there already."))
        return [MoveStep(card.name, to)], _("Moved step %(step)s.") % {"step": card.name}, card.name

    return move


def _set(draft: Designed, form: Form) -> Made:
    """Make a step what its card says."""
    card = _card(draft, form)
    target = str(form.get("target") or card.target)
    changes = list(_other_target(card, draft, target) if target != card.target else _values(card, form))
    if card.switch:
        changes += switch_changes(card.card, card.switch, form)
    changes += _when_and_how(card, form)
    name = str(form.get("name") or card.name).strip()
    if name != card.name:
        changes.append(RenameStep(card.name, name))
    return changes, _("Changed step %(step)s.") % {"step": name}, name


def _other_target(card: StepCard, draft: Designed, target: str) -> Iterator[Change]:
    kind, _colon, named = target.partition(":")
    yield SetKind(card.name, kind, named)
    keys, before = card.card.keys, draft.steps[card.number - 2].name if card.number > 1 else None
    wanted = _first_values(draft, kind, named, before)
    if kind in ("agent", "person") and keys.get("prompt"):
        wanted["prompt"] = keys["prompt"]
    for key in ("with", "prompt", "value", "choices"):
        if key in keys and key not in wanted:
            yield SetKey(card.name, key, None)
    for key, value in wanted.items():
        if keys.get(key) != value:
            yield SetKey(card.name, key, value)


def _values(card: StepCard, form: Form) -> Iterator[Change]:
    for field in card.fields:
        if field.rows is None or not any(name.startswith(f"{field.name}.") for name in form):
            continue
        value = field.sent(form)
        if value != _at(card.card.keys, field.key):
            yield SetKey(card.name, field.key, value)


def _when_and_how(card: StepCard, form: Form) -> Iterator[Change]:
    keys, wanted = card.card.keys, dict[str, Json]()
    if "when.value" in form and card.question is not None:
        question = _conditions(form)
        wanted["when"] = keys.get("when") if question == card.question else condition_of(question)
    if "foreach" in form and card.foreach is not None:
        wanted["foreach"] = f"${{{form['foreach']}}}" if form["foreach"] else None
    if "retry" in form:
        retry = _number(form["retry"], _("Tries again")) or None
        wanted["retry"] = keys.get("retry") if retry == card.retry else retry
        wanted["timeout"] = _number(form.get("timeout", ""), _("Seconds at most"))
        wanted["on_error"] = "continue" if form.get("goes_on") else keys.get("on_error") if not card.goes_on else None
    if "name" in form:
        waits = [name for name in card.may_wait_for if form.get(f"needs.{name}")]
        offered = card.waits_for & set(card.may_wait_for)
        if set(waits) != offered:
            wanted["needs"] = [*waits] or None
        skipped: list[Json] = [name for name in card.may_stand_in_for if form.get(f"else.{name}")]
        if set(skipped) != card.instead_of & set(card.may_stand_in_for):
            wanted["else"] = (skipped[0] if len(skipped) == 1 else skipped) or None
    for key, value in wanted.items():
        if value != keys.get(key):
            yield SetKey(card.name, key, value)


def _conditions(form: Form) -> CardConditions:
    """Return the rows of a form in which a value is chosen: the first is `when`, the others `when.1`, `when.2`, …"""
    rows = []
    for number in range(CONDITIONS_MOST):
        name = f"when.{number}" if number else "when"
        operator = str(form.get(f"{name}.operator", ""))
        operator = operator if operator in OPERATORS else OPERATORS[0]
        said = str(form.get(f"{name}.text", "")) if operator not in ("true", "not") else ""
        if value := str(form.get(f"{name}.value", "")):
            rows.append(CardCondition(value, operator, said))
    is_joined_by_or = form.get("when.joined") == "or" and len(rows) > 1
    return CardConditions(tuple(rows), "or" if is_joined_by_or else "and")


def _number(said: Any, label: str) -> Json:
    text = str(said).strip().replace(",", ".")
    if not text:
        return None
    value = typed(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EditRefused(_("“%(label)s” takes a number.") % {"label": label})
    return value


def _at(step: Mapping[str, Json], key: tuple[str, ...]) -> Json:
    value: Json = dict(step)
    for name in key:
        value = value.get(name) if isinstance(value, dict) else None
    return value


# ---- inputs and output -----------------------------------------------------------------------------------------------
def _set_input(draft: Designed, form: Form) -> Made:
    name = str(form.get("input", "")).strip()
    if not name:
        raise EditRefused(_("An input has a name."))
    known = {one.name: one for one in draft.inputs}
    former = known.get(name, InputField(name))
    said = str(form.get("default", ""))
    default = (said if former.is_text and name in known else _plain(said)) if said else None
    asked = SetInput(name, str(form.get("description", "")).strip() or None, default)
    return [asked], _("Changed input %(name)s.") % {"name": name}, ""


def _plain(said: str) -> Json:
    value = typed(said)
    return said if isinstance(value, str) else value


def _remove_input(draft: Designed, form: Form) -> Made:
    name = str(form.get("input", ""))
    return [RemoveInput(name)], _("Removed input %(name)s.") % {"name": name}, ""


def _set_output(draft: Designed, form: Form) -> Made:
    rows = rows_in(form, draft.output.name)
    return [SetTop("output", text_of(rows[:1]) if rows else None)], _("Changed the result."), ""


_ACTIONS: dict[str, Callable[[Designed, Form], Made]] = {
    "add": _add,
    "remove": _remove,
    "up": _move(-1),
    "down": _move(1),
    "set": _set,
    "input": _set_input,
    "remove-input": _remove_input,
    "output": _set_output,
}
