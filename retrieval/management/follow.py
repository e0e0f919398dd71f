"""What the commands share: who may work on the index here, and one line that shows how far a request is."""

from __future__ import annotations

import time
from pathlib import Path

from django.core.management.base import OutputWrapper

from retrieval.errors import StorageInUse
from retrieval.index.storage import claim_storage
from retrieval.ingestion import reindex
from retrieval.models import Reindex

_POLL_SECONDS = 0.5
_BAR = 30  # characters


def may_work(index_dir: Path, *, embedded: bool) -> bool:
    """Return whether this process may open the index: always on a server, and when nobody else owns the embedded
    one."""
    if not embedded:
        return True
    try:
        claim_storage(index_dir)
    except StorageInUse:
        return False
    return True


def follow(kind: Reindex.Kind, *, out: OutputWrapper, index_dir: Path, embedded: bool) -> None:
    """Wait until the request is done, and do it here when this process may; else the one that serves does."""
    requests, shown = Reindex.objects.filter(kind=kind, switched_at=None), ""
    owns = False
    while request := requests.first():
        if not owns and may_work(index_dir, embedded=embedded):
            owns = True
            if embedded:
                reindex.take_back()
        line = bar(request)
        if line != shown:
            show(line, out=out)
            shown = line
        if not (owns and reindex.advance()):
            time.sleep(_POLL_SECONDS)
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
