"""The index ranks: it knows ids, vectors and whom a chunk belongs to, never text or permission (those are SQL's).

Implementations of one interface: `edge.EdgeIndex` in this process, `embedded.EmbeddedIndex` wherever on this machine
that is open, and `server.ServerIndex` on a Qdrant server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

PREFETCH = 200  # hits of each kind that are fused
ALL_GENERATIONS = 2**31 - 1

# Names both implementations store under.
DENSE, LEXICAL = "dense", "text"
TENANT_FIELD, KEYWORD_FIELDS, INTEGER_FIELDS = "collection_id", ("language",), ("document_id", "generation", "dated")
VERSION = 4  # of what is stored for a point; part of the fingerprint


@dataclass(frozen=True)
class Point:
    """A chunk as the index holds it. `text` is what ranks it by words: title and headings as well as its own text.

    `language` (ISO 639-1, empty when unknown) chooses the stemmer; `dated` is the document's own date.
    """

    id: UUID
    document_id: int
    collection_id: int
    generation: int
    position: int
    text: str
    vector: Sequence[float] | None
    language: str = "en"
    dated: date | None = None

    def payload(self) -> dict[str, int | str]:
        """Return what filters and hits need. The collection is text, because a tenant key must be a keyword, and the
        date its ordinal, because both indexes compare whole numbers exactly."""
        dated = {"dated": self.dated.toordinal()} if self.dated else {}
        return {
            "collection_id": str(self.collection_id),
            "document_id": self.document_id,
            "generation": self.generation,
            "position": self.position,
            "language": self.language,
            **dated,
        }


@dataclass(frozen=True)
class Scope:
    """The documents a query may find: those of these collections, and, unless None, only these documents of theirs,
    those in these languages, and those dated from `since` to `until`, both included; a document without a date is then
    left out."""

    collection_ids: Sequence[int]
    document_ids: Sequence[int] | None = None
    languages: Sequence[str] | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Hit:
    """A ranked chunk: its fused score (about 0 to 2), and its cosine to the query, None without vectors. `parts` are
    what the ranking by words and that by vectors add to the score."""

    id: UUID
    document_id: int
    generation: int
    position: int
    score: float
    similarity: float | None
    parts: tuple[float, float] = (0.0, 0.0)


class Index(Protocol):
    """Ranks chunks. Every method may raise IndexUnavailable, or IndexRejected for a point or question that it refuses.
    Safe to call from several threads at once."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Store the points durably; the same point again changes nothing."""

    def search(
        self,
        text: str,
        *,
        vector: Sequence[float] | None,
        scope: Scope,
        limit: int,
        languages: Sequence[str] = ("en",),
        trust: float = 1.0,
    ) -> list[Hit]:
        """Return the best `limit` points inside `scope`, best first, equal scores in order of document and position.

        An empty `text` or no `vector` leaves that ranking out. `text` is stemmed as each of `languages` is; its words
        as they stand find points in no known language. `trust` weighs the ranking by vectors against that by words.
        """

    def vectors(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[float]]:
        """Return the dense vectors of those points that are here and have one."""

    def holdings(self) -> Mapping[tuple[int, int], int]:
        """Return how many points there are of each (document, generation)."""

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None: ...

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int: ...

    def tidy(self, *, busy: bool = False) -> None:
        """Give back the room of removed points and make the others faster to search, where it is worth it.

        It may take seconds, in which searches go on and writes wait: call it when the queue is empty. Called `busy`,
        while there is more to write, it takes a twentieth of the time at most.
        """

    def drop(self) -> None:
        """Close the index and remove it from where it is stored, with all its points."""

    def close(self) -> None: ...
