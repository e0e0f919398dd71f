"""Who has which part of the embedded index under a folder: each part one process at a time, until it ends."""

from __future__ import annotations

import fcntl
import os
from enum import StrEnum
from pathlib import Path

from retrieval.errors import IndexUnavailable, StorageInUse
from retrieval.reasons import gettext_noop as _


class StoragePart(StrEnum):
    """What one process at a time does. The value names the file that is locked."""

    INDEX = "owner"  # opens it, and answers the others' calls
    INGESTION = "ingestion"  # takes documents from the queue
    SERVING = "serving"  # `manage.py serve`


_claims: dict[tuple[int, Path], int] = {}  # (process, lock file) -> open lock file
_TAKEN = {
    StoragePart.INDEX: _(
        "Process %(owner)s owns the embedded index in %(folder)s. One process can: end that one, or set "
        "QDRANT_URL to a Qdrant server that several processes share."
    ),
    StoragePart.INGESTION: _("Process %(owner)s ingests the documents of the embedded index in %(folder)s."),
    StoragePart.SERVING: _(
        "Process %(owner)s serves the embedded index in %(folder)s already. End that one, or give this one another "
        "DATA_DIR."
    ),
}


def claim(index_dir: Path, part: StoragePart) -> None:
    """Give this process that part of the embedded index under `index_dir`, until it ends or releases it.

    Raises StorageInUse when another process has it, IndexUnavailable when the folder can't be used. Repeating it in
    the process that has it changes nothing.
    """
    key = _key(index_dir, part)
    if key in _claims:
        return
    try:
        index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(index_dir / f"{part}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise IndexUnavailable(
            _("The folder of the embedded index can't be used: %(fault)s"), fault=str(error)
        ) from error
    try:  # a record lock belongs to the process: unlike flock's, a forked child does not inherit it
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StorageInUse(_TAKEN[part], owner=owner, folder=str(index_dir)) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    _claims[key] = descriptor


def may_have(index_dir: Path, part: StoragePart) -> bool:
    """Claim that part. Return False when another process has it."""
    try:
        claim(index_dir, part)
    except StorageInUse:
        return False
    return True


def release(index_dir: Path, part: StoragePart) -> None:
    """Let another process have that part; do nothing when this one doesn't."""
    descriptor = _claims.pop(_key(index_dir, part), None)
    if descriptor is not None:
        os.close(descriptor)


def _key(index_dir: Path, part: StoragePart) -> tuple[int, Path]:
    return os.getpid(), index_dir.resolve() / part
