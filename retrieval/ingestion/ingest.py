"""From an uploaded file to searchable chunks. The Document row is the queue; what is killed starts again.

No transaction spans parsing, embedding or a call to the index. The points of a new generation enter the index first,
then one short transaction makes that generation the live one, and the outbox takes the points of older ones out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
import time
from functools import partial
from typing import TYPE_CHECKING

from django.core.files import File
from django.db import IntegrityError, transaction

from retrieval.configuration import runtime
from retrieval.errors import DuplicateContent, IndexUnavailable, QuotaExceeded
from retrieval.index import storage
from retrieval.ingestion import lanes, queue, reindex, spaces, tasks
from retrieval.ingestion.deletion import clear_away
from retrieval.ingestion.quota import check_quota
from retrieval.ingestion.spaces import live_space
from retrieval.ingestion.worker import wake
from retrieval.models import Collection, Document, IndexRemoval, Reindex
from retrieval.pages import cache as page_cache
from retrieval.parsing.formats import clean
from retrieval.parsing.recognition import ocrmypdf
from retrieval.parsing.recognition.models import find_models
from retrieval.reasons import gettext_noop as _
from retrieval.sources import Origin
from retrieval.sources.titles import HEAD_BYTES, TITLE_CHARACTERS, title_in
from retrieval.text import chunks as chunking

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

_OF_THEIR_OWN = (Document.Source.MODEL, Document.Source.SYNCED)


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
    """Queue a file. Return its document, and whether it is new.

    A `title` that is given stays; without one it is the file's name until the file has been read, and then what it
    calls itself. A collection holds the same content once: adding it again returns the document that holds it, which
    is tried again under this name if it had failed. Raises QuotaExceeded when the owner may not store that much.
    """
    digest = sha256(file)
    filename = _name(filename)
    named = {
        "filename": filename,
        "title": (title or _title_in(file, filename))[:TITLE_CHARACTERS],
        "title_given": bool(title),
    }
    origin = origin or Origin()
    same = _same_as(origin, collection, digest)
    if existing := same.first():
        if same.filter(state=Document.State.FAILED).update(**named):
            _bring_back(existing, file)
            enqueue(existing)
        return existing, False
    document = Document(
        collection=collection,
        **named,
        owner_id=owner.pk if owner is not None else None,
        content_hash=digest,
        size=file.size,
        **dataclasses.asdict(origin),
    )
    document.file.save(filename, file, save=False)
    try:
        with transaction.atomic():
            check_quota(owner, adding=document.size, attached=collection.hidden)
            document.save()
    except IntegrityError:  # added twice at once
        document.file.delete(save=False)
        return same.get(), False
    except QuotaExceeded:
        document.file.delete(save=False)
        raise
    transaction.on_commit(wake)
    return document, True


def _same_as(origin: Origin, collection: Collection, digest: str) -> QuerySet[Document]:
    """Return the document that is there already: of this row or entry, or with this content. Rows and entries that say
    the same are documents of their own."""
    if origin.source in _OF_THEIR_OWN:
        return Document.objects.filter(source=origin.source, folder=origin.folder, location=origin.location)
    others = Document.objects.exclude(source__in=_OF_THEIR_OWN)
    return others.filter(collection=collection, content_hash=digest)


def _bring_back(document: Document, file: File[bytes]) -> None:
    """Store the file of a failed document again, if it was removed when that failed."""
    if document.file.storage.exists(str(document.file.name)):
        return
    document.file.save(document.filename, file, save=False)
    try:
        with transaction.atomic():
            check_quota(document.owner, adding=file.size - document.size, attached=document.collection.hidden)
            Document.objects.filter(pk=document.pk).update(file=document.file.name, size=file.size)
    except QuotaExceeded:
        document.file.delete(save=False)
        raise


def replace_file(document: Document, *, file: File[bytes], filename: str | None = None) -> bool:
    """Give the document another file, its next generation. Return False when the content is what it was.

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
            check_quota(document.owner, adding=file.size - document.size, attached=document.collection.hidden)
            name = _name(filename or document.filename)
            row.update(file=document.file.name, filename=name, content_hash=digest, size=file.size)
            queue.requeue(row)
    except QuotaExceeded:
        document.file.delete(save=False)
        raise
    except IntegrityError as error:
        document.file.delete(save=False)
        raise DuplicateContent(
            _("Another document of %(collection)s has the same content."), collection=str(document.collection)
        ) from error
    transaction.on_commit(partial(document.file.storage.delete, str(former)))
    transaction.on_commit(partial(page_cache.forget, document.content_hash))
    transaction.on_commit(wake)
    document.refresh_from_db()
    return True


def enqueue(document: Document) -> None:
    """Ingest the document again, as its next generation; until then searches see the live one."""
    queue.requeue(Document.objects.filter(pk=document.pk))
    document.refresh_from_db()
    transaction.on_commit(wake)


def enqueue_all(documents: QuerySet[Document]) -> int:
    """Ingest these documents again, in a few queries. Return how many they are."""
    count = queue.requeue(documents)
    transaction.on_commit(wake)
    return count


def ingest_next() -> bool:
    """Take the next documents of the first lane to their end, as `Lane.ingest_next` does."""
    return lanes.first.ingest_next()


