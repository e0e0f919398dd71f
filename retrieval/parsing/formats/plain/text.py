"""Plain text, in whatever encoding."""

from __future__ import annotations

from pathlib import Path

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted, clean
from retrieval.parsing.formats.plain.encodings import decode


def read_text(path: Path) -> Extracted:
    notes = Notes()
    text = clean(decode(path.read_bytes(), notes=notes))
    return Extracted(text, notes=notes.all())
