"""A question in, passages out. The index ranks; SQL decides what may be read, and is where text comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from uuid import UUID

from django.db.models import F, QuerySet

from retrieval.configuration import runtime
from retrieval.errors import (
    EmbeddingUnavailable,
    IndexUnavailable,
    StorageInUse,
    UnknownCollection,
    UnknownDocument,
)
from retrieval.extraction import clean
from retrieval.index import Hit, Scope
from retrieval.models import Chunk, Collection, Document, User
from retrieval.points import chunk_id
from retrieval.spans import NEIGHBOURS, Span, spans

__all__ = [
    "EmbeddingUnavailable",
    "IndexUnavailable",
    "Passage",
    "SearchResult",
    "StorageInUse",
    "UnknownCollection",
    "UnknownDocument",
    "check_scope",
    "covering",
    "document_text",
    "search",
]

_SPARE = 3  # hits asked for per passage wanted: neighbours merge, and the index may hold what SQL no longer does


@dataclass(frozen=True)
class Passage:
    """A chunk that was found, with its neighbours: exactly the characters `start` to `end` of the document's text.

    `score` is the fused rank score (0 to about 2); `similarity` the chunk's cosine to the query, None without vectors.
    """

    chunk_id: str
    document_id: int
    title: str
    url: str
    page: int | None
    start: int
    end: int
    text: str
    score: float
    similarity: float | None
    content_hash: str


@dataclass(frozen=True)
class SearchResult:
    """The passages, best first, and where the time went, in milliseconds."""

    passages: tuple[Passage, ...]
    embed_ms: float
    index_ms: float
    sql_ms: float

    @property
    def total_ms(self) -> float:
        return self.embed_ms + self.index_ms + self.sql_ms


def search(
    query: str,
    *,
    user: User,
    collections: Sequence[str] | None = None,
    document_ids: Sequence[int] | None = None,
    limit: int = 5,
) -> SearchResult:
    """The best `limit` passages that `user` may read, in these collections (slugs) and documents, or in all.

    Raises UnknownCollection, UnknownDocument or IndexUnavailable.
    """
    began = perf_counter()
    scope, fingerprint = _scope(user, collections, document_ids)
    query = clean(query).strip()
    if not scope.collection_ids or not query:
        return SearchResult((), embed_ms=0.0, index_ms=0.0, sql_ms=_milliseconds(began))
    scoped = perf_counter()
    space = runtime().space(fingerprint)
    vector = space.embedder.embed_query(query).tolist() if space.embedder else None
    embedded = perf_counter()
    hits = space.index.search(query, vector=vector, scope=scope, limit=limit * _SPARE)
    ranked = perf_counter()
    passages = _passages(hits, scope=scope, user=user, limit=limit)
    return SearchResult(
        passages,
        embed_ms=(embedded - scoped) * 1000,
        index_ms=(ranked - embedded) * 1000,
        sql_ms=(scoped - began) * 1000 + _milliseconds(ranked),
    )


def check_scope(
    *, user: User, collections: Sequence[str] | None = None, document_ids: Sequence[int] | None = None
) -> None:
    """Raises UnknownCollection or UnknownDocument, as `search` would, without searching."""
    if collections is not None or document_ids is not None:  # all that is visible needs no check
        _scope(user, collections, document_ids)


def covering(document_id: int, *, start: int, end: int, user: User) -> tuple[Passage, ...]:
    """The chunks that characters `start` to `end` of a document lie in, by position; the index isn't asked.

    Raises UnknownDocument.
    """
    document = Document.objects.visible_to(user).readable().filter(pk=document_id).first()
    if document is None:
        raise UnknownDocument([document_id])
    return tuple(_passage(document, [chunk], hit=None) for chunk in _live_chunks(document, start=start, end=end))


def document_text(document: Document, *, start: int = 0, end: int | None = None) -> str:
    """Characters `start` to `end` of the document's text; empty before its first ingestion."""
    end = document.characters if end is None else end
    chunks = list(_live_chunks(document, start=start, end=end))
    first = chunks[0].start if chunks else 0
    return "".join(chunk.text for chunk in chunks)[max(start, 0) - first : max(end, 0) - first]


