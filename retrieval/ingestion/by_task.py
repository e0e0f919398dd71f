"""Ingest in a task of the project's own queue: of Celery, RQ, Django's tasks, or a cron job.

The documents are the queue, and a task only a wake-up: one that is lost, killed or run twice changes nothing.
"""

from __future__ import annotations

import threading
from time import monotonic, sleep

from retrieval.ingestion import ingest

SECONDS = 240.0  # of one task; what is left then, the next one does

_POLL_SECONDS = 0.5

_one = threading.Lock()  # a lane is worked on by one thread of a process


def ingest_waiting(*, seconds: float = SECONDS) -> None:
    """Do what waits, on this thread, until nothing does or `seconds` are over; a document that was begun is taken to
    its end. With nothing to do it takes a few queries.

    While another process ingests into the embedded index, it waits for that one to have done it all.
    """
    until = monotonic() + seconds
    with _one:
        while not ingest.may_ingest():
            if monotonic() > until or not ingest.is_waited_for():
                return
            sleep(_POLL_SECONDS)
        try:
            while monotonic() < until and ingest.work():
                pass
        finally:
            ingest.stop_ingesting()
