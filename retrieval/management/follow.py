"""What the commands share: who may work on the index here, and one line that shows how far a request is."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

from retrieval.configuration import runtime
from retrieval.ingestion import reindex
from retrieval.ingestion.ingest import may_ingest, stop_ingesting
from retrieval.models import Reindex

_POLL_SECONDS = 0.5
_BAR = 30  # characters


def follow(kind: Reindex.Kind, *, out: OutputWrapper) -> None:
    """Wait until the request is done, and do it here when this process may ingest; else the one that does, does it."""
    requests, shown = Reindex.objects.filter(kind=kind, switched_at=None), ""
    ours = False
    try:
        while request := requests.first():
            if not ours and may_ingest():
                ours = True
                if not runtime().settings.qdrant_url:
                    reindex.take_back()
            line = bar(request)
            if line != shown:
                show(line, out=out)
                shown = line
            if not (ours and reindex.advance()):
                time.sleep(_POLL_SECONDS)
    finally:
        stop_ingesting()
    if shown and out.isatty():
        out.write("")


def bar(request: Reindex) -> str:
    filled = _BAR * request.done // request.total if request.total else 0
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {reindex.describe(request)}"


def show(line: str, *, out: OutputWrapper) -> None:
    """Write the line in place of the one before; nothing where nobody looks."""
    if out.isatty():
        out.write(f"\r\x1b[K{line}", ending="")
        out.flush()
