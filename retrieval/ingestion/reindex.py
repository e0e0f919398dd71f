"""Bring an index to what SQL holds, a short piece at a time, while searches and ingestion go on.

A repair does it to the live index; a switch fills another one beside it. Nothing is parsed: live chunks are in SQL.
What an index holds already is asked of the index, so whatever was killed goes on where it was.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from retrieval.configuration import Space, runtime
from retrieval.errors import RetrievalError
from retrieval.ingestion import points
from retrieval.ingestion.queue import Leases, due, lease, pause_after
from retrieval.ingestion.spaces import live_counts, live_fingerprint, live_space, switch
from retrieval.ingestion.worker import wake
from retrieval.models import Chunk, Document, Reindex
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _

CHUNKS_AT_ONCE = 64  # about a second of MiniLM: how long a stop, or the next uploaded document, may have to wait
_leases = Leases()
_under_way: dict[tuple[int, str], Iterator[None]] = {}  # by request and process: a forked child begins its own


# ---- what others call ------------------------------------------------------------------------------------------------


def request_reindex() -> Reindex:
    """Ask for the index that the settings want, beside the live one; searches switch to it when it is complete.
    Repeating it changes nothing."""
    return _request(Reindex.Kind.SWITCH)


def request_repair() -> Reindex:
    """Ask for the live index to be compared with SQL, and for what is missing or left over to be put right."""
    return _request(Reindex.Kind.REPAIR)


def cancel_reindex() -> bool:
    """Take the request back; what was built is dropped. Return False when there is none, or it has switched already."""
    return bool(Reindex.objects.filter(kind=Reindex.Kind.SWITCH, switched_at=None).update(cancelled=True))


def progress() -> list[Reason]:
    """Return one line for a person about each request under way."""
    return [describe(request) for request in Reindex.objects.all()]


def describe(request: Reindex) -> Reason:
    """Return one line for a person: how far the request is, and why it waits."""
    if request.switched_at:
        switched = _("Searches have switched to the index %(name)s; the former one is removed soon.")
        return Reason(switched, name=request.fingerprint)
    repairing = request.kind == Reindex.Kind.REPAIR
    line = Reason(_("Repairing the index")) if repairing else Reason(_("Building the new index"))
    if request.total:
        counts = {"done": request.done, "total": request.total}
        line = Reason(_("%(what)s: %(done)s of %(total)s chunks"), what=line, **counts)
    return Reason(_("%(what)s. It waits: %(fault)s"), what=line, fault=request.error) if request.error else line


def advance() -> bool:
    """Do one short piece of what was requested. Return False when nothing is, or none of it can be done now."""
    requests = list(Reindex.objects.all())
    others = {row.pk: (row.owner, row.lease_until) for row in requests if row.owner not in ("", _me())}
    dead = _leases.ended(others)
    for request in requests:
        if (request.pk in others and request.pk not in dead) or not _own(request):
            continue
        key = (request.pk, _me())
        work = _under_way.pop(key, None) or _work(request)
        try:
            next(work)
        except StopIteration:
            return True
        except RetrievalError as error:
            _wait(request, pause_after(error), reason=error.reason)
        else:
            _under_way[key] = work
            return True
    return False


def take_back() -> None:
    """Free what a former process worked on; only for the one process that may ingest."""
    Reindex.objects.exclude(owner="").update(owner="", lease_until=None)


def differs(space: Space) -> bool:
    """Return whether this index holds more or fewer points than SQL has live chunks: cheap, and blind to drift that
    evens out."""
    return space.index.count() != Chunk.objects.filter(generation=F("document__live_generation")).count()


def drift(space: Space) -> Drift:
    """Return how this index differs from SQL.

    The index is asked first, then what is on its way, then what is live: whatever goes live or begins meanwhile is no
    drift.
    """
    holdings = space.index.holdings()
    in_hand = Document.objects.filter(state__in=[Document.State.QUEUED, Document.State.PROCESSING])
    coming = set(in_hand.values_list("pk", "generation"))
    live = live_counts()
    surplus: dict[int, int] = {}
    for (document_id, generation), held in holdings.items():
        key = (document_id, generation)
        if held > live.get(key, 0) and (key in live or key not in coming):
            surplus[document_id] = max(surplus.get(document_id, 0), generation)
    missing = {
        key: total for key, total in live.items() if holdings.get(key, 0) < total or key[1] <= surplus.get(key[0], -1)
    }
    return Drift(holdings, sum(live.values()), missing, surplus)


@dataclass(frozen=True)
class Drift:
    """What an index `holds`, and what it should: `total` chunks. `missing` is what it lacks, (document, generation):
    chunks. `surplus` is what is left over in it, document: the generation up to which its points must go. Points newer
    than the live generation go with the live ones, which then come back."""

    holds: Mapping[tuple[int, int], int]
    total: int
    missing: Mapping[tuple[int, int], int]
    surplus: Mapping[int, int]

    def __str__(self) -> str:
        """Return one line for a person."""
        documents = len({document_id for document_id, _ in self.missing})
        return (
            f"Missing or short in the index: {documents:,} documents, {sum(self.missing.values()):,} chunks. "
            f"Left over in it: points of {len(self.surplus):,} documents."
        )


# ---- the work --------------------------------------------------------------------------------------------------------


def _request(kind: Reindex.Kind) -> Reindex:
    request, created = Reindex.objects.get_or_create(kind=kind)
    if not created:
        Reindex.objects.filter(pk=request.pk, switched_at=None).update(cancelled=False, lease_until=None)
    transaction.on_commit(wake)
    return request


def _me() -> str:
    return f"{socket.gethostname()[:200]}:{os.getpid()}"


def _own(request: Reindex) -> bool:
    """Take the request, if it is this process's already, its owner died, or it is nobody's and due. Return whether it
    is this process's now."""
    unchanged = Reindex.objects.filter(pk=request.pk, owner=request.owner, lease_until=request.lease_until)
    if not request.owner:
        unchanged = unchanged.filter(due())
    return bool(unchanged.update(owner=_me(), lease_until=timezone.now() + lease()))


