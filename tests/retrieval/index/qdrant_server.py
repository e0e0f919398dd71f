"""Qdrant's REST interface on the loopback, as far as this project speaks it.

Requests are parsed with the client's own models and run on the client's in-memory collection, which is not the server:
CI runs the same tests against a real one (not run here).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient
from qdrant_client.http import models
from qdrant_client.http.models import models as all_models


@dataclass
class QdrantServer:
    """Set `status` to make every request fail with it, `failures` for the next ones; both to statuses, 0 for a
    connection that breaks off."""

    url: str
    api_key: str
    status: int = 200
    failures: list[int] = field(default_factory=list)
    rejected: bytes = b""  # a request that holds this is answered with 400
    requests: int = 0
    created: list[tuple[str, models.CreateCollection]] = field(default_factory=list)
    client: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))
    lock: threading.Lock = field(default_factory=threading.Lock)
    payload_indexes: list[tuple[str, Any]] = field(default_factory=list)
    dimension: int | None = None

    def answer(self, method: str, path: list[str], body: bytes) -> Any:
        match method, path:
            case "GET", ["collections", name, "exists"]:
                return {"exists": self.client.collection_exists(name)}
            case "GET", ["collections", name]:
                return self._info(name)
            case "PUT", ["collections", name]:
                wanted = models.CreateCollection.model_validate_json(body)
                self.created.append((name, wanted))
                return self.client.create_collection(
                    name, vectors_config=wanted.vectors, sparse_vectors_config=wanted.sparse_vectors
                )
            case "DELETE", ["collections", name]:
                return self.client.delete_collection(name)
            case "PUT", ["collections", _, "index"]:
                index = models.CreateFieldIndex.model_validate_json(body)
                self.payload_indexes.append((index.field_name, index.field_schema))
                return {"operation_id": 0, "status": "completed"}
            case "PUT", ["collections", name, "points"]:
                points: Any = TypeAdapter(models.PointInsertOperations).validate_json(body)
                return self.client.upsert(name, points.points)
            case "POST", ["collections", name, "points", "delete"]:
                selector: Any = TypeAdapter(models.PointsSelector).validate_json(body)
                return self.client.delete(name, selector)
            case "POST", ["collections", name, "points", "count"]:
                count = models.CountRequest.model_validate_json(body)
                return self.client.count(name, count.filter, exact=True)
            case "POST", ["collections", name, "points"]:
                wanted_points = models.PointRequest.model_validate_json(body)
                return self.client.retrieve(
                    name,
                    wanted_points.ids,
                    with_payload=wanted_points.with_payload or False,
                    with_vectors=wanted_points.with_vector or False,
                )
            case "POST", ["collections", name, "facet"]:
                facet = models.FacetRequest.model_validate_json(body)
                return self.client.facet(name, facet.key, facet_filter=facet.filter, limit=facet.limit, exact=True)
            case "POST", ["collections", name, "points", "query", "batch"]:
                batch = all_models.QueryRequestBatch.model_validate_json(body)
                for search in batch.searches:
                    search.params = None  # how a server approximates; here every scan is exact
                return self.client.query_batch_points(name, batch.searches)
        raise LookupError(method, path)

    def _info(self, name: str) -> dict[str, Any]:
        info = self.client.get_collection(name).model_dump(mode="json")
        return {**info, "optimizer_status": "ok"}


@contextmanager
def qdrant_server(api_key: str = "the-key") -> Iterator[QdrantServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = urlsplit(self.path).path.strip("/").split("/")
            server.requests += 1
            failure = server.failures.pop(0) if server.failures else server.status
            if server.rejected and server.rejected in body:
                failure = 400
            if not failure:
                self.close_connection = True
                return
            status, answer = self.result(path, body, failure)
            content = json.dumps(answer, default=_plain).encode()
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def result(self, path: list[str], body: bytes, status: int) -> tuple[int, dict[str, Any]]:
            if self.headers.get("api-key") != server.api_key:
                return 401, {"status": {"error": "Unauthorized"}}
            if status != 200:
                return status, {"status": {"error": "told to fail"}}
            try:
                with server.lock:
                    return 200, {"result": server.answer(self.command, path, body), "status": "ok", "time": 0.0}
            except ValueError as error:
                return 404 if "not found" in str(error) else 400, {"status": {"error": str(error)}}

        do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815 - the base class's names

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = QdrantServer(f"http://127.0.0.1:{http.server_port}", api_key)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
        server.client.close()


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
