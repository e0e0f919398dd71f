"""A text as cards: its steps, inputs and output, what may be picked for each, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from agents import Registry
from agents.workflows.editing.cards import Card, Cards, read_cards
from agents.workflows.editing.choices import Argument, Choices, PickableValue, Problem, choices, problems
from agents.workflows.errors import WorkflowInvalid
from agents.workflows.values import Json
from chatsite.models import Workflow, WorkflowRun, WorkflowVersion
from chatsite.reader import Reader
from chatsite.workflows.fields import PERSONS, PROMPT, CardField, key_of, label_of, taken_by
from chatsite.workflows.inputs import InputField
from chatsite.workflows.records import record_of
from chatsite.workflows.registry import registry_for
from chatsite.workflows.run_page import may_read
from chatsite.workflows.switches import ADDED, SwitchCard, switch_card
from chatsite.workflows.values import CardConditions, card_conditions_of, rows_of

CARD_KINDS = ("agent", "function", "tool", "person")  # whose cards have fields
FIELDS_MOST = 12  # of one output that are offered


@dataclass(frozen=True, slots=True)
class Offer:
    """Something a step can run: `kind:name`, and what it says of itself."""

    key: str
    name: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be picked: its path, and what people call it."""

    path: str
    label: str


@dataclass(frozen=True, slots=True)
class StepCard:
    """A step as its card shows it."""

    card: Card
    number: int
    fields: list[CardField]
    values: list[Choice]  # for its fields
    others: list[Choice]  # for its condition and its list: no item of its own
    question: CardConditions | None  # None: a condition that only the text can change
    foreach: str | None  # the path of its list; None: written out in the text
    waits_for: frozenset[str]
    may_wait_for: tuple[str, ...]
    instead_of: frozenset[str]  # it runs where all of these were skipped
    may_stand_in_for: tuple[str, ...]
    target: str  # kind:name
    is_known: bool
    problems: list[Problem]
    switch: SwitchCard | None

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def is_repeated(self) -> bool:
        return "foreach" in self.card.keys

    @property
    def is_conditional(self) -> bool:
        return bool({"when", "else"} & self.card.keys.keys())

    @property
    def retry(self) -> Json:
        """Return how often it tries again."""
        retry = self.card.keys.get("retry")
        return retry.get("times") if isinstance(retry, dict) else retry

    @property
    def timeout(self) -> Json:
        return self.card.keys.get("timeout")

    @property
    def goes_on(self) -> bool:
        """Say whether the run goes on when it fails."""
        return self.card.keys.get("on_error") == "continue"

    @property
    def is_special(self) -> bool:
        """Say whether anything stands under “Name, when and how often”."""
        is_plain = self.question == CardConditions() and self.foreach == "" and not (self.waits_for or self.instead_of)
        return not is_plain or bool(self.retry or self.timeout or self.goes_on)


class Designed:
    """A text as the designer shows it, for a reader who may pick what their registry has."""

    def __init__(self, text: str, registry: Registry, *, seen: Mapping[str, Json] | None = None) -> None:
        self.text = text
        self.registry = registry
        self._seen = seen or {}  # outputs of an earlier run, by step: what fields there are

    @cached_property
    def problems(self) -> list[Problem]:
        return problems(self.text, registry=self.registry)

    @property
    def other_problems(self) -> list[Problem]:
        """Return what is wrong with no step in particular."""
        return [one for one in self.problems if self.read is None or self.read.step(one.step) is None]

    @cached_property
    def read(self) -> Cards | None:
        """Return the text in cards; None where it is no YAML, or its steps are none."""
        return cards_in(self.text)

    @property
    def steps(self) -> tuple[Card, ...]:
        return self.read.steps if self.read else ()

    @cached_property
    def inputs(self) -> list[InputField]:
        return inputs_in(self.read)

    @property
    def output(self) -> CardField:
        argument = Argument("output", "number", False, "", None, ())
        return CardField.of(("output",), _("Result"), argument, self.read.output if self.read else None)

    def output_values(self) -> list[Choice]:
        """Return what a run can end with."""
        rows = self.output.rows or ()
        return _with_used(list(self._values(self._choices(""), None)), {row.value for row in rows})

    def cards(self) -> list[StepCard]:
        return [self._card(number, card) for number, card in enumerate(self.steps, 1)]

    @cached_property
    def offers(self) -> list[tuple[str, list[Offer]]]:
        """Return what a step can run, in groups that have a name."""
        found = self._choices("")
        groups = [
            (_("Agents"), "agent", found.agents),
            (_("Tools"), "tool", found.tools),
            (_("Functions"), "function", found.functions),
        ]
        offers = [
            (name, [Offer(f"{kind}:{one.name}", one.name, one.description if kind != "agent" else "") for one in them])
            for name, kind, them in groups
            if them
        ]
        return [*offers, (_("A person"), [Offer(f"person:{name}", str(said)) for name, said in PERSONS.items()])]

    @cached_property
    def added_offers(self) -> list[tuple[str, list[Offer]]]:
        """Return what a new step can run: the same, and a choice among them by a value."""
        return [*self.offers, (_("A choice"), [Offer(ADDED, _("by a value"))])]

    @property
    def run_offers(self) -> list[tuple[str, list[Offer]]]:
        """Return what a case of a choice can run: no person."""
        return self.offers[:-1]

    def _choices(self, step: str) -> Choices:
        text = self.text if self.read else ""
        return choices(text, step, registry=self.registry)

    # ---- one card ----
    def _card(self, number: int, card: Card) -> StepCard:
        foreach = _path_of(card.keys["foreach"]) if "foreach" in card.keys else ""
        condition = card.keys.get("when")
        question = card_conditions_of(condition) if isinstance(condition, str) else CardConditions()
        fields = self._fields(card)
        found = self._choices(card.name)
        values = list(self._values(found, foreach))
        others = [one for one in values if one.path.split(".")[0] not in ("item", "index")]
        offered = {offer.key for _name, offers in self.offers for offer in offers}
        target = f"{card.kind}:{card.target}" if card.kind in CARD_KINDS else ""
        path = _path_of(card.keys.get("switch")) if card.kind == "switch" else ""
        switch = switch_card(card, path=path, offered=offered) if card.kind == "switch" else None
        asked = {row.value for row in question.rows} if question else set[str]()
        return StepCard(
            card,
            number,
            fields,
            _with_used(values, {row.value for each in fields for row in each.rows or ()}),
            _with_used(others, {foreach or "", path or "", *asked}),
            question,
            foreach,
            frozenset(_names(card.keys.get("needs"))),
            found.steps,
            frozenset(_names(card.keys.get("else"))),
            found.skippable,
            target,
            target in offered,
            [problem for problem in self.problems if problem.step == card.name],
            switch,
        )

    def _fields(self, card: Card) -> list[CardField]:
        """Return the fields of what the step runs, and of what it is given beside: that can only be taken out."""
        if card.kind == "switch":
            argument = Argument(PROMPT[0], "text", False, _("What an agent is asked, in each case."), None, ())
            return [CardField.of(PROMPT, _("Prompt"), argument, card.keys.get(PROMPT[0]))]
        if card.kind not in CARD_KINDS:
            return []
        given = card.keys.get("with") if card.kind in ("tool", "function") else card.keys
        given = given if isinstance(given, dict) else {}
        known = taken_by(self.registry, card.kind, card.target)
        beside = given.keys() - {one.name for one in known} if given is not card.keys else ()
        unknown = [Argument(name, "any", False, "", None, ()) for name in sorted(beside)]
        return [
            CardField.of(key_of(card.kind, one), label_of(one, card.kind), one, given.get(one.name))
            for one in (*known, *unknown)
        ]

    def _values(self, found: Choices, foreach: str | None) -> Iterator[Choice]:
        """Yield the values that can be picked, those first that stand nearest."""
        for value in found.values:
            choice = _called(value)
            if value.kind == "item":
                yield from _with_fields(choice, self._item_of(foreach))
            elif value.kind == "output":
                yield from _with_fields(choice, self._seen.get(value.name))
            else:
                yield choice

    def _item_of(self, foreach: str | None) -> Json:
        """Return an item of the list with this path, as an earlier run has had it."""
        names = (foreach or "").split(".")
        seen = self._seen.get(names[1]) if names[0] == "steps" and len(names) == 3 else None
        return seen[0] if isinstance(seen, list) and seen else None


