"""The daemon threads of a process that ingests. Whoever leaves work in the queue wakes them from here, so that nobody
needs to know what they do."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable

from django.db import close_old_connections, connections

logger = logging.getLogger(__name__)


class Worker:
    """A thread that works whenever there is something to do, and outlives everything but its process."""

    def __init__(self, name: str, *, poll_seconds: float = 1.0) -> None:
        self._name = name
        self._poll_seconds = poll_seconds
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """Begin without a thread, also in a forked child, where the parent's does not exist and its locks may be held
        for ever."""
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        """Return whether work under way should end at its next good moment."""
        return self._stopping.is_set()

    @property
    def is_running(self) -> bool:
        """Return whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, *, prepare: Callable[[], bool], work: Callable[[], bool]) -> None:
        """Start the thread; nothing happens when it runs.

        It calls `prepare` until that returns True (False: not yet), then `work` until that returns False (nothing to
        do), then waits to be woken, or for `poll_seconds`. It logs what either raises, and goes on after the wait.
        """
        with self._starting:
            if not self.is_running:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, args=[prepare, work], name=self._name, daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Look for work now. In a process whose thread isn't started nothing happens: another one polls."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """Have work under way end at its next good moment; `stop` waits for it."""
        self._stopping.set()
        self._woken.set()

    def stop(self, *, deadline: float) -> bool:
        """Ask the thread to end and wait up to `deadline` seconds. Return whether it has ended."""
        with self._starting:
            self.ask_to_stop()
            thread = self._thread
        if thread is not None:
            thread.join(deadline)
        ended = not self.is_running
        if ended:
            self._stopping.clear()
        return ended

    def _run(self, prepare: Callable[[], bool], work: Callable[[], bool]) -> None:
        yield_to_readers()
        prepared = False
        while not self.stopping:
            self._woken.clear()
            try:
                close_old_connections()
                prepared = prepared or prepare()
                if prepared and work():
                    continue
            except Exception:  # the outermost edge of this thread: a locked database or a full disk may pass
                logger.exception("%s failed; it tries again", self._name)
            self._woken.wait(self._poll_seconds)
        connections.close_all()


first = Worker("ingest")
second = Worker("ingest-others")
third = Worker("ingest-small")

others: dict[Callable[[], None], None] = {}
"""What is called as well when there is work, each once: it asks other processes to look."""


def wake() -> None:
    """Look into the queue now, when this process ingests; otherwise the process that does polls every second."""
    first.wake()
    second.wake()
    third.wake()
    for ask in others:
        ask()


def yield_to_readers() -> None:
    """Lower this thread's priority on Linux. Elsewhere the priority is the whole process's, and stays as it is."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
