"""Three lanes of one process that ingests: one takes whatever comes next, the others what else there is while that is
held up.

A book of a thousand pages takes minutes, and nobody else waits for it: the second lane takes documents of other owners,
attached files only where the first has none in hand, so that ten of one reader never stand in front of staff's. The
third takes small files, whosever they are. As long as the first lane gets on, the others rest: documents taken together
share the embedder's batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError
from django.db.models import Q

from retrieval.ingestion import batch, queue, worker
from retrieval.ingestion.worker import Worker
from retrieval.models import Document
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _

HELD_UP_SECONDS = 2.0  # about what a batch of small documents takes
SMALL_BYTES = batch.BYTES_AT_ONCE


class Lane:
    """Takes documents to their end, some at a time. One thread uses it."""

    def __init__(self, worker: Worker, *, among: Callable[[], Q] = Q) -> None:
        self.worker = worker
        self._among = among
        self._in_hand: Sequence[Document] = ()
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
        documents = queue.claim(most=batch.DOCUMENTS_AT_ONCE, size=batch.BYTES_AT_ONCE, among=self._among())
        if not documents:
            return False
        self._began, self._in_hand = time.monotonic(), tuple(documents)
        try:
            return batch.take_to_their_end(documents, stopping=lambda: self.worker.stopping)
        except (OperationalError, InterfaceError):
            self._left_in_hand.extend(documents)
            raise
        finally:
            self._began, self._in_hand = None, ()

    @property
    def is_held_up(self) -> bool:
        """Return whether what it has in hand takes long."""
        began = self._began
        return began is not None and time.monotonic() - began > HELD_UP_SECONDS

    def others(self) -> Q:
        """Return the condition for documents of other owners than those it has in hand, and for staff's alone where
        that is a file that a reader attached."""
        in_hand = self._in_hand
        owners = {document.owner_id for document in in_hand}
        theirs = Q(owner__in=owners - {None}) | (Q(owner=None) if None in owners else Q(pk__in=()))
        attached = any(document.collection.hidden for document in in_hand)
        return ~theirs & (Q(collection__hidden=False) if attached else Q())


first = Lane(worker.first)
second = Lane(worker.second, among=first.others)
third = Lane(worker.third, among=lambda: Q(size__lte=SMALL_BYTES))
