"""What both indexes do alike: ask for two rankings and fuse them, read vectors, count points.

A condition is said once, in plain values, and each index puts it into its vendor's words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from uuid import UUID

from retrieval.index import ALL_GENERATIONS, DENSE, LEXICAL, PREFETCH, TENANT_FIELD, Hit, Scope
from retrieval.index.ranking import Ranked, rank
from retrieval.index.words import weigh_query

if TYPE_CHECKING:
    from retrieval.index.words import Weights

    Query = Weights | list[float]

Key = TypeVar("Key")


@dataclass(frozen=True)
class Between:
    """Whole numbers from `least` to `most`, both included; None leaves that end open."""

    least: int | None = None
    most: int | None = None


Conditions = Mapping[str, Sequence[int] | Sequence[str] | Between]  # by field; a point has to meet all of them


class SharedIndex(ABC, Generic[Key]):
    """An index by its vendor's few calls. Ids are `Key`s: as the vendor has them, or as they are cheapest to hash."""

    _dimension: int | None

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
        queries: dict[str, Query] = {}
        if (words := weigh_query(text, languages=languages)).indices:
            queries[LEXICAL] = words
        if vector is not None and self._dimension:
            queries[DENSE] = list(vector)
        scores = self._scores(queries, _inside(scope), PREFETCH) if queries else {}
        return rank(
            scores.get(LEXICAL, {}),
            scores.get(DENSE, {}),
            vector=vector if DENSE in queries else None,
            limit=limit,
            trust=trust,
            read=self._read,
        )

    def vectors(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[float]]:
        if not self._dimension:
            return {}
        points = self._read([*map(self._key, ids)], True).values()
        return {point.id: point.vector for point in points if point.vector is not None}

    def holdings(self) -> Mapping[tuple[int, int], int]:
        return {
            (document_id, generation): count
            for generation in self._counted("generation", {})
            for document_id, count in self._counted("document_id", {"generation": [generation]}).items()
        }

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int:
        return self._count({} if document_id is None else of_document(document_id, up_to_generation))

    def _read(self, keys: Sequence[Key], with_vector: bool) -> Mapping[Key, Ranked]:
        return {self._key(point.id): point for point in self._retrieve(keys, with_vector)} if keys else {}

    @abstractmethod
    def _key(self, point_id: UUID) -> Key: ...

    @abstractmethod
    def _scores(
        self, queries: Mapping[str, Query], within: Conditions, limit: int
    ) -> Mapping[str, Mapping[Key, float]]:
        """Return for each kind of query the raw scores of the best `limit` points."""

    @abstractmethod
    def _retrieve(self, keys: Sequence[Key], with_vector: bool) -> Iterable[Ranked]:
        """Return the points with these keys, as far as the index holds them."""

    @abstractmethod
    def _count(self, within: Conditions) -> int: ...

    @abstractmethod
    def _counted(self, field: str, within: Conditions) -> Mapping[int, int]:
        """Return how many points there are with each value of a field of whole numbers."""


def of_document(document_id: int, up_to_generation: int) -> Conditions:
    return {"document_id": [document_id], "generation": Between(most=up_to_generation)}


def dense_of(vectors: Any) -> list[float] | None:
    """Return the dense one of a record's vectors; None without one."""
    return cast("list[float]", vectors[DENSE]) if isinstance(vectors, dict) and DENSE in vectors else None


def _inside(scope: Scope) -> Conditions:
    conditions: dict[str, Sequence[int] | Sequence[str] | Between] = {
        TENANT_FIELD: [str(collection_id) for collection_id in scope.collection_ids]
    }
    if scope.document_ids is not None:
        conditions["document_id"] = scope.document_ids
    if scope.languages is not None:
        conditions["language"] = scope.languages
    if scope.since or scope.until:
        conditions["dated"] = Between(
            scope.since.toordinal() if scope.since else None, scope.until.toordinal() if scope.until else None
        )
    return conditions
