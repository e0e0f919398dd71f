"""Parts of runs as they are recorded."""

from __future__ import annotations

from typing import Any

from retrieval.models import Chunk, Document


def found(document: Document, *, marker: int = 1) -> dict[str, Any]:
    """What a run keeps of a document's first chunk, as the passage that it found."""
    chunk = Chunk.objects.filter(document=document).order_by("position")[0]
    return {
        "marker": marker,
        "chunk_id": str(chunk.pk),
        "document_id": document.pk,
        "section": "",
        "page": None,
        "start": chunk.start,
        "end": chunk.end,
        "score": 0.9,
        "content_hash": document.live_hash,
    }
