"""How long a search takes, whole and in the index alone, among 10,000 and 50,000 chunks.

    python -m benchmarks.search

Words are real (the sources of Python's standard library); the chunks' vectors are random, which changes what is found,
not what it costs. The query is embedded for real. A reader who may see half of the collections asks.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.index import Scope

if TYPE_CHECKING:
    from retrieval.models import Collection

SIZES = (10_000, 50_000)
QUERIES = 200
CHUNK_CHARACTERS, CHUNKS_PER_DOCUMENT, COLLECTIONS = 800, 50, 10


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        run()


def run() -> None:
    from retrieval.configuration import describe
    from retrieval.models import Collection

    described = describe()
    print(f"Embedding: {described.embedding}. Store: {described.store}. {QUERIES} queries, milliseconds.\n")
    columns = ("chunks", "build s", "search p50", "p95", "embed p50", "index p50", "p95", "SQL p50", "memory MB")
    print("".join(f"{name:>12}" for name in columns), flush=True)
    collections = [
        Collection.objects.create(name=f"Collection {n}", slug=f"c{n}", public=n % 2 == 0) for n in range(COLLECTIONS)
    ]
    texts, present = pieces(), 0
    queries = [" ".join(text.split()[5:13]) for text in islice(pieces(), 0, QUERIES * 17, 17)]
    for size in SIZES:
        began = time.perf_counter()
        for number in range(present, size, CHUNKS_PER_DOCUMENT):
            collection = collections[number // CHUNKS_PER_DOCUMENT % COLLECTIONS]
            add_document(collection, list(islice(texts, CHUNKS_PER_DOCUMENT)))
        built, present = time.perf_counter() - began, size
        figures = measure(queries, Scope([collection.pk for collection in collections if collection.public]))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{size:>12,}{built:>12.1f}{''.join(f'{figure:>12.2f}' for figure in figures)}{memory:>12.0f}", flush=True
        )


def measure(queries: list[str], scope: Scope) -> list[float]:
    """The columns in between; the first queries warm up."""
    from django.contrib.auth.models import AnonymousUser

    from retrieval.configuration import runtime
    from retrieval.search import search

    for query in queries[:20]:
        search(query, user=AnonymousUser())
    whole, index, results = [], [], []
    for query in queries:
        began = time.perf_counter()
        results.append(search(query, user=AnonymousUser()))
        whole.append((time.perf_counter() - began) * 1000)
        vector = vector_of(query)
        began = time.perf_counter()
        runtime().space().index.search(query, vector=vector, scope=scope, limit=15)
        index.append((time.perf_counter() - began) * 1000)
    embed, sql = [result.embed_ms for result in results], [result.sql_ms for result in results]
    median = statistics.median
    return [median(whole), p95(whole), median(embed), median(index), p95(index), median(sql)]


def add_document(collection: Collection, texts: list[str]) -> None:
    """As ingestion leaves it, but for the vectors."""
    from retrieval.configuration import runtime
    from retrieval.index import Point
    from retrieval.models import Chunk, Document
    from retrieval.points import chunk_id

    state = Document.State.READY
    document = Document.objects.create(
        collection=collection, title="Source", filename="a.txt", state=state, live_generation=1
    )
    embedder = runtime().embedder
    points, chunks, start = [], [], 0
    for position, text in enumerate(texts):
        key = chunk_id(document.pk, generation=1, position=position)
        vector = [random.gauss() for _ in range(embedder.dimension)] if embedder else None
        points.append(Point(key, document.pk, collection.pk, 1, position, text, vector))
        end = start + len(text)
        chunks.append(
            Chunk(id=key, document=document, generation=1, position=position, start=start, end=end, text=text)
        )
        start = end
    Chunk.objects.bulk_create(chunks)
    runtime().space().index.upsert(points)


def pieces() -> Iterator[str]:
    """Texts of a chunk's length, for ever."""
    while True:
        for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
            text = path.read_text(errors="ignore") if "site-packages" not in path.parts else ""
            for start in range(0, len(text) - CHUNK_CHARACTERS, CHUNK_CHARACTERS):
                yield text[start : start + CHUNK_CHARACTERS]


def vector_of(query: str) -> list[float] | None:
    from retrieval.configuration import runtime

    embedder = runtime().embedder
    return embedder.embed_query(query).tolist() if embedder else None


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()
