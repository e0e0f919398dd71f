"""The index ranks: it knows ids, vectors and whom a chunk belongs to, never text or permission (those are SQL's).

Two implementations of one interface: `edge.EdgeIndex` in this process, `server.ServerIndex` on a Qdrant server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

PREFETCH = 100  # hits of each kind that are fused
ALL_GENERATIONS = 2**31 - 1

# Names both implementations store under.
DENSE, LEXICAL = "dense", "text"
TENANT_FIELD, INTEGER_FIELDS = "collection_id", ("document_id", "generation")


@dataclass(frozen=True)
class Point:
    """A chunk as the index holds it. `text` is what ranks it by words: title and headings as well as its own text."""

    id: UUID
    document_id: int
    collection_id: int
    generation: int
    position: int
    text: str
    vector: Sequence[float] | None

    def payload(self) -> dict[str, int | str]:
        """What filters and hits need; the collection as text, because a tenant key must be a keyword."""
        return {
            "collection_id": str(self.collection_id),
            "document_id": self.document_id,
            "generation": self.generation,
            "position": self.position,
        }


@dataclass(frozen=True)
class Scope:
    """Where a query may look: these collections, and, unless None, only these documents of theirs."""

    collection_ids: Sequence[int]
    document_ids: Sequence[int] | None = None


@dataclass(frozen=True)
class Hit:
    """A ranked chunk: its fused score (about 0 to 2), and its cosine to the query, None without vectors."""

    id: UUID
    document_id: int
    generation: int
    position: int
    score: float
    similarity: float | None


class Index(Protocol):
    """Every method may raise IndexUnavailable. Safe to call from several threads at once."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Durable when it returns; the same point again changes nothing."""

    def search(self, text: str, *, vector: Sequence[float] | None, scope: Scope, limit: int) -> list[Hit]:
        """The best `limit` points inside `scope`, best first, equal scores in order of document and position."""

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None: ...

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int: ...

    def tidy(self) -> None:
        """Give back the room of removed points and of former indexes. The embedded one stops the whole process for
        about a second per 10,000 removed points, so this is for its start."""

    def close(self) -> None: ...
