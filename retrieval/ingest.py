"""From an uploaded file to searchable chunks. The Document row is the queue; what is killed starts again.

No transaction spans parsing, embedding or a call to the index. The points of a new generation enter the index first,
then one short transaction makes that generation the live one, and the outbox takes the points of older ones out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
import shutil
import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files import File
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from retrieval import chunking, points, queue, reindex, spaces
from retrieval.chunking import Piece, estimate_tokens, split
from retrieval.configuration import Space, runtime
from retrieval.errors import (
    DiskFull,
    DuplicateContent,
    IndexUnavailable,
    NeedsOcr,
    ParsingError,
    QuotaExceeded,
    RetrievalError,
)
from retrieval.extraction import Extracted, clean
from retrieval.models import Chunk, Collection, Document, IndexRemoval
from retrieval.parsing import parse
from retrieval.points import chunk_id
from retrieval.queue import Superseded
from retrieval.quota import check_quota
from retrieval.sources import Origin
from retrieval.spaces import live_space
from retrieval.worker import Worker

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from retrieval.embedding import Vectors

logger = logging.getLogger(__name__)

_POINTS_AT_ONCE = 200
_left_in_hand: list[Document] = []  # by a database that did not answer
_REPORT_SECONDS = 0.5  # between two signs of life


class _Stopping(Exception):
    """The process ends: the document goes back into the queue."""


class _SpaceChanged(Exception):
    """Searches switched to another index while the document was ingested for the one before."""


# ---- what others call ------------------------------------------------------------------------------------------------


def add_document(
    collection: Collection,
    *,
    file: File[bytes],
    filename: str,
    title: str | None = None,
    owner: AbstractBaseUser | None = None,
    origin: Origin | None = None,
) -> tuple[Document, bool]:
    """Queue a file: its document, and whether it is new. A collection holds the same content once: adding it again
    gives the document that holds it, and tries it again under this name if it had failed.

    Raises QuotaExceeded when the owner may not store that much.
    """
    digest = sha256(file)
    filename = _name(filename)
    title = (title or filename.rpartition(".")[0] or filename)[:300]
    same = Document.objects.filter(collection=collection, content_hash=digest)
    if existing := same.first():
        if same.filter(state=Document.State.FAILED).update(filename=filename, title=title):
            enqueue(existing)
        return existing, False
    document = Document(
        collection=collection,
        title=title,
        filename=filename,
        owner_id=owner.pk if owner is not None else None,
        content_hash=digest,
        size=file.size,
        **dataclasses.asdict(origin or Origin()),
    )
    document.file.save(filename, file, save=False)
    try:
        with transaction.atomic():
            check_quota(owner, adding=document.size)
            document.save()
    except IntegrityError:  # added twice at once
        document.file.delete(save=False)
        return same.get(), False
    except QuotaExceeded:
        document.file.delete(save=False)
        raise
    transaction.on_commit(wake)
    return document, True


def replace_file(document: Document, *, file: File[bytes], filename: str | None = None) -> bool:
    """Give the document another file, its next generation. False when the content is what it was.

    Raises DuplicateContent when another document of its collection holds that content, QuotaExceeded when it is more
    than the document's owner may still store.
    """
    digest, former = sha256(file), document.file.name
    if digest == document.content_hash:
        return False
    document.file.save(document.filename, file, save=False)
    row = Document.objects.filter(pk=document.pk)
    try:
        with transaction.atomic():
            check_quota(document.owner, adding=file.size - document.size)
            name = _name(filename or document.filename)
            row.update(file=document.file.name, filename=name, content_hash=digest, size=file.size)
            queue.requeue(row)
    except QuotaExceeded:
        document.file.delete(save=False)
        raise
    except IntegrityError as error:
        document.file.delete(save=False)
        raise DuplicateContent(f"Another document of {document.collection} has the same content.") from error
    transaction.on_commit(partial(document.file.storage.delete, str(former)))
    transaction.on_commit(wake)
    document.refresh_from_db()
    return True


def enqueue(document: Document) -> None:
    """Ingest the document again, as its next generation; until then searches see the live one."""
    queue.requeue(Document.objects.filter(pk=document.pk))
    document.refresh_from_db()
    transaction.on_commit(wake)


def enqueue_all(documents: QuerySet[Document]) -> int:
    """The same for many at once: how many they are."""
    count = queue.requeue(documents)
    transaction.on_commit(wake)
    return count


def ingest_next() -> bool:
    """Claim one document and take it to its end, good or bad. False when none is due, or none can be done now.

    A database error is raised; the document it left in hand goes back into the queue at the next call.
    """
    while _left_in_hand:
        queue.release(_left_in_hand[-1], reason="The database did not answer.")
        _left_in_hand.pop()
    document = queue.claim()
    if document is None:
        return False
    try:
        return _take_to_its_end(document)
    except (OperationalError, InterfaceError):
        _left_in_hand.append(document)
        raise


def _take_to_its_end(document: Document) -> bool:
    try:
        _ingest(document)
    except Superseded:
        logger.info("Document %s changed while it was ingested", document.pk)
        _discard(document)
    except (_Stopping, _SpaceChanged):
        queue.release(document, reason="")
    except IndexUnavailable as error:
        logger.warning("Document %s waits: %s", document.pk, error)
        queue.release(document, reason=str(error), after=queue.RETRY_AFTER)
        return False
    except NeedsOcr as error:
        queue.fail(document, reason=str(error), state=Document.State.NEEDS_OCR)
    except ParsingError as error:
        queue.fail(document, reason=str(error))
    except RetrievalError as error:
        queue.retry(document, reason=str(error))
    except (OperationalError, InterfaceError) as error:  # locked, full, restarted: no fault of the document
        reason = f"The database did not take it: {str(error).strip().partition(chr(10))[0]}."
        queue.release(document, reason=reason, after=queue.RETRY_AFTER)
        return False
    except Exception:  # the outermost edge of one ingestion: no document may stop the others
        logger.exception("Ingesting document %s failed", document.pk)
        queue.retry(document, reason="An unexpected error, which the server's log describes.")
    return True


def drain_removals() -> bool:
    """Take the points that the outbox names out of every index that may hold them. Whether all of them are gone."""
    removals = list(IndexRemoval.objects.all()[:1000])
    try:
        indexes = [space.index for space in spaces.held_spaces()] if removals else []
        for removal in removals:
            gone = True
            for index in indexes:
                index.remove(removal.document_id, up_to_generation=removal.up_to_generation)
                gone &= not index.count(removal.document_id, up_to_generation=removal.up_to_generation)
            if gone:
                removal.delete()
    except IndexUnavailable as error:
        logger.warning("Points of deleted documents wait in the index: %s", error)
        return False
    return not removals or not IndexRemoval.objects.exists()


def recover() -> None:
    """At start: take up what a killed process left, ask for a repair when the index doesn't hold what SQL does, and
    queue documents that another version cut."""
    if not runtime().settings.qdrant_url:  # one process owns the storage, so no other one is ingesting
        queue.take_back()
        reindex.take_back()
    spaces.adopt_settings()
    outdated = Document.objects.filter(live_generation__gt=0, state=Document.State.READY)
    if count := queue.requeue(outdated.exclude(chunker=chunking.VERSION)):
        logger.warning("%d documents were cut by another version: they are ingested again", count)
    if reason := spaces.mismatch():
        logger.warning(reason)
    drain_removals()
    space = live_space()
    if reindex.differs(space):
        logger.warning("The index %s does not hold what SQL does: it is repaired", space.fingerprint)
        reindex.request_repair()
    else:
        space.index.tidy()


def work() -> bool:
    """A piece of everything there is to do. False when there is nothing, or nothing can be done now."""
    drain_removals()
    ingested = ingest_next()
    return reindex.advance() or ingested


_worker = Worker("ingest", prepare=recover, work=work)


def start() -> None:
    """Ingest in this process from now on, on one daemon thread; repeating it changes nothing."""
    _worker.start()


def wake() -> None:
    """Look into the queue now, when this process ingests; otherwise the process that does polls every second."""
    _worker.wake()


def stop(deadline: float) -> bool:
    """End the thread within `deadline` seconds, putting the document under way back, and close the index. Whether it
    has ended."""
    ended = _worker.stop(deadline=deadline)
    if ended:
        runtime().close()
    return ended


def _name(filename: str) -> str:
    """The last part of a path, without what a browser or an attacker put around or into it."""
    return " ".join(clean(re.split(r"[\\/]", filename)[-1]).split())[-255:]


def sha256(file: File[bytes]) -> str:
    """Of the whole file, which is left at its beginning."""
    digest = hashlib.sha256()
    for part in file.chunks():
        digest.update(part)
    file.seek(0)
    return digest.hexdigest()


# ---- one document ----------------------------------------------------------------------------------------------------


def _ingest(document: Document) -> None:
    _check_room(document)
    space = live_space()
    space.index.count(document.pk)  # an index that is down is noticed before any work is done
    points.embed([], space=space)  # and so is an embedding model that is gone
    path = Path(document.file.path)
    if not path.is_file():
        raise ParsingError("Its file is gone: upload it again.")
    extracted = parse(path, filename=document.filename)
    report = _Reports(document)
    report(10)
    document.language, document.dated = extracted.language, _dated(document, extracted)
    count_tokens = space.embedder.count_tokens if space.embedder else estimate_tokens
    pieces = split(extracted.text, count_tokens=count_tokens, headings=extracted.headings)
    texts = [_ranking_text(document, piece, extracted.text) for piece in pieces]
    digests = [points.digest(text) for text in texts]
    chunks = _chunks(document, extracted.text, pieces, digests)
    vectors = points.embed(
        texts,
        space=space,
        known=points.known_vectors(digests, document=document, space=space),
        report=lambda done: report(10 + 80 * done // len(texts)),
    )
    _upsert(document, chunks, texts, vectors, space=space, report=report)
    _go_live(document, extracted, chunks, fingerprint=space.fingerprint)


def _check_room(document: Document) -> None:
    """A disk that fills up while the index writes to it can end the whole process: stop before."""
    settings = runtime().settings
    folders = [Path(document.file.storage.path(""))] + ([] if settings.qdrant_url else [settings.index_dir])
    for folder in folders:
        if folder.exists() and (free := shutil.disk_usage(folder).free) < settings.least_free_bytes:
            wanted = settings.least_free_bytes // 1024**2
            raise DiskFull(f"Only {free // 1024**2:,} MB are free in {folder}; {wanted:,} MB are needed: make room.")


class _Reports:
    """Shows progress and life, often enough and no more: a batch of embeddings takes a tenth of a second."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._reported = 0.0

    def __call__(self, percent: int) -> None:
        if _worker.stopping:
            raise _Stopping
        if time.monotonic() - self._reported >= _REPORT_SECONDS:
            queue.renew(self._document, percent=percent)
            self._reported = time.monotonic()


