"""What was drawn of documents' pages, kept on disk by the file's hash; of too much the longest unread goes."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from retrieval.configuration import runtime
from retrieval.models import Document

logger = logging.getLogger(__name__)

CACHE_BYTES = 512 * 1024**2
FAILED_SECONDS = 3600  # until it is tried again: perhaps the machine was busy, and not the file broken
FAILURES_OF_A_FILE = 3  # from which on none of its pages is tried
_FAILED = ".failed"
_WRITES_PER_SWEEP = 100
_writes = 0


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


def write_failure(content_hash: str, name: str) -> None:
    """Note that what has this name could not be made."""
    write(content_hash, f"{name}{_FAILED}", b"")


def has_failed(content_hash: str, name: str) -> bool:
    """Say whether this, or so much else of the file that this would fail as well, has failed in the last
    FAILED_SECONDS."""
    now = time.time()
    recent = []
    for path in (_root() / content_hash).glob(f"*{_FAILED}"):
        with suppress(OSError):
            if abs(now - path.stat().st_mtime) < FAILED_SECONDS:
                recent.append(path.name)
    return f"{name}{_FAILED}" in recent or len(recent) >= FAILURES_OF_A_FILE


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
