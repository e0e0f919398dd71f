"""Documents in hand: from claimed to searchable, a few at a time, so that short ones share the embedder's batches.

While some are embedded, those before them are published and the next ones are read and cut. They share batches and
nothing else: each has its own claim, its own transaction and its own reason, and what goes wrong with one is settled
for that one. What concerns all (the index is down, the process ends) puts all that are not at their end back into the
queue.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import islice, takewhile
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from retrieval.configuration import Space, runtime
from retrieval.errors import DiskFull, EmbeddingUnavailable, IndexUnavailable, NeedsOcr, ParsingError, RetrievalError
from retrieval.ingestion import points, queue, spaces, vocabulary
from retrieval.ingestion.futures import settle
from retrieval.ingestion.queue import Superseded
from retrieval.ingestion.read_ahead import read_ahead
from retrieval.ingestion.spaces import live_space
from retrieval.models import Chunk, Collection, Document, IndexRemoval, RecognisedPage
from retrieval.parsing.formats import Extracted
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _
from retrieval.signals import document_ready, tell
from retrieval.sources.titles import title_for
from retrieval.text import chunks as chunking
from retrieval.text.chunks import Piece, estimate_tokens, split

if TYPE_CHECKING:
    from retrieval.embedding.embedder import Vectors

logger = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 64
BYTES_AT_ONCE = 256 * 1024  # of files, about four seconds of MiniLM for plain text: how long the last one waits
_CHUNKS_AT_ONCE = 64  # of several documents; a longer document is embedded alone
_POINTS_AT_ONCE = 200
_WORTH_A_BATCH = 48  # chunks; for so many the embedder need not wait for the next short file
_PATIENCE = 0.05  # seconds, several times what reading a short file takes
_REPORT_SECONDS = 0.5  # between two signs of life


class _Stopping(Exception):
    """The process ends: what is in hand goes back into the queue."""


class _SpaceChanged(Exception):
    """Searches switched to another index while documents were ingested for the one before."""


class _Halted(Exception):
    """Something that one document met may meet the others: they are better taken later."""


@dataclass(frozen=True)
class _Cut:
    """A document that was read and cut; its chunks are not saved yet. Each chunk has its ranking text."""

    document: Document
    extracted: Extracted
    chunks: Sequence[Chunk]
    texts: Sequence[str]


def take_to_their_end(in_hand: list[Document], *, stopping: Callable[[], bool]) -> bool:
    """Ingest these claimed documents. Return False when nothing more can be done now; those not finished are back in
    the queue by then.

    Raises a database error when it also kept that from being written: `in_hand` are then the documents it concerns.
    """
    try:
        _ingest(in_hand, stopping)
    except (_Stopping, _SpaceChanged):
        _put_back(in_hand)
    except _Halted:
        _put_back(in_hand)
        return False
    except RetrievalError as error:
        logger.warning("%d documents wait: %s", len(in_hand), error)
        _put_back(in_hand, reason=error.reason, after=queue.pause_after(error))
        return False
    except (OperationalError, InterfaceError) as error:
        _put_back(in_hand, reason=_said(error), after=queue.RETRY_AFTER)
        return False
    return True


def publish_read(document: Document, extracted: Extracted) -> None:
    """Cut, embed and publish a claimed document that has been read already, on this thread alone. Raises
    RetrievalError, and Superseded when it is not this attempt's any more."""
    space = live_space()
    cut = _cut(document, extracted, space)
    _upsert(cut, points.embed(cut.texts, space=space), space, lambda: None)
    _go_live(cut, fingerprint=space.fingerprint)


def _put_back(in_hand: list[Document], *, reason: Reason = NO_REASON, after: timedelta | None = None) -> None:
    while in_hand:
        queue.release(in_hand[-1], reason=reason, after=after)
        in_hand.pop()


def _ingest(in_hand: list[Document], stopping: Callable[[], bool]) -> None:
    _check_room(in_hand[0])
    space = live_space()
    space.index.count(in_hand[0].pk)  # an index that is down is noticed before any work is done
    points.embed([], space=space)  # and so is an embedding model that is gone
    show_life = _SignOfLife(in_hand, stopping)
    group: list[_Cut] = []
    with read_ahead(in_hand) as readings, contextlib.closing(_Finish(in_hand, space, show_life)) as finish:
        for document, reading in readings:
            if group and not wait([reading], timeout=_patience(group)).done:
                finish.take(group)
                group = []
            finish.wait_for(reading)
            with _one(document, in_hand):
                group.append(_cut(document, reading.result(), space))
            if len(group) > 1 and sum(len(cut.chunks) for cut in group) > _CHUNKS_AT_ONCE:
                finish.take(group[:-1])
                group = group[-1:]
        finish.take(group)
        finish.take([])  # which leaves none to embed


