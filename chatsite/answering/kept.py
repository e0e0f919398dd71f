"""Runs that go on while nobody reads them.

A kept run is driven by a thread of its own, in the process it was asked in. What happens goes into its log, and every
reader only follows that log: whoever comes later, or again, is told all of it from the beginning. A reader whose
request meets another process follows the run's row instead, which is brought up to date once a second.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import uuid
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils import timezone
from django.utils.translation import activate, get_language

import agents
from chatsite.answering.capacity import Place, place_for_follower
from chatsite.answering.drivable import Drivable
from chatsite.answering.driving import BEAT_SECONDS
from chatsite.answering.telling import BEAT, Event, LogEntry, RowEntries, Telling, run_event
from chatsite.middleware import current_request_id
from chatsite.models import Conversation, Run
from chatsite.reader import Reader
from chatsite.tools.approval import give_up

logger = logging.getLogger(__name__)

END_SECONDS = 5.0  # that cancelled runs get to be recorded, when the process ends
UNWATCHED_SECONDS = 10.0  # after which a run that nobody follows ends where others wait for the model
FOLLOWED_SECONDS = 3.0  # how often a reader in another process says so

_lock = threading.Lock()
_here: dict[uuid.UUID, KeptRun] = {}


def _forget_after_fork() -> None:
    """Runs of the parent are driven there; its lock may be held by a thread that stayed behind."""
    global _lock, _here
    _lock, _here = threading.Lock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class KeptRun:
    """A run of this process, and the log of what happens in it."""

    def __init__(self, driving: Drivable) -> None:
        self.run = driving.run
        self._driving = driving
        self._log: list[LogEntry] = []
        self._changed = threading.Condition()
        self._ended = False
        self.is_stopping = False
        self._followers = 0
        self._left_at = time.monotonic()
        driving.is_watched = self.is_watched
        self._thread = threading.Thread(
            target=self._drive,
            args=(current_request_id.get(), get_language() or settings.LANGUAGE_CODE),
            name=f"run-{self.run.pk}",
            daemon=True,
        )

    def start(self) -> None:
        with _lock:
            _here[self.run.pk] = self
        self._thread.start()

    def _drive(self, request_id: str, language: str) -> None:
        current_request_id.set(request_id)
        activate(language)
        try:
            with closing(self._driving.entries()) as entries:
                for entry in entries:
                    if entry is not BEAT:
                        self._append(entry)
        except Exception:  # the last edge: nobody stands behind this thread
            logger.exception("run %s could not be recorded", self.run.pk)
        finally:
            with _lock:
                _here.pop(self.run.pk, None)
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            connections.close_all()

    def _append(self, entry: LogEntry) -> None:
        with self._changed:
            self._log.append(entry)
            self._changed.notify_all()

    def is_watched(self) -> bool:
        """Say whether anybody follows the run, or has until a moment ago."""
        return self.is_watched_here or bool(_watched_elsewhere([self]))

    @property
    def is_watched_here(self) -> bool:
        return self._followers > 0 or time.monotonic() - self._left_at < UNWATCHED_SECONDS

    def follow(self) -> Generator[LogEntry, None, None]:
        """Yield all that has happened, then what happens; text that came in pieces meanwhile comes as one."""
        with self._changed:
            self._followers += 1
        try:
            yield from self._follow()
        finally:
            with self._changed:
                self._followers -= 1
                self._left_at = time.monotonic()

    def _follow(self) -> Generator[LogEntry, None, None]:
        at = 0
        while True:
            with self._changed:
                if at == len(self._log) and not self._ended:
                    self._changed.wait(BEAT_SECONDS)
                fresh, ended = self._log[at:], self._ended
            at += len(fresh)
            yield from _joined(fresh)
            if ended and not fresh:
                return
            if not fresh:
                yield BEAT

    def stop(self) -> None:
        self.is_stopping = True
        self._driving.cancel()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)


def _joined(entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
    for is_text, group in groupby(entries, key=lambda entry: isinstance(entry, str)):
        if is_text:
            yield "".join(map(str, group))
        else:
            yield from group


class Follower:
    """One reader of a kept run, wherever it runs; when the reader leaves, the run goes on."""

    def __init__(self, run: Run, *, reader: Reader) -> None:
        """Raises AnswerError: 503 when this process serves as many readers as it can, 429 when this one has a share."""
        self.run = run
        self._telling = Telling(reader=reader)
        self._place: Place = place_for_follower(reader)

    def whole(self) -> dict[str, Any]:
        """Return the API's 200 body, at the run's end. Raises AnswerError."""
        for _ in self.stream():
            pass
        return self._telling.outcome()

    def stream(self) -> Generator[Event, None, None]:
        """Yield what has happened and what happens, to the run's end, or until the reader may no longer ask."""
        with _lock:
            here = _here.get(self.run.pk)
        try:
            with closing(here.follow() if here else self._row_entries()) as entries:
                yield from self._telling.events(entries)
            if not self._telling.has_ended:
                yield self._telling.break_off()
        finally:
            self._place.release()

    def _row_entries(self) -> Generator[LogEntry, None, None]:
        """Yield what the run's row tells, to its end."""
        yield run_event(self.run)
        row = RowEntries()
        runs = Run.objects.filter(pk=self.run.pk)
        followed: float | None = None
        rows = runs.select_related("conversation").prefetch_related("citations")
        while run := rows.first():
            if followed is None or time.monotonic() - followed >= FOLLOWED_SECONDS:
                followed = time.monotonic()
                runs.filter(state=Run.State.RUNNING).update(followed_at=timezone.now())
            yield from row.fresh(run)
            if run.state != Run.State.RUNNING:
                return
            runs.close_lost()
            for _ in range(2):
                yield BEAT
                time.sleep(BEAT_SECONDS)

    def cancel(self) -> None:
        """Do nothing: a beat is written soon, by which the follower learns that its reader has left."""

    def close(self) -> None:
        self._place.release()


