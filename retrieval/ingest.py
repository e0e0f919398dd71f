"""From an uploaded file to searchable chunks. The Document row is the queue; what is killed starts again.

No transaction spans parsing, embedding or a call to the index. The points of a new generation enter the index first,
then one short transaction makes that generation the live one, and the outbox takes the points of older ones out.
"""

from __future__ import annotations

import hashlib
import logging
import re
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from retrieval import chunking, page_cache
from retrieval.chunking import Piece, estimate_tokens, split
from retrieval.configuration import Space, runtime
from retrieval.errors import DuplicateContent, IndexUnavailable, NeedsOcr, ParsingError, RetrievalError
from retrieval.extraction import Extracted, clean
from retrieval.index import Point
from retrieval.models import Chunk, Collection, Document, IndexRemoval
from retrieval.parsing import parse
from retrieval.worker import Worker

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from retrieval.embedding import Vectors

logger = logging.getLogger(__name__)

ATTEMPTS = 3
LEASE = timedelta(minutes=5)  # longer than the parser may take, which is the longest time without a sign of life
RETRY_AFTER = timedelta(seconds=5)  # when the index or the embedding address doesn't answer
_POINTS_AT_ONCE = 200
_CHUNK_IDS = uuid.UUID("6a3c1f9e-55b2-4d3b-9f0e-6f7a3f1d2c84")


class _Superseded(Exception):
    """The document was deleted, asked for again, or taken over while it was being ingested: this attempt is void."""


class _Stopping(Exception):
    """The process ends: the document goes back into the queue."""


# ---- what others call ------------------------------------------------------------------------------------------------


