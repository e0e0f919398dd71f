"""The forms of a source: what all have, and what its kind asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retrieval.models import Collection, SyncedSource
from retrieval.syncing.declaring import DocumentSource, source_kinds
from retrieval.syncing.secrets import has_credentials, secret_fields

if TYPE_CHECKING:
    SourceModelForm = forms.ModelForm[SyncedSource]
else:
    SourceModelForm = forms.ModelForm

SETTINGS_CHARACTERS = 50_000
Every = SyncedSource.Every


def kinds_offered() -> list[tuple[str, Any, Any]]:
    """Return the name, the label and the explanation of each kind."""
    return [(name, kind.label or capfirst(name), kind.help) for name, kind in source_kinds().items()]


class SyncedSourceForm(SourceModelForm):
    class Meta:
        model = SyncedSource
        fields = ["name", "every", "at", "weekday"]
        widgets = {
            "name": forms.TextInput(attrs={"class": "vTextField"}),
            "at": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "weekday": forms.Select(choices=[("", "---------"), *WEEKDAYS.items()]),
        }
        help_texts = {
            "at": gettext_lazy("In the site’s time zone. Of every hour the minutes count; empty is midnight."),
        }

    def __init__(self, *args: Any, collection: Collection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.collection = collection

    def clean_name(self) -> str:
        """Return the name. Raises ValidationError when another source of the collection has it."""
        name: str = self.cleaned_data["name"]
        others = SyncedSource.objects.filter(collection=self.instance.collection, name=name)
        if others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another source of this collection has that name."))
        return name

    def clean_weekday(self) -> int | None:
        weekday: int | None = self.cleaned_data["weekday"]
        if weekday is not None and weekday not in WEEKDAYS:
            raise forms.ValidationError(_("There is no such weekday."))
        return weekday


class UnshownTextarea(forms.Textarea):
    """For a secret of several lines, which stands in no page."""

    def format_value(self, value: Any) -> None:
        return None


def unshown(widget: forms.Widget) -> forms.Widget:
    """Return a widget that takes the same, and shows nothing of what it was given."""
    if isinstance(widget, forms.PasswordInput):
        return widget
    if isinstance(widget, forms.Textarea):
        return UnshownTextarea(widget.attrs)
    return forms.PasswordInput(widget.attrs)


class KindForm:
    """The form of a kind, filled from a source: nothing secret is shown, and what is left empty of it stays, as long as
    nothing else changes: else it could be sent to another place by somebody who doesn't know it."""

    def __init__(self, kind: type[DocumentSource], data: Any, stored: dict[str, Any]) -> None:
        self._stored = stored
        named = secret_fields(kind, stored)
        self._secret = [*named, *(name for name in stored if name not in named and has_credentials(stored[name]))]
        shown = {name: value for name, value in stored.items() if name not in self._secret}
        initial = {name: "\n".join(value) if isinstance(value, list) else value for name, value in shown.items()}
        self.form = kind.Form(data, prefix="of", initial=initial)
        for name in [name for name in self._secret if name in self.form.fields]:
            field = self.form.fields[name]
            if name in named:
                field.widget = unshown(field.widget)
            if stored.get(name):
                field.required = False

    def settings(self) -> dict[str, Any] | None:
        """Return what the form was given, for the source's row; None when something is wrong, which the form says."""
        if not self.form.is_valid():
            return None
        cleaned = dict(self.form.cleaned_data)
        others = {name: value for name, value in cleaned.items() if name not in self._secret}
        is_same = all(self._stored.get(name) == value for name, value in others.items())
        for name in self._secret:
            if cleaned.get(name) or not self._stored.get(name):
                continue
            if not is_same:
                self.form.add_error(name, _("Give it again, for something else has changed."))
                return None
            cleaned[name] = self._stored[name]
        try:
            text = json.dumps(cleaned)
        except TypeError:
            self.form.add_error(None, _("What this form gives can’t be stored: its clean methods must return JSON."))
            return None
        if len(text) > SETTINGS_CHARACTERS:
            self.form.add_error(None, _("That is too much text."))
            return None
        return cleaned
