"""Sources that are due are taken by whoever ingests, or by the command, each by one of them at a time.

A source is taken by writing a token of one's own into its row, in one UPDATE that one process wins. Its run has a
thread of its own, so one that hangs holds up neither the others nor documents that wait: it loses its token, and what
it does later is not written. A lease that shows no sign of life ends, as those of documents do.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import DatabaseError, connections
from django.db.models import Q, QuerySet
from django.utils import timezone

from retrieval.configuration import runtime
from retrieval.ingestion import ingest, queue
from retrieval.ingestion.worker import Worker, yield_to_readers
from retrieval.models import SyncedSource, SyncRun
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _
from retrieval.syncing.running import Running
from retrieval.syncing.schedule import LONGEST, next_due

logger = logging.getLogger(__name__)

AT_ONCE = 4  # runs of one process
STUCK_SECONDS = 900.0  # without an entry: longer than any download of the kinds here may take
_BEAT_SECONDS = 20.0
SITE, COMMAND = "site", "command"
_DIED = Reason(_("Its process ended."))
State = SyncRun.State


def due(now: datetime) -> QuerySet[SyncedSource]:
    """Return the sources that are due and not under way, those due longest first."""
    passed = Q(next_due__lte=now) | Q(next_due__gt=now + LONGEST)
    return SyncedSource.objects.filter(passed, active=True, token="").order_by("next_due", "pk")


def ask_for(source: SyncedSource) -> None:
    """Have the source looked at as soon as somebody has time; one that is paused stays so."""
    SyncedSource.objects.filter(pk=source.pk, active=True).update(next_due=timezone.now())


def take(source: SyncedSource, *, holder: str) -> SyncRun | None:
    """Take the source unless another process does. Return its new run, whose source has the token."""
    token = uuid.uuid4().hex
    row = SyncedSource.objects.filter(pk=source.pk, token="", active=True)
    if not row.update(token=token, holder=holder, lease_until=timezone.now() + queue.lease()):
        return None
    _end_runs(source.pk)  # of a process that was killed
    source.token = token
    return SyncRun.objects.create(source=source)


def give_back(source: SyncedSource, *, state: str) -> None:
    """Let go of the source, and note when it is due again: at once where its run did not come to its end, but not again
    and again, for it may be what ends the process."""
    now = timezone.now()
    last = list(source.runs.values_list("error", flat=True)[: queue.ATTEMPTS])
    again = state == State.INTERRUPTED and last != [_DIED] * queue.ATTEMPTS
    at = now if again else next_due(source, after=now)
    ours = SyncedSource.objects.filter(pk=source.pk, token=source.token)
    ours.update(token="", holder="", lease_until=None, next_due=at)


def run_now(source: SyncedSource, *, stopping: Callable[[], bool] = lambda: False) -> SyncRun | None:
    """Look at the source in this thread. Return the run at its end; None when another one is under way."""
    run = take(source, holder=COMMAND)
    return None if run is None else _run(Running(source, run, stopping=stopping))


def take_back() -> None:
    """Free what a former process of the site had in hand; only for the one process that may ingest."""
    _free(SyncedSource.objects.filter(holder=SITE).exclude(token=""))


class Runs:
    """The runs of one process, each on a thread of its own. One thread calls `work`."""

    def __init__(self, *, stopping: Callable[[], bool] = lambda: False, holder: str = SITE) -> None:
        self._stopping = stopping
        self._holder = holder
        self._under_way: dict[int, tuple[threading.Thread, Running]] = {}
        self._left: dict[int, threading.Thread] = {}  # that hung, and were given up
        self._leases = queue.Leases()
        self._beat_at = 0.0

    def work(self) -> bool:
        """Begin what is due, show that what is under way lives, and give up what hangs. Return False: the next look is
        at the next second."""
        for pk, (thread, running) in list(self._under_way.items()):
            if not thread.is_alive():
                del self._under_way[pk]
            elif time.monotonic() - running.progressed_at > STUCK_SECONDS:
                del self._under_way[pk]
                self._left[pk] = thread
                _give_up(running)
        self._left = {pk: thread for pk, thread in self._left.items() if thread.is_alive()}
        if time.monotonic() - self._beat_at > _BEAT_SECONDS:
            self._beat_at = time.monotonic()
            self._beat()
        free = AT_ONCE - len(self._under_way)
        if free > 0 and not self._stopping():
            for source in due(timezone.now()).exclude(pk__in=[*self._left]).select_related("collection")[:free]:
                self._begin(source)
        return False

    def join(self, seconds: float) -> bool:
        """Wait for the runs to end. Return whether all have."""
        until = time.monotonic() + seconds
        for thread, _running in self._under_way.values():
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread, _running in self._under_way.values())

    def _begin(self, source: SyncedSource) -> None:
        run = take(source, holder=self._holder)
        if run is None:
            return
        running = Running(source, run, stopping=self._stopping)
        thread = threading.Thread(target=_run_on_thread, args=[running], name=f"source-{source.pk}", daemon=True)
        self._under_way[source.pk] = (thread, running)
        thread.start()

    def _beat(self) -> None:
        until = timezone.now() + queue.lease()
        for _thread, running in self._under_way.values():
            ours = SyncedSource.objects.filter(pk=running.source.pk, token=running.source.token)
            ours.update(lease_until=until)
        others = SyncedSource.objects.exclude(token="").exclude(pk__in=[*self._under_way])
        signs = {pk: (token, at) for pk, token, at in others.values_list("pk", "token", "lease_until")}
        _free(others.filter(pk__in=self._leases.ended(signs)))


class SourceThreads:
    """The runs of a process that ingests: a companion of its lanes."""

    def __init__(self) -> None:
        self._worker = Worker("sources", poll_seconds=2.0)
        self._runs = Runs(stopping=lambda: self._worker.stopping)

    def start(self) -> None:
        self._worker.start(prepare=self._prepare, work=self._runs.work)

    def stop(self, deadline: float) -> bool:
        until = time.monotonic() + deadline
        self._worker.ask_to_stop()
        ended = self._runs.join(deadline)
        return self._worker.stop(deadline=max(0.0, until - time.monotonic())) and ended

    def _prepare(self) -> bool:
        if not ingest.may_ingest():
            return False
        if not runtime().settings.qdrant_url:  # one process ingests at a time, so no other one runs sources
            take_back()
        return True


source_threads = SourceThreads()


def _run_on_thread(running: Running) -> None:
    yield_to_readers()
    try:
        _run(running)
    except DatabaseError:  # the outermost edge of this thread; its lease ends, and the source is taken up again
        logger.exception("The database did not answer while the source %s was looked at", running.source.pk)
    finally:
        connections.close_all()


def _run(running: Running) -> SyncRun:
    run = running.follow()
    give_back(running.source, state=run.state)
    return run


def _give_up(running: Running) -> None:
    """Take the source from a run that hangs; it is due again by its schedule."""
    logger.warning("The source %s hangs: its run is given up", running.source.pk)
    reason = Reason(_("It did not get on for %(minutes)s minutes, and was given up."), minutes=int(STUCK_SECONDS // 60))
    _end_runs(running.source.pk, state=State.FAILED, reason=reason)
    give_back(running.source, state=State.FAILED)


def _free(sources: QuerySet[SyncedSource]) -> None:
    for source in sources:
        _end_runs(source.pk)
        give_back(source, state=State.INTERRUPTED)


def _end_runs(pk: int, *, state: State = State.INTERRUPTED, reason: Reason = NO_REASON) -> None:
    left = SyncRun.objects.filter(source=pk, state=State.RUNNING)
    left.update(state=state, error=reason or _DIED, ended_at=timezone.now())
