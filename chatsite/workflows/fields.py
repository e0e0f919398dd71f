"""What a step can be given, as fields of its card: from the arguments of the tool or function that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents import Registry
from agents.workflows.editing.choices import Argument, arguments_of
from agents.workflows.values import Json
from chatsite.workflows.values import ValueRow, rows_in, rows_of, text_of, typed

LINE_MOST = 60  # characters of a text that is shown in one line
PROMPT = ("prompt",)
PERSONS = {
    "approve": gettext_lazy("approves or declines"),
    "edit": gettext_lazy("changes a value"),
    "answer": gettext_lazy("answers a question"),
}
_FOR_PERSONS = {
    "edit": (Argument("value", "text", True, "", None, ()),),
    "answer": (Argument("choices", "list", False, "", None, ()),),
}


@dataclass(frozen=True, slots=True)
class CardField:
    """An argument with what stands in it, under its `key` in the step. `rows` has an empty one at its end where another
    piece can be added; None: it is written in a way that only the text can change."""

    key: tuple[str, ...]
    label: str
    argument: Argument
    rows: tuple[ValueRow, ...] | None
    lines: str = ""

    @property
    def name(self) -> str:
        """Return its name in a form."""
        return "field." + ".".join(self.key)

    @property
    def id(self) -> str:
        return "-".join(self.key)

    @property
    def kind(self) -> str:
        """Return how it is filled in: text (pieces and values), lines (texts, or a value), one (something typed, or a
        value)."""
        return {"text": "text", "any": "text", "list": "lines"}.get(self.argument.type, "one")

    @property
    def is_long(self) -> bool:
        return self.key == PROMPT or any("\n" in row.text or len(row.text) > LINE_MOST for row in self.rows or ())

    @classmethod
    def of(cls, key: tuple[str, ...], label: str, argument: Argument, value: Json) -> CardField:
        field = cls(key, label, argument, None)
        if field.kind == "lines" and (value is None or isinstance(value, list)):
            is_plain = all(isinstance(item, str) and "\n" not in item for item in value or ())
            return cls(key, label, argument, (ValueRow(),), "\n".join(map(str, value or ()))) if is_plain else field
        rows = rows_of(value)
        if rows is None or (field.kind != "text" and len(rows) > 1):
            return field
        if field.kind != "text":
            return cls(key, label, argument, tuple(rows or [ValueRow()]))
        is_open = not rows or rows[-1].value or key == PROMPT
        return cls(key, label, argument, (*rows, ValueRow()) if is_open else tuple(rows))

    def sent(self, form: Mapping[str, Any]) -> Json:
        """Return what the form has in it; None for nothing."""
        rows = rows_in(form, self.name)
        if self.kind == "lines" and not any(row.value for row in rows):
            said = str(form.get(f"{self.name}.lines", ""))
            lines: list[Json] = [line.strip() for line in said.splitlines() if line.strip()]
            return lines or None
        if not rows:
            return None
        if self.kind == "text":
            return text_of(rows)
        return text_of([ValueRow("", rows[0].value)]) if rows[0].value else typed(rows[0].text)


def taken_by(registry: Registry, kind: str, target: str) -> list[Argument]:
    """Return what a step that runs this is given; nothing for what the registry does not know."""
    if kind == "agent":
        return [Argument(PROMPT[0], "text", True, _("What it is asked."), None, ())]
    if kind == "person":
        prompt = Argument(PROMPT[0], "text", True, _("What the person reads."), None, ())
        return [prompt, *_FOR_PERSONS.get(target, ())]
    return list(arguments_of(kind, target, registry=registry))


def key_of(kind: str, argument: Argument) -> tuple[str, ...]:
    """Return where in a step an argument stands."""
    return (argument.name,) if kind in ("agent", "person") else ("with", argument.name)


def label_of(argument: Argument, kind: str) -> str:
    """Return what people call an argument: the names of functions and tools are their own."""
    if kind not in ("agent", "person"):
        return argument.name
    return {"prompt": _("Prompt"), "value": _("Value"), "choices": _("Choices")}[argument.name]
