"""Reasons for a person: a template in English and its values, put into a language when somebody looks.

Standard library only: a child process that parses makes reasons as well, and imports nothing of Django.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Value: TypeAlias = "str | int | float | Reason"


def gettext_noop(template: str) -> str:
    """Return `template` as it is; `makemessages` finds the texts that are marked with this name."""
    return template


class Reason(str):
    """A sentence in English that knows what it was made from; `message()` gives it in the active language.

    Values are named in the template as `%(name)s`. A number is a quantity and is grouped (5,000,000); what is none (a
    port, a line) is given as text. A value may be a reason itself. Without values the template is the sentence.
    """

    template: str
    values: dict[str, Value]

    def __new__(cls, template: str = "", /, **values: Value) -> Reason:
        """Make the sentence of a template marked with `gettext_noop`. Raises KeyError when a value is missing."""
        texts = {name: _in_english(value) for name, value in values.items()}
        reason = super().__new__(cls, template % texts if values else template)
        reason.template, reason.values = template, values
        return reason

    def message(self) -> str:
        """Return the sentence in the active language; in English where there is no translation."""
        from django.utils.translation import gettext

        if not self.template:
            return ""
        template = gettext(self.template)
        return template % {name: _localised(value) for name, value in self.values.items()} if self.values else template

    def to_text(self) -> str:
        """Return it for `from_text`, in a row or from another process: JSON, but without values the sentence itself."""
        return json.dumps(self._plain(), ensure_ascii=False) if self.values else str(self)

    @classmethod
    def from_text(cls, text: str) -> Reason:
        """Return the reason that `to_text` wrote; any other text is a reason without values."""
        return cls._made(json.loads(text)) if text.startswith('{"template": ') else cls(text)

    def _plain(self) -> dict[str, Any]:
        values = {name: value._plain() if isinstance(value, Reason) else value for name, value in self.values.items()}
        return {"template": self.template, "values": values}

    @classmethod
    def _made(cls, plain: dict[str, Any]) -> Reason:
        values = {
            name: cls._made(value) if isinstance(value, dict) else value for name, value in plain["values"].items()
        }
        return cls(plain["template"], **values)


NO_REASON = Reason()


def _in_english(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _localised(value: Value) -> str:
    from django.utils.formats import number_format

    if isinstance(value, Reason):
        return value.message()
    return (
        value
        if isinstance(value, str)
        else number_format(f"{value:g}" if isinstance(value, float) else value, force_grouping=True)
    )
