"""What one version of a prompt changes against another: its settings, and its instructions line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.translation import gettext as _

from chatsite.answering.assistant import MANNER
from chatsite.models import PromptVersion

SETTINGS = ("model", "temperature", "max_tokens", "reasoning")
KEPT, REMOVED, ADDED = "kept", "removed", "added"
SIGNS = {KEPT: " ", REMOVED: "−", ADDED: "+"}


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of the instructions: kept, removed or added."""

    kind: str
    text: str

    @property
    def sign(self) -> str:
        return SIGNS[self.kind]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the model that differs: its name and what it was and is, as it is shown."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All that differs; `lines` are empty where the instructions are the same."""

    settings: Sequence[Setting]
    lines: Sequence[ChangedLine]

    def __bool__(self) -> bool:
        return bool(self.settings or self.lines)

    def __str__(self) -> str:
        """Return them in one line, for a history."""
        said = [f"{setting.name}: {setting.before} → {setting.after}" for setting in self.settings]
        counts = [f"{sign}{sum(line.kind == kind for line in self.lines)}" for kind, sign in list(SIGNS.items())[:0:-1]]
        return "; ".join([*said, *([_("instructions: %s lines") % " ".join(counts)] if self.lines else [])])


def changes(before: PromptVersion, after: PromptVersion) -> Changes:
    """Return what `after` says otherwise than `before`."""
    fields = {field.name: str(field.verbose_name) for field in PromptVersion._meta.fields}
    settings = [
        Setting(fields[name], _shown(before, name), _shown(after, name))
        for name in SETTINGS
        if getattr(before, name) != getattr(after, name)
    ]
    written = [(one.instructions.strip() or MANNER).splitlines() for one in (before, after)]
    return Changes(settings, list(_lines(*written)) if written[0] != written[1] else [])


def _shown(version: PromptVersion, name: str) -> str:
    value: Any = getattr(version, name)
    return _("as the settings say") if value in ("", None) else str(value)


def _lines(before: list[str], after: list[str]) -> Iterator[ChangedLine]:
    """Yield all lines of both, in order: what was removed stands before what was added in its place."""
    for tag, start, end, start_after, end_after in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (ChangedLine(KEPT, text) for text in before[start:end])
            continue
        yield from (ChangedLine(REMOVED, text) for text in before[start:end])
        yield from (ChangedLine(ADDED, text) for text in after[start_after:end_after])
