"""Who owns the embedded index: one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from retrieval.errors import IndexUnavailable, StorageInUse
from retrieval.reasons import gettext_noop as _

_claims: dict[tuple[int, Path], int] = {}  # (process, folder) -> open lock file


def claim_storage(index_dir: Path) -> None:
    """Make this process the owner of the embedded index under `index_dir`, until it ends or releases it.

    Raises StorageInUse when another process is, IndexUnavailable when the folder can't be used. Repeating it in the
    owner changes nothing.
    """
    key = (os.getpid(), index_dir.resolve())
    if key in _claims:
        return
    try:
        index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(index_dir / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise IndexUnavailable(
            _("The folder of the embedded index can't be used: %(fault)s"), fault=str(error)
        ) from error
    try:  # a record lock belongs to the process: unlike flock's, a forked child does not inherit it
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StorageInUse(
            _(
                "Process %(owner)s owns the embedded index in %(folder)s. One process can: end that one, or set "
                "QDRANT_URL to a Qdrant server that several processes share."
            ),
            owner=owner,
            folder=str(index_dir),
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    _claims[key] = descriptor


def release_storage(index_dir: Path) -> None:
    """Let another process own the embedded index; do nothing when this one doesn't."""
    descriptor = _claims.pop((os.getpid(), index_dir.resolve()), None)
    if descriptor is not None:
        os.close(descriptor)