def add_document(
    collection: Collection,
    *,
    file: File[bytes],
    filename: str,
    title: str | None = None,
    owner: AbstractBaseUser | None = None,
) -> tuple[Document, bool]:
    """Queue a file: its document, and whether it is new. A collection holds the same content once: adding it again
    gives the document that holds it, and tries it again under this name if it had failed.
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
    )
    document.file.save(filename, file, save=False)
    try:
        with transaction.atomic():
            document.save()
    except IntegrityError:  # added twice at once
        document.file.delete(save=False)
        return same.get(), False
    transaction.on_commit(wake)
    return document, True


def replace_file(document: Document, *, file: File[bytes], filename: str | None = None) -> bool:
    """Give the document another file, its next generation. False when the content is what it was.

    Raises DuplicateContent when another document of its collection holds that content.
    """
    digest, former = sha256(file), document.file.name
    if digest == document.content_hash:
        return False
    document.file.save(document.filename, file, save=False)
    row = Document.objects.filter(pk=document.pk)
    try:
        with transaction.atomic():
            row.update(file=document.file.name, filename=_name(filename or document.filename), content_hash=digest)
            _requeue(row)
    except IntegrityError as error:
        document.file.delete(save=False)
        raise DuplicateContent(f"Another document of {document.collection} has the same content.") from error
    transaction.on_commit(partial(document.file.storage.delete, str(former)))
    transaction.on_commit(partial(page_cache.forget, document.content_hash))
    transaction.on_commit(wake)
    document.refresh_from_db()
    return True


def enqueue(document: Document) -> None:
    """Ingest the document again, as its next generation; until then searches see the live one."""
    _requeue(Document.objects.filter(pk=document.pk))
    document.refresh_from_db()
    transaction.on_commit(wake)


def chunk_id(document_id: int, *, generation: int, position: int) -> uuid.UUID:
    """The same every time, so that ingesting twice changes nothing."""
    return uuid.uuid5(_CHUNK_IDS, f"{document_id}:{generation}:{position}")


def ingest_next() -> bool:
    """Claim one document and take it to its end, good or bad. False when none is due, or none can be done now."""
    document = _claim()
    if document is None:
        return False
    try:
        _ingest(document)
    except _Superseded:
        logger.info("Document %s changed while it was ingested", document.pk)
        _discard(document)
    except _Stopping:
        _release(document, reason="")
    except IndexUnavailable as error:
        logger.warning("Document %s waits: %s", document.pk, error)
        _release(document, reason=str(error), after=RETRY_AFTER)
        return False
    except NeedsOcr as error:
        _fail(document, reason=str(error), state=Document.State.NEEDS_OCR)
    except ParsingError as error:
        _fail(document, reason=str(error))
    except RetrievalError as error:
        _retry(document, reason=str(error))
    except Exception:  # the outermost edge of one ingestion: no document may stop the others
        logger.exception("Ingesting document %s failed", document.pk)
        _retry(document, reason="An unexpected error, which the server's log describes.")
    return True


def drain_removals() -> bool:
    """Take the points that the outbox names out of the index. Whether every one of them is gone."""
    for removal in IndexRemoval.objects.all()[:1000]:
        try:
            index = live_space().index
            index.remove(removal.document_id, up_to_generation=removal.up_to_generation)
            left = index.count(removal.document_id, up_to_generation=removal.up_to_generation)
        except IndexUnavailable as error:
            logger.warning("Points of deleted documents wait in the index: %s", error)
            return False
        if left == 0:
            removal.delete()
    return not IndexRemoval.objects.exists()


def recover() -> None:
    """At start: take up what a killed process left, and queue what this index does not hold.

    That is every live document when the index is empty, else those whose vectors or chunks another configuration made.
    """
    space = live_space()
    if not runtime().settings.qdrant_url:  # one process owns the storage, so no other one is ingesting
        Document.objects.filter(state=Document.State.PROCESSING).update(lease_until=None)
    missing = Document.objects.filter(live_generation__gt=0).exclude(state=Document.State.QUEUED)
    if space.index.count():
        missing = missing.exclude(chunker=chunking.VERSION)
    if count := _requeue(missing):
        logger.warning("%d documents are not in the index %s: they are ingested again", count, space.fingerprint)
    else:
        space.index.tidy()


def live_space() -> Space:
    """The space that searches ask: that of the documents already ingested, before any the one that is configured."""
    used = Collection.objects.exclude(fingerprint="").values_list("fingerprint", flat=True).order_by("pk").first()
    return runtime().space(used or "")


def _work() -> bool:
    drain_removals()
    return ingest_next()


_worker = Worker("ingest", prepare=recover, work=_work)


def start() -> None:
    """Ingest in this process from now on, on one daemon thread; repeating it changes nothing."""
    _worker.start()


def wake() -> None:
    """Look into the queue now, when this process ingests; otherwise the process that does polls every second."""
    _worker.wake()


def stop(deadline: float) -> None:
    """End the thread within `deadline` seconds, putting the document under way back, and close the index."""
    if _worker.stop(deadline=deadline):
        runtime().close()


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


# ---- the queue -------------------------------------------------------------------------------------------------------


def _requeue(documents: QuerySet[Document]) -> int:
    return documents.update(
        state=Document.State.QUEUED,
        generation=F("generation") + 1,
        attempts=0,
        progress=0,
        error="",
        lease_until=None,
        updated_at=timezone.now(),
    )


def _claim() -> Document | None:
    """The next document that is due, taken for this process until its lease ends; the least tried first."""
    while True:
        now = timezone.now()
        due = Q(lease_until=None) | Q(lease_until__lt=now)
        waiting = Document.objects.filter(due, state__in=[Document.State.QUEUED, Document.State.PROCESSING])
        document = waiting.order_by("attempts", "pk").first()
        if document is None:
            return None
        unchanged = waiting.filter(pk=document.pk, generation=document.generation, attempts=document.attempts)
        if document.attempts >= ATTEMPTS:
            reason = document.error or f"It stopped the process that was reading it {ATTEMPTS} times."
            unchanged.update(state=Document.State.FAILED, error=reason, lease_until=None)
        elif unchanged.update(
            state=Document.State.PROCESSING, attempts=F("attempts") + 1, lease_until=now + LEASE, progress=0
        ):
            document.attempts += 1
            return document


def _claimed(document: Document) -> QuerySet[Document]:
    """The row, as long as this attempt owns it."""
    return Document.objects.filter(
        pk=document.pk,
        generation=document.generation,
        attempts=document.attempts,
        state=Document.State.PROCESSING,
    )


def _report(document: Document, *, percent: int) -> None:
    """Show progress and renew the lease."""
    if _worker.stopping:
        raise _Stopping
    if not _claimed(document).update(progress=percent, lease_until=timezone.now() + LEASE):
        raise _Superseded


def _release(document: Document, *, reason: str, after: timedelta | None = None) -> None:
    """Back into the queue; this attempt doesn't count."""
    due = timezone.now() + after if after else None
    queued = Document.State.QUEUED
    _claimed(document).update(state=queued, attempts=F("attempts") - 1, lease_until=due, progress=0, error=reason)


def _retry(document: Document, *, reason: str) -> None:
    if document.attempts >= ATTEMPTS:
        _fail(document, reason=reason)
    else:
        _claimed(document).update(state=Document.State.QUEUED, lease_until=None, progress=0, error=reason)


