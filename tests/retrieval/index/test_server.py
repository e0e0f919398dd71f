"""What the index on a server alone promises: its collection, and what a failing server comes to."""

from __future__ import annotations

import time
from uuid import UUID, uuid5

import pytest

from retrieval.errors import IndexRejected, IndexUnavailable
from retrieval.index import Point
from retrieval.index.server import Layout, ServerIndex
from tests.retrieval.index.indexes import EVERYWHERE, names, point, server
from tests.retrieval.index.qdrant_server import QdrantServer

__all__ = ["server"]  # a fixture

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")  # on the loopback


def test_server_collection_has_a_tenant_key_and_payload_indexes(server: QdrantServer) -> None:
    server.payload_indexes.clear()
    index = ServerIndex(server.url, api_key=server.api_key, name="indexed", dimension=3)
    index.count()
    index.close()
    schemas = {name: getattr(schema, "is_tenant", None) or schema.value for name, schema in server.payload_indexes}
    integers = dict.fromkeys(("document_id", "generation", "dated"), "integer")
    assert schemas == {"collection_id": True, "language": "keyword", **integers}


def test_server_collection_is_laid_out_as_set(server: QdrantServer) -> None:
    layout = Layout(shards=3, replicas=2, quantized=True)
    index = ServerIndex(server.url, api_key=server.api_key, name="laid-out", dimension=3, layout=layout)
    index.count()
    index.close()
    wanted = dict(server.created)["laid-out"]
    assert isinstance(wanted.vectors, dict)
    assert (wanted.shard_number, wanted.replication_factor) == (3, 2)
    assert wanted.vectors["dense"].model_dump(mode="json", exclude_none=True) == {
        "size": 3,
        "distance": "Cosine",
        "on_disk": True,
        "quantization_config": {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}},
    }


@pytest.mark.parametrize("failures", [[503, 0], [500, 502], [0], [429]])
def test_server_that_fails_for_a_moment_is_asked_again(server: QdrantServer, failures: list[int]) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name=f"again-{next(names)}", dimension=3)
    index.count()
    server.failures = list(failures)
    index.upsert([point(0)])
    assert server.failures == []
    assert index.count() == 1
    index.close()


def test_server_is_not_asked_again_for_ever_nor_after_a_refusal(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="patient", dimension=3, patience=0.4)
    index.count()
    server.status, before, began = 503, server.requests, time.monotonic()
    with pytest.raises(IndexUnavailable, match="answered 503"):
        index.upsert([point(0)])
    assert (server.requests - before, time.monotonic() - began < 60) == (3, True)
    server.status, before = 403, server.requests
    with pytest.raises(IndexUnavailable, match="answered 403"):
        index.upsert([point(0)])
    assert server.requests - before == 1
    server.status = 200
    index.close()


def test_server_that_rejects_what_it_is_asked_is_not_called_unavailable(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="picky", dimension=3)
    index.count()
    server.status = 400
    with pytest.raises(IndexRejected, match=r"^The index refused it: 400 .*told to fail"):
        index.upsert([point(0)])
    server.status = 200
    index.close()


def test_server_gets_many_points_in_requests_of_a_hundred(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="many", dimension=3)
    assert index.count() == 0
    before = server.requests
    index.upsert([Point(uuid5(UUID(int=1), str(n)), 1, 1, 1, n, "a text", [1.0, 0.0, 0.0]) for n in range(250)])
    assert (server.requests - before, index.count()) == (3, 250)
    index.close()


def test_case_72_server_that_fails_or_is_gone_is_unavailable(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="failing", dimension=3)
    server.status = 503
    with pytest.raises(IndexUnavailable, match=r"answered 503 .*QDRANT_URL"):
        index.count()
    server.status = 200
    assert index.count() == 0
    index.close()
    began = time.monotonic()
    with pytest.raises(IndexUnavailable, match=r"doesn't answer \(QDRANT_URL\)"):
        ServerIndex("http://127.0.0.1:9", api_key="", name="gone", dimension=3).search(
            "boiler", vector=None, scope=EVERYWHERE, limit=1
        )
    assert time.monotonic() - began < 60


def test_server_refuses_a_wrong_key(server: QdrantServer) -> None:
    with pytest.raises(IndexUnavailable, match="answered 401"):
        ServerIndex(server.url, api_key="another", name="refused", dimension=3).count()


def test_case_74_collection_of_another_dimension_is_named(server: QdrantServer) -> None:
    three = ServerIndex(server.url, api_key=server.api_key, name="three", dimension=3)
    three.count()
    three.close()
    with pytest.raises(IndexUnavailable, match=r"collection three holds vectors of dimension 3, not 4"):
        ServerIndex(server.url, api_key=server.api_key, name="three", dimension=4).count()


def test_case_74_missing_collection_is_named(server: QdrantServer) -> None:
    index = ServerIndex(server.url, api_key=server.api_key, name="dropped", dimension=3)
    index.count()
    server.client.delete_collection("dropped")
    with pytest.raises(IndexUnavailable, match=r"has no collection dropped \(QDRANT_URL\)"):
        index.search("x", vector=None, scope=EVERYWHERE, limit=1)
    index.close()
