"""Ingest in a task of the project's own queue: of Celery, RQ, Django's tasks, or a cron job.

The documents are the queue, and a task only a wake-up: one that is lost, killed or run twice changes nothing.
"""

from __future__ import annotations

import threading
from time import monotonic

from retrieval.configuration import runtime
from retrieval.index.storage import claim_storage
from retrieval.ingestion import ingest

SECONDS = 240.0  # of one task; what is left then, the next one does

_one = threading.Lock()  # a lane is worked on by one thread of a process


def ingest_waiting(*, seconds: float = SECONDS) -> None:
    """Do what waits, on this thread, until nothing does or `seconds` are over; a document that was begun is taken to
    its end. With nothing to do it takes a few queries.

    Raises StorageInUse where another process has the embedded index.
    """
    settings, until = runtime().settings, monotonic() + seconds
    if not settings.qdrant_url:
        claim_storage(settings.index_dir)
    with _one:
        while monotonic() < until and ingest.work():
            pass
