"""Ends what nobody looks at: answers that wait for a confirmation that can't come any more, runs of workflows that wait
too long for a person, and whatever was under way in a process that has died.

A page that is opened sees to what is its own at once. This is for the rest, which would keep its state, and what it was
to go on with, for ever. Each is ended by one conditional UPDATE, so once, however many processes look.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.utils import timezone

from chatsite.models import HostToolCall, PromptEvaluation, Run, WorkflowRun
from chatsite.tools.approval import expire
from chatsite.workflows import running

IDLE_SECONDS = 60.0  # between two looks in the background


def end_overdue() -> int:
    """End all that is overdue; return how many have ended here."""
    now = timezone.now()
    late = HostToolCall.objects.filter(state__in=HostToolCall.PENDING, expires_at__lte=now)
    ended = Run.objects.close_lost() + expire(Run.objects.filter(pk__in=late.order_by().values("run")))
    if days := settings.WORKFLOW_WAITING_DAYS:
        ended += running.give_up_waiting(timedelta(days=days))
    ended += running.settle_lost(WorkflowRun.objects.filter(state=WorkflowRun.State.RUNNING))
    return ended + PromptEvaluation.close_lost()


def end_overdue_while_idle() -> bool:
    """Look once a minute. Return False: there is nothing to go on with."""
    global _looked_at
    if _looked_at is None or monotonic() - _looked_at >= IDLE_SECONDS:
        _looked_at = monotonic()
        end_overdue()
    return False


_looked_at: float | None = None  # by this process
