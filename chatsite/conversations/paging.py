"""A long conversation in parts: its latest one for a page and those before it; all of it, one by one, for an export."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from django.db.models import Q

from chatsite.models import Run, RunQuerySet

PART = 30  # questions that a page shows at once
VERSIONS = 30  # earlier versions of all of these, the newest
BATCH = 100  # of an export


@dataclass(frozen=True, slots=True)
class ConversationPart:
    """Some runs that follow each other, the oldest first, with those that they have taken the place of. `before` leads
    to the part before this one; it is None where there is none. `is_latest`: nothing follows."""

    runs: list[Run]
    before: uuid.UUID | None = None
    is_latest: bool = True

    @classmethod
    def of(cls, runs: RunQuerySet, *, before: str = "") -> Self:
        """Return the latest part of `runs`, of one conversation; or that in front of the run with the id `before`."""
        mark = _run(runs, before)
        current = runs.current() if mark is None else runs.current().filter(_in_front_of(mark))
        shown = list(_with_all(current.order_by("-created_at", "-pk")[: PART + 1]))
        there_are_more, shown = len(shown) > PART, shown[:PART]
        replaced = runs.filter(replaced_by__in=[run.pk for run in shown]).order_by("-created_at", "-pk")
        both = [*shown, *_with_all(replaced[:VERSIONS])]
        first = shown[-1].pk if there_are_more else None
        return cls(sorted(both, key=lambda run: (run.created_at, run.pk)), first, is_latest=mark is None)


def batches(runs: RunQuerySet) -> Iterator[list[Run]]:
    """Yield all of `runs`, the oldest first, as many at once as an export holds in memory."""
    ordered = runs.order_by("created_at", "pk").prefetch_related("citations")
    batch = list(ordered[:BATCH])
    while batch:
        yield batch
        last = batch[-1]
        behind = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
        batch = list(ordered.filter(behind)[:BATCH]) if len(batch) == BATCH else []


def _run(runs: RunQuerySet, wanted: str) -> Run | None:
    try:
        return runs.filter(pk=uuid.UUID(wanted)).first()
    except ValueError:  # no id at all
        return None


def _in_front_of(run: Run) -> Q:
    return Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, pk__lt=run.pk)


def _with_all(runs: RunQuerySet) -> RunQuerySet:
    """Return `runs` with what their rendering needs."""
    return runs.select_related("feedback").prefetch_related("citations")
