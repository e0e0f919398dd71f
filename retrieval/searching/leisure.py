"""Whether a search may take its time: while it is the only one of this process, and for so long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

MILLISECONDS = 150  # from its beginning

Spare = Callable[[], bool]
"""Whether there is time to read another passage."""


class Searches:
    """Counts the searches of this process, so that one knows whether another waits for the processor."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._count = 0

    @contextmanager
    def one(self, *, milliseconds: float) -> Iterator[Spare]:
        """Count a search. Yield what says whether it may take its time: for so long, and while it is the only one; of
        0 milliseconds, always."""
        ends = perf_counter() + milliseconds / 1000
        self._add(1)
        try:
            yield lambda: not milliseconds or (self._count == 1 and perf_counter() < ends)
        finally:
            self._add(-1)

    def _add(self, number: int) -> None:
        with self._counting:
            self._count += number
