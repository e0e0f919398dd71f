"""Compares the documents of a collection, each with what the index finds nearest to its chunks.

The work is bounded by time: it goes on where it ended, and a document that was compared is compared again only when its
text is another.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from retrieval.comparing.figures import FiguredSentence, contradict, sentences_with_figures
from retrieval.configuration import Space
from retrieval.index import Hit, Scope
from retrieval.ingestion.spaces import live_space
from retrieval.models import Chunk, Collection, Conflict, Document
from retrieval.searching.duplicates import are_alike

NEAREST = 8  # chunks that each one is compared with
COPIED = 0.7  # of the chunks of the shorter document: then the two are nearly the same
OF_A_DOCUMENT = 20  # sentences with other figures that are kept of two documents: more are another edition of a table
_CHUNKS_AT_ONCE = 64


@dataclass(frozen=True)
class _Pair:
    one: FiguredSentence
    other: FiguredSentence
    beside: Chunk  # that holds the other one
    likeness: float


def waiting(collection: Collection) -> QuerySet[Document]:
    """Return the documents of a collection whose text was not compared yet."""
    documents = Document.objects.filter(collection=collection).readable()
    return documents.exclude(compared=F("live_generation")).order_by("pk")


def compare(collection: Collection, *, seconds: float) -> int:
    """Compare documents that wait, and begin none after so many seconds; return how many are left. Raises
    IndexUnavailable."""
    until = time.monotonic() + seconds
    space = live_space()
    while time.monotonic() < until and (document := waiting(collection).defer("page_starts", "notes").first()):
        _compare(document, space)
    return waiting(collection).count()


def conflicts(collection: Collection, readable: QuerySet[Document]) -> QuerySet[Conflict]:
    """Return what was found in a collection and nobody has called fine, as far as both documents are among the
    `readable`."""
    ids = readable.filter(collection=collection).order_by().values("pk")
    found = Conflict.objects.filter(fine=False, one__in=ids, other__in=ids)
    return found.select_related("one__collection", "other__collection").defer("one__page_starts", "other__page_starts")


def _compare(document: Document, space: Space) -> None:
    generation = document.live_generation
    pairs: list[_Pair] = []
    copies: Counter[int] = Counter()
    first_copies: dict[int, tuple[Chunk, Chunk, float]] = {}
    chunks = Chunk.objects.filter(document=document, generation=generation).order_by("position")
    for first in range(0, document.chunk_count, _CHUNKS_AT_ONCE):
        some = list(chunks.filter(position__gte=first, position__lt=first + _CHUNKS_AT_ONCE))
        for chunk, near in _nearest(document, some, space):
            for other, likeness in near:
                pairs += _pairs(document, chunk, other, likeness)
            same = {other.document_id: (other, like) for other, like in near if are_alike(chunk.text, other.text)}
            copies.update(same.keys())
            for pk, (other, likeness) in same.items():
                first_copies.setdefault(pk, (chunk, other, likeness))
    found = [*_contradictions(document, pairs), *_copies(document, copies, first_copies)]
    with transaction.atomic():
        Conflict.objects.filter(Q(one=document) | Q(other=document), fine=False).delete()
        Conflict.objects.bulk_create(found, ignore_conflicts=True)
        Document.objects.filter(pk=document.pk).update(compared=generation)


def _nearest(
    document: Document, chunks: Sequence[Chunk], space: Space
) -> Iterable[tuple[Chunk, list[tuple[Chunk, float]]]]:
    """Yield each chunk with those of other documents that are nearest to it, as the index ranks them."""
    vectors = space.index.vectors([chunk.pk for chunk in chunks])
    scope = Scope([document.collection_id])
    hits: dict[UUID, list[Hit]] = {}
    for chunk in chunks:
        vector = vectors.get(chunk.pk)
        text = "" if vector is not None else chunk.searched_text[:1000]
        found = space.index.search(
            text, vector=vector, scope=scope, limit=NEAREST, languages=[document.language or "en"]
        )
        hits[chunk.pk] = [hit for hit in found if hit.document_id != document.pk]
    wanted = {hit.id for found in hits.values() for hit in found}
    live = Q(document__collection=document.collection_id, generation=F("document__live_generation"))
    known = Chunk.objects.filter(live).in_bulk(list(wanted))
    for chunk in chunks:
        near = [(known[hit.id], hit.similarity or hit.score) for hit in hits[chunk.pk] if hit.id in known]
        yield chunk, near


def _pairs(document: Document, chunk: Chunk, other: Chunk, likeness: float) -> list[_Pair]:
    ours = sentences_with_figures(chunk.text, language=document.language)
    theirs = sentences_with_figures(other.text, language=document.language) if ours else []
    said = {sentence.text for sentence in theirs}
    also = {sentence.text for sentence in ours}
    return [
        _Pair(_placed(one, chunk), _placed(another, other), other, likeness)
        for one in ours
        for another in theirs
        if contradict(one, another) and one.text not in said and another.text not in also
    ]


def _placed(sentence: FiguredSentence, chunk: Chunk) -> FiguredSentence:
    """Return the sentence with its place in the document."""
    start, end = chunk.start + sentence.start, chunk.start + sentence.end
    return FiguredSentence(start, end, sentence.text, sentence.terms, sentence.figures)


def _contradictions(document: Document, pairs: Sequence[_Pair]) -> list[Conflict]:
    """Return them, each sentence with the nearest that contradicts it, in each other document."""
    best: dict[tuple[int, int], _Pair] = {}
    for pair in sorted(pairs, key=lambda pair: (-pair.likeness, pair.one.start, pair.other.start)):
        best.setdefault((pair.beside.document_id, pair.one.start), pair)
    counts = Counter(pk for pk, _start in best)
    return [
        _conflict(Conflict.Kind.FIGURES, document.pk, pair.one, pk, pair.other, pair.likeness)
        for (pk, _start), pair in best.items()
        if counts[pk] <= OF_A_DOCUMENT
    ]


def _copies(
    document: Document, copies: Counter[int], first: dict[int, tuple[Chunk, Chunk, float]]
) -> Iterable[Conflict]:
    lengths = dict(Document.objects.filter(pk__in=copies).values_list("pk", "chunk_count"))
    for pk, count in copies.items():
        share = count / max(1, min(document.chunk_count, lengths.get(pk, 0)))
        if share >= COPIED:
            chunk, other, _likeness = first[pk]
            yield _conflict(Conflict.Kind.COPY, document.pk, _whole(chunk), pk, _whole(other), min(1.0, share))


def _whole(chunk: Chunk) -> FiguredSentence:
    return FiguredSentence(chunk.start, chunk.end, chunk.text, frozenset(), ())


def _conflict(
    kind: Conflict.Kind, pk: int, here: FiguredSentence, other_pk: int, there: FiguredSentence, likeness: float
) -> Conflict:
    (one, first), (other, second) = sorted([(pk, here), (other_pk, there)], key=lambda side: side[0])
    said = "\0".join(
        (kind, str(one), str(other), *((first.text, second.text) if kind == Conflict.Kind.FIGURES else ()))
    )
    return Conflict(
        kind=kind,
        one_id=one,
        one_start=first.start,
        one_end=first.end,
        one_quote=first.text,
        other_id=other,
        other_start=second.start,
        other_end=second.end,
        other_quote=second.text,
        likeness=likeness,
        digest=hashlib.sha256(said.encode()).hexdigest(),
    )
