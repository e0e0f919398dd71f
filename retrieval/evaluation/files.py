"""The files of a set: plain, or compressed with gzip."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

from retrieval.errors import EvaluationSetError


def text_of(path: Path) -> str:
    """Return what the file holds, unpacked where its name ends in .gz."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")


def first_of(folder: Path, names: Sequence[str]) -> Path:
    """Return the first of these files that is there, as it is or compressed. Raises EvaluationSetError."""
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise EvaluationSetError(f"{folder} holds no {' or '.join(names)}, plain or .gz.")
