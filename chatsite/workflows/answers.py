"""What a run waits for, as forms, and what a person's form answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.workflows.checkpoints import Record
from agents.workflows.persons import Waiting, waiting_in
from agents.workflows.values import Json
from chatsite.workflows.run_page import Shown, shown
from retrieval.text.cleaning import with_unseen_shown

ANSWER_MOST = 200_000  # characters


@dataclass(frozen=True, slots=True)
class AskedPerson:
    """What a run waits for: its `kind` is approve, edit or answer. In what is asked, what nobody would see is written
    out; the value to change is as it is, since it comes back."""

    waiting: Waiting

    @property
    def place(self) -> str:
        return self.waiting.place

    @property
    def kind(self) -> str:
        return self.waiting.kind

    @property
    def prompt(self) -> str:
        return with_unseen_shown(self.waiting.prompt)

    @property
    def value(self) -> str:
        """Return the value to change as it stands in a field."""
        value = self.waiting.value
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    @property
    def choices(self) -> list[Shown | None]:
        choices = [shown(choice) for choice in self.waiting.choices]
        return [choice and replace(choice, text=with_unseen_shown(choice.text)) for choice in choices]


def asked_in(record: Record | None) -> list[AskedPerson]:
    """Return what a recorded run waits for."""
    return [AskedPerson(waiting) for waiting in waiting_in(record)] if record else []


def answer_in(form: Mapping[str, Any], asked: AskedPerson) -> Json:
    """Return the answer that a form holds. Raises ValueError for one that is none."""
    said = str(form.get("answer", "")).replace("\r\n", "\n")
    if len(said) > ANSWER_MOST:
        raise ValueError(asked.place)
    match asked.kind:
        case "approve":
            return {"approved": said == "yes", "comment": str(form.get("comment", "")).strip()[:ANSWER_MOST]}
        case "edit" if not isinstance(asked.waiting.value, str):
            value: Json = json.loads(said)
            return value
        case "answer" if asked.waiting.choices:
            number = int(said)
            if not 0 <= number < len(asked.waiting.choices):
                raise ValueError(asked.place)
            return asked.waiting.choices[number]
    return said
