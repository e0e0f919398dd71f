"""Reading a small file of any format in a test, in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from retrieval.parsing.formats import Extracted, extract


def read(filename: str, content: str | bytes) -> Extracted:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / filename
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return extract(path, filename=filename, max_characters=10_000_000)


def noted(extracted: Extracted) -> dict[str, int]:
    """How often each kind of note was met."""
    return {note.kind: note.count for note in extracted.notes}


def outline(extracted: Extracted) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in extracted.headings]
