"""The process that serves the site also ingests its documents, under every host, unless workers do."""

from typing import Any

from django.conf import settings

from retrieval.ingestion import ingest


def ingest_in_this_process(**signal: Any) -> None:
    """A receiver of `request_started`: the first request is served after any fork, where a thread may begin."""
    if settings.SITE_INGESTS:
        ingest.start()
