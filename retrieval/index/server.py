"""The index on a Qdrant server, which several processes can share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from retrieval.index.ranking import Ranked, rank
from retrieval.index.words import weigh_document, weigh_query

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Filter, PointStruct, QueryRequest, SparseVector, Vector

    from retrieval.index.words import Weights

Result = TypeVar("Result")


# Seconds from the first try of a request within which another may begin. A reader is told soon; an ingestion waits.
_READING_PATIENCE, _WRITING_PATIENCE = 1.0, 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_POINTS_AT_ONCE = 100  # 100 points of 3,072 dimensions are 6 MB as JSON; a server refuses more than 32


@dataclass(frozen=True)
class Layout:
    """How a collection is spread over a cluster when it is created; `quantized` keeps int8 vectors in memory and the
    exact ones, which the best hits are compared by again, on disk."""

    shards: int = 1
    replicas: int = 1
    quantized: bool = False


class ServerIndex:
    """One Qdrant collection called `name`, created on first use. `dimension` None: no vectors, words alone.

    A request that the server doesn't answer, or answers with 429 or 5xx, is repeated for a bounded time.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        name: str,
        dimension: int | None,
        layout: Layout | None = None,
        timeout: int = 10,
        patience: float = _WRITING_PATIENCE,
    ) -> None:
        self._url = url
        self._layout = layout or Layout()
        self._patience = patience
        self._api_key = api_key
        self._name = name
        self._dimension = dimension
        self._timeout = timeout
        self._opening = threading.Lock()
        self._client: QdrantClient | None = None
        self._prepared = False

    def upsert(self, points: Sequence[Point]) -> None:
        structs = [_struct(point) for point in points]
        for first in range(0, len(structs), _POINTS_AT_ONCE):
            self._put(structs[first : first + _POINTS_AT_ONCE])

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
        within, requests = _within(scope), {}
        if (words := weigh_query(text, languages=languages)).indices:
            requests[LEXICAL] = _nearest(_sparse(words), LEXICAL, within, PREFETCH)
        if vector is not None and self._dimension:
            requests[DENSE] = _nearest(list(vector), DENSE, within, PREFETCH)
        if not requests:
            return []
        answers = self._run(lambda client: client.query_batch_points(self._name, [*requests.values()]))
        scores = {
            kind: {str(point.id): point.score for point in answer.points}
            for kind, answer in zip(requests, answers, strict=True)
        }
        return rank(
            scores.get(LEXICAL, {}),
            scores.get(DENSE, {}),
            vector=vector if DENSE in requests else None,
            limit=limit,
            trust=trust,
            read=self._read,
        )

    def vectors(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[float]]:
        if not ids or not self._dimension:
            return {}
        points = self._read([*map(str, ids)], True).values()
        return {point.id: point.vector for point in points if point.vector is not None}

    def holdings(self) -> Mapping[tuple[int, int], int]:
        from qdrant_client.models import FieldCondition, Filter, MatchValue

        def counted(field: str, within: Filter | None = None) -> dict[int, int]:
            most = self._run(lambda client: client.count(self._name, count_filter=within, exact=True)).count
            facet = self._run(
                lambda client: client.facet(self._name, field, facet_filter=within, limit=max(most, 1), exact=True)
            )
            return {int(hit.value): hit.count for hit in facet.hits}

        return {
            (document_id, generation): count
            for generation in counted("generation")
            for document_id, count in counted(
                "document_id", Filter(must=[FieldCondition(key="generation", match=MatchValue(value=generation))])
            ).items()
        }

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None:
        chosen = _of_document(document_id, up_to_generation)
        self._run(lambda client: client.delete(self._name, chosen, wait=True), patience=self._patience)

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int:
        chosen = None if document_id is None else _of_document(document_id, up_to_generation)
        return self._run(lambda client: client.count(self._name, count_filter=chosen, exact=True)).count

    def tidy(self) -> None:
        """The server vacuums by itself, and collections of another name may be another site's."""

    def drop(self) -> None:
        with self._opening, self._vendor_errors():
            self._connected().delete_collection(self._name)
        self.close()

    def close(self) -> None:
        with self._opening:
            if self._client is not None:
                self._client.close()
            self._client = None
            self._prepared = False

    def _put(self, structs: list[PointStruct]) -> None:
        self._run(lambda client: client.upsert(self._name, structs, wait=True), patience=self._patience)

    def _read(self, ids: Sequence[str], with_vector: bool) -> Mapping[str, Ranked]:
        if not ids:
            return {}
        wanted = [DENSE] if with_vector else False
        records = self._run(
            lambda client: client.retrieve(self._name, list(ids), with_payload=True, with_vectors=wanted)
        )
        return {
            str(record.id): Ranked(UUID(str(record.id)), record.payload or {}, _dense(record.vector))
            for record in records
        }

    def _run(self, action: Callable[[QdrantClient], Result], *, patience: float = _READING_PATIENCE) -> Result:
        """What `action` returns; it may be done more than once."""
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                with self._vendor_errors():
                    return action(self._opened())
            except IndexUnavailable as error:
                wait = _pause_asked_for(error.__cause__, pause)
                if wait is None or time.monotonic() - began + wait > patience:
                    raise
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _opened(self) -> QdrantClient:
        if self._prepared and self._client is not None:
            return self._client
        with self._opening:
            client = self._connected()
            if not self._prepared:
                self._prepare(client)
                self._prepared = True
            return client

    def _connected(self) -> QdrantClient:
        if self._client is None:
            from qdrant_client import QdrantClient

            self._client = QdrantClient(
                self._url, api_key=self._api_key or None, timeout=self._timeout, check_compatibility=False
            )
        return self._client

    def _prepare(self, client: QdrantClient) -> None:
        """Create the collection and its payload indexes; each step does nothing when it is already done."""
        from qdrant_client.http.exceptions import UnexpectedResponse
        from qdrant_client.models import KeywordIndexParams, KeywordIndexType, PayloadSchemaType

        if not client.collection_exists(self._name):
            try:
                self._create(client)
            except UnexpectedResponse as error:
                if error.status_code != 409:  # another process was faster
                    raise
        self._check_dimension(client)
        tenant = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
        client.create_payload_index(self._name, TENANT_FIELD, tenant, wait=True)
        for field in KEYWORD_FIELDS:
            client.create_payload_index(self._name, field, PayloadSchemaType.KEYWORD, wait=True)
        for field in INTEGER_FIELDS:
            client.create_payload_index(self._name, field, PayloadSchemaType.INTEGER, wait=True)

    def _create(self, client: QdrantClient) -> None:
        from qdrant_client.models import (
            Distance,
            Modifier,
            ScalarQuantization,
            ScalarQuantizationConfig,
            ScalarType,
            SparseVectorParams,
            VectorParams,
        )

        layout = self._layout
        int8 = ScalarQuantizationConfig(type=ScalarType.INT8, quantile=0.99, always_ram=True)
        dense = VectorParams(
            size=self._dimension or 0,
            distance=Distance.COSINE,
            on_disk=layout.quantized,
            quantization_config=ScalarQuantization(scalar=int8) if layout.quantized else None,
        )
        client.create_collection(
            self._name,
            vectors_config={DENSE: dense} if self._dimension else {},
            sparse_vectors_config={LEXICAL: SparseVectorParams(modifier=Modifier.IDF)},
            shard_number=layout.shards,
            replication_factor=layout.replicas,
        )

    def _check_dimension(self, client: QdrantClient) -> None:
        vectors = client.get_collection(self._name).config.params.vectors
        found = vectors[DENSE].size if isinstance(vectors, dict) and DENSE in vectors else None
        if found != self._dimension:
            raise IndexUnavailable(
                f"The Qdrant collection {self._name} holds vectors of dimension {found}, not {self._dimension}: "
                "delete it, and it is built again."
            )

    @contextlib.contextmanager
    def _vendor_errors(self) -> Iterator[None]:
        from qdrant_client.common.client_exceptions import QdrantException
        from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

        try:
            yield
        except UnexpectedResponse as error:
            if error.status_code == 404:
                raise IndexUnavailable(
                    f"The Qdrant server has no collection {self._name} (QDRANT_URL): start the site again, "
                    "and it is made and filled."
                ) from error
            raise IndexUnavailable(
                f"The Qdrant server answered {error.status_code} for the collection {self._name} (QDRANT_URL)."
            ) from error
        except (ApiException, QdrantException) as error:
            raise IndexUnavailable("The Qdrant server doesn't answer (QDRANT_URL).") from error


