"""The index on a Qdrant server, which several processes can share."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from retrieval.index.words import weigh_document, weigh_query

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Filter, PointStruct, QueryRequest, SparseVector, Vector

    from retrieval.index.words import Weights

Result = TypeVar("Result")


class ServerIndex:
    """One Qdrant collection called `name`, created on first use. `dimension` None: no vectors, words alone."""

    def __init__(self, url: str, *, api_key: str, name: str, dimension: int | None, timeout: int = 10) -> None:
        self._url = url
        self._api_key = api_key
        self._name = name
        self._dimension = dimension
        self._timeout = timeout
        self._opening = threading.Lock()
        self._client: QdrantClient | None = None

    def upsert(self, points: Sequence[Point]) -> None:
        structs = [_struct(point) for point in points]
        self._run(lambda client: client.upsert(self._name, structs, wait=True))

    def search(
        self,
        text: str,
        *,
        vector: Sequence[float] | None,
        scope: Scope,
        limit: int,
        languages: Sequence[str] = ("en",),
    ) -> list[Hit]:
        within, requests = _within(scope), {}
        if (words := weigh_query(text, languages=languages)).indices:
            requests[LEXICAL] = _nearest(_sparse(words), LEXICAL, within, PREFETCH)
        if vector is not None and self._dimension:
            requests[DENSE] = _nearest(list(vector), DENSE, within, PREFETCH)
        if not requests:
            return []
        answers = self._run(lambda client: client.query_batch_points(self._name, [*requests.values()]))
        found = {kind: answer.points for kind, answer in zip(requests, answers, strict=True)}

        def similarities(ids: list[Any]) -> Mapping[Any, float]:
            return self._similarities(ids, vector) if DENSE in found and vector is not None and ids else {}

        return rank(found.get(LEXICAL, []), found.get(DENSE, []), limit=limit, similarities=similarities)

    def vectors(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[float]]:
        if not ids or not self._dimension:
            return {}
        wanted = [*map(str, ids)]
        records = self._run(
            lambda client: client.retrieve(self._name, wanted, with_payload=False, with_vectors=[DENSE])
        )
        found = {UUID(str(record.id)): record.vector for record in records}
        return {
            key: cast("list[float]", vector[DENSE])
            for key, vector in found.items()
            if isinstance(vector, dict) and DENSE in vector
        }

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
        self._run(lambda client: client.delete(self._name, chosen, wait=True))

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int:
        chosen = None if document_id is None else _of_document(document_id, up_to_generation)
        return self._run(lambda client: client.count(self._name, count_filter=chosen, exact=True)).count

    def tidy(self) -> None:
        """The server vacuums by itself, and collections of another name may be another site's."""

    def drop(self) -> None:
        self._run(lambda client: client.delete_collection(self._name))
        self.close()

    def close(self) -> None:
        with self._opening:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _similarities(self, ids: list[Any], vector: Sequence[float]) -> Mapping[Any, float]:
        from qdrant_client.models import Filter, HasIdCondition

        request = _nearest(list(vector), DENSE, Filter(must=[HasIdCondition(has_id=ids)]), len(ids))
        [response] = self._run(lambda client: client.query_batch_points(self._name, [request]))
        return {point.id: point.score for point in response.points}

    def _run(self, action: Callable[[QdrantClient], Result]) -> Result:
        with self._vendor_errors():
            return action(self._opened())

    def _opened(self) -> QdrantClient:
        if self._client is not None:
            return self._client
        with self._opening:
            if self._client is None:
                from qdrant_client import QdrantClient

                client = QdrantClient(
                    self._url, api_key=self._api_key or None, timeout=self._timeout, check_compatibility=False
                )
                self._prepare(client)
                self._client = client
            return self._client

    def _prepare(self, client: QdrantClient) -> None:
        """Create the collection and its payload indexes; each step does nothing when it is already done."""
        from qdrant_client.models import (
            Distance,
            KeywordIndexParams,
            KeywordIndexType,
            Modifier,
            PayloadSchemaType,
            SparseVectorParams,
            VectorParams,
        )

        if client.collection_exists(self._name):
            self._check_dimension(client)
        else:
            dense = {DENSE: VectorParams(size=self._dimension, distance=Distance.COSINE)} if self._dimension else {}
            lexical = {LEXICAL: SparseVectorParams(modifier=Modifier.IDF)}
            client.create_collection(self._name, vectors_config=dense, sparse_vectors_config=lexical)
        tenant = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
        client.create_payload_index(self._name, TENANT_FIELD, tenant, wait=True)
        for field in KEYWORD_FIELDS:
            client.create_payload_index(self._name, field, PayloadSchemaType.KEYWORD, wait=True)
        for field in INTEGER_FIELDS:
            client.create_payload_index(self._name, field, PayloadSchemaType.INTEGER, wait=True)

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
            raise IndexUnavailable(
                f"The Qdrant server answered {error.status_code} for the collection {self._name} (QDRANT_URL)."
            ) from error
        except (ApiException, QdrantException) as error:
            raise IndexUnavailable("The Qdrant server doesn't answer (QDRANT_URL).") from error


def _struct(point: Point) -> PointStruct:
    from qdrant_client.models import PointStruct

    vectors: dict[str, Vector] = {LEXICAL: _sparse(weigh_document(point.text, language=point.language))}
    if point.vector is not None:
        vectors[DENSE] = list(point.vector)
    return PointStruct(id=str(point.id), vector=vectors, payload=point.payload())


def _sparse(weights: Weights) -> SparseVector:
    from qdrant_client.models import SparseVector

    return SparseVector(indices=weights.indices, values=weights.values)


def _nearest(query: list[float] | SparseVector, using: str, within: Filter, limit: int) -> QueryRequest:
    from qdrant_client.models import NearestQuery, QueryRequest

    return QueryRequest(query=NearestQuery(nearest=query), using=using, filter=within, limit=limit, with_payload=True)


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
