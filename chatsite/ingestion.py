"""The process that serves the site also ingests its documents, under every host."""

from typing import Any

from retrieval import ingest


def ingest_in_this_process(**signal: Any) -> None:
    """A receiver of `request_started`: the first request is served after any fork, where a thread may begin."""
    ingest.start()
