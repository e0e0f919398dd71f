"""The embedded index, Qdrant Edge: a shard in this process, in a folder that one process owns."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from retrieval.errors import IndexRejected, IndexUnavailable
from retrieval.index import (
    ALL_GENERATIONS,
    DENSE,
    LEXICAL,
    Point,
)
from retrieval.index.ranking import Ranked
from retrieval.index.shard import open_shard
from retrieval.index.shared import Between, Conditions, SharedIndex, dense_of, of_document
from retrieval.index.storage import StoragePart, claim
from retrieval.index.tidying import finish_interrupted, optimised_copy, place_taken, remove_former
from retrieval.index.words import weigh_document
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard, Filter, NamedVector, PointId, QueryRequest

    from retrieval.index.shared import Query

Result = TypeVar("Result")

# What is worth tidying: points in segments that were never optimised, of which a scan takes three times as long, and
# points removed (Edge itself asks for 1,000 and a fifth before it gives their room back). While more come in, two
# segments cost as much as tidying saves below 20,000 points; from a third on, each point is copied three times or so.
_LOOSE, _LOOSE_SHARE = 2_000, 0.05
_LOOSE_BUSY, _LOOSE_SHARE_BUSY = 10_000, 1 / 3
_REMOVED, _REMOVED_SHARE = 1_000, 0.2
_REST, _REST_SECONDS = 20, 60  # while documents come in: so many times as long as tidying took, and at least so long
_CLOSING_SECONDS = 30
_UNWELL = ("Service runtime error", "Inconsistent storage", "Out of memory", "Operation cancelled", "Timeout")

logger = logging.getLogger(__name__)


class EdgeIndex(SharedIndex[int]):
    """Opened on first use, after any fork. `dimension` None: no vectors, words alone."""

    def __init__(self, index_dir: Path, *, name: str, dimension: int | None) -> None:
        self.name = name
        self._index_dir = index_dir
        self._path = index_dir / name
        self._dimension = dimension
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._removed = 0  # points, since this process opened or tidied it
        self._added = 0  # points, likewise
        self._rests_until = 0.0  # on the monotonic clock
        self._left = 0  # loose points that tidying left: too few for a segment, or without a vector
        self._shard: EdgeShard | None = None

    def upsert(self, points: Sequence[Point]) -> None:
        from qdrant_edge import UpdateOperation

        operation = UpdateOperation.upsert_points([_edge_point(point) for point in points])
        with self._writing:
            self._run(lambda shard: shard.update(operation))
            self._added += len(points)

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None:
        from qdrant_edge import UpdateOperation

        operation = UpdateOperation.delete_points_by_filter(_filter(of_document(document_id, up_to_generation)))
        with self._writing:
            self._removed += self.count(document_id, up_to_generation=up_to_generation)
            self._run(lambda shard: shard.update(operation))

    def tidy(self, *, busy: bool = False) -> None:
        """Optimise the index when that is worth it; searches go on, writes wait."""
        with self._writing:
            resting = time.monotonic() < self._rests_until or not self._dimension  # words alone come in fast
            if (busy and resting) or not self.is_untidy(busy=busy):
                return
            began = time.monotonic()
            try:
                self._tidy()
            finally:
                ended = time.monotonic()
                self._rests_until = ended + max(_REST_SECONDS, _REST * (ended - began))

    def _tidy(self) -> None:
        self._run(lambda shard: shard.flush())
        copy = optimised_copy(self._path, dimension=self._dimension)
        with self._opening, _vendor_errors():
            with place_taken(copy, self._path):
                tidied = open_shard(self._path, self._dimension)
            former, self._shard = self._shard, tidied
            self._removed = self._added = 0
            _close(former)
            remove_former(self._path)
        self._left = self._loose()

    def drop(self) -> None:
        with self._writing:
            self.close()
            shutil.rmtree(self._path, ignore_errors=True)

    def close(self) -> None:
        with self._opening:
            shard, self._shard = self._shard, None
            _close(shard)

    def is_untidy(self, *, busy: bool = False) -> bool:
        """Return whether tidying would make a difference; of a `busy` index, whether it makes so much of one that it is
        worth its time now."""
        points = self._run(lambda shard: shard.info()).points_count
        least, share = (_LOOSE_BUSY, _LOOSE_SHARE_BUSY) if busy else (_LOOSE, _LOOSE_SHARE)
        loose = self._loose() - self._left
        return loose > max(least, points * share) or self._removed > max(_REMOVED, points * _REMOVED_SHARE)

    def _loose(self) -> int:
        """Return how many points have vectors in no optimised segment; without vectors Edge doesn't say, and those
        added count."""
        info = self._run(lambda shard: shard.info())  # its vectors: of words all, dense ones where they are optimised
        return 2 * info.points_count - info.indexed_vectors_count if self._dimension else self._added

    def _key(self, point_id: UUID) -> int:
        return point_id.int  # far cheaper to hash than itself

    def _scores(
        self, queries: Mapping[str, Query], within: Conditions, limit: int
    ) -> Mapping[str, Mapping[int, float]]:
        from qdrant_edge import QueryBatchRequest

        chosen = _filter(within)
        requests = QueryBatchRequest([_nearest(query, kind, chosen, limit) for kind, query in queries.items()])
        answers = self._run(lambda shard: shard.query_batch(requests))
        return {
            kind: {cast("UUID", point.id).int: point.score for point in answer}
            for kind, answer in zip(queries, answers, strict=True)
        }

    def _retrieve(self, keys: Sequence[int], with_vector: bool) -> list[Ranked]:
        ids: list[PointId] = [UUID(int=key) for key in keys]
        wanted = [DENSE] if with_vector else False
        records = self._run(lambda shard: shard.retrieve(ids, with_payload=True, with_vector=wanted))
        return [Ranked(cast("UUID", record.id), record.payload or {}, dense_of(record.vector)) for record in records]

    def _count(self, within: Conditions) -> int:
        from qdrant_edge import CountRequest

        request = CountRequest(exact=True, filter=_filter(within))
        return self._run(lambda shard: shard.count(request))

    def _counted(self, field: str, within: Conditions) -> Mapping[int, int]:
        from qdrant_edge import FacetRequest

        request = FacetRequest(field, limit=max(self._count(within), 1), exact=True, filter=_filter(within))
        return {int(hit.value): hit.count for hit in self._run(lambda shard: shard.facet(request)).hits}

    def _run(self, action: Callable[[EdgeShard], Result]) -> Result:
        while True:
            shard = self._opened()
            try:
                with _vendor_errors():
                    return action(shard)
            except IndexUnavailable:
                if shard is self._shard:  # else it was tidied since, and this one is closed
                    logger.exception("The embedded index failed")
                    raise

    def _opened(self) -> EdgeShard:
        if self._shard is not None:
            return self._shard
        with self._opening:
            if self._shard is None:
                claim(self._index_dir, StoragePart.INDEX)
                with _vendor_errors():
                    finish_interrupted(self._path)
                    self._shard = open_shard(self._path, self._dimension)
            return self._shard


def _close(shard: EdgeShard | None) -> None:
    """Close the shard as soon as the searches under way have ended; until then Edge refuses. Raises RuntimeError when
    that takes too long."""
    deadline = time.monotonic() + _CLOSING_SECONDS
    while shard is not None:
        try:
            shard.close()
            shard = None
        except RuntimeError:  # "Already borrowed"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _edge_point(point: Point) -> Any:
    from qdrant_edge import Point as EdgePoint

    vectors: dict[str, NamedVector] = {LEXICAL: weigh_document(point.text, language=point.language)}
    if point.vector is not None:
        vectors[DENSE] = list(point.vector)
    return EdgePoint(point.id, vectors, point.payload())


def _nearest(query: Query, using: str, within: Filter, limit: int) -> QueryRequest:
    from qdrant_edge import QuantizationSearchParams, Query, QueryRequest, SearchParams

    rescored = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=1.0))
    return QueryRequest(limit=limit, query=Query.Nearest(query, using=using), filter=within, params=rescored)


def _filter(conditions: Conditions) -> Filter:
    from qdrant_edge import FieldCondition, Filter, MatchAny, RangeFloat

    must = [
        FieldCondition(field, range=RangeFloat(gte=wanted.least, lte=wanted.most))
        if isinstance(wanted, Between)
        else FieldCondition(field, match=MatchAny([*wanted]))
        for field, wanted in conditions.items()
    ]
    return Filter(must=[*must])


@contextlib.contextmanager
def _vendor_errors() -> Iterator[None]:
    """Raise what Edge raises as IndexUnavailable or IndexRejected, and anything else as it is.

    Edge has no errors of its own: what fails is an `Exception`, a shard that is being closed a `RuntimeError`, and only
    the words tell a store that is unwell from a request that it refuses.
    """
    try:
        yield
    except OSError as error:
        raise IndexUnavailable(_("The embedded index failed: %(fault)s"), fault=str(error)) from error
    except Exception as error:
        if type(error) not in (Exception, RuntimeError):
            raise
        if type(error) is Exception and not str(error).startswith(_UNWELL):
            raise IndexRejected(_("The index refused it: %(fault)s"), fault=str(error)) from error
        raise IndexUnavailable(_("The embedded index failed: %(fault)s"), fault=str(error)) from error