def _wait(request: Reindex, time: timedelta, *, reason: Reason) -> None:
    Reindex.objects.filter(pk=request.pk).update(owner="", lease_until=timezone.now() + time, error=reason)


def _work(request: Reindex) -> Iterator[None]:
    """Do all of the request; each `next` does a short piece."""
    request.refresh_from_db()
    if request.switched_at:
        yield from _leave(request)
    elif request.cancelled:
        _drop(request.fingerprint)
        request.delete()
    elif target := _target(request):
        yield from _fill(request, target)
    else:
        request.delete()


def _target(request: Reindex) -> Space | None:
    """Return the space to fill; None when the live one is what the settings ask for. Raises EmbeddingUnavailable."""
    if request.kind == Reindex.Kind.REPAIR:
        return live_space()
    target = runtime().space()
    if request.fingerprint not in ("", target.fingerprint):  # the settings have changed again
        _drop(request.fingerprint)
    if target.fingerprint == live_fingerprint():
        return None
    Reindex.objects.filter(pk=request.pk).update(fingerprint=target.fingerprint)
    request.fingerprint = target.fingerprint
    return target


def _drop(fingerprint: str) -> None:
    """Drop this index, unless searches ask it."""
    if fingerprint not in ("", live_fingerprint()):
        runtime().forget(fingerprint)


def _fill(request: Reindex, target: Space) -> Iterator[None]:
    """Put right what differs, round after round, until a round finds nothing: documents change meanwhile."""
    row = Reindex.objects.filter(pk=request.pk)
    while not _is_void(request, target):
        found = drift(target)
        done = found.total - sum(found.missing.values())
        row.update(done=done, total=found.total, error=NO_REASON)
        if not found.missing and not found.surplus:
            if request.kind == Reindex.Kind.REPAIR:
                row.delete()
                return
            if switch(request, to=target, holdings=found.holds):
                _wait(request, timedelta(seconds=runtime().settings.drop_after_seconds), reason=NO_REASON)
                return
        for document_id, generation in found.surplus.items():
            target.index.remove(document_id, up_to_generation=generation)
        for chunks in _batches(sorted(found.missing)):
            if _is_void(request, target):
                return
            _put(chunks, target)
            done = min(done + len(chunks), found.total)
            row.update(done=done, total=found.total, error=NO_REASON, lease_until=timezone.now() + lease())
            yield
        yield


def _is_void(request: Reindex, target: Space) -> bool:
    """Return whether filling `target` has no purpose any more. The request is then begun again, and either ended or
    given another target."""
    if request.kind == Reindex.Kind.REPAIR:
        return target.fingerprint != live_fingerprint()
    return Reindex.objects.filter(pk=request.pk, cancelled=True).exists()


def _batches(keys: Sequence[tuple[int, int]]) -> Iterator[list[Chunk]]:
    """Yield the chunks of these (document, generation), about CHUNKS_AT_ONCE at a time: short documents share a
    batch."""
    batch: list[Chunk] = []
    for document_id, generation in keys:
        position = 0
        while True:  # by slices: no cursor stays open while something is written
            ahead = Chunk.objects.filter(document=document_id, generation=generation, position__gte=position)
            chunks = list(ahead.select_related("document").order_by("position")[:CHUNKS_AT_ONCE])
            batch += chunks
            if len(batch) >= CHUNKS_AT_ONCE:
                yield batch
                batch = []
            if len(chunks) < CHUNKS_AT_ONCE:
                break
            position = chunks[-1].position + 1
    if batch:
        yield batch


def _put(chunks: Sequence[Chunk], space: Space) -> None:
    documents = [chunk.document for chunk in chunks]
    texts = [
        points.ranking_text(document.title, headings=chunk.headings, text=chunk.searched_text)
        for chunk, document in zip(chunks, documents, strict=True)
    ]
    vectors = points.embed(texts, space=space)
    space.index.upsert(
        [
            points.point(chunk, document, text=text, vector=vector)
            for chunk, document, text, vector in zip(chunks, documents, texts, vectors, strict=True)
        ]
    )


def _leave(request: Reindex) -> Iterator[None]:
    """Drop the index that searches have left, after those under way have ended."""
    _drop(request.former)
    request.delete()
    yield
