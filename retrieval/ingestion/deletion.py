"""A deleted document leaves SQL at once, and for certain its chunks, the index and the disk.

Its row goes in the request, and with it all that anybody may read. What takes long waits in the outbox
(`models.IndexRemoval`) for the process that ingests: `clear_away`, and the index's part in `ingest.drain_removals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import router, transaction
from django.db.models import QuerySet

from retrieval.index import ALL_GENERATIONS
from retrieval.ingestion import vocabulary
from retrieval.ingestion.worker import wake
from retrieval.models import Chunk, Collection, Document, IndexRemoval, RecognisedPage
from retrieval.pages import cache as page_cache

_BATCH = 500
_CLEARED_AT_ONCE = 20  # documents, in one short transaction
_gathered: ContextVar[list[IndexRemoval] | None] = ContextVar("gathered", default=None)


def forget(*, instance: Document, using: str, **_: object) -> None:
    """Note in the outbox what a deleted document leaves behind. It receives `post_delete`, inside the transaction that
    deletes the row: both happen, or neither."""
    leaving = IndexRemoval(
        document_id=instance.pk,
        collection_id=instance.collection_id,
        up_to_generation=ALL_GENERATIONS,
        file=instance.file.name or "",
        live_hash=instance.live_hash,
    )
    gathered = _gathered.get()
    if gathered is None:
        _leave([leaving], using=using)
    else:
        gathered.append(leaving)


def delete_documents(documents: QuerySet[Document]) -> None:
    """Delete many documents in batches with few queries: a transaction for each batch, unless the caller has opened
    one."""
    while batch := list(documents.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        with transaction.atomic(), _gathering():
            Document.objects.filter(pk__in=batch).only("collection", "file", "live_hash").delete()


def delete_collection(collection: Collection) -> None:
    """Delete the collection with all its documents. Stopped half-way, the documents that are left are whole."""
    delete_documents(Document.objects.filter(collection=collection))
    collection.delete()


def clear_away(removals: Sequence[IndexRemoval]) -> None:
    """Delete the chunks and files of those documents that are gone. Repeating it changes nothing."""
    gone = [removal for removal in removals if removal.up_to_generation == ALL_GENERATIONS]
    storage = Document._meta.get_field("file").storage
    for first in range(0, len(gone), _CLEARED_AT_ONCE):
        some = gone[first : first + _CLEARED_AT_ONCE]
        documents = {removal.document_id: removal.collection_id for removal in some}
        with transaction.atomic():
            vocabulary.forget_documents(documents)
            Chunk.objects.filter(document__in=[*documents]).delete()
        RecognisedPage.objects.filter(document__in=[*documents]).delete()
        for removal in some:
            if removal.file:
                storage.delete(removal.file)
            page_cache.forget(removal.live_hash)


@contextmanager
def _gathering() -> Iterator[None]:
    """Write the outbox entries of all that is deleted within at once, at the end."""
    gathered: list[IndexRemoval] = []
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    _leave(gathered, using=router.db_for_write(Document))


def _leave(removals: list[IndexRemoval], *, using: str) -> None:
    IndexRemoval.objects.using(using).bulk_create(removals)
    transaction.on_commit(wake, using=using)