def cards_in(text: str) -> Cards | None:
    """Return a text in cards; None where it is no YAML, or its steps are none."""
    try:
        return read_cards(text)
    except WorkflowInvalid:
        return None


def inputs_in(read: Cards | None) -> list[InputField]:
    """Return the inputs that a text declares."""
    declared = read.inputs.items() if read else ()
    return [InputField(name, str(facts.get("description") or ""), facts.get("default")) for name, facts in declared]


def designed(workflow: Workflow, *, reader: Reader, version: WorkflowVersion | None = None) -> Designed:
    """Return the draft, or a version, with what this reader may pick."""
    text = version.text if version else workflow.draft
    return Designed(text, registry_for(reader), seen=_outputs(workflow, reader))


def _outputs(workflow: Workflow, reader: Reader) -> dict[str, Json]:
    """Return what the steps of the newest whole run gave, where this reader may see that; none of the chat's."""
    newest = workflow.runs.filter(state=WorkflowRun.State.COMPLETED, question=None).first()
    record = record_of(newest) if newest and may_read(newest, reader=reader) else None
    return {state.step: state.output for state in record.states.values() if state.item is None} if record else {}


def _called(value: PickableValue) -> Choice:
    path = value.path.removeprefix("${").removesuffix("}")
    names = {
        "input": _("Input: %(name)s"),
        "output": _("Result of %(name)s"),
        "approved": _("Approval: %(name)s"),
        "comment": _("Comment: %(name)s"),
        "item": _("The item"),
        "index": _("The item's number, from 0"),
    }
    label = names[value.kind]
    return Choice(path, label % {"name": value.name} if "%(name)s" in label else label)


def _with_fields(choice: Choice, seen: Json) -> Iterator[Choice]:
    """Yield a value, and those in it that an earlier run has had: of a list, those of its first item."""
    yield choice
    path, label, inner = choice.path, choice.label, seen
    if isinstance(seen, list) and seen:
        path, label, inner = f"{path}.0", _("%(value)s, the first") % {"value": label}, seen[0]
        yield Choice(path, label)
    names = [name for name in inner if name.replace("-", "_").isidentifier()] if isinstance(inner, dict) else []
    for name in names[:FIELDS_MOST]:
        yield Choice(f"{path}.{name}", f"{label}: {name}")


def _with_used(values: list[Choice], used: Iterable[str]) -> list[Choice]:
    """Return the values, and those that the text has beside them."""
    known = {choice.path for choice in values}
    return values + [Choice(path, path) for path in sorted(set(used) - known) if path]


def _path_of(value: Json) -> str | None:
    rows = rows_of(value)
    return rows[0].value if rows and len(rows) == 1 and not rows[0].text and rows[0].value else None


def _names(value: Json) -> list[str]:
    names: list[Any] = value if isinstance(value, list) else [value]
    return [name for name in names if isinstance(name, str)]
