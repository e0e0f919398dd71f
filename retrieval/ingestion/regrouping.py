"""Documents change their collection, many at once: what searches see of them follows as they are ingested again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from retrieval.ingestion import ingest, vocabulary
from retrieval.models import Collection, Document

_BATCH = 50  # documents, in one transaction


@dataclass(frozen=True)
class MovedDocuments:
    """How many documents were moved, and how many were not, for the collection holds the same content already."""

    moved: int
    there_already: int


def move_documents(documents: QuerySet[Document], *, target: Collection) -> MovedDocuments:
    """Move those of `documents` that are elsewhere into `target`, in short transactions."""
    ids = list(documents.exclude(collection=target).order_by("pk").values_list("pk", flat=True))
    moved = sum(_move(ids[first : first + _BATCH], target) for first in range(0, len(ids), _BATCH))
    return MovedDocuments(moved, len(ids) - moved)


def _move(ids: Sequence[int], target: Collection) -> int:
    """Return how many of these were moved; none when somebody added the same content to the collection meanwhile."""
    try:
        with transaction.atomic():
            rows = Document.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "collection", "content_hash")
            chosen = _chosen(list(rows), target)
            for pk, source in chosen.items():
                vocabulary.move_document(pk, source=source, target=target.pk)
            moving = Document.objects.filter(pk__in=chosen)
            moving.update(collection=target, updated_at=timezone.now())
            return ingest.enqueue_all(moving)
    except IntegrityError:
        return 0


def _chosen(rows: Sequence[tuple[int, int, str]], target: Collection) -> dict[int, int]:
    """Return which may move, by id with the collection that each is in: a collection holds the same content once."""
    wanted = {content_hash for _pk, _source, content_hash in rows if content_hash}
    there = Document.objects.filter(collection=target, content_hash__in=wanted).order_by()
    held = set(there.values_list("content_hash", flat=True))
    chosen = {}
    for pk, source, content_hash in rows:
        if content_hash not in held:
            chosen[pk] = source
        if content_hash:
            held.add(content_hash)
    return chosen