def _ranking_text(document: Document, piece: Piece, text: str) -> str:
    return points.ranking_text(document.title, heading=piece.heading, text=text[piece.start : piece.end])


def _dated(document: Document, extracted: Extracted) -> date:
    """The date the document bears, else when it was added."""
    return date.fromisoformat(extracted.dated) if extracted.dated else document.created_at.date()


def _chunks(document: Document, text: str, pieces: Sequence[Piece], digests: Sequence[str]) -> list[Chunk]:
    """Not saved yet."""
    return [
        Chunk(
            id=chunk_id(document.pk, generation=document.generation, position=position),
            document_id=document.pk,
            generation=document.generation,
            position=position,
            start=piece.start,
            end=piece.end,
            heading=piece.heading,
            text=text[piece.start : piece.end],
            digest=digest,
        )
        for position, (piece, digest) in enumerate(zip(pieces, digests, strict=True))
    ]


def _upsert(
    document: Document,
    chunks: Sequence[Chunk],
    texts: Sequence[str],
    vectors: Sequence[Vectors | None],
    *,
    space: Space,
    report: _Reports,
) -> None:
    """All vectors are there before the first point enters the index."""
    for first in range(0, len(chunks), _POINTS_AT_ONCE):
        some = slice(first, first + _POINTS_AT_ONCE)
        rows = zip(chunks[some], texts[some], vectors[some], strict=True)
        space.index.upsert([points.point(chunk, document, text=text, vector=vector) for chunk, text, vector in rows])
        report(90)