def drain_removals() -> bool:
    """Clear away what the outbox names: the chunks and files of documents that are gone, and points in every index that
    may hold them. Return whether all of it is gone."""
    removals = list(IndexRemoval.objects.all()[:1000])
    clear_away(removals)
    gone = []
    try:
        indexes = [space.index for space in spaces.held_spaces()] if removals else []
        for removal in removals:
            left = 0
            for index in indexes:
                index.remove(removal.document_id, up_to_generation=removal.up_to_generation)
                left += index.count(removal.document_id, up_to_generation=removal.up_to_generation)
            if not left:
                gone.append(removal.pk)
    except IndexUnavailable as error:
        logger.warning("Points of deleted documents wait in the index: %s", error)
        return False
    finally:
        IndexRemoval.objects.filter(pk__in=gone).delete()
    return not removals or not IndexRemoval.objects.exists()


def recover() -> None:
    """Take up, at start, what a killed process left; ask for a repair when the index doesn't hold what SQL does; queue
    documents that another version cut, and scans that can be read by now."""
    if not runtime().settings.qdrant_url:  # one process ingests at a time, and this is it
        queue.take_back()
        reindex.take_back()
    spaces.adopt_settings()
    outdated = Document.objects.filter(live_generation__gt=0, state=Document.State.READY)
    if count := queue.requeue(outdated.exclude(chunker=chunking.VERSION)):
        logger.warning("%d documents were cut by another version: they are ingested again", count)
    if count := queue.requeue(readable_by_now()):
        logger.warning("%d documents waited for OCR, which is installed by now: they are ingested again", count)
    if reason := spaces.mismatch():
        logger.warning(reason)
    drain_removals()
    space = live_space()
    if reindex.differs(space):
        logger.warning("The index %s does not hold what SQL does: it is repaired", space.fingerprint)
        reindex.request_repair()
    else:
        space.index.tidy()


def waiting_for_ocr() -> QuerySet[Document]:
    """Return the scans that nobody has tried to read, because what reads them is not installed. Those that OCR failed
    for are not among them."""
    return Document.objects.filter(state=Document.State.NEEDS_OCR, error__in=ocrmypdf.MENDED_BY_TESSERACT)


def readable_by_now() -> QuerySet[Document]:
    """Return those of them that what is installed can read."""
    reasons = ocrmypdf.MENDED_BY_TESSERACT if ocrmypdf.is_ready() else ocrmypdf.MENDED_BY_ANY if find_models() else ()
    return waiting_for_ocr().filter(error__in=reasons)


def work() -> bool:
    """Do a short piece of all that waits. Return False when there is nothing, or nothing can be done now."""
    global _untidied
    fed = tasks.feed()
    drain_removals()
    ingested = ingest_next()
    busy = reindex.advance() or ingested or fed
    if busy or _untidied:  # after a burst once, and during a long one now and then: new points are slower to search
        _untidied = busy
        try:
            live_space().index.tidy(busy=busy)
        except IndexUnavailable as error:
            logger.warning("The index is searched as it is: %s", error)
    return busy or tasks.do_one_idle()


def work_beside(lane: lanes.Lane) -> bool:
    """Ingest with another lane while the first one is held up by a large file. Return False when it isn't, or nothing
    is to be done."""
    global _untidied
    ingested = lanes.first.is_held_up and lane.ingest_next()
    _untidied |= ingested
    return ingested


_untidied = False


def may_ingest() -> bool:
    """Return whether this process may ingest from now on: any may with a Qdrant server, one at a time with an embedded
    index. Raises IndexUnavailable when the index's folder can't be used."""
    settings = runtime().settings
    return bool(settings.qdrant_url) or storage.may_have(settings.index_dir, storage.StoragePart.INGESTION)


def stop_ingesting() -> None:
    """Let another process ingest, unless threads of this one go on."""
    if not lanes.first.worker.is_running:
        storage.release(runtime().settings.index_dir, storage.StoragePart.INGESTION)


def is_waited_for() -> bool:
    """Return whether documents, removals or an index's rebuilding are waiting or in hand."""
    in_hand = [Document.State.QUEUED, Document.State.PROCESSING]
    return (
        Document.objects.filter(state__in=in_hand).exists()
        or IndexRemoval.objects.exists()
        or Reindex.objects.filter(switched_at=None).exists()
    )


def _take_up() -> bool:
    """Begin to ingest, unless another process does: then this one takes over when that ends."""
    if not may_ingest():
        return False
    recover()
    return True


def start() -> None:
    """Ingest in this process, on three daemon threads, with what goes on beside it, as soon as no other process does
    that may not be doubled; repeating it changes nothing."""
    lanes.first.worker.start(prepare=_take_up, work=work)
    for lane in (lanes.second, lanes.third):
        lane.worker.start(prepare=lambda: True, work=partial(work_beside, lane))
    for companion in tasks.companions:
        companion.start()


def stop(deadline: float) -> bool:
    """End the threads within `deadline` seconds, putting the documents under way back, and close the index. Return
    whether all have ended."""
    until = time.monotonic() + deadline
    ended = [companion.stop(deadline) for companion in tasks.companions]
    ended += [
        lane.worker.stop(deadline=max(0, until - time.monotonic())) for lane in (lanes.third, lanes.second, lanes.first)
    ]
    if all(ended):
        stop_ingesting()
        runtime().close()
    return all(ended)


def _name(filename: str) -> str:
    """Return the last part of a path, without what a browser or an attacker put around or into it."""
    return " ".join(clean(re.split(r"[\\/]", filename)[-1]).split())[-255:]


def _title_in(file: File[bytes], filename: str) -> str:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return title_in(head, filename=filename)


def sha256(file: File[bytes]) -> str:
    """Return the digest of the whole file, which is left at its beginning."""
    digest = hashlib.sha256()
    for part in file.chunks():
        digest.update(part)
    file.seek(0)
    return digest.hexdigest()