def keep(driving: Drivable) -> Follower:
    """Let the run go on to its end by itself, and return its first reader. Raises AnswerError (503, 429)."""
    live = KeptRun(driving)
    try:
        follower = Follower(driving.run, reader=driving.question.reader)
    except BaseException:
        driving.close()
        raise
    live.start()
    return follower


def stop(run: Run) -> None:
    """End a kept run, wherever it runs: here at once, elsewhere at its next sign of life. What waits for its reader is
    not done."""
    give_up(Run.objects.filter(pk=run.pk))
    Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(stop_asked=True)
    with _lock:
        here = _here.get(run.pk)
    if here:
        here.stop()


def delete_conversation(conversation: Conversation) -> None:
    """Delete it with its answers, the links to it and the files attached to it; what is being answered is stopped."""
    for run in conversation.runs.filter(state=Run.State.RUNNING):
        stop(run)
    conversation.delete()


def make_room() -> None:
    """End the oldest run of this process that nobody follows, if there is one and none ends already: others wait for
    its place."""
    with _lock:
        running = list(_here.values())
    unwatched = [live for live in running if not live.is_watched_here]
    if any(live.is_stopping for live in running) or not unwatched:
        return
    elsewhere = _watched_elsewhere(unwatched)
    if live := next((live for live in unwatched if live.run.pk not in elsewhere), None):
        logger.info("run %s ends: nobody follows it, and others wait for its place", live.run.pk)
        live.stop()


def _watched_elsewhere(runs: Iterable[KeptRun]) -> set[uuid.UUID]:
    """Return the ids of those that a reader in another process follows, as its rows tell."""
    lately = timezone.now() - timedelta(seconds=UNWATCHED_SECONDS)
    followed = Run.objects.filter(pk__in=[live.run.pk for live in runs], followed_at__gte=lately)
    return set(followed.values_list("pk", flat=True))


def join(seconds: float) -> None:
    """Wait until the runs of this process have ended and been recorded, for so long at most."""
    until = time.monotonic() + seconds
    with _lock:
        running = list(_here.values())
    for live in running:
        live.join(max(0.0, until - time.monotonic()))


def end() -> None:
    """Cancel the runs of this process, and wait until they have been recorded."""
    if _here:
        agents.shutdown(0)
        join(END_SECONDS)


atexit.register(end)  # before the one of `agents`, which was registered first