def _check_room(document: Document) -> None:
    """Raise DiskFull before the index writes to a full disk, which can end the whole process."""
    settings = runtime().settings
    folders = [Path(document.file.storage.path(""))] + ([] if settings.qdrant_url else [settings.index_dir])
    for folder in folders:
        if folder.exists() and (free := shutil.disk_usage(folder).free) < settings.least_free_bytes:
            wanted = settings.least_free_bytes // 1024**2
            raise DiskFull(
                _("Only %(free)s MB are free in %(folder)s; %(wanted)s MB are needed: make room."),
                free=free // 1024**2,
                folder=str(folder),
                wanted=wanted,
            )


def _patience(group: Sequence[_Cut]) -> float:
    """Return how many seconds the documents that are ready wait for the next file: none when they fill a batch."""
    return 0 if sum(len(cut.chunks) for cut in group) >= _WORTH_A_BATCH else _PATIENCE


@contextlib.contextmanager
def _one(document: Document, in_hand: list[Document]) -> Iterator[None]:
    """Settle what goes wrong inside as the fault of this document alone: the others go on, now or later."""
    try:
        yield
    except (_Stopping, _SpaceChanged, _Halted):
        raise
    except Superseded:
        logger.info("Document %s changed while it was ingested", document.pk)
        _discard(document)
    except IndexUnavailable as error:
        if isinstance(error, EmbeddingUnavailable) and error.retry_after:
            raise  # all of them wait, for the address wants to be left alone
        logger.warning("Document %s waits: %s", document.pk, error)
        _let_wait(document, in_hand, reason=error.reason)
    except NeedsOcr as error:
        queue.fail(document, reason=error.reason, state=Document.State.NEEDS_OCR)
    except ParsingError as error:
        queue.fail(document, reason=error.reason)
    except RetrievalError as error:
        queue.retry(document, reason=error.reason)
    except (OperationalError, InterfaceError) as error:  # locked, full, restarted: no fault of the document
        _let_wait(document, in_hand, reason=_said(error))
    except Exception:  # the outermost edge of one ingestion: no document may stop the others
        logger.exception("Ingesting document %s failed", document.pk)
        queue.retry(document, reason=Reason(_("An unexpected error, which the server's log describes.")))
    else:
        return
    in_hand.remove(document)


def _let_wait(document: Document, in_hand: list[Document], *, reason: Reason) -> None:
    """Put this document back for a while and raise _Halted: the others can go on without it if it alone meets the
    fault."""
    queue.release(document, reason=reason, after=queue.RETRY_AFTER)
    in_hand.remove(document)
    raise _Halted


def _said(error: Exception) -> Reason:
    return Reason(_("The database did not take it: %(fault)s."), fault=str(error).strip().partition("\n")[0])


class _SignOfLife:
    """Show progress and life of all that is in hand, often enough and no more."""

    def __init__(self, in_hand: Sequence[Document], stopping: Callable[[], bool]) -> None:
        self._in_hand = in_hand
        self._stopping = stopping
        self._shown = time.monotonic()  # by the claim

    def __call__(self, group: Sequence[_Cut] = (), *, percent: int = 0) -> None:
        """Show them when it is time to. Raises Superseded when no document of the group is this attempt's any more, and
        _Stopping when the process ends."""
        if self._stopping():
            raise _Stopping
        if time.monotonic() - self._shown < _REPORT_SECONDS:
            return
        ours = queue.renew(self._in_hand)
        self._shown = time.monotonic()
        if group and not any(member.document.pk in ours for member in group):
            raise Superseded
        queue.show([member.document for member in group], percent=percent)

    def until_one_is_done(
        self, *work: Future[Any], group: Sequence[_Cut] = (), percent: Callable[[], int] = lambda: 0
    ) -> None:
        """Wait until one of these, on other threads, is done, also when it fails."""
        self(group, percent=percent())
        while not wait(work, timeout=_REPORT_SECONDS, return_when=FIRST_COMPLETED).done:
            self(group, percent=percent())


# ---- cutting ---------------------------------------------------------------------------------------------------------