def _live_chunks(document: Document, *, start: int, end: int) -> QuerySet[Chunk]:
    chunks = Chunk.objects.filter(document=document, generation=document.live_generation)
    return chunks.filter(start__lt=end, end__gt=start).order_by("position")


def _scope(user: User, slugs: Sequence[str] | None, document_ids: Sequence[int] | None) -> tuple[Scope, str]:
    """What this user may search of what was asked for, and the fingerprint of the index that holds it; what isn't there
    or isn't theirs is named, never dropped."""
    visible = Collection.objects.visible_to(user).order_by("pk")
    if slugs is not None:
        visible = visible.filter(slug__in=slugs)
    found = list(visible.values_list("slug", "pk", "fingerprint"))
    if unknown := set(slugs or []) - {slug for slug, _, _ in found}:
        raise UnknownCollection([slug for slug in slugs or [] if slug in unknown])
    collection_ids = [pk for _, pk, _ in found]
    if document_ids is not None:
        inside = Document.objects.visible_to(user).filter(collection__in=collection_ids)
        known = set(inside.filter(pk__in=document_ids).values_list("pk", flat=True))
        if missing := [document_id for document_id in document_ids if document_id not in known]:
            raise UnknownDocument(missing)
    return Scope(collection_ids, document_ids), max((fingerprint for _, _, fingerprint in found), default="")


def _passages(hits: Sequence[Hit], *, scope: Scope, user: User, limit: int) -> tuple[Passage, ...]:
    """The first `limit` passages around these hits; hits whose surroundings overlap share one."""
    chunks = _readable_chunks(hits, scope=scope, user=user)
    readable = [hit for hit in hits if (hit.document_id, hit.position) in chunks]
    return tuple(_around(span, chunks) for span in spans(readable, limit=limit))


def _readable_chunks(hits: Sequence[Hit], *, scope: Scope, user: User) -> dict[tuple[int, int], Chunk]:
    """Hits and neighbours by (document, position), as far as `user` may read them and their generation is live.

    One query: their ids follow from document, generation and position.
    """
    ids: set[UUID] = {
        chunk_id(hit.document_id, generation=hit.generation, position=position)
        for hit in hits
        for position in range(max(hit.position - NEIGHBOURS, 0), hit.position + NEIGHBOURS + 1)
    }
    readable = Document.objects.visible_to(user).filter(collection__in=scope.collection_ids)
    chunks = Chunk.objects.filter(pk__in=ids, document__in=readable, generation=F("document__live_generation"))
    return {(chunk.document_id, chunk.position): chunk for chunk in chunks.select_related("document").order_by("pk")}


def _around(span: Span, chunks: dict[tuple[int, int], Chunk]) -> Passage:
    document_id = span.hit.document_id
    positions = range(span.first, span.last + 1)
    parts = [chunks[document_id, position] for position in positions if (document_id, position) in chunks]
    return _passage(parts[0].document, parts, hit=span.hit)


def _passage(document: Document, parts: Sequence[Chunk], *, hit: Hit | None) -> Passage:
    """Neighbouring chunks as one passage, without the whitespace around it."""
    whole = "".join(part.text for part in parts)
    text = whole.strip()
    start = parts[0].start + len(whole) - len(whole.lstrip())
    return Passage(
        chunk_id=str(hit.id if hit else parts[0].pk),
        document_id=document.pk,
        title=document.title,
        url=document.get_absolute_url(),
        page=document.page_at(start),
        start=start,
        end=start + len(text),
        text=text,
        score=hit.score if hit else 1.0,
        similarity=hit.similarity if hit else None,
        content_hash=document.live_hash,
    )


def _milliseconds(since: float) -> float:
    return (perf_counter() - since) * 1000
