"""Fields of the API's wire format: stricter than the framework's own about what a JSON value is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.fields import empty


class TextField(serializers.CharField):
    """A string of valid Unicode; unlike `CharField` it takes no numbers."""

    default_error_messages = {
        "invalid": gettext_lazy("Must be a string."),
        "surrogate": gettext_lazy("Holds half of a surrogate pair, which is not a character; send valid Unicode."),
        "blank": gettext_lazy("Must not be empty."),
        "required": gettext_lazy("Is required."),
        "max_length": gettext_lazy("Has more characters than the limit of {max_length:,}. Send a shorter text."),
    }

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            data.encode()
        except UnicodeEncodeError:
            self.fail("surrogate")
        if not data.strip():
            self.fail("blank")
        return str(super().to_internal_value(data))


class ParameterField(serializers.CharField):
    """Text in an address; the blanks around it are left out."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, min_length=1, **kwargs)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer, which 5.0 is as well; unlike `IntegerField` it takes no strings, other floats or booleans."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is float and data.is_integer():
            data = int(data)
        if type(data) is not int:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class CommaSeparatedField(serializers.CharField):
    """Values divided by commas, as the address of a page carries them."""

    pattern = r"^[^\x00]*$"
    most = 10_000  # characters of all together
    default_error_messages = {
        "null": gettext_lazy("Holds a NUL character; leave it out."),
        "too_long": gettext_lazy("Has more characters than the limit of {most:,}. Name fewer."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        text = str(super().to_internal_value(data))  # checked here: validators are given the list
        if "\x00" in text:
            self.fail("null")
        if len(text) > self.most:
            self.fail("too_long", most=self.most)
        return [part.strip() for part in text.split(",") if part.strip()]


class FlagField(serializers.BooleanField):
    """A JSON boolean; unlike `BooleanField` it takes no strings or numbers."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class LanguageField(serializers.CharField):
    """A language by its ISO 639-1 code."""

    default_error_messages = {"invalid": "Must be a code of ISO 639-1 in small letters, like en."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not re.fullmatch("[a-z]{2}", data):
            self.fail("invalid")
        return data


class IdsField(CommaSeparatedField):
    """Whole numbers divided by commas."""

    pattern = r"^\s*([0-9]{1,18}\s*)?(,\s*([0-9]{1,18}\s*)?)*$"

    default_error_messages = {"number": gettext_lazy("Must be whole numbers, divided by commas.")}

    def to_internal_value(self, data: Any) -> Any:
        """Return them as numbers."""
        values = super().to_internal_value(data)
        if not all(value.isdecimal() and value.isascii() and len(value) < 19 for value in values):
            self.fail("number")
        return [int(value) for value in values]


class MomentField(serializers.DateTimeField):
    """A moment of ISO 8601; one without an offset is taken in the site's time zone."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            moment: datetime = super().to_internal_value(value)
        except OverflowError:  # year 1 with an offset lies before the first year there is
            self.fail("invalid", format="YYYY-MM-DDThh:mm[:ss][+HH:MM|-HH:MM|Z]")
        return moment


class FormIdField(serializers.UUIDField):
    """A UUID in a form, where an empty value is not one left out."""

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, empty)


# ---- what narrows a search -------------------------------------------------------------------------------------------
def slugs_field(help_text: str) -> serializers.ListField:
    """Return a field for slugs of collections: one at least, where it is sent."""
    return serializers.ListField(
        child=TextField(max_length=120), allow_empty=False, min_length=1, max_length=100, required=False,
        help_text=help_text,
    )  # fmt: skip


def document_ids_field(help_text: str) -> serializers.ListField:
    """Return a field for ids of documents: one at least, where it is sent."""
    return serializers.ListField(
        child=WholeNumberField(min_value=1, max_value=2**63 - 1),
        allow_empty=False, min_length=1, max_length=1000, required=False, help_text=help_text,
    )  # fmt: skip


def languages_field(help_text: str) -> serializers.ListField:
    """Return a field for languages: one at least, where it is sent."""
    return serializers.ListField(
        child=LanguageField(), allow_empty=False, min_length=1, max_length=50, required=False, help_text=help_text
    )
