"""What was drawn of documents' pages, kept on disk by the file's hash; of too much the longest unread goes."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from retrieval.configuration import runtime
from retrieval.models import Document

logger = logging.getLogger(__name__)

CACHE_BYTES = 512 * 1024**2
_WRITES_PER_SWEEP = 100
_writes = 0


def kept(content_hash: str, name: str, make: Callable[[], bytes]) -> bytes:
    """Return what is kept under `name` for this file; it is made and kept when it isn't there."""
    known = read(content_hash, name)
    if known is None:
        write(content_hash, name, known := make())
    return known


def read(content_hash: str, name: str) -> bytes | None:
    path = _root() / content_hash / name
    try:
        content = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    return content


def write(content_hash: str, name: str, content: bytes) -> None:
    """Write the file as a whole or not at all. A full disk costs time later, and nothing now."""
    global _writes
    path = _root() / content_hash / name
    part = path.with_name(f"{name}.{threading.get_ident()}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        logger.warning("A drawn page can't be kept: %s", error)
        with suppress(OSError):
            part.unlink(missing_ok=True)
    _writes += 1
    if _writes % _WRITES_PER_SWEEP == 1:
        sweep()


def forget(content_hash: str) -> None:
    """Remove what is kept for this file: its document was deleted or has another file now."""
    if content_hash:
        shutil.rmtree(_root() / content_hash, ignore_errors=True)


def sweep(limit: int = CACHE_BYTES) -> None:
    """Remove what belongs to no document's text any more, then what was not read for the longest, until `limit` bytes
    are left."""
    hashes = {folder.name for folder in _root().iterdir() if folder.is_dir()} if _root().is_dir() else set()
    live = set(Document.objects.filter(live_hash__in=hashes).values_list("live_hash", flat=True))
    for orphan in hashes - live:
        forget(orphan)
    total = 0
    for _, size, path in sorted(_files(live), reverse=True):
        total += size
        if total > limit:
            path.unlink(missing_ok=True)


def _root() -> Path:
    settings = runtime().settings
    return settings.pages_dir or settings.index_dir.parent / "pages"


def _files(hashes: Iterable[str]) -> Iterable[tuple[int, int, Path]]:
    """Return when each was last read, its size and its path."""
    for content_hash in hashes:
        for path in (_root() / content_hash).glob("*"):
            with suppress(OSError):
                found = path.stat()
                yield found.st_mtime_ns, found.st_size, path
