"""Runs that go on while nobody reads them.

A kept run is driven by a thread of its own, in the process it was asked in. What happens goes into its log, and every
reader only follows that log: whoever comes later, or again, is told all of it from the beginning. A reader whose
request meets another process follows the run's row instead, which is brought up to date once a second.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import uuid
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import groupby

from django.conf import settings
from django.db import connections
from django.utils.translation import activate, get_language

import agents
from chatsite.answering.answering import BEAT_SECONDS, Answering
from chatsite.answering.telling import BEAT, Event, Retelling, run_event
from chatsite.asking.capacity import Place, place_for_follower
from chatsite.middleware import current_request_id
from chatsite.models import Run
from retrieval.models import User

logger = logging.getLogger(__name__)

SAVE_SECONDS = 5.0  # that cancelled runs get to be recorded, when the process ends

_lock = threading.Lock()
_here: dict[uuid.UUID, LiveRun] = {}


class LiveRun:
    """A run of this process and its log: pieces of text as they came, and all other events."""

    def __init__(self, answering: Answering) -> None:
        self.run = answering.run
        self._answering = answering
        self._log: list[str | Event] = []
        self._changed = threading.Condition()
        self._ended = False
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
            with closing(self._answering.stream()) as events:
                for event in events:
                    if event is not BEAT:
                        self._tell(event.body["text"] if event.name == "text" else event)
        except Exception:  # the last edge: nobody stands behind this thread
            logger.exception("run %s could not be recorded", self.run.pk)
        finally:
            with _lock:
                _here.pop(self.run.pk, None)
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            connections.close_all()

    def _tell(self, entry: str | Event) -> None:
        with self._changed:
            self._log.append(entry)
            self._changed.notify_all()

    def follow(self) -> Generator[Event, None, None]:
        """All that has happened, then what happens; text that came in pieces meanwhile comes as one."""
        at = 0
        while True:
            with self._changed:
                if at == len(self._log) and not self._ended:
                    self._changed.wait(BEAT_SECONDS)
                fresh, ended = self._log[at:], self._ended
            at += len(fresh)
            yield from _merged(fresh)
            if ended and not fresh:
                return
            if not fresh:
                yield BEAT

    def stop(self) -> None:
        self._answering.cancel()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)


def _merged(entries: Iterable[str | Event]) -> Iterator[Event]:
    for is_text, group in groupby(entries, key=lambda entry: isinstance(entry, str)):
        if is_text:
            yield Event("text", {"text": "".join(map(str, group))})
        else:
            yield from (entry for entry in group if isinstance(entry, Event))


class Follower:
    """One reader of a kept run, wherever it runs; when it leaves, the run goes on."""

    def __init__(self, run: Run, *, user: User) -> None:
        """Raises AnswerError (503) when this process serves as many readers as it can."""
        self._run = run
        self._user = user
        self._place: Place = place_for_follower()

    def stream(self) -> Generator[Event, None, None]:
        with _lock:
            here = _here.get(self._run.pk)
        try:
            yield from here.follow() if here else self._retell()
        finally:
            self._place.release()

    def _retell(self) -> Generator[Event, None, None]:
        """From the run's row, to its end."""
        yield run_event(self._run)
        retelling = Retelling(user=self._user)
        runs = Run.objects.filter(pk=self._run.pk)
        told = runs.select_related("conversation__embed_site__reader").prefetch_related("citations")
        while run := told.first():
            yield from retelling.tell(run)
            if run.state != Run.State.RUNNING:
                return
            runs.close_lost()
            for _ in range(2):
                yield BEAT
                time.sleep(BEAT_SECONDS)

    def cancel(self) -> None:
        """It writes a beat soon, and so learns by itself that its reader has left."""

    def close(self) -> None:
        self._place.release()


def keep(answering: Answering, *, user: User) -> Follower:
    """Let the run go on to its end by itself, and give its first reader."""
    live = LiveRun(answering)
    try:
        follower = Follower(answering.run, user=user)
    except BaseException:
        answering.close()
        raise
    live.start()
    return follower


def stop(run: Run) -> None:
    """End a kept run, wherever it runs: here at once, elsewhere at its next sign of life."""
    Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(stop_asked=True)
    with _lock:
        here = _here.get(run.pk)
    if here:
        here.stop()


def join(seconds: float) -> None:
    """Wait until the runs of this process have ended and been recorded."""
    until = time.monotonic() + seconds
    with _lock:
        running = list(_here.values())
    for live in running:
        live.join(max(0.0, until - time.monotonic()))


def end() -> None:
    """Cancel the runs of this process, and wait until they have been recorded."""
    if _here:
        agents.shutdown(0)
        join(SAVE_SECONDS)


atexit.register(end)  # before the one of `agents`, which was registered first