def _fail(document: Document, *, reason: str, state: Document.State = Document.State.FAILED) -> None:
    _claimed(document).update(state=state, lease_until=None, progress=0, error=reason)


def _discard(document: Document) -> None:
    """Points of a document that is gone may have entered after the outbox was emptied; of one that was only asked for
    again, the next generation removes them when it goes live."""
    if not Document.objects.filter(pk=document.pk).exists():
        IndexRemoval.objects.create(document_id=document.pk, up_to_generation=document.generation)


# ---- one document ----------------------------------------------------------------------------------------------------


def _ingest(document: Document) -> None:
    space = live_space()
    space.index.count(document.pk)  # an index that is down is noticed before any work is done
    path = Path(document.file.path)
    if not path.is_file():
        raise ParsingError("Its file is gone: upload it again.")
    extracted = parse(path, filename=document.filename)
    _report(document, percent=10)
    count_tokens = space.embedder.count_tokens if space.embedder else estimate_tokens
    pieces = split(extracted.text, count_tokens=count_tokens, headings=extracted.headings)
    texts = [_ranking_text(document.title, piece, extracted.text) for piece in pieces]
    vectors = _embed(document, texts, space)
    for first in range(0, len(pieces), _POINTS_AT_ONCE):
        positions = range(first, min(first + _POINTS_AT_ONCE, len(pieces)))
        space.index.upsert([_point(document, extracted, position, texts, vectors) for position in positions])
        _report(document, percent=90)
    _go_live(document, extracted, pieces, texts, fingerprint=space.fingerprint)


def _ranking_text(title: str, piece: Piece, text: str) -> str:
    """What the piece is ranked by: where it stands as well as what it says."""
    return "\n".join(part for part in (title, piece.heading, text[piece.start : piece.end]) if part)


def _embed(document: Document, texts: Sequence[str], space: Space) -> list[Vectors] | None:
    """A vector for each text, all of them before any enters the index; None when there is no embedder."""
    if space.embedder is None:
        return None
    vectors: list[Vectors] = []
    size = space.embedder.batch_size
    for first in range(0, len(texts), size):
        vectors.extend(space.embedder.embed_documents(texts[first : first + size]))
        _report(document, percent=10 + 80 * len(vectors) // len(texts))
    return vectors


def _point(
    document: Document,
    extracted: Extracted,
    position: int,
    texts: Sequence[str],
    vectors: Sequence[Vectors] | None,
) -> Point:
    return Point(
        id=chunk_id(document.pk, generation=document.generation, position=position),
        document_id=document.pk,
        collection_id=document.collection_id,
        generation=document.generation,
        position=position,
        text=texts[position],
        vector=vectors[position].tolist() if vectors is not None else None,
        language=extracted.language,
        dated=_dated(document, extracted),
    )


def _dated(document: Document, extracted: Extracted) -> date:
    """The date the document bears, else when it was added."""
    return date.fromisoformat(extracted.dated) if extracted.dated else document.created_at.date()


def _digest(ranking_text: str) -> str:
    return hashlib.blake2b(ranking_text.encode(), digest_size=16).hexdigest()


def _go_live(
    document: Document, extracted: Extracted, pieces: Sequence[Piece], texts: Sequence[str], *, fingerprint: str
) -> None:
    """In one transaction the new chunks replace the old ones and searches see the new generation."""
    chunks = [
        Chunk(
            id=chunk_id(document.pk, generation=document.generation, position=position),
            document_id=document.pk,
            generation=document.generation,
            position=position,
            start=piece.start,
            end=piece.end,
            heading=piece.heading,
            text=extracted.text[piece.start : piece.end],
            digest=_digest(texts[position]),
        )
        for position, piece in enumerate(pieces)
    ]
    with transaction.atomic():
        published = _claimed(document).update(
            state=Document.State.READY,
            live_generation=document.generation,
            live_hash=document.content_hash,
            language=extracted.language,
            dated=_dated(document, extracted),
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
            raise _Superseded
        Chunk.objects.filter(document=document).delete()
        Chunk.objects.bulk_create(chunks, batch_size=500)
        collection = Collection.objects.get(pk=document.collection_id)
        known = sorted({*collection.languages, extracted.language} - {""})
        if (collection.fingerprint, collection.languages) != (fingerprint, known):
            Collection.objects.filter(pk=collection.pk).update(fingerprint=fingerprint, languages=known)
        if document.generation > 1:
            IndexRemoval.objects.create(document_id=document.pk, up_to_generation=document.generation - 1)
