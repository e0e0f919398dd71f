"""The ingestion queue is the documents' own rows: claim some, show signs of life, give them back.

Any number of workers claim: rows are locked in one order and looked at again, so one of them wins each. Wall clocks
jump, so a lease doesn't end at a time of day: it ends when its row has not changed for `lease_seconds` of this
process's own monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import accumulate

from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from retrieval.configuration import runtime
from retrieval.errors import EmbeddingUnavailable, RetrievalError
from retrieval.models import Document
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _
from retrieval.signals import document_failed, tell

ATTEMPTS = 3
# A reader waits for a file attached to a conversation: of one owner's documents those come first.
_TURN = Window(RowNumber(), partition_by="owner", order_by=["attempts", "-collection__hidden", "pk"])
_STOPPED = _("It stopped the process that was reading it %(times)s times.")
RETRY_AFTER = timedelta(seconds=5)  # when the index or the embedding address doesn't answer, and doesn't say more


class Superseded(Exception):
    """The document was deleted, asked for again, or taken over while it was being ingested: this attempt is void."""


class Leases:
    """Finds the leases of other workers that are over: those whose sign of life has stopped changing, as seen from
    here."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[object, float]] = {}

    def ended(self, signs: Mapping[int, object]) -> list[int]:
        """Return the keys of those `signs` (the last sign of life of each row) that have been the same for
        `lease_seconds`."""
        now, before = time.monotonic(), self._seen
        self._seen = {
            key: before[key] if key in before and before[key][0] == sign else (sign, now) for key, sign in signs.items()
        }
        return [key for key, (_, since) in self._seen.items() if now - since >= runtime().settings.lease_seconds]


_leases = Leases()


def due() -> Q:
    """Return the condition for rows whose `lease_until` lets them be taken now. A time further ahead than any that is
    set was set by a clock that has been put back since."""
    now = timezone.now()
    return Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gt=now + lease())


def lease() -> timedelta:
    """Return how long a row belongs to whoever took it: longer than the parser may take, the longest time without a
    sign."""
    return timedelta(seconds=runtime().settings.lease_seconds)


def pause_after(error: RetrievalError) -> timedelta:
    """Return how long a document that met this error waits: as long as the embedding address asked for, else a few
    seconds."""
    asked = error.retry_after if isinstance(error, EmbeddingUnavailable) else 0.0
    return min(max(RETRY_AFTER, timedelta(seconds=asked)), lease())


def requeue(documents: QuerySet[Document]) -> int:
    """Queue the documents as their next generation; searches see the live one until then. Return how many they are."""
    return documents.update(
        state=Document.State.QUEUED,
        generation=F("generation") + 1,
        attempts=0,
        progress=0,
        error=NO_REASON,
        lease_until=None,
        updated_at=timezone.now(),
    )


def claim(*, most: int = 1, size: int = 0, among: Q | None = None) -> list[Document]:
    """Return the next documents that are due, which are this process's until their lease ends: the least tried first,
    and of those the first of every owner, then the second of every owner, so that nobody waits for all of another's.
    Those of one turn come as they were put in: a file that is attached is not ahead of the staff's for ever.

    They are up to `most`, as long as their files hold no more than `size` bytes together, or one; of an embedded index,
    which has no other worker, one more of the collections' documents, to be read ahead. The smaller come first among
    them. `among` leaves out others. A document that was tried before comes alone: it may have ended its process, and
    with that the tries of those beside it.
    """
    _take_over()
    while True:
        waiting = Document.objects.filter(due(), among or Q(), state=Document.State.QUEUED)
        found = list(
            waiting.select_related("collection").annotate(turn=_TURN).order_by("attempts", "turn", "pk")[:most]
        )
        if not found:
            return []
        if found[0].attempts >= ATTEMPTS:
            reason = found[0].error or Reason(_STOPPED, times=ATTEMPTS)
            if _waiting(found[:1]).update(state=Document.State.FAILED, error=reason, lease_until=None):
                _failed(found[0], state=Document.State.FAILED)
        elif taken := _take(_together(found, size=size)):
            return taken


def _together(found: Sequence[Document], *, size: int) -> list[Document]:
    if found[0].attempts:
        return [found[0]]
    least = 1 if runtime().settings.qdrant_url or found[0].collection.hidden else 2
    totals = accumulate(document.size for document in found)
    together = [
        document
        for place, (document, total) in enumerate(zip(found, totals, strict=True))
        if not document.attempts and (place < least or total <= size)
    ]
    return sorted(together, key=lambda document: document.size > size)