def _cut(document: Document, extracted: Extracted, space: Space) -> _Cut:
    document.language, document.dated = extracted.language, _dated(document, extracted)
    if not document.title_given:
        document.title = title_for(extracted, filename=document.filename)
    count_tokens = space.embedder.count_tokens if space.embedder else estimate_tokens
    pieces = split(extracted.text, count_tokens=count_tokens, headings=extracted.headings)
    chunks = _chunks(document, extracted, pieces)
    texts = [points.ranking_text(document.title, headings=chunk.headings, text=chunk.searched_text) for chunk in chunks]
    for chunk, text in zip(chunks, texts, strict=True):
        chunk.digest = points.digest(text)
    return _Cut(document, extracted, chunks, texts)


def _dated(document: Document, extracted: Extracted) -> date:
    """Return the date the document bears, else when it was added."""
    return date.fromisoformat(extracted.dated) if extracted.dated else document.created_at.date()


def _chunks(document: Document, extracted: Extracted, pieces: Sequence[Piece]) -> list[Chunk]:
    return [
        Chunk(
            id=points.chunk_id(document.pk, generation=document.generation, position=position),
            document_id=document.pk,
            generation=document.generation,
            position=position,
            start=piece.start,
            end=piece.end,
            headings=list(piece.headings),
            text=extracted.text[piece.start : piece.end],
            unsearched=_within(piece, extracted.unsearched),
        )
        for position, piece in enumerate(pieces)
    ]


def _recognised_pages(document: Document, extracted: Extracted) -> list[RecognisedPage]:
    by_page: dict[int, list[Any]] = {}
    for line in extracted.recognised:
        by_page.setdefault(line.page, []).append([line.start, line.end, line.top, line.bottom, line.edges])
    return [
        RecognisedPage(document_id=document.pk, generation=document.generation, page=page, lines=lines)
        for page, lines in by_page.items()
    ]


