"""Points and questions that the tests of both indexes share, and the server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from retrieval.index import Index, Point, Scope
from tests.retrieval.index.qdrant_server import QdrantServer, qdrant_server

ROOT = Path(__file__).resolve().parents[3]
EVERYWHERE = Scope([1, 2])
TEXTS = [
    "The boiler is serviced in May",
    "Cats sleep all day",
    "The pump costs twelve",
    "Boiler parts and pumps",
]
VECTORS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8], [0.8, 0.6, 0.0]]


def point(number: int, *, document_id: int = 1, collection_id: int = 1, generation: int = 1) -> Point:
    return Point(
        id=uuid5(UUID(int=0), f"{document_id}:{generation}:{number}"),
        document_id=document_id,
        collection_id=collection_id,
        generation=generation,
        position=number,
        text=TEXTS[number],
        vector=VECTORS[number],
    )


names = count()


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantServer]:
    with qdrant_server() as server:
        yield server


def found(index: Index, text: str, vector: list[float] | None, scope: Scope = EVERYWHERE) -> list[tuple[int, int]]:
    hits = index.search(text, vector=vector, scope=scope, limit=10)
    return [(hit.document_id, hit.position) for hit in hits]
