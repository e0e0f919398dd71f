"""Who may draw: a few at once, of whom one document, or one reader's files, has a part, and a few who wait a moment.

Whoever asks is a thread of the server, and those are few: beyond the line it is told at once to come again.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from retrieval.errors import PagesBusy
from retrieval.models import Document
from retrieval.reasons import gettext_noop as _

SEATS, SEATS_OF_ONE = 3, 2  # children at once; asking and searching need the processor as well
WAITING, WAITING_OF_ONE = 16, 8  # a browser asks for the nine pages around a quote at once
PATIENCE_SECONDS = 5.0


class Drawer:
    """The seats of this process, and the line in front of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._drawing: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def seat(self, by: str) -> Iterator[None]:
        """Have a seat while the block runs. Raises PagesBusy when none becomes free in time, or too many wait."""
        with self._changed:
            if not (self._is_free(by) or self._wait(by)):
                raise PagesBusy(_("Too many pages are being drawn: try again in a moment."))
            self._drawing[by] += 1
        try:
            yield
        finally:
            with self._changed:
                self._drawing[by] -= 1
                self._drawing += Counter()  # forget who has none
                self._changed.notify_all()

    def _is_free(self, by: str) -> bool:
        return self._drawing.total() < SEATS and self._drawing[by] < SEATS_OF_ONE

    def _wait(self, by: str) -> bool:
        if self._waiting.total() >= WAITING or self._waiting[by] >= WAITING_OF_ONE:
            return False
        self._waiting[by] += 1
        try:
            return self._changed.wait_for(lambda: self._is_free(by), PATIENCE_SECONDS)
        finally:
            self._waiting[by] -= 1
            self._waiting += Counter()


_drawer = Drawer()


def seat_for(document: Document) -> AbstractContextManager[None]:
    """Return a seat for a document: files that a reader has attached share those of one."""
    by = f"files of {document.owner_id}" if document.collection.hidden else f"document {document.pk}"
    return _drawer.seat(by)


def _forget_after_fork() -> None:
    """Give the child seats of its own: one that was taken in the parent is never given back in it."""
    global _drawer
    _drawer = Drawer()


os.register_at_fork(after_in_child=_forget_after_fork)