def _within(piece: Piece, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of `spans`, which are in order, that lie in the piece, counted from its beginning."""
    first = bisect_right(spans, piece.start, key=itemgetter(1))
    within = takewhile(lambda span: span[0] < piece.end, spans[first:])
    return [(max(start, piece.start) - piece.start, min(end, piece.end) - piece.start) for start, end in within]


# ---- embedding and publishing ----------------------------------------------------------------------------------------


class _Embedding:
    """Some documents that are embedded together, on a thread of its own, which asks no database."""

    def __init__(self, group: Sequence[_Cut], space: Space) -> None:
        self.group = group
        self.vectors: Future[list[Vectors | None]] = Future()
        self._texts = [text for cut in group for text in cut.texts]
        self._done = 0
        self._left: Exception | None = None
        digests = [chunk.digest for cut in group for chunk in cut.chunks]
        known: Future[dict[int, Vectors]] = Future()
        documents = {cut.document.pk for cut in group}
        settle(known, partial(points.known_vectors, digests, documents=documents, space=space))
        embed = partial(self._embed, space, known)
        threading.Thread(target=settle, args=[self.vectors, embed], name="embed", daemon=True).start()

    @property
    def ended(self) -> bool:
        return self._left is not None or self.vectors.done()

    def percent(self) -> int:
        return 10 + 80 * self._done // max(len(self._texts), 1)

    @property
    def failed(self) -> bool:
        """Return whether there are no vectors, once it has ended."""
        return self._left is not None or self.vectors.exception() is not None

    def by_document(self) -> list[list[Vectors | None]]:
        """Return the vectors of each document's chunks. Raises what embedding raised, or why it was left."""
        if self._left is not None:
            raise self._left
        vectors = iter(self.vectors.result())
        return [[*islice(vectors, len(cut.texts))] for cut in self.group]

    def leave(self, reason: Exception) -> None:
        """End after the batch under way, for nobody waits for the vectors any more."""
        self._left = reason

    def _embed(self, space: Space, known: Future[dict[int, Vectors]]) -> list[Vectors | None]:
        return points.embed(self._texts, space=space, known=known.result(), report=self._report)

    def _report(self, done: int) -> None:
        if self._left is not None:
            raise self._left
        self._done = done


class _Finish:
    """Embed groups of documents, one after the other, and publish each while the next one is embedded."""

    def __init__(self, in_hand: list[Document], space: Space, show_life: _SignOfLife) -> None:
        self._in_hand = in_hand
        self._space = space
        self._show_life = show_life
        self._embedding: _Embedding | None = None

    def take(self, group: Sequence[_Cut]) -> None:
        """Embed this group, and return when the documents of the group before it are at their end."""
        former = self._embedding
        if former is not None:
            self._wait(former)
        self._embedding = _Embedding(group, self._space) if group else None
        if former is not None:
            self._publish(former)

    def wait_for(self, reading: Future[Extracted]) -> None:
        """Wait until the file has been read, and publish meanwhile what was embedded before."""
        while not reading.done():
            if self._embedding is None:
                self._show_life.until_one_is_done(reading)
            else:
                self._wait(self._embedding, reading)
                if not reading.done():
                    self.take([])

    def close(self) -> None:
        if self._embedding is not None:
            self._embedding.leave(_Stopping())

    def _wait(self, embedding: _Embedding, *others: Future[Any]) -> None:
        """Wait until the embedding has ended, or one of the others is done."""
        try:
            if not embedding.ended:
                self._show_life.until_one_is_done(
                    embedding.vectors, *others, group=embedding.group, percent=embedding.percent
                )
        except Superseded as error:
            embedding.leave(error)

    def _publish(self, embedding: _Embedding) -> None:
        """Publish each document by itself. If they could not be embedded together, embed each by itself, to find the
        one that fails."""
        alone = len(embedding.group) == 1
        together = None if alone or embedding.failed else embedding.by_document()
        for place, cut in enumerate(embedding.group):
            with _one(cut.document, self._in_hand):
                vectors = together[place] if together else self._embedded(embedding if alone else None, cut)
                _upsert(cut, vectors, self._space, partial(self._show_life, [cut], percent=90))
                _go_live(cut, fingerprint=self._space.fingerprint)
                self._in_hand.remove(cut.document)

    def _embedded(self, embedding: _Embedding | None, cut: _Cut) -> list[Vectors | None]:
        if embedding is None:
            embedding = _Embedding([cut], self._space)
            self._wait(embedding)
        [vectors] = embedding.by_document()
        return vectors


def _upsert(cut: _Cut, vectors: Sequence[Vectors | None], space: Space, report: Callable[[], None]) -> None:
    """Put the points into the index, once all of their vectors are there."""
    for first in range(0, len(cut.chunks), _POINTS_AT_ONCE):
        some = slice(first, first + _POINTS_AT_ONCE)
        rows = zip(cut.chunks[some], cut.texts[some], vectors[some], strict=True)
        space.index.upsert(
            [points.point(chunk, cut.document, text=text, vector=vector) for chunk, text, vector in rows]
        )
        report()


def _go_live(cut: _Cut, *, fingerprint: str) -> None:
    """Replace the old chunks by the new ones in one transaction, from which on searches see the new generation."""
    document, extracted = cut.document, cut.extracted
    with transaction.atomic():
        published = queue.claimed(document).update(
            state=Document.State.READY,
            title=document.title,
            live_generation=document.generation,
            live_hash=document.content_hash,
            language=document.language,
            dated=document.dated,
            chunker=chunking.VERSION,
            error=NO_REASON,
            progress=100,
            lease_until=None,
            characters=len(extracted.text),
            chunk_count=len(cut.chunks),
            page_count=len(extracted.page_starts) or None,
            page_starts=extracted.page_starts,
            page_labels=extracted.page_labels,
            notes=extracted.notes,
            noted=Document.Noted.of(extracted.notes),
            updated_at=timezone.now(),
        )
        if not published:
            raise Superseded
        _describe_collection(document, fingerprint=fingerprint)
        if document.live_generation:
            vocabulary.forget_documents({document.pk: document.collection_id})
            Chunk.objects.filter(document=document).delete()
            RecognisedPage.objects.filter(document=document).delete()
        Chunk.objects.bulk_create(cut.chunks, batch_size=500)
        vocabulary.add(document.collection_id, cut.chunks)
        RecognisedPage.objects.bulk_create(_recognised_pages(document, extracted), batch_size=50)
        if document.generation > 1:
            IndexRemoval.objects.create(document_id=document.pk, up_to_generation=document.generation - 1)
        tell(document_ready, document=document, facts={"changed": document.live_hash != document.content_hash})


def _describe_collection(document: Document, *, fingerprint: str) -> None:
    """Note the collection's index and languages. Its row is locked, so that searches can't switch to another index in
    between."""
    collection = Collection.objects.select_for_update(no_key=True).get(pk=document.collection_id)
    live = collection.fingerprint or spaces.live_fingerprint()  # all collections that have one have the same
    if live not in ("", fingerprint):
        raise _SpaceChanged
    known = sorted({*collection.languages, document.language} - {""})
    if (collection.fingerprint, collection.languages) != (fingerprint, known):
        Collection.objects.filter(pk=collection.pk).update(fingerprint=fingerprint, languages=known)


def _discard(document: Document) -> None:
    """Have the points of a document that is gone removed: some may have entered after the outbox was emptied. Those of
    a document that was asked for again go when its next generation goes live."""
    if not Document.objects.filter(pk=document.pk).exists():
        IndexRemoval.objects.create(document_id=document.pk, up_to_generation=document.generation)
