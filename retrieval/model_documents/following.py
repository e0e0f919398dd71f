"""Documents follow their rows: added, changed and deleted with them.

What is noted and what `sync` finds go the same way, a few hundred rows at once: their documents are read first, then
the rows, and what differs is written in one transaction, to documents that are as they were read. So whoever was
slower with an older row writes nothing, and a kill leaves what was not yet written to the next time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet

from retrieval.model_documents.contents import RowUnreadable, content_of
from retrieval.model_documents.declaring import ModelDocuments, declared_for
from retrieval.model_documents.writing import RowChange, collection_of, write
from retrieval.models import Document, ModelChange

logger = logging.getLogger(__name__)

_FAULT_CHARACTERS = 1_000
_ROWS = 200  # at once
_WRITTEN = 25  # in one transaction: a kill leaves no more files behind than that
_BYTES = 8 * 1024**2  # of content that waits to be written
_TRIES = 3  # of rows whose documents others change at the same time
_UNREAD = ("page_starts", "page_labels", "notes", "error")  # of a document: nothing here looks at them


@dataclass
class Followed:
    """How many rows were added, changed, deleted, unchanged or unreadable; and why, by the key of their rows."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def fail(self, one: ModelDocuments, keys: Sequence[str], reason: object) -> None:
        for key in keys:
            logger.warning("%s %s: %s", one.label, key, reason)
            self.faults[key] = str(reason)[:_FAULT_CHARACTERS]
        self.counts["unreadable"] += len(keys)


def follow() -> bool:
    """Take up a few of the changes that are noted. Return whether there were any."""
    changes = list(ModelChange.objects.filter(error="").order_by("pk")[:_ROWS])
    for label, noted in groupby(sorted(changes, key=attrgetter("label")), key=attrgetter("label")):
        own = [*noted]
        keys, one = [*dict.fromkeys(change.key for change in own)], declared_for(label)
        # Undeclared, nobody sees its documents, and they stay for when it is declared again.
        faults = follow_rows(one, keys).faults if one is not None else {}
        ModelChange.objects.filter(label=label, key__in=keys).exclude(error="").delete()
        ModelChange.objects.filter(pk__in=[change.pk for change in own]).delete()
        _note_faults(label, faults)
    return bool(changes)


def follow_row(one: ModelDocuments, key: str) -> str:
    """Make the document of this row what the row is now: there is none when there is no row. Return what was done:
    "added", "changed", "deleted" or "unchanged". Raises RowUnreadable."""
    followed = follow_rows(one, [key])
    if key in followed.faults:
        raise RowUnreadable(followed.faults[key])
    return next(iter(followed.counts))


def documents_of(one: ModelDocuments) -> QuerySet[Document]:
    """Return the documents that are rows of its model."""
    return Document.objects.filter(source=Document.Source.MODEL, folder=one.label)


def sync(one: ModelDocuments, *, report: Callable[[int], None] = lambda number: None) -> Counter[str]:
    """Compare every row with its document, and mend what differs. Return how many rows were added, changed, deleted,
    unchanged or unreadable; `report` is called with the number of rows that are done. Raises what its `queryset`
    raises."""
    counts: Counter[str] = Counter()
    ModelChange.objects.filter(label=one.label).exclude(error="").delete()
    for keys in _keys_of_rows(one):
        followed = follow_rows(one, keys)
        _note_faults(one.label, followed.faults)
        counts += followed.counts
        report(counts.total())
    for keys in _keys_of_documents(one):
        there = {one.key_of(pk) for pk in one.queryset().filter(pk__in=keys).values_list("pk", flat=True)}
        counts += follow_rows(one, [key for key in keys if key not in there]).counts
    return counts


def follow_rows(one: ModelDocuments, keys: Sequence[str]) -> Followed:
    """Do as `follow_row` for a few hundred rows."""
    followed, left = Followed(), keys
    for _ in range(_TRIES):
        if left:
            left = _follow(one, left, followed)
    if left:
        followed.fail(one, left, "Its document was changed at the same time, again and again")
    return followed


def _follow(one: ModelDocuments, keys: Sequence[str], followed: Followed) -> list[str]:
    """Return the keys of those that somebody else was faster with."""
    documents = {
        document.location: document for document in documents_of(one).filter(location__in=keys).defer(*_UNREAD)
    }
    try:
        rows = one.rows(keys)
    except (OperationalError, InterfaceError):  # passes
        raise
    except Exception as error:  # whatever a site's code raises
        followed.fail(one, keys, f"{type(one).__name__}.queryset raised {type(error).__name__}: {error}")
        return []
    overtaken: list[str] = []
    waiting: list[RowChange] = []
    for change in _changes(one, keys, documents, rows, followed):
        waiting.append(change)
        written = [other.bytes for other in waiting if other.content]
        if len(written) >= _WRITTEN or sum(written) > _BYTES:
            overtaken += write(one, waiting, followed.counts)
            waiting = []
    return overtaken + write(one, waiting, followed.counts)


def _changes(
    one: ModelDocuments, keys: Sequence[str], documents: dict[str, Document], rows: dict[str, Any], followed: Followed
) -> Iterator[RowChange]:
    """Yield what has to be written; count what hasn't."""
    collection = collection_of(one) if rows else None
    for key in keys:
        try:
            content = content_of(one, rows[key]) if key in rows else None
        except RowUnreadable as error:
            followed.fail(one, [key], error)
            continue
        change = RowChange(key, documents.get(key), content if content and content.file.size else None, collection)
        if change.is_needed:
            yield change
        else:
            followed.counts["unchanged"] += 1


def _note_faults(label: str, faults: dict[str, str]) -> None:
    ModelChange.objects.bulk_create(ModelChange(label=label, key=key, error=fault) for key, fault in faults.items())


def _keys_of_rows(one: ModelDocuments) -> Iterator[list[str]]:
    rows, last = one.queryset().order_by("pk"), None
    while True:
        after = rows if last is None else rows.filter(pk__gt=last)
        found = [*after.values_list("pk", flat=True)[:_ROWS]]
        if not found:
            return
        last = found[-1]
        yield [*dict.fromkeys(map(one.key_of, found))]


def _keys_of_documents(one: ModelDocuments) -> Iterator[list[str]]:
    last = 0
    while found := [*documents_of(one).filter(pk__gt=last).order_by("pk").values_list("pk", "location")[:_ROWS]]:
        last = found[-1][0]
        yield [location for _, location in found]