def _go_live(document: Document, extracted: Extracted, chunks: Sequence[Chunk], *, fingerprint: str) -> None:
    """In one transaction the new chunks replace the old ones and searches see the new generation."""
    with transaction.atomic():
        published = queue.claimed(document).update(
            state=Document.State.READY,
            live_generation=document.generation,
            live_hash=document.content_hash,
            language=document.language,
            dated=document.dated,
            chunker=chunking.VERSION,
            error="",
            progress=100,
            lease_until=None,
            characters=len(extracted.text),
            chunk_count=len(chunks),
            page_count=len(extracted.page_starts) or None,
            page_starts=extracted.page_starts,
            updated_at=timezone.now(),
        )
        if not published:
            raise Superseded
        _describe_collection(document, fingerprint=fingerprint)
        Chunk.objects.filter(document=document).delete()
        Chunk.objects.bulk_create(chunks, batch_size=500)
        if document.generation > 1:
            IndexRemoval.objects.create(document_id=document.pk, up_to_generation=document.generation - 1)


def _describe_collection(document: Document, *, fingerprint: str) -> None:
    """What it holds by now. Its row is locked, so that searches can't switch to another index in between."""
    collection = Collection.objects.select_for_update(no_key=True).get(pk=document.collection_id)
    if spaces.live_fingerprint() not in ("", fingerprint):
        raise _SpaceChanged
    known = sorted({*collection.languages, document.language} - {""})
    if (collection.fingerprint, collection.languages) != (fingerprint, known):
        Collection.objects.filter(pk=collection.pk).update(fingerprint=fingerprint, languages=known)


def _discard(document: Document) -> None:
    """Points of a document that is gone may have entered after the outbox was emptied; of one that was only asked for
    again, the next generation removes them when it goes live."""
    if not Document.objects.filter(pk=document.pk).exists():
        IndexRemoval.objects.create(document_id=document.pk, up_to_generation=document.generation)
