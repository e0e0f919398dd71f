"""A deleted document leaves SQL at once, and for certain the index and the disk."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from retrieval import ingest, page_cache
from retrieval.index import ALL_GENERATIONS
from retrieval.models import Document, IndexRemoval


def forget(*, instance: Document, using: str, **_: object) -> None:
    """Receives `post_delete`, inside the transaction that deletes the row: the outbox entry is in it or neither is."""
    IndexRemoval.objects.using(using).create(document_id=instance.pk, up_to_generation=ALL_GENERATIONS)
    if name := instance.file.name:
        transaction.on_commit(partial(instance.file.storage.delete, name), using=using)
    transaction.on_commit(partial(page_cache.forget, instance.live_hash), using=using)
    transaction.on_commit(ingest.wake, using=using)
