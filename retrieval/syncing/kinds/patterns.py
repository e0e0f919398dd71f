"""Which of its entries staff want of a source: patterns of their paths, one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_PATTERNS = 50
_CHARACTERS = 200


class PatternsForm(forms.Form):
    include = forms.CharField(
        label=gettext_lazy("Only these paths"),
        required=False,
        max_length=_PATTERNS * _CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField", "spellcheck": "false"}),
        help_text=gettext_lazy("One pattern on each line, as in /guide/*. Empty: all of them."),
    )
    exclude = forms.CharField(
        label=gettext_lazy("Without these paths"),
        required=False,
        max_length=_PATTERNS * _CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField", "spellcheck": "false"}),
    )

    def clean_include(self) -> list[str]:
        return _patterns(self.cleaned_data["include"])

    def clean_exclude(self) -> list[str]:
        return _patterns(self.cleaned_data["exclude"])


def is_wanted(path: str, settings: Mapping[str, Any]) -> bool:
    """Return whether the patterns of these settings want this path."""
    include, exclude = settings.get("include") or [], settings.get("exclude") or []
    return (not include or _matches(path, include)) and not _matches(path, exclude)


def _patterns(text: str) -> list[str]:
    """Return each pattern once. Raises ValidationError."""
    found = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(found) > _PATTERNS or any(len(pattern) > _CHARACTERS for pattern in found):
        limits = {"count": _PATTERNS, "characters": _CHARACTERS}
        raise forms.ValidationError(_("Up to %(count)d patterns of up to %(characters)d characters.") % limits)
    return found


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
