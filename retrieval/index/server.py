"""The index on a Qdrant server, which several processes can share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from retrieval.errors import IndexRejected, IndexUnavailable
from retrieval.index import (
    ALL_GENERATIONS,
    DENSE,
    INTEGER_FIELDS,
    KEYWORD_FIELDS,
    LEXICAL,
    TENANT_FIELD,
    Point,
)
from retrieval.index.ranking import Ranked
from retrieval.index.shared import Between, Conditions, SharedIndex, dense_of, of_document
from retrieval.index.words import weigh_document
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Filter, PointStruct, QueryRequest, SparseVector, Vector

    from retrieval.index.shared import Query
    from retrieval.index.words import Weights

Result = TypeVar("Result")


# Seconds from the first try of a request within which another may begin. A reader is told soon; an ingestion waits.
_READING_PATIENCE, _WRITING_PATIENCE = 1.0, 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({400, 413, 422})
_POINTS_AT_ONCE = 100  # 100 points of 3,072 dimensions are 6 MB as JSON; a server refuses more than 32


@dataclass(frozen=True)
class Layout:
    """The way a collection is spread over a cluster when it is created. `quantized` keeps int8 vectors in memory and
    the exact ones, which the best hits are compared by again, on disk."""

    shards: int = 1
    replicas: int = 1
    quantized: bool = False


class ServerIndex(SharedIndex[str]):
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

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None:
        chosen = _filter(of_document(document_id, up_to_generation))
        self._run(lambda client: client.delete(self._name, chosen, wait=True), patience=self._patience)

    def tidy(self, *, busy: bool = False) -> None:
        """Do nothing: the server vacuums by itself, and collections of another name may be another site's."""

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

    def _key(self, point_id: UUID) -> str:
        return str(point_id)

    def _scores(
        self, queries: Mapping[str, Query], within: Conditions, limit: int
    ) -> Mapping[str, Mapping[str, float]]:
        chosen = _filter(within)
        requests = [_nearest(query, kind, chosen, limit) for kind, query in queries.items()]
        answers = self._run(lambda client: client.query_batch_points(self._name, requests))
        return {
            kind: {str(point.id): point.score for point in answer.points}
            for kind, answer in zip(queries, answers, strict=True)
        }

    def _retrieve(self, keys: Sequence[str], with_vector: bool) -> list[Ranked]:
        wanted = [DENSE] if with_vector else False
        records = self._run(
            lambda client: client.retrieve(self._name, list(keys), with_payload=True, with_vectors=wanted)
        )
        return [Ranked(UUID(str(record.id)), record.payload or {}, dense_of(record.vector)) for record in records]

    def _count(self, within: Conditions) -> int:
        chosen = _filter(within)
        return self._run(lambda client: client.count(self._name, count_filter=chosen, exact=True)).count

    def _counted(self, field: str, within: Conditions) -> Mapping[int, int]:
        chosen, most = _filter(within), max(self._count(within), 1)
        facet = self._run(lambda client: client.facet(self._name, field, facet_filter=chosen, limit=most, exact=True))
        return {int(hit.value): hit.count for hit in facet.hits}

    def _run(self, action: Callable[[QdrantClient], Result], *, patience: float = _READING_PATIENCE) -> Result:
        """Return what `action` returns; it may be done more than once."""
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
                _(
                    "The Qdrant collection %(name)s holds vectors of dimension %(found)s, not %(wanted)s: delete it, "
                    "and it is built again."
                ),
                name=self._name,
                found=str(found),
                wanted=str(self._dimension),
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
                    _(
                        "The Qdrant server has no collection %(name)s (QDRANT_URL): start the site again, and it is "
                        "made and filled."
                    ),
                    name=self._name,
                ) from error
            if error.status_code in _REFUSED:
                answer = f"{error.status_code} {error.content.decode(errors='replace')[:300]}"
                raise IndexRejected(_("The index refused it: %(fault)s"), fault=answer) from error
            raise IndexUnavailable(
                _("The Qdrant server answered %(status)s for the collection %(name)s (QDRANT_URL)."),
                status=str(error.status_code),
                name=self._name,
            ) from error
        except (ApiException, QdrantException) as error:
            raise IndexUnavailable(_("The Qdrant server doesn't answer (QDRANT_URL).")) from error


def _pause_asked_for(error: BaseException | None, pause: float) -> float | None:
    """Return the seconds to wait before another try: `pause` unless the server asks for more; None when no try would
    help."""
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


def _sparse(weights: Weights) -> SparseVector:
    from qdrant_client.models import SparseVector

    return SparseVector(indices=weights.indices, values=weights.values)


def _nearest(query: Query, using: str, within: Filter, limit: int) -> QueryRequest:
    from qdrant_client.models import NearestQuery, QuantizationSearchParams, QueryRequest, SearchParams

    rescored = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=1.0))
    nearest = NearestQuery(nearest=query if isinstance(query, list) else _sparse(query))
    return QueryRequest(query=nearest, using=using, filter=within, limit=limit, params=rescored)


def _filter(conditions: Conditions) -> Filter:
    from qdrant_client.models import FieldCondition, Filter, MatchAny, Range

    must = [
        FieldCondition(key=field, range=Range(gte=wanted.least, lte=wanted.most))
        if isinstance(wanted, Between)
        else FieldCondition(key=field, match=MatchAny(any=[*wanted]))
        for field, wanted in conditions.items()
    ]
    return Filter(must=[*must])
