"""What the thread that ingests does beside documents, a short piece at a time. The packages that it belongs to add it
when they start.

A task does a piece of its work and returns whether it has done anything. One that fails says so in the log, and stops
nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger(__name__)

Task = Callable[[], bool]

# Each holds in order what was added, once: apps are made ready again where the list of apps changes, as in tests.
feeding: dict[Task, None] = {}
"""Those that put documents into the queue: each is done before the next document is taken."""

idle: dict[Task, None] = {}
"""Those that can wait: one is done when no document waits."""


class Companion(Protocol):
    """Something with threads of its own, which run as long as this process ingests."""

    def start(self) -> None:
        """Start them; repeating it changes nothing."""

    def stop(self, deadline: float) -> bool:
        """End them within `deadline` seconds. Return whether all have ended."""


companions: dict[Companion, None] = {}


def feed() -> bool:
    """Do a piece of each that feeds the queue. Return whether there was anything."""
    done = [_do(task) for task in feeding]
    return any(done)


def do_one_idle() -> bool:
    """Do a piece of the first that has something to do. Return False when none had."""
    return any(_do(task) for task in idle)


def _do(task: Task) -> bool:
    try:
        return task()
    except Exception:  # the outermost edge of a task: ingestion goes on whatever is done beside it
        logger.exception("What is done beside ingesting has failed")
        return False
