"""The embedded index, Qdrant Edge: a shard in this process, in a folder that one process owns."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from retrieval.errors import IndexUnavailable
from retrieval.index import (
    ALL_GENERATIONS,
    DENSE,
    INTEGER_FIELDS,
    KEYWORD_FIELDS,
    LEXICAL,
    PREFETCH,
    TENANT_FIELD,
    Hit,
    Point,
    Scope,
)
from retrieval.index.ranking import rank
from retrieval.index.storage import claim_storage
from retrieval.index.words import weigh_document, weigh_query

if TYPE_CHECKING:
    from qdrant_edge import EdgeConfig, EdgeShard, Filter, NamedVector, QueryRequest

Result = TypeVar("Result")

# So high that optimising only removes what was deleted. Building a graph holds the GIL (28 s for 15,000 points), and an
# exact scan of 50,000 takes 2 ms.
_NEVER = 1 << 40


class EdgeIndex:
    """Opened on first use, after any fork. `dimension` None: no vectors, words alone."""

    def __init__(self, index_dir: Path, *, name: str, dimension: int | None) -> None:
        self._index_dir = index_dir
        self._path = index_dir / name
        self._dimension = dimension
        self._opening = threading.Lock()
        self._shard: EdgeShard | None = None

    def upsert(self, points: Sequence[Point]) -> None:
        from qdrant_edge import UpdateOperation

        self._run(lambda shard: shard.update(UpdateOperation.upsert_points([_edge_point(point) for point in points])))

    def search(
        self,
        text: str,
        *,
        vector: Sequence[float] | None,
        scope: Scope,
        limit: int,
        languages: Sequence[str] = ("en",),
    ) -> list[Hit]:
        from qdrant_edge import QueryBatchRequest

        within, requests = _within(scope), {}
        if (words := weigh_query(text, languages=languages)).indices:
            requests[LEXICAL] = _nearest(words, LEXICAL, within, PREFETCH)
        if vector is not None and self._dimension:
            requests[DENSE] = _nearest(list(vector), DENSE, within, PREFETCH)
        if not requests:
            return []
        answers = self._run(lambda shard: shard.query_batch(QueryBatchRequest([*requests.values()])))
        found = dict(zip(requests, answers, strict=True))

        def similarities(ids: list[Any]) -> Mapping[Any, float]:
            return self._similarities(ids, vector) if DENSE in found and vector is not None and ids else {}

        return rank(found.get(LEXICAL, []), found.get(DENSE, []), limit=limit, similarities=similarities)

    def vectors(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[float]]:
        if not ids or not self._dimension:
            return {}
        records = self._run(lambda shard: shard.retrieve(list(ids), with_payload=False, with_vector=[DENSE]))
        found = {UUID(str(record.id)): record.vector for record in records}
        return {
            key: cast("list[float]", vector[DENSE])
            for key, vector in found.items()
            if isinstance(vector, dict) and DENSE in vector
        }

    def holdings(self) -> Mapping[tuple[int, int], int]:
        from qdrant_edge import CountRequest, FacetRequest, FieldCondition, Filter, MatchValue

        def counted(shard: EdgeShard, field: str, within: Filter | None = None) -> dict[int, int]:
            most = shard.count(CountRequest(exact=True, filter=within))
            facet = shard.facet(FacetRequest(field, limit=max(most, 1), exact=True, filter=within))
            return {int(hit.value): hit.count for hit in facet.hits}

        def read(shard: EdgeShard) -> dict[tuple[int, int], int]:
            return {
                (document_id, generation): count
                for generation in counted(shard, "generation")
                for document_id, count in counted(
                    shard, "document_id", Filter(must=[FieldCondition("generation", match=MatchValue(generation))])
                ).items()
            }

        return self._run(read)

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None:
        from qdrant_edge import UpdateOperation

        operation = UpdateOperation.delete_points_by_filter(_of_document(document_id, up_to_generation))
        self._run(lambda shard: shard.update(operation))

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int:
        from qdrant_edge import CountRequest

        chosen = None if document_id is None else _of_document(document_id, up_to_generation)
        return self._run(lambda shard: shard.count(CountRequest(exact=True, filter=chosen)))

    def tidy(self) -> None:
        self._run(lambda shard: shard.optimize())

    def drop(self) -> None:
        self.close()
        shutil.rmtree(self._path, ignore_errors=True)

    def close(self) -> None:
        with self._opening:
            if self._shard is not None:
                self._shard.close()
                self._shard = None

    def _similarities(self, ids: list[Any], vector: Sequence[float]) -> Mapping[Any, float]:
        from qdrant_edge import Filter, HasIdCondition

        request = _nearest(list(vector), DENSE, Filter(must=[HasIdCondition(set(ids))]), len(ids))
        return {point.id: point.score for point in self._run(lambda shard: shard.query(request))}

    def _run(self, action: Callable[[EdgeShard], Result]) -> Result:
        shard = self._opened()
        with _vendor_errors():
            return action(shard)

    def _opened(self) -> EdgeShard:
        if self._shard is not None:
            return self._shard
        with self._opening:
            if self._shard is None:
                claim_storage(self._index_dir)
                with _vendor_errors():
                    self._shard = _open_shard(self._path, self._dimension)
            return self._shard


def _open_shard(path: Path, dimension: int | None) -> EdgeShard:
    from qdrant_edge import EdgeShard, KeywordIndexParams, PayloadSchemaType, UpdateOperation

    if (path / "edge_config.json").exists():
        shard = EdgeShard.load(str(path), _config(dimension))
    else:
        shutil.rmtree(path, ignore_errors=True)  # a process killed while it created the shard
        path.mkdir(parents=True)
        shard = EdgeShard.create(str(path), _config(dimension))
    # Before any point, or filtering on them stays slow.
    wanted: dict[str, KeywordIndexParams | PayloadSchemaType] = {
        TENANT_FIELD: KeywordIndexParams(is_tenant=True),
        **dict.fromkeys(KEYWORD_FIELDS, PayloadSchemaType.Keyword),
        **dict.fromkeys(INTEGER_FIELDS, PayloadSchemaType.Integer),
    }
    for field in wanted.keys() - shard.info().payload_schema.keys():
        shard.update(UpdateOperation.create_field_index(field, wanted[field]))
    return shard


def _config(dimension: int | None) -> EdgeConfig:
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        Modifier,
    )

    return EdgeConfig(
        vectors={DENSE: EdgeVectorParams(size=dimension, distance=Distance.Cosine)} if dimension else {},
        sparse_vectors={LEXICAL: EdgeSparseVectorParams(modifier=Modifier.Idf)},
        optimizers=EdgeOptimizersConfig(indexing_threshold=_NEVER),
    )


def _edge_point(point: Point) -> Any:
    from qdrant_edge import Point as EdgePoint

    vectors: dict[str, NamedVector] = {LEXICAL: weigh_document(point.text, language=point.language)}
    if point.vector is not None:
        vectors[DENSE] = list(point.vector)
    return EdgePoint(point.id, vectors, point.payload())


def _nearest(query: NamedVector, using: str, within: Filter, limit: int) -> QueryRequest:
    from qdrant_edge import Query, QueryRequest

    return QueryRequest(limit=limit, query=Query.Nearest(query, using=using), filter=within, with_payload=True)


def _within(scope: Scope) -> Filter:
    from qdrant_edge import FieldCondition, Filter, MatchAny, RangeFloat

    must: list[FieldCondition] = [FieldCondition(TENANT_FIELD, match=MatchAny([*map(str, scope.collection_ids)]))]
    if scope.document_ids is not None:
        must.append(FieldCondition("document_id", match=MatchAny(list(scope.document_ids))))
    if scope.languages is not None:
        must.append(FieldCondition("language", match=MatchAny(list(scope.languages))))
    if scope.since is not None:
        must.append(FieldCondition("dated", range=RangeFloat(gte=scope.since.toordinal())))
    if scope.until is not None:
        must.append(FieldCondition("dated", range=RangeFloat(lte=scope.until.toordinal())))
    return Filter(must=[*must])


def _of_document(document_id: int, up_to_generation: int) -> Filter:
    from qdrant_edge import FieldCondition, Filter, MatchValue, RangeFloat

    return Filter(
        must=[
            FieldCondition("document_id", match=MatchValue(document_id)),
            FieldCondition("generation", range=RangeFloat(lte=up_to_generation)),
        ]
    )


@contextlib.contextmanager
def _vendor_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Edge raises nothing more specific
        raise IndexUnavailable(f"The embedded index failed: {error}") from error
