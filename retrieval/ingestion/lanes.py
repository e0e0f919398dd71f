"""Two lanes of one process that ingests: one takes whatever comes next, the other small files while that is held up.

A book of a thousand pages takes minutes, and whoever attached a page meanwhile doesn't wait for it. As long as the
first lane gets on, the second one rests: documents taken together share the embedder's batches.
"""

from __future__ import annotations

import time

from django.db import InterfaceError, OperationalError

from retrieval.ingestion import batch, queue, worker
from retrieval.ingestion.worker import Worker
from retrieval.models import Document
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _

HELD_UP_SECONDS = 2.0  # about what a batch of small documents takes
SMALL_BYTES = batch.BYTES_AT_ONCE


class Lane:
    """Takes documents to their end, some at a time. One thread uses it."""

    def __init__(self, worker: Worker, *, largest: int | None = None) -> None:
        self.worker = worker
        self._largest = largest
        self._left_in_hand: list[Document] = []  # by a database that did not answer
        self._began: float | None = None

    def ingest_next(self) -> bool:
        """Claim a document, or a few short ones, and take them to their end, good or bad. Return False when none is
        due, or none can be done now.

        Raises a database error; what it left in hand goes back into the queue at the next call.
        """
        while self._left_in_hand:
            queue.release(self._left_in_hand[-1], reason=Reason(_("The database did not answer.")))
            self._left_in_hand.pop()
        documents = queue.claim(most=batch.DOCUMENTS_AT_ONCE, size=batch.BYTES_AT_ONCE, largest=self._largest)
        if not documents:
            return False
        self._began = time.monotonic()
        try:
            return batch.take_to_their_end(documents, stopping=lambda: self.worker.stopping)
        except (OperationalError, InterfaceError):
            self._left_in_hand.extend(documents)
            raise
        finally:
            self._began = None

    @property
    def is_held_up(self) -> bool:
        """Return whether what it has in hand takes long."""
        began = self._began
        return began is not None and time.monotonic() - began > HELD_UP_SECONDS


first = Lane(worker.first)
second = Lane(worker.second, largest=SMALL_BYTES)
