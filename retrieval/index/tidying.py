"""Optimising an embedded index without stopping the process that serves it.

Edge holds the interpreter's lock for as long as it optimises, seconds for 50,000 points. So a child process optimises a
copy of the folder, and the copy takes the folder's place. Killed at any moment, one whole folder is left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import IndexUnavailable

_NICENESS = 10  # the questions of readers come first
_SECONDS = 1800


def optimised_copy(path: Path, *, dimension: int | None) -> Path:
    """An optimised copy of the index in `path`, which nobody writes to meanwhile.

    Raises IndexUnavailable when there is no room for it or the child fails; `path` is as it was.
    """
    copy = _copy(path)
    try:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(path, copy)
        subprocess.run(  # noqa: S603 - a fixed command
            [sys.executable, "-m", "retrieval.index.tidying", str(copy), str(dimension or "")],
            cwd=Path(__file__).resolve().parents[2],
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise IndexUnavailable(f"The embedded index could not be tidied: {error}") from error
    return copy


@contextmanager
def place_taken(copy: Path, path: Path) -> Iterator[None]:
    """`copy` is where the folder `path` was, which is removed at the end, when nobody reads it any more."""
    former = _former(path)
    path.rename(former)
    copy.rename(path)
    yield
    shutil.rmtree(former, ignore_errors=True)


def finish_interrupted(path: Path) -> None:
    """Before `path` is opened: what a process killed while tidying left behind is put back or removed."""
    former = _former(path)
    if former.exists() and not path.exists():
        former.rename(path)
    shutil.rmtree(former, ignore_errors=True)
    shutil.rmtree(_copy(path), ignore_errors=True)


def _copy(path: Path) -> Path:
    return path.with_name(f"{path.name}.tidied")


def _former(path: Path) -> Path:
    return path.with_name(f"{path.name}.former")


def _main() -> None:
    from retrieval.index.edge import open_shard

    os.nice(_NICENESS)
    path, dimension = sys.argv[1:]
    shard = open_shard(Path(path), int(dimension) if dimension else None)
    shard.optimize()
    shard.close()
    os.sync()  # the folder it replaces is removed: what is new has to be on the disk by then


if __name__ == "__main__":
    _main()