def _pause_asked_for(error: BaseException | None, pause: float) -> float | None:
    """Seconds to wait before another try, `pause` unless the server says more; None when none would help."""
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, ResourceExhaustedResponse):
        return max(pause, error.retry_after_s)
    if isinstance(error, UnexpectedResponse):
        return pause if error.status_code in _TRY_AGAIN else None
    return pause if isinstance(error, ResponseHandlingException) else None  # no connection, or it broke off


def _struct(point: Point) -> PointStruct:
    from qdrant_client.models import PointStruct

    vectors: dict[str, Vector] = {LEXICAL: _sparse(weigh_document(point.text, language=point.language))}
    if point.vector is not None:
        vectors[DENSE] = list(point.vector)
    return PointStruct(id=str(point.id), vector=vectors, payload=point.payload())


def _dense(vector: Any) -> list[float] | None:
    """The dense one of a record's vectors."""
    return cast("list[float]", vector[DENSE]) if isinstance(vector, dict) and DENSE in vector else None


def _sparse(weights: Weights) -> SparseVector:
    from qdrant_client.models import SparseVector

    return SparseVector(indices=weights.indices, values=weights.values)


def _nearest(query: list[float] | SparseVector, using: str, within: Filter, limit: int) -> QueryRequest:
    from qdrant_client.models import NearestQuery, QuantizationSearchParams, QueryRequest, SearchParams

    rescored = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=1.0))
    return QueryRequest(query=NearestQuery(nearest=query), using=using, filter=within, limit=limit, params=rescored)


def _within(scope: Scope) -> Filter:
    from qdrant_client.models import FieldCondition, Filter, MatchAny, Range

    must = [FieldCondition(key=TENANT_FIELD, match=MatchAny(any=[*map(str, scope.collection_ids)]))]
    if scope.document_ids is not None:
        must.append(FieldCondition(key="document_id", match=MatchAny(any=list(scope.document_ids))))
    if scope.languages is not None:
        must.append(FieldCondition(key="language", match=MatchAny(any=list(scope.languages))))
    if scope.since is not None:
        must.append(FieldCondition(key="dated", range=Range(gte=scope.since.toordinal())))
    if scope.until is not None:
        must.append(FieldCondition(key="dated", range=Range(lte=scope.until.toordinal())))
    return Filter(must=[*must])


def _of_document(document_id: int, up_to_generation: int) -> Filter:
    from qdrant_client.models import FieldCondition, Filter, MatchValue, Range

    return Filter(
        must=[
            FieldCondition(key="document_id", match=MatchValue(value=document_id)),
            FieldCondition(key="generation", range=Range(lte=up_to_generation)),
        ]
    )
