"""What is well and what isn't, each as one line with its fix. No secret is in any of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, F
from django.utils import timezone

from retrieval.configuration import describe, runtime
from retrieval.embedding.embedders import INSTALL
from retrieval.errors import RetrievalError, StorageInUse
from retrieval.ingestion import ingest, reindex, spaces
from retrieval.model_documents.declaring import declared, faults
from retrieval.model_documents.rights import fault_of
from retrieval.models import Chunk, Document, IndexRemoval, ModelChange, Reindex, SyncedSource, SyncRun
from retrieval.parsing.recognition import ocrmypdf
from retrieval.parsing.recognition.models import INSTALL as INSTALL_OCR
from retrieval.parsing.recognition.models import find_models
from retrieval.syncing.declaring import source_kinds
from retrieval.syncing.due import due

LEAST_FREE_BYTES = 1024**3  # with some time left to act: ingestion itself waits at a fifth of it
LONGEST_WAIT = timedelta(minutes=10)  # in the queue, with nobody at work
_REASONS_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One line of the examination. `well` is False when a person is needed; then `fix` says for what."""

    about: str
    state: str
    fix: str = ""
    well: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """How many documents wait to be read and how many are, and the one that has waited longest."""

    waiting: int
    working: int
    oldest: Document | None

    @classmethod
    def now(cls) -> Queue:
        states = Document.State
        waiting = Document.objects.filter(state=states.QUEUED).order_by("updated_at", "pk")
        return cls(waiting.count(), Document.objects.filter(state=states.PROCESSING).count(), waiting.first())

    @property
    def age(self) -> timedelta:
        """Return how long the oldest has waited."""
        return timezone.now() - self.oldest.updated_at if self.oldest else timedelta()

    @property
    def is_left(self) -> bool:
        """Say whether nobody seems to read."""
        return self.age > LONGEST_WAIT and not self.working


@dataclass(frozen=True, slots=True)
class IndexCounts:
    """How many points the live index holds, and for how many chunks; `is_settling`: it is being changed right now."""

    held: int
    chunks: int
    is_settling: bool

    @classmethod
    def now(cls) -> IndexCounts:
        """Raises RetrievalError when the index doesn't answer."""
        held = spaces.live_space().index.count()
        settling = Document.objects.filter(state=Document.State.PROCESSING).exists() or IndexRemoval.objects.exists()
        return cls(held, live_chunks(), settling)

    @property
    def needs_repair(self) -> bool:
        return self.held != self.chunks and not self.is_settling


def live_chunks() -> int:
    """Return how many chunks the index has to hold."""
    return Chunk.objects.filter(generation=F("document__live_generation")).count()


def examine(*, data_dir: Path) -> Iterator[Finding]:
    """Yield a finding about everything, the most basic first. Without a usable database the rest can't be examined."""
    yield from _disk(data_dir)
    database = _database()
    yield database
    if not database.well:
        return
    yield from _embedding()
    yield from _index()
    yield from _documents()
    yield _queue()
    yield _outbox()
    yield from _rows()
    yield from _sources()
    yield _tools()


def _disk(data_dir: Path) -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        yield Finding("disk", f"{data_dir}: {error.strerror}", "Create DATA_DIR, or make it readable.", well=False)
        return
    state = f"{_size(free)} free in {data_dir}"
    if free < LEAST_FREE_BYTES:
        yield Finding("disk", state, f"Make room: below {_size(LEAST_FREE_BYTES)} ingestion may stop.", well=False)
    else:
        yield Finding("disk", state)


def _database() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0]
        fix = "Start the database, or correct DATABASE_URL."
        return Finding("database", f"{connection.vendor} doesn't answer: {reason}", fix, well=False)
    if waiting:
        return Finding("database", f"{len(waiting)} migrations are missing", "Run “manage.py migrate”.", well=False)
    return Finding("database", f"{connection.vendor}, all migrations applied")


def _embedding() -> Iterator[Finding]:
    about = describe().embedding
    embedder = runtime().embedder
    if embedder is not None:
        try:
            embedder.embed_query("Does it answer?")
        except RetrievalError as error:
            yield Finding("embedding", f"{about}: {error}", "Start it, or correct EMBEDDING_BASE_URL.", well=False)
            return
    yield Finding("embedding", about, "" if embedder else INSTALL)


def _index() -> Iterator[Finding]:
    where = describe().store
    if reason := spaces.mismatch():
        yield Finding("model", reason, "Run “manage.py reindex”.", well=False)
    if reason := spaces.unlearned():
        yield Finding("languages", reason)
    for request in Reindex.objects.all():
        yield Finding("reindex", reindex.describe(request))
    folder = runtime().settings.index_dir
    if not runtime().settings.qdrant_url:
        where = f"embedded in {folder}, {_size(_bytes_in(folder))}"
    try:
        counts = IndexCounts.now()
    except StorageInUse as error:
        yield Finding("index", f"{where}. {error} It doesn't answer.", "End that process.", well=False)
        return
    except RetrievalError as error:
        fix = "Start it, or correct QDRANT_URL." if runtime().settings.qdrant_url else "Make its folder writable."
        yield Finding("index", f"{where}: {error}", fix, well=False)
        return
    state = f"{where}; {spaces.live_space().fingerprint} holds {counts.held:,} points for {counts.chunks:,} chunks"
    if counts.needs_repair:
        yield Finding("index", state, "Run “manage.py reconcile”.", well=False)
    else:
        yield Finding("index", state)


