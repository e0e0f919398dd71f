"""A deleted document leaves SQL at once, and for certain the index and the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from django.core.files.storage import Storage
from django.db import router, transaction
from django.db.models import QuerySet

from retrieval import ingest
from retrieval.index import ALL_GENERATIONS
from retrieval.models import Collection, Document, IndexRemoval

_BATCH = 500
_Leaving = tuple[int, Storage, str]  # a document that was, where its file is stored, and under which name
_gathered: ContextVar[list[_Leaving] | None] = ContextVar("gathered", default=None)


def forget(*, instance: Document, using: str, **_: object) -> None:
    """Receives `post_delete`, inside the transaction that deletes the row: the outbox entry is in it or neither is."""
    leaving = (instance.pk, instance.file.storage, instance.file.name or "")
    gathered = _gathered.get()
    if gathered is None:
        _leave([leaving], using=using)
    else:
        gathered.append(leaving)


def delete_documents(documents: QuerySet[Document]) -> None:
    """Delete many in batches: a transaction for each, unless the caller has opened one, and few queries, however many
    chunks there are."""
    while batch := list(documents.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        with transaction.atomic(), _gathering():
            Document.objects.filter(pk__in=batch).only("file").delete()


def delete_collection(collection: Collection) -> None:
    """The collection with all its documents. Stopped half-way, the documents that are left are whole."""
    delete_documents(Document.objects.filter(collection=collection))
    collection.delete()


@contextmanager
def _gathering() -> Iterator[None]:
    """What is deleted within leaves together."""
    gathered: list[_Leaving] = []
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    _leave(gathered, using=router.db_for_write(Document))


def _leave(documents: list[_Leaving], *, using: str) -> None:
    IndexRemoval.objects.using(using).bulk_create(
        IndexRemoval(document_id=pk, up_to_generation=ALL_GENERATIONS) for pk, _, _ in documents
    )
    transaction.on_commit(partial(_delete_files, documents), using=using)
    transaction.on_commit(ingest.wake, using=using)


def _delete_files(documents: list[_Leaving]) -> None:
    for _, storage, name in documents:
        if name:
            storage.delete(name)
