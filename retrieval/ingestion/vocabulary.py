"""How many chunks of a collection hold each word, kept in step with its chunks: the same transaction changes both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from django.db import connection

from retrieval.models import Chunk, Collection, CollectionWord
from retrieval.text.words import vocabulary

_ROWS = 500  # in one statement
_ADD = """INSERT INTO {table} (collection_id, word, chunks, capitals) VALUES {rows}
ON CONFLICT (collection_id, word) DO UPDATE
SET chunks = {table}.chunks + excluded.chunks, capitals = {table}.capitals + excluded.capitals"""

Counted = dict[str, tuple[int, int]]
"""In how many chunks each word stands, and in how many with a capital."""


def add(collection_id: int, chunks: Iterable[Chunk]) -> None:
    """Count the words of chunks that join the collection. Its row has to be locked: so one counts at a time."""
    _change(collection_id, _counted((chunk.headings, chunk.text) for chunk in chunks))


def forget_documents(documents: Mapping[int, int | None]) -> None:
    """Take away what the chunks of these documents, by id with their collection's, count; call it before the chunks
    are deleted, in the same transaction. Nothing is left of a collection that is gone."""
    known = {collection_id for collection_id in documents.values() if collection_id is not None}
    for collection_id in _lock(known):
        leaving = [pk for pk, of_collection in documents.items() if of_collection == collection_id]
        _take_away(collection_id, _held_by(leaving))


def move_document(document_id: int, *, source: int, target: int) -> None:
    """Count the document's words in the collection `target` from now on, and no longer in `source`, whose readers may
    not read it any more; call it in the transaction that moves the document."""
    counted = _held_by([document_id])
    for collection_id in _lock({source, target}):
        if collection_id == target:
            _change(target, counted)
        else:
            _take_away(source, counted)


def _lock(collections: Set[int]) -> list[int]:
    """Return which of these collections are there, locked: so one counts at a time."""
    locked = Collection.objects.select_for_update(no_key=True).filter(pk__in=collections)
    return list(locked.order_by("pk").values_list("pk", flat=True))


def _held_by(documents: Sequence[int]) -> Counted:
    rows = Chunk.objects.filter(document__in=documents).order_by("pk").values_list("headings", "text")
    return _counted(rows.iterator())


def _take_away(collection_id: int, counted: Counted) -> None:
    if counted:
        _change(collection_id, {word: (-chunks, -capitals) for word, (chunks, capitals) in counted.items()})
        CollectionWord.objects.filter(collection=collection_id, chunks__lte=0).delete()


def _counted(chunks: Iterable[tuple[list[str], str]]) -> Counted:
    counted = Counted()
    for headings, text in chunks:
        for word, is_capital in vocabulary("\n".join((*headings, text))).items():
            before = counted.get(word, (0, 0))
            counted[word] = before[0] + 1, before[1] + is_capital
    return counted


def _change(collection_id: int, counted: Counted) -> None:
    """Add to the counts in one statement for many words, for the ORM's `bulk_create` can replace, but not add."""
    table = connection.ops.quote_name(CollectionWord._meta.db_table)
    changes = sorted(counted.items())  # in one order, so that two that change the same never wait for each other
    with connection.cursor() as cursor:
        for first in range(0, len(changes), _ROWS):
            some = changes[first : first + _ROWS]
            rows = ", ".join(["(%s, %s, %s, %s)"] * len(some))
            values = [value for word, counts in some for value in (collection_id, word, *counts)]
            cursor.execute(_ADD.format(table=table, rows=rows), values)