def _documents() -> Iterator[Finding]:
    counts = dict(Document.objects.order_by().values_list("state").annotate(total=Count("pk")))
    labels = ", ".join(f"{counts[state]:,} {state.label.lower()}" for state in Document.State if counts.get(state))
    yield Finding("documents", labels or "none yet")
    bad = Document.objects.filter(state__in=[Document.State.FAILED, Document.State.NEEDS_OCR])
    reasons = bad.order_by().values_list("error").annotate(total=Count("pk")).order_by("-total", "error")
    for reason, total in reasons[:_REASONS_SHOWN]:
        yield Finding("failed", f"{total:,}: {reason}", "See them in the admin: replace or re-index them.", well=False)


def _queue() -> Finding:
    queue = Queue.now()
    if queue.oldest is None:
        return Finding("queue", f"empty, {queue.working:,} in hand")
    state = f"{queue.waiting:,} wait, the oldest for {_duration(queue.age)}; {queue.working:,} in hand"
    if reason := queue.oldest.error:
        return Finding("queue", f"{state}. It waits: {reason}", "Mend that: it goes on by itself.", well=False)
    if queue.is_left:
        fix = "Nobody ingests: start “manage.py worker”, or the site itself."
        return Finding("queue", state, fix, well=False)
    return Finding("queue", state)


def _outbox() -> Finding:
    oldest = IndexRemoval.objects.order_by("created_at", "pk").first()
    if oldest is None:
        return Finding("removals", "none wait")
    age = timezone.now() - oldest.created_at
    state = f"points of {IndexRemoval.objects.count():,} deletions wait, the oldest for {_duration(age)}"
    if age > LONGEST_WAIT:
        return Finding("removals", state, "The index doesn't answer, or nobody ingests: see above.", well=False)
    return Finding("removals", state)


def _rows() -> Iterator[Finding]:
    """Say how the rows of the site's models are followed, where there are any."""
    for name, fault in faults().items():
        yield Finding("rows", f"{name}: {fault}", "Mend it: nobody sees its documents until then.", well=False)
    for one in declared():
        if fault := fault_of(one, Document.objects.all()):
            yield Finding("rows", fault, "Mend it: nobody reads any of its rows until then.", well=False)
    known, waiting = declared(), ModelChange.objects.filter(error="").count()
    unreadable = ModelChange.objects.exclude(error="").order_by("pk")
    if count := unreadable.count():
        said = "; ".join(f"{change}: {change.error}" for change in unreadable[:_REASONS_SHOWN])
        yield Finding("rows", f"{count:,} can't be documents: {said}", "Then run manage.py sync_models.", well=False)
    if known:
        yield Finding("rows", f"of {', '.join(one.label for one in known)}; {waiting:,} changes wait")


def _sources() -> Iterator[Finding]:
    """Say how the sources that collections follow are, where there are any."""
    sources = SyncedSource.objects.order_by("pk")
    bad = 0
    for source in sources:
        run = source.runs.first()
        about = f"source {source} of {source.collection}"
        if source.kind not in source_kinds():
            bad += 1
            fix = "Install the app that declares it, or delete the source in the admin."
            yield Finding("source", f"{about} is of the kind {source.kind!r}, which nothing declares", fix, well=False)
        elif source.held:
            bad += 1
            fix = "See whether it is broken; else confirm their deletion in the admin."
            yield Finding("source", f"{about}: {source.held:,} documents are gone from it", fix, well=False)
        elif run and run.state == SyncRun.State.FAILED:
            bad += 1
            yield Finding("source", f"{about}: {run.error}", "See its log in the admin.", well=False)
    if count := sources.count():
        waiting = due(timezone.now()).count()
        yield Finding("sources", f"{count:,}, of which {bad:,} need a person; {waiting:,} due now")


def _tools() -> Finding:
    models, command = find_models(), ocrmypdf.find_ocr()
    found = " and ".join(filter(None, ["PP-OCRv6" if models else "", command]))
    waiting, readable = ingest.waiting_for_ocr().count(), ingest.readable_by_now().count()
    if command and not ocrmypdf.is_ready():
        return Finding("OCR", f"{found}, but no tesseract, which it runs", "Install Tesseract.", well=False)
    if readable:
        fix = "Start the site, or the worker, anew: it queues them by itself."
        return Finding("OCR", f"{found}; {readable:,} scanned documents have waited for it", fix, well=False)
    if models and waiting:
        state = f"{found}; {waiting:,} scanned documents are in letters it doesn't know"
        return Finding("OCR", state, "Install ocrmypdf and Tesseract, with the data of their language.", well=False)
    if not found:
        return Finding("OCR", f"not installed: {waiting:,} scanned documents wait for it, as “Needs OCR”", INSTALL_OCR)
    if unread := Document.objects.with_unread_pages().count():
        state = f"{found}; of {unread:,} documents, pages that are pictures were not read"
        fix = "Those read before it was there: choose “Pages not read” in the admin's list, and re-index them."
        return Finding("OCR", state, fix)
    return Finding("OCR", found)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _size(count: int) -> str:
    """Return this many bytes for a person to read."""
    return f"{count / 1024**3:,.1f} GB" if count >= 1024**3 else f"{count / 1024**2:,.1f} MB"


def _duration(age: timedelta) -> str:
    minutes = max(int(age.total_seconds() // 60), 0)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
