"""What the tests of sources stand on: a source of a collection, looked at in this thread."""

from __future__ import annotations

from typing import Any

from retrieval.models import Collection, Document, SyncedSource, SyncEvent, SyncRun
from retrieval.syncing.due import run_now


def make_source(collection: Collection, kind: str, *, name: str = "Guide", **settings: Any) -> SyncedSource:
    return SyncedSource.objects.create(collection=collection, name=name, kind=kind, settings=settings)


def look_at(source: SyncedSource) -> SyncRun:
    """Return the run of looking at the source now."""
    source.refresh_from_db()
    run = run_now(source)
    assert run is not None
    source.refresh_from_db()
    return run


def counts(run: SyncRun) -> dict[str, int]:
    """Return what a run counts, without zeros."""
    named = {name: getattr(run, name) for name in ("added", "changed", "unchanged", "gone", "refused")}
    return {name: number for name, number in named.items() if number}


def events(run: SyncRun) -> list[tuple[str, str, str]]:
    return [(event.what, event.key, str(event.reason)) for event in SyncEvent.objects.filter(run=run)]


def titles() -> list[str]:
    return sorted(Document.objects.filter(source=Document.Source.SYNCED).values_list("title", flat=True))
