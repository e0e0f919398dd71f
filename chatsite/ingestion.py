"""The process that serves the site also ingests its documents, under every host, unless workers do, or a task of the
project's own queue."""

import logging
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from retrieval.ingestion import ingest

logger = logging.getLogger(__name__)


def ingest_in_this_process(**signal: Any) -> None:
    """A receiver of `request_started`: the first request is served after any fork, where a thread may begin."""
    if settings.SITE_INGESTS:
        ingest.start()


def ask_for_task() -> None:
    """Ask for INGEST_TASK, however its library has one ask. Where that fails, documents wait for the next time."""
    if not settings.INGEST_TASK:
        return
    try:
        task = import_string(settings.INGEST_TASK)
        ask = getattr(task, "enqueue", None) or getattr(task, "delay", None) or task
        ask()
    except Exception:  # the outermost edge of the project's own queue: a broker that is down loses no document
        logger.exception("The task %s could not be asked for", settings.INGEST_TASK)
