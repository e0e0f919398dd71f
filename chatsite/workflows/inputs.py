"""The form of what a run is given: a field for each input that the steps declare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from agents.workflows.values import Json

VALUE_MOST = 100_000  # characters


@dataclass(frozen=True, slots=True)
class InputField:
    """An input: its default is a value of the kind it takes; None: it must be given, as text."""

    name: str
    description: str = ""
    default: Json = None

    @property
    def key(self) -> str:
        """Return its name in a form."""
        return f"input.{self.name}"

    @property
    def is_text(self) -> bool:
        return self.default is None or isinstance(self.default, str)

    @property
    def shown(self) -> str:
        """Return the default as it stands in its field."""
        if self.default is None:
            return ""
        return self.default if isinstance(self.default, str) else json.dumps(self.default, ensure_ascii=False)


class InputsForm:
    """The inputs, and what was sent for them."""

    def __init__(self, fields: list[InputField], sent: Mapping[str, Any] | None = None) -> None:
        self.fields = fields
        self._sent = sent or {}

    def rows(self) -> Iterator[tuple[InputField, str]]:
        """Yield each field with what stands in it."""
        for field in self.fields:
            yield field, str(self._sent.get(field.key, field.shown))

    def faults(self) -> list[str]:
        """Return a sentence for each field that is wrong."""
        return [fault for field in self.fields if (fault := self._fault(field))]

    def is_valid(self) -> bool:
        return not self.faults()

    def values(self) -> dict[str, Json]:
        """Return what the run is given."""
        return {field.name: self._value(field) for field in self.fields}

    def _text(self, field: InputField) -> str:
        return str(self._sent.get(field.key, "")).replace("\r\n", "\n")

    def _value(self, field: InputField) -> Json:
        text = self._text(field)
        if not text.strip():
            return "" if field.default is None else field.default
        value: Json = text if field.is_text else json.loads(text)
        return value

    def _fault(self, field: InputField) -> str:
        text = self._text(field)
        if len(text) > VALUE_MOST:
            return _("“%(name)s” is too long.") % {"name": field.name}
        if not text.strip() and field.default is None:
            return _("“%(name)s” is missing.") % {"name": field.name}
        try:
            self._value(field)
        except ValueError:
            return _("“%(name)s” must be like %(example)s.") % {"name": field.name, "example": field.shown}
        return ""
