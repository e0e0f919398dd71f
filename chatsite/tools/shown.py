"""Calls of tools as people see them: on the page, in the API, in the admin."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from chatsite.models import HostToolCall, Run
from chatsite.tools.declaring import registry
from retrieval.text.cleaning import with_unseen_shown

VALUE_CHARACTERS = 500
State = HostToolCall.State
CUT_OFF = "cut_off"  # begun, and nobody knows its end
_SAID = {
    State.WAITING: gettext_noop("Waits for you."),
    State.CONFIRMED: gettext_noop("You confirmed it. It is not done yet."),
    State.REFUSED: gettext_noop("You refused it. It was not done."),
    State.EXPIRED: gettext_noop("The time for it is over. It was not done."),
    State.RUNNING: gettext_noop("Under way…"),
    State.DONE: gettext_noop("Done."),
    State.FAILED: gettext_noop("It could not be looked up or done."),
    CUT_OFF: gettext_noop("It was begun and cut off: it can't be told whether it was done. It is not repeated."),
}


@dataclass(frozen=True, slots=True)
class ToolView:
    """One call, as its reader sees it: what with, and what has become of it. In its `arguments` what nobody would see
    is written out; `given` is what a program is told, as the tool is called with it."""

    id: uuid.UUID
    run_id: uuid.UUID
    tool: str
    title: str
    state: str
    arguments: Sequence[tuple[str, str]]
    given: Mapping[str, Any]
    milliseconds: float
    expires_at: datetime | None

    @property
    def said(self) -> str:
        """Return what has become of it, in words."""
        return _(_SAID[self.state])

    @property
    def waits(self) -> bool:
        return self.state == State.WAITING

    @property
    def goes_on(self) -> bool:
        """Say whether it was confirmed, and nobody has begun it."""
        return self.state == State.CONFIRMED

    @property
    def failed(self) -> bool:
        return self.state in (State.FAILED, CUT_OFF)

    def body(self) -> dict[str, Any]:
        """Return a call that waits as the API tells it."""
        return {
            "call_id": str(self.id),
            "tool": self.tool,
            "title": self.title,
            "arguments": dict(self.given),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "url": reverse("chatsite:api-run-decision", args=[self.run_id]),
        }


def tools_of_runs(runs: Iterable[Run]) -> dict[uuid.UUID, list[ToolView]]:
    """Return the calls of each of `runs`, in their order: in one query, and none where no tool was asked."""
    by_id = {run.pk: run for run in runs if run.personal}
    found: dict[uuid.UUID, list[ToolView]] = {}
    if by_id:
        for call in HostToolCall.objects.filter(run__in=by_id).order_by("created_at", "pk"):
            found.setdefault(call.run_id, []).append(tool_view(call, by_id[call.run_id]))
    return found


def tool_view(call: HostToolCall, run: Run) -> ToolView:
    """Return a call of `run` as it is shown."""
    took = (call.ended_at - call.began_at).total_seconds() * 1000 if call.ended_at and call.began_at else 0.0
    is_whole = call.state in HostToolCall.PENDING  # what is confirmed is seen whole
    named = ((_named(name), _plain(value)) for name, value in call.arguments.items())
    shown = ((with_unseen_shown(name), with_unseen_shown(text)) for name, text in named)
    is_cut_off = call.state == State.RUNNING and run.state != Run.State.RUNNING
    return ToolView(
        id=call.pk,
        run_id=run.pk,
        tool=call.tool,
        title=title_of(call.tool),
        state=CUT_OFF if is_cut_off else call.state,
        arguments=[(name, text if is_whole else Truncator(text).chars(VALUE_CHARACTERS)) for name, text in shown],
        given=call.arguments,
        milliseconds=round(took, 1),
        expires_at=call.expires_at,
    )


def title_of(name: str) -> str:
    """Return what readers see a tool called, also one that is no longer there."""
    tool = registry().tools.get(name)
    return tool.title if tool else _named(name)


def _named(name: str) -> str:
    return capfirst(name.replace("_", " "))


def _plain(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return _("yes") if value else _("no")
        case list():
            return ", ".join(map(_plain, value)) or "–"
        case dict():
            return ", ".join(f"{_named(str(name))}: {_plain(one)}" for name, one in value.items()) or "–"
        case _:
            return str(value)
