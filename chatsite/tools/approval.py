"""Ask the reader before a tool is called: what waits is a row, and one conditional UPDATE decides it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from agents import RunState
from agents.tools import ArgumentsInvalid
from chatsite.models import HostToolCall, Run
from chatsite.tools.host_tool import HostTool, kept_id

State = HostToolCall.State
BEGUN = (State.CONFIRMED, State.RUNNING, State.DONE, State.FAILED)
CHANGED = ("state", "decided_at", "expires_at")  # fields of a call, by a decision


def calls_to_ask(run: Run, state: RunState, *, tools: Iterable[HostTool]) -> list[HostToolCall]:
    """Return the calls of a paused run that its reader is to confirm, not saved yet. One whose arguments don't fit is
    none: the model is told so instead."""
    approved = {tool.name: tool for tool in tools if tool.approve}
    until = timezone.now() + timedelta(seconds=settings.TOOL_APPROVAL_SECONDS)
    found: dict[str, HostToolCall] = {}
    for call in state.pending:
        tool = approved.get(call.name)
        arguments = _checked(tool, call.arguments) if tool else None
        if arguments is not None:
            found[kept_id(call)] = HostToolCall(
                run=run,
                turn=state.steps,
                call_id=kept_id(call),
                tool=call.name,
                arguments=arguments,
                state=State.WAITING,
                expires_at=until,
            )
    return list(found.values())


def _checked(tool: HostTool, arguments: str) -> dict[str, Any] | None:
    try:
        return tool.checked(arguments)
    except ArgumentsInvalid:
        return None


def decisions(run: Run, state: RunState) -> Mapping[str, bool]:
    """Return which calls of a paused run may be made, by the model's id: all but those that were refused, or not
    confirmed in time. What was begun before is made no second time: its row says so."""
    rows = HostToolCall.objects.filter(run=run, turn=state.steps)
    states = dict(rows.values_list("call_id", "state"))
    allowed: dict[str, bool] = {}
    for call in state.pending:  # of those with one id, each is held back by its own row
        allowed[call.id] = allowed.get(call.id, False) or states.get(kept_id(call), State.DONE) in BEGUN
    return allowed


def decide(call: HostToolCall, *, approved: bool) -> tuple[bool, bool]:
    """Decide a call, if nobody has, and let its run go on, if nothing else of it waits. Return whether the call stands
    as decided here, by whomever; and whether it is the caller who has the run go on, and nobody else."""
    wanted = State.CONFIRMED if approved else State.REFUSED
    now = timezone.now()
    until = now + timedelta(seconds=settings.TOOL_APPROVAL_SECONDS)
    with transaction.atomic():
        Run.objects.select_for_update().filter(pk=call.run_id).first()  # two calls of one run, decided at once
        waiting = HostToolCall.objects.filter(pk=call.pk, state=State.WAITING, expires_at__gt=now)
        waiting.update(state=wanted, decided_at=now, expires_at=until)
        call.refresh_from_db(fields=CHANGED)  # it keeps its run, and that its conversation
        stands = (call.state in BEGUN) == approved and call.state != State.EXPIRED and call.state != State.WAITING
        if not stands or HostToolCall.objects.filter(run=call.run_id, state=State.WAITING).exists():
            return stands, False
        paused = Run.objects.filter(pk=call.run_id, state=Run.State.WAITING, stop_asked=False)
        goes_on = paused.update(state=Run.State.RUNNING, kept=True, checked_at=now)
    return stands, bool(goes_on)


def give_up(runs: QuerySet[Run]) -> None:
    """End those of `runs` that wait, as their readers want: nothing of what they wait for is done."""
    now = timezone.now()
    for pk in runs.filter(state=Run.State.WAITING).values_list("pk", flat=True):
        with transaction.atomic():
            Run.objects.select_for_update().filter(pk=pk).first()
            ended = Run.objects.filter(pk=pk, state=Run.State.WAITING)
            if ended.update(state=Run.State.CANCELLED, error="cancelled", ended_at=now, paused=None):
                _pending([pk]).update(state=State.REFUSED, decided_at=now)


def give_up_confirmed(run: Run) -> None:
    """Note that what was confirmed and not begun when its run ended is not done."""
    HostToolCall.objects.filter(run=run, state=State.CONFIRMED).update(state=State.EXPIRED)


def expire(runs: QuerySet[Run]) -> int:
    """End those of `runs` that waited too long, and say so in their calls; return how many."""
    now = timezone.now()
    pending = HostToolCall.objects.filter(run=OuterRef("pk"), state__in=HostToolCall.PENDING, expires_at__gt=now)
    late = runs.filter(~Exists(pending), state=Run.State.WAITING)
    ended = 0
    for pk in list(late.order_by().values_list("pk", flat=True)):
        with transaction.atomic():
            Run.objects.select_for_update().filter(pk=pk).first()
            closed = Run.objects.filter(~Exists(pending), pk=pk, state=Run.State.WAITING)
            if closed.update(state=Run.State.CANCELLED, error="approval_expired", ended_at=now, paused=None):
                _pending([pk]).update(state=State.EXPIRED, decided_at=now)
                ended += 1
    return ended


def _pending(runs: Collection[uuid.UUID]) -> QuerySet[HostToolCall]:
    return HostToolCall.objects.filter(run__in=runs, state__in=HostToolCall.PENDING)