def _take(documents: Sequence[Document]) -> list[Document]:
    """Return those of them that nobody else was faster to take."""
    with transaction.atomic():
        free = set(_waiting(documents).select_for_update().order_by("pk").values_list("pk", flat=True))
        Document.objects.filter(pk__in=free).update(
            state=Document.State.PROCESSING,
            attempts=F("attempts") + 1,
            lease_until=timezone.now() + lease(),
            progress=0,
        )
    taken = [document for document in documents if document.pk in free]
    for document in taken:
        document.attempts, document.progress = document.attempts + 1, 0
    return taken


def _waiting(documents: Sequence[Document]) -> QuerySet[Document]:
    """Return the rows that wait, unchanged since these documents were read."""
    return Document.objects.filter(due(), _as_read(documents), state=Document.State.QUEUED)


def claimed(*documents: Document) -> QuerySet[Document]:
    """Return the rows that these attempts own."""
    return Document.objects.filter(_as_read(documents), state=Document.State.PROCESSING)


def _as_read(documents: Sequence[Document]) -> Q:
    alike: dict[tuple[int, int], list[int]] = {}
    for document in documents:
        alike.setdefault((document.generation, document.attempts), []).append(document.pk)
    unchanged = Q(pk__in=[])
    for (generation, attempts), keys in alike.items():
        unchanged |= Q(pk__in=keys, generation=generation, attempts=attempts)
    return unchanged


def renew(documents: Sequence[Document]) -> set[int]:
    """Show a sign of life of each. Return the keys of those that are still these attempts' own."""
    ours = claimed(*documents)
    if ours.update(lease_until=timezone.now() + lease()) == len(documents):
        return {document.pk for document in documents}
    return set(ours.values_list("pk", flat=True))


def show(documents: Sequence[Document], *, percent: int) -> None:
    """Show how far these documents are."""
    claimed(*documents).update(progress=percent)


def release(document: Document, *, reason: Reason, after: timedelta | None = None) -> None:
    """Put the document back into the queue; this attempt doesn't count."""
    not_before = timezone.now() + after if after else None
    queued = Document.State.QUEUED
    claimed(document).update(state=queued, attempts=F("attempts") - 1, lease_until=not_before, progress=0, error=reason)


def retry(document: Document, *, reason: Reason) -> None:
    """Put the document back into the queue; after the last attempt it has failed."""
    if document.attempts >= ATTEMPTS:
        fail(document, reason=reason)
    else:
        claimed(document).update(state=Document.State.QUEUED, lease_until=None, progress=0, error=reason)


def fail(document: Document, *, reason: Reason, state: Document.State = Document.State.FAILED) -> None:
    """Take the document out of the queue until its file is replaced or someone asks for it again."""
    if claimed(document).update(state=state, lease_until=None, progress=0, error=reason):
        _failed(document, state=state)


def _failed(document: Document, *, state: Document.State) -> None:
    """Tell of it, and remove the file of a failed document that a reader attached: nobody can do anything with it but
    attach it again, and readers' broken files would fill the disk. Staff's stay: they may be read better by another
    version."""
    tell(document_failed, document=document)
    if state == Document.State.FAILED and document.collection.hidden and not document.live_generation:
        document.file.storage.delete(str(document.file.name))
        Document.objects.filter(pk=document.pk, generation=document.generation).update(size=0)


def take_back() -> int:
    """Queue what a former process had in hand; only for the one process that may ingest."""
    in_hand = Document.objects.filter(state=Document.State.PROCESSING)
    return in_hand.update(state=Document.State.QUEUED, lease_until=None, progress=0)


def _take_over() -> None:
    """Queue what other workers had in hand when they died."""
    in_hand = Document.objects.filter(state=Document.State.PROCESSING)
    rows = {pk: (attempts, until) for pk, attempts, until in in_hand.values_list("pk", "attempts", "lease_until")}
    for pk in _leases.ended(rows):
        attempts, until = rows[pk]
        dead = in_hand.filter(pk=pk, attempts=attempts, lease_until=until)
        dead.update(state=Document.State.QUEUED, lease_until=None, progress=0)
