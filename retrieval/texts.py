"""The text of documents, by position: the index isn't asked."""

from __future__ import annotations

from django.db.models import QuerySet

from retrieval.errors import UnknownDocument
from retrieval.models import Chunk, Document
from retrieval.readers import Readers
from retrieval.searching.passages import ChunkText, Passage, passage_of


def covering(document_id: int, *, start: int, end: int, user: Readers) -> tuple[Passage, ...]:
    """Return the chunks that characters `start` to `end` of a document lie in, by position, without asking the index.

    Raises UnknownDocument.
    """
    document = Document.objects.visible_to(user).readable().filter(pk=document_id).first()
    if document is None:
        raise UnknownDocument([document_id])
    return tuple(
        passage_of(document, [ChunkText(chunk.start, chunk.headings, chunk.text)], chunk_id=chunk.pk)
        for chunk in _live_chunks(document, start=start, end=end)
    )


def document_text(document: Document, *, start: int = 0, end: int | None = None) -> str:
    """Return characters `start` to `end` of the document's text; empty before its first ingestion."""
    end = document.characters if end is None else end
    chunks = list(_live_chunks(document, start=start, end=end))
    first = chunks[0].start if chunks else 0
    return "".join(chunk.text for chunk in chunks)[max(start, 0) - first : max(end, 0) - first]


def _live_chunks(document: Document, *, start: int, end: int) -> QuerySet[Chunk]:
    chunks = Chunk.objects.filter(document=document, generation=document.live_generation)
    return chunks.filter(start__lt=end, end__gt=start).order_by("position")
