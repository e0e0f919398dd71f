"""Starts published workflows by themselves: at their time, and for each document that has become ready.

Whoever ingests looks what is due. A trigger is taken by moving its `next_due` on, in one UPDATE that only one process
wins: so it runs once, and what was missed while nothing ran is made up for by one run. Documents wait in a table until
the run for them has begun, so none is lost where there is no place for a run.
"""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime, timedelta, tzinfo
from time import monotonic
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from agents.workflows.values import Json
from chatsite.models import ReadyDocument, WorkflowRun, WorkflowTrigger, WorkflowVersion
from chatsite.reader import Reader
from chatsite.workflows import running
from chatsite.workflows.cards import cards_in, inputs_in
from chatsite.workflows.inputs import InputsForm
from chatsite.workflows.starter import may_run
from retrieval.models import Document
from retrieval.moments import next_day, next_hour

logger = logging.getLogger(__name__)

DOCUMENTS_A_MINUTE = 12  # runs of one trigger for documents: bounds a workflow that adds documents itself
AGAIN = timedelta(seconds=30)  # until a trigger that found no place for a run is tried again
LOOK_SECONDS = 5.0  # after which a look for triggers is repeated: another process may have added one
TAKEN = 20  # triggers in one piece of work
DOCUMENT_INPUTS = ("document_id", "document_title")
Kind = WorkflowTrigger.Kind


class TriggerRefused(Exception):
    """It can't run until somebody changes something; the message says what."""


# ---- when it is due --------------------------------------------------------------------------------------------------
def next_due(trigger: WorkflowTrigger, *, after: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the first moment after that one at which it is due, by a clock in `zone`, the site's where none is given;
    of documents, from when on it may run again."""
    if trigger.kind == Kind.DOCUMENT:
        return after.astimezone(UTC) + timedelta(minutes=1) / DOCUMENTS_A_MINUTE
    if trigger.kind == Kind.HOUR:
        return next_hour(trigger.at, after=after, zone=zone)
    weekday = None if trigger.kind == Kind.DAY else trigger.weekday
    return next_day(trigger.at, after=after, weekday=weekday, zone=zone)


# ---- what has become ready -------------------------------------------------------------------------------------------
def is_document_awaited() -> bool:
    """Say whether any trigger waits for documents. Whoever ingests has looked for what is due just before, and a look
    that is so recent counts: for each document of a long queue nothing is looked up twice."""
    look: TriggerLook | None = getattr(_last, "look", None)
    if look is None or look.change != _changes or monotonic() - look.at > LOOK_SECONDS:
        return _waiting().exists()
    return look.is_awaited


def _waiting() -> QuerySet[WorkflowTrigger]:
    return WorkflowTrigger.objects.filter(kind=Kind.DOCUMENT, active=True).order_by()


class TriggerLook(NamedTuple):
    """What a thread saw when it last looked for triggers, and after how many changes of them in this process."""

    at: float
    change: int
    is_awaited: bool


_last = threading.local()
_changes = 0


@receiver([post_save, post_delete], sender=WorkflowTrigger, dispatch_uid="chatsite.workflows.triggers")
def note_change(**signal: Any) -> None:
    """Look anew, whichever thread is next: somebody has changed a trigger."""
    global _changes
    _changes += 1


def note_document(document: Document, *, changed: bool, **signal: Any) -> None:
    """Receive `document_ready`: note the document for each trigger that waits for one like it."""
    if not changed:
        return
    waiting = _waiting().filter(Q(collection=None) | Q(collection=document.collection_id))
    ready = [ReadyDocument(trigger=trigger, document_id=document.pk) for trigger in waiting]
    if ready and not document.collection.hidden:
        ReadyDocument.objects.bulk_create(ready, ignore_conflicts=True)


# ---- running what is due ---------------------------------------------------------------------------------------------
def run_due(*, now: datetime | None = None) -> bool:
    """Begin the runs that are due. Return whether any has begun."""
    now = now or timezone.now()
    ready = Exists(ReadyDocument.objects.filter(trigger=OuterRef("pk")))
    active = WorkflowTrigger.objects.filter(active=True).annotate(has_ready=ready)
    change = _changes
    triggers = list(active.select_related("workflow", "run_as").order_by("next_due", "pk"))
    _last.look = TriggerLook(monotonic(), change, any(trigger.kind == Kind.DOCUMENT for trigger in triggers))
    due = [one for one in triggers if one.next_due <= now and (one.has_ready or one.kind != Kind.DOCUMENT)][:TAKEN]
    begun = [_take(trigger, now=now) for trigger in due]
    return any(begun)


def _take(trigger: WorkflowTrigger, *, now: datetime) -> bool:
    """Run it unless another process does; return whether a run has begun."""
    row = WorkflowTrigger.objects.filter(pk=trigger.pk, active=True)
    if not row.filter(next_due=trigger.next_due).update(next_due=next_due(trigger, after=now)):
        return False
    try:
        run = _begin(trigger)
    except running.TooManyRuns as refusal:
        row.update(next_due=now + AGAIN, error=str(refusal))
        return False
    except TriggerRefused as refusal:
        logger.warning("workflow %s runs no longer by itself: %s", trigger.workflow.slug, refusal)
        row.update(active=False, error=str(refusal))
        return False
    if run is not None:
        row.update(last_run=run, error="")
    return run is not None


def _begin(trigger: WorkflowTrigger) -> WorkflowRun | None:
    """Begin a run with the rights of now; None where no document is left that its user may read. Raises TooManyRuns and
    TriggerRefused."""
    reader = Reader(trigger.run_as).now()
    if reader is None:
        raise TriggerRefused(_("%(user)s may not sign in any more.") % {"user": trigger.run_as})
    if not may_run(reader):
        raise TriggerRefused(_("%(user)s may not run workflows any more.") % {"user": trigger.run_as})
    version = trigger.workflow.published()
    if version is None:
        raise TriggerRefused(_("Nothing is published yet."))
    ready = None
    if trigger.kind == Kind.DOCUMENT:
        readable = reader.documents().listed()
        trigger.ready_documents.exclude(document__in=readable).delete()
        ready = trigger.ready_documents.select_related("document").first()
        if ready is None:
            return None
    inputs = _inputs(trigger, version, ready.document if ready else None)
    run = running.begin(trigger.workflow, version=version, inputs=inputs, reader=reader)
    if ready:
        ready.delete()  # only now: a process that is killed in between runs for it again
    return run


def _inputs(trigger: WorkflowTrigger, version: WorkflowVersion, document: Document | None) -> dict[str, Json]:
    """Return what a run of this version is given. Raises TriggerRefused."""
    given = dict(trigger.inputs)
    if document:
        given |= dict(zip(DOCUMENT_INPUTS, (document.pk, document.title), strict=True))
    form = inputs_form(version, given)
    if faults := form.faults():
        raise TriggerRefused(" ".join(faults))
    return form.values()


def inputs_form(version: WorkflowVersion, given: dict[str, Json]) -> InputsForm:
    """Return the form of what a version is given, with these values, by name, in it."""
    fields = inputs_in(cards_in(version.text))
    sent = {
        field.key: value if isinstance(value := given[field.name], str) else json.dumps(value, ensure_ascii=False)
        for field in fields
        if field.name in given
    }
    return InputsForm(fields, sent)
