"""The calls of one run: each is begun once, and what it gives is kept for its reader alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from chatsite.models import HostToolCall, Run
from chatsite.reader import Reader
from chatsite.tools.host_tool import HostTool, LookupFailed
from chatsite.tools.results import Source, as_values, looked_up
from retrieval.searching.passages import Passage

State = HostToolCall.State
ENDS = {  # of calls that are not made now, as the model is told
    State.WAITING: "its reader has not confirmed it",
    State.REFUSED: "its reader has refused it: it was not done",
    State.EXPIRED: "it was not begun in time: it was not done",
    State.RUNNING: "it was begun and cut off: nobody can tell whether it was done, and it is not repeated",
    State.FAILED: "it failed: this could not be looked up or done",
}


@dataclass
class ToolUse:
    """What the tools of a run are called with: for whom, and what takes what they give. `number` numbers passages, and
    returns them as a model reads them."""

    run: Run
    reader: Reader
    number: Callable[[Sequence[Passage]], Sequence[dict[str, Any]]]
    has_begun: bool = False

    def asker(self) -> dict[str, Any]:
        """Return what a Context is made of."""
        user, request = self.reader.person(), copy.copy(self.reader.request)
        if request is not None:
            request.user = user  # type: ignore[assignment]  # any kind of user
        return {"user": user, "request": request, "conversation": self.run.conversation}

    def begin(self, tool: HostTool, arguments: dict[str, Any], *, turn: int, call_id: str) -> tuple[HostToolCall, bool]:
        """Return the call, and whether it is begun just now; else it was before, or was never to be.

        Raises LookupFailed for one whose reader was not asked.
        """
        self.has_begun = True
        key = {"run": self.run, "turn": turn, "call_id": call_id}
        known = HostToolCall.objects.filter(**key).first()
        if known:
            return known, _claim(known)
        if tool.approve:
            raise LookupFailed(f"{tool.name}: {ENDS[State.WAITING]}")
        with transaction.atomic():
            mark_personal(self.run)
            begun = HostToolCall.objects.create(**key, tool=tool.name, arguments=arguments, began_at=timezone.now())
        return begun, True

    def outcome(self, call: HostToolCall) -> dict[str, Any]:
        """Return what a call has given, numbered. Raises LookupFailed where it has given nothing."""
        if call.state != State.DONE:
            raise LookupFailed(f"{call.tool}: {ENDS[State(call.state)]}")
        return {"passages": list(self.number(looked_up(call.pk, call.sources)))}

    def finish(self, call: HostToolCall, sources: Iterable[Source]) -> dict[str, Any]:
        """Keep what a call has given, and return it numbered."""
        call.state, call.sources, call.ended_at = State.DONE, as_values(sources), timezone.now()
        call.save(update_fields=["state", "sources", "ended_at"])
        return self.outcome(call)

    def fail(self, call: HostToolCall) -> None:
        """Keep that a call has failed."""
        call.state, call.ended_at = State.FAILED, timezone.now()
        call.save(update_fields=["state", "ended_at"])


def mark_personal(run: Run) -> None:
    """Have the answer of a run told to its reader alone from now on."""
    if not run.personal:
        Run.objects.filter(pk=run.pk).update(personal=True)
        run.personal = True


def _claim(call: HostToolCall) -> bool:
    """Say whether a confirmed call is begun by this very caller. One that was confirmed too long ago is given up."""
    now = timezone.now()
    confirmed = HostToolCall.objects.filter(pk=call.pk, state=State.CONFIRMED)
    is_mine = bool(confirmed.filter(expires_at__gt=now).update(state=State.RUNNING, began_at=now))
    if not is_mine:
        confirmed.update(state=State.EXPIRED)
    call.refresh_from_db()
    return is_mine
