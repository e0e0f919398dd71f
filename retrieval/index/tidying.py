"""Optimising an embedded index without stopping the process that serves it.

Edge holds the interpreter's lock for as long as it optimises, seconds for 50,000 points. So a child process optimises a
copy of the folder, and the copy takes the folder's place. Killed at any moment, one whole folder is left.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from retrieval.children import run_child
from retrieval.errors import IndexUnavailable
from retrieval.reasons import gettext_noop as _

_SECONDS = 1800


def optimised_copy(path: Path, *, dimension: int | None) -> Path:
    """Return an optimised copy of the index in `path`, to which nobody may write meanwhile.

    Raises IndexUnavailable when there is no room for it or the child fails; `path` is as it was.
    """
    copy = _copy(path)
    try:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(path, copy)
        done = run_child("retrieval.index.tidying", str(copy), str(dimension or ""), seconds=_SECONDS)
        if done.status != 0:
            raise OSError(done.log)
    except OSError as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise IndexUnavailable(_("The embedded index could not be tidied: %(fault)s"), fault=str(error)) from error
    return copy


@contextmanager
def place_taken(copy: Path, path: Path) -> Iterator[None]:
    """Put `copy` in the place of the folder `path`, which is kept beside it; after an error both are where they
    were."""
    former = _former(path)
    shutil.rmtree(former, ignore_errors=True)
    with ExitStack() as undo:
        path.rename(former)
        undo.callback(former.rename, path)
        copy.rename(path)
        undo.callback(path.rename, copy)
        yield
        undo.pop_all()


def remove_former(path: Path) -> None:
    """Remove the folder that was in the place of `path`, once nobody reads it any more."""
    shutil.rmtree(_former(path), ignore_errors=True)


def finish_interrupted(path: Path) -> None:
    """Put back or remove what a process killed while tidying left behind; call it before `path` is opened."""
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
    from retrieval.index.shard import open_shard

    path, dimension = sys.argv[1:]
    shard = open_shard(Path(path), int(dimension) if dimension else None)
    shard.optimize()
    shard.close()
    os.sync()  # the folder it replaces is removed: what is new has to be on the disk by then


if __name__ == "__main__":
    _main()
