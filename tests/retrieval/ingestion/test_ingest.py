"""From a file to live chunks, through every fault that can be brought about from outside."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from retrieval.configuration import RetrievalSettings, configure, runtime
from retrieval.errors import DuplicateContent
from retrieval.index import VERSION, Index, Point, edge
from retrieval.index.embedded import EmbeddedIndex
from retrieval.ingestion import ingest, spaces
from retrieval.ingestion.worker import Worker
from retrieval.models import Chunk, Collection, Document, IndexRemoval
from retrieval.searching.search import search
from tests.configured import configured
from tests.fakes.chat_server import EMBEDDINGS, ChatServer, Reply, Request, as_json, failure
from tests.retrieval import files
from tests.retrieval.index.qdrant_server import qdrant_server

pytestmark = [
    pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection"),
]

Put = Callable[[Collection, str, str | bytes], Document]
TEXT = "# Boiler\n\n" + "The boiler is serviced in May by its owner. " * 67 + "\n\n## Pump\n\nThe pump is new.\n"
NOBODY = AnonymousUser()


def add(collection: Collection, filename: str = "a.md", content: str = TEXT) -> Document:
    return ingest.add_document(collection, file=ContentFile(content.encode()), filename=filename)[0]


def ingest_all() -> None:
    while ingest.work():
        pass


def found(query: str = "boiler") -> list[int]:
    """The documents that a search finds."""
    return list(dict.fromkeys(passage.document_id for passage in search(query, user=NOBODY).passages))


@pytest.fixture
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


class WatchedServer(ChatServer):
    """Does something, once, when texts of a document arrive to be embedded; answers nonsense to what holds `poison`."""

    meanwhile: Callable[[], object] | None = None
    poison = "poison"

    def reply_to(self, request: Request) -> Reply:
        if self.meanwhile is not None and request.body.get("input") != ["dimension"]:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
            connections.close_all()
        if self.poison in str(request.body.get("input")):
            return as_json({"data": [{"embedding": [float("nan")] * 64, "index": 0}]})
        return super().reply_to(request)


@pytest.fixture
def embeddings(db: None, media: Path, tmp_path: Path) -> Iterator[WatchedServer]:
    """The embedded index with an embedding address."""
    with (
        WatchedServer() as server,
        configured(tmp_path / "remote", embedding_base_url=server.url, embedding_model="fake"),
    ):
        yield server


# ---- the good way ----------------------------------------------------------------------------------------------------


def test_chunks_of_the_live_generation_partition_the_text(put: Put, public: Collection) -> None:
    document = put(public, "a.md", TEXT)
    assert (document.state, document.error, document.progress) == (Document.State.READY, "", 100)
    assert (document.generation, document.live_generation, document.attempts) == (1, 1, 1)
    public.refresh_from_db()
    assert public.fingerprint == f"all-minilm-l6-v2-int8-53aa5117-d384-v{VERSION}"
    chunks = list(document.chunks.order_by("position"))
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
    assert [(chunk.position, chunk.generation) for chunk in chunks] == [(n, 1) for n in range(len(chunks))]
    assert chunks[-1].headings == ["Boiler", "Pump"]
    assert (document.characters, document.chunk_count) == (len(TEXT), len(chunks))
    assert runtime().space().index.count(document.pk) == len(chunks) > 2


def test_pdf_pages_are_kept(put: Put, public: Collection) -> None:
    document = put(public, "a.pdf", files.pdf([["The first page."], ["The second page."]]))
    assert (document.page_count, document.page_starts) == (2, [0, 17])
    assert [document.page_at(offset) for offset in (0, 16, 17, 30)] == [1, 1, 2, 2]


def test_word_document_is_ingested(put: Put, public: Collection) -> None:
    put(public, "a.docx", files.word_document())
    assert [passage.text for passage in search("What does a valve cost?", user=NOBODY).passages] == [
        "Heating\n\nThe boiler is serviced in May.\n\nParts\n\n- valve\n- pump\n\n"
        "| Part | Price |\n| valve | 12 |\n\nCall before noon."
    ]


def test_title_and_stored_name_come_from_the_filename(public: Collection, media: Path) -> None:
    document, _ = ingest.add_document(
        public, file=ContentFile(b"x"), filename="../../etc/Annual\x00 report\r\n \u202e2024.tar.MD"
    )
    assert (document.title, document.filename) == ("Annual report 2024.tar", "Annual report 2024.tar.MD")
    assert Path(document.file.path).parent == media / "documents"
    assert str(document.file.name).endswith(".md")


def test_case_82_same_content_is_in_a_collection_once(put: Put, public: Collection) -> None:
    first = put(public, "a.md", TEXT)
    again = put(public, "b.md", TEXT)
    assert again.pk == first.pk
    assert Document.objects.count() == 1
    other = Collection.objects.create(name="Other", slug="other")
    assert put(other, "a.md", TEXT).pk != first.pk


def test_failed_content_added_under_another_name_is_tried_again(put: Put, public: Collection) -> None:
    failed = put(public, "report.txt", files.pdf([["A text."]]))
    assert failed.state == Document.State.FAILED
    again = put(public, "report.pdf", Path(failed.file.path).read_bytes())
    assert (again.pk, again.state, again.filename) == (failed.pk, Document.State.READY, "report.pdf")


class OvertakenFile(SimpleUploadedFile):
    """While it is stored, the same content is added by someone else."""

    def __init__(self, content: bytes, *, meanwhile: Callable[[], object]) -> None:
        super().__init__("b.md", content)
        self.reads = 0
        self.meanwhile = meanwhile

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self.reads += 1
        if self.reads == 2:  # the first is for its hash
            self.meanwhile()
        return super().chunks(chunk_size)


def test_case_82_same_content_at_once(public: Collection, media: Path) -> None:
    file = OvertakenFile(TEXT.encode(), meanwhile=lambda: add(public))
    document, _ = ingest.add_document(public, file=file, filename="b.md")
    assert (document, document.filename) == (Document.objects.get(), "a.md")
    assert [path.name for path in (media / "documents").iterdir()] == [Path(document.file.path).name]


@pytest.mark.django_db(transaction=True)
def test_case_82_same_content_from_four_threads_at_once(public: Collection, media: Path) -> None:
    ready, new = threading.Barrier(4), list[bool]()

    def add_it(number: int) -> None:
        ready.wait()
        new.append(ingest.add_document(public, file=ContentFile(TEXT.encode()), filename=f"{number}.md")[1])
        connections.close_all()

    threads = [threading.Thread(target=add_it, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False, False, False, True]
    assert [path.name for path in (media / "documents").iterdir()] == [Path(Document.objects.get().file.path).name]


def test_document_that_needs_ocr_stays_until_it_is_asked_for_again(
    index: None, public: Collection, media: Path
) -> None:
    document = add(public)
    Document.objects.update(state=Document.State.NEEDS_OCR, error="It has only images.")
    ingest.recover()
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.generation) == (Document.State.NEEDS_OCR, 1)
    ingest.enqueue(document)
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.error) == (Document.State.READY, "")


# ---- again, and gone -------------------------------------------------------------------------------------------------


def test_case_83_searches_see_the_old_generation_until_the_new_one_is_live(put: Put, public: Collection) -> None:
    document = put(public, "a.md", TEXT)
    ingest.enqueue(document)
    assert (document.state, document.generation, document.live_generation) == (Document.State.QUEUED, 2, 1)
    assert found() == [document.pk]
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.live_generation) == (Document.State.READY, 2)
    assert found() == [document.pk]
    assert set(Chunk.objects.values_list("generation", flat=True)) == {2}
    assert runtime().space().index.count() == document.chunk_count == Chunk.objects.count()
    assert not IndexRemoval.objects.exists()


def test_deleted_document_is_gone_for_readers_at_once_then_leaves_chunks_index_and_disk(
    put: Put, public: Collection
) -> None:
    kept, document = put(public, "kept.md", "Another text."), put(public, "a.md", TEXT)
    path = Path(document.file.path)
    document.delete()
    assert found() == [kept.pk]
    assert (runtime().space().index.count() > 1, Chunk.objects.count() > 1, path.exists()) == (True, True, True)
    assert spaces.live_counts() == {(kept.pk, 1): 1}
    assert ingest.drain_removals() is True
    assert (runtime().space().index.count(), Chunk.objects.count(), path.exists()) == (1, 1, False)
    assert Path(kept.file.path).exists()
    assert not IndexRemoval.objects.exists()


def test_deleted_collection_takes_its_documents_out_of_the_index(put: Put, public: Collection) -> None:
    put(public, "a.md", TEXT)
    public.delete()
    ingest.drain_removals()
    assert runtime().space().index.count() == 0


@pytest.mark.django_db(transaction=True)
def test_case_83_deleted_while_ingested_leaves_nothing(embeddings: WatchedServer, public: Collection) -> None:
    document = add(public)
    embeddings.meanwhile = lambda: (Document.objects.get(pk=document.pk).delete(), ingest.drain_removals())
    ingest_all()
    assert embeddings.meanwhile is None
    assert (Document.objects.count(), Chunk.objects.count(), IndexRemoval.objects.count()) == (0, 0, 0)
    assert runtime().space().index.count() == 0


@pytest.mark.django_db(transaction=True)
def test_case_83_asked_for_again_while_ingested_ends_with_the_new_generation(
    embeddings: WatchedServer, public: Collection
) -> None:
    document = add(public)
    embeddings.meanwhile = lambda: ingest.enqueue(Document.objects.get(pk=document.pk))
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.generation, document.live_generation) == (Document.State.READY, 2, 2)
    assert set(Chunk.objects.values_list("generation", flat=True)) == {2}
    assert runtime().space().index.count() == Chunk.objects.count() == document.chunk_count


def test_replaced_file_is_the_next_generation(
    put: Put, public: Collection, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    document, former = put(public, "a.md", TEXT), put(public, "b.md", "A zeppelin flies.")
    path = Path(document.file.path)
    assert ingest.replace_file(document, file=ContentFile(TEXT.encode())) is False
    with django_capture_on_commit_callbacks(execute=True):
        assert ingest.replace_file(document, file=ContentFile(b"A heron flies.")) is True
    assert not path.exists()
    assert (document.state, document.generation) == (Document.State.QUEUED, 2)
    ingest_all()
    assert [passage.text for passage in search("heron", user=NOBODY, document_ids=[document.pk]).passages] == [
        "A heron flies."
    ]
    with pytest.raises(DuplicateContent, match=r"^Another document of Handbook has the same content\.$"):
        ingest.replace_file(document, file=ContentFile(b"A zeppelin flies."))
    document.refresh_from_db()
    assert Path(document.file.path).read_bytes() == b"A heron flies."
    assert Path(former.file.path).exists()


# ---- faults ----------------------------------------------------------------------------------------------------------


def test_unreadable_file_fails_with_its_reason_and_the_rest_goes_on(put: Put, public: Collection) -> None:
    failed = put(public, "a.pdf", b"hello")
    assert (failed.state, failed.error) == (Document.State.FAILED, "It is named .pdf, but its content is text.")
    assert runtime().space().index.count() == 0
    assert put(public, "b.txt", "hello again").state == Document.State.READY


def test_missing_file_fails_with_a_reason(public: Collection, index: None, media: Path) -> None:
    document = add(public)
    Path(document.file.path).unlink()
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.error) == (Document.State.FAILED, "Its file is gone: upload it again.")


@pytest.mark.django_db(transaction=True)
def test_cases_70_81_rejected_embeddings_fail_after_three_attempts(
    embeddings: WatchedServer, public: Collection
) -> None:
    poison, good = add(public, "bad.md", "A text with poison in it."), add(public, "good.md", "A short text.")
    ingest_all()
    poison.refresh_from_db()
    good.refresh_from_db()
    assert (good.state, good.attempts) == (Document.State.READY, 1)
    assert (poison.state, poison.attempts) == (Document.State.FAILED, 3)
    assert poison.error == "Embeddings hold values that are not finite numbers, or only zeros."
    assert runtime().space().index.count(poison.pk) == Chunk.objects.filter(document=poison).count() == 0


@pytest.mark.django_db(transaction=True)
def test_document_that_the_index_refuses_fails_after_three_attempts(public: Collection, media: Path) -> None:
    with qdrant_server() as server, configured(media, qdrant_url=server.url, qdrant_api_key=server.api_key):
        bad, good = add(public), add(public, "good.md", "A short text.")
        server.rejected = b'"document_id":%d,' % bad.pk
        ingest_all()
        bad.refresh_from_db()
        good.refresh_from_db()
        assert (good.state, good.attempts) == (Document.State.READY, 1)
        assert (bad.state, bad.attempts) == (Document.State.FAILED, 3)
        assert bad.error.startswith("The index refused it: 400")


@pytest.mark.django_db(transaction=True)
def test_document_that_meets_a_mistake_of_ours_fails_after_three_attempts(
    public: Collection, index: None, media: Path
) -> None:
    lost, good = add(public), add(public, "good.md", "A short text.")
    Document.objects.filter(pk=lost.pk).update(file="../outside.md")
    ingest_all()
    lost.refresh_from_db()
    good.refresh_from_db()
    assert (good.state, good.error) == (Document.State.READY, "")
    assert (lost.state, lost.attempts) == (Document.State.FAILED, 3)
    assert lost.error == "An unexpected error, which the server's log describes."


@pytest.mark.django_db(transaction=True)
def test_case_73_index_down_keeps_the_document_queued_and_its_attempts(public: Collection, media: Path) -> None:
    with qdrant_server() as server, configured(media, qdrant_url=server.url, qdrant_api_key=server.api_key):
        document = add(public)
        server.status = 503
        assert ingest.ingest_next() is False
        document.refresh_from_db()
        assert (document.state, document.attempts) == (Document.State.QUEUED, 0)
        assert document.error.startswith("The Qdrant server answered 503")
        assert document.lease_until is not None
        assert document.lease_until > timezone.now()
        server.status = 200
        assert ingest.ingest_next() is False
        Document.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        ingest_all()
        document.refresh_from_db()
        assert (document.state, document.error, document.live_generation) == (Document.State.READY, "", 1)
        assert found() == [document.pk]


@pytest.mark.django_db(transaction=True)
def test_embedding_address_down_keeps_the_document_queued(embeddings: WatchedServer, public: Collection) -> None:
    document = add(public)
    assert runtime().fingerprint
    embeddings.script(*[failure(503)] * 3, path=EMBEDDINGS)
    assert ingest.ingest_next() is False
    document.refresh_from_db()
    assert (document.state, document.attempts) == (Document.State.QUEUED, 0)
    assert runtime().space().index.count() == 0


def claimed_elsewhere(document: Document, *, attempts: int, lease: timedelta) -> None:
    """As a process leaves it that was killed with the document in hand."""
    Document.objects.filter(pk=document.pk).update(
        state=Document.State.PROCESSING, attempts=attempts, lease_until=timezone.now() + lease
    )


def test_case_80_document_of_a_killed_process_is_taken_when_its_lease_ends(
    index: None, public: Collection, media: Path
) -> None:
    configure(replace(runtime().settings, lease_seconds=0.2))
    document = add(public)
    claimed_elsewhere(document, attempts=1, lease=timedelta(minutes=1))
    assert ingest.ingest_next() is False
    time.sleep(0.25)
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.attempts) == (Document.State.READY, 2)


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)], ids=["back", "ahead"])
def test_case_91_lease_does_not_end_early_when_a_clock_jumps(
    index: None, public: Collection, media: Path, jump: timedelta
) -> None:
    """The worker that holds it writes its lease by a clock that is a day off."""
    document = add(public)
    claimed_elsewhere(document, attempts=1, lease=jump)
    assert ingest.ingest_next() is False
    document.refresh_from_db()
    assert (document.state, document.attempts) == (Document.State.PROCESSING, 1)


def test_case_91_document_that_waits_is_due_when_the_clock_was_put_back(
    index: None, public: Collection, media: Path
) -> None:
    document = add(public)
    Document.objects.update(lease_until=timezone.now() + timedelta(days=1))
    ingest_all()
    document.refresh_from_db()
    assert document.state == Document.State.READY


def test_case_80_owner_of_the_storage_takes_it_at_start(index: None, public: Collection, media: Path) -> None:
    document = add(public)
    claimed_elsewhere(document, attempts=1, lease=timedelta(minutes=1))
    ingest.recover()
    ingest_all()
    document.refresh_from_db()
    assert document.state == Document.State.READY


def test_case_81_document_that_killed_three_processes_fails(index: None, public: Collection, media: Path) -> None:
    document = add(public)
    claimed_elsewhere(document, attempts=3, lease=timedelta(minutes=1))
    ingest.recover()
    assert ingest.ingest_next() is False
    document.refresh_from_db()
    assert document.state == Document.State.FAILED
    assert document.error == "It stopped the process that was reading it 3 times."


def test_documents_cut_by_another_chunker_are_ingested_again(put: Put, public: Collection) -> None:
    kept, other = put(public, "kept.md", "A short text."), put(public, "a.md", TEXT)
    Document.objects.filter(pk=other.pk).update(chunker=0)
    ingest.recover()
    states = dict(Document.objects.values_list("pk", "state"))
    assert states == {kept.pk: Document.State.READY, other.pk: Document.State.QUEUED}
    ingest_all()
    other.refresh_from_db()
    assert (other.live_generation, other.chunker) == (2, kept.chunker)


def test_case_75_lost_index_is_built_again(put: Put, public: Collection, tmp_path: Path) -> None:
    document = put(public, "a.md", TEXT)
    configure(RetrievalSettings(index_dir=tmp_path / "lost", model_dir=site_settings.MODEL_DIR))
    assert found() == []
    ingest.recover()
    ingest_all()
    assert found() == [document.pk]


# ---- the thread ------------------------------------------------------------------------------------------------------


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_started_thread_ingests_what_is_added_and_removes_what_is_deleted(
    request: pytest.FixtureRequest, index: None, public: Collection, media: Path
) -> None:
    ingest.start()
    request.addfinalizer(lambda: ingest.stop(60.0))  # also when this fails: no test behind it wants that thread
    ingest.start()
    document = add(public)
    wait_until(lambda: Document.objects.get(pk=document.pk).state == Document.State.READY)
    assert found() == [document.pk]
    document.delete()
    wait_until(lambda: not IndexRemoval.objects.exists())
    assert runtime().space().index.count() == 0
    began = time.monotonic()
    ingest.stop(deadline=60.0)
    assert time.monotonic() - began < 60


def test_worker_outlives_failures_of_what_it_calls() -> None:
    calls: list[str] = []

    def prepare() -> bool:
        calls.append("prepare")
        if len(calls) == 1:
            raise RuntimeError("not yet")
        return len(calls) > 2

    def work() -> bool:
        calls.append("work")
        if calls.count("work") == 1:
            raise RuntimeError("once")
        return False

    worker = Worker("test", poll_seconds=0.01)
    worker.start(prepare=prepare, work=work)
    wait_until(lambda: calls.count("work") >= 3)
    assert worker.stop(deadline=5)
    assert calls[:4] == ["prepare", "prepare", "prepare", "work"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_case_88_forked_child_has_neither_the_thread_nor_the_parents_index(index: None) -> None:
    worker = Worker("test")
    worker.start(prepare=lambda: True, work=lambda: False)
    before = runtime()
    child = os.fork()
    if child == 0:
        fresh = runtime() is not before and runtime().settings == before.settings
        os._exit(0 if fresh and worker.stop(deadline=0) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert worker.stop(deadline=5)


def test_index_is_tidied_now_and_then_during_a_burst_and_once_after_it(
    put: Put, public: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "_LOOSE_BUSY", 2_000)
    index = spaces.live_space().index

    def work_with(first: int, last: int) -> bool:
        index.upsert([Point(uuid.UUID(int=n + 1), 999, 1, 1, n, "a text", [1.0] * 384) for n in range(first, last)])
        ingest.add_document(public, file=ContentFile(f"The pump {last} is new.".encode()), filename="a.md")
        return ingest.work()

    assert work_with(0, 2_500)
    assert _tidied(index)  # all of it was loose
    assert work_with(2_500, 6_500)
    assert not _tidied(index)  # more than a third is loose again, but so soon it rests
    assert not ingest.work()
    assert _tidied(index)


def _tidied(index: Index) -> bool:
    """As Edge shows it: no point is left that it would search as floats."""
    assert isinstance(index, EmbeddedIndex)
    return not index._edge.is_untidy()
