"""Several documents in hand at once: they share batches, and nothing that goes wrong with one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from retrieval.configuration import configure, runtime
from retrieval.ingestion import batch as intake
from retrieval.ingestion import ingest, queue, spaces
from retrieval.models import Collection, Document
from tests.configured import configured
from tests.fakes.chat_server import EMBEDDINGS, ChatServer, Reply, Request, as_json, failure
from tests.retrieval import files

READY, QUEUED, FAILED = Document.State.READY, Document.State.QUEUED, Document.State.FAILED
pytestmark = pytest.mark.django_db(transaction=True)


class WatchedServer(ChatServer):
    """Does something, once, when texts of documents arrive; answers nonsense to what holds `poison`, 503 to `busy`."""

    seconds = 0.0  # that it takes to answer
    meanwhile: Callable[[], object] | None = None

    def reply_to(self, request: Request) -> Reply:
        time.sleep(self.seconds)
        if self.meanwhile is not None and request.body.get("input") != ["dimension"]:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
            connections.close_all()
        if "poison" in str(request.body.get("input")):
            return as_json({"data": [{"embedding": [float("nan")] * 64, "index": 0}]})
        if "busy" in str(request.body.get("input")):
            return failure(503)
        return super().reply_to(request)

    def batches(self) -> list[int]:
        """How many texts came together, in the order they came."""
        asked = [request.body["input"] for request in self.requests if request.path.endswith(EMBEDDINGS)]
        return [len(texts) for texts in asked if texts != ["dimension"]]


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[WatchedServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with (
        WatchedServer() as server,
        configured(tmp_path / "index", embedding_base_url=server.url, embedding_model="fake"),
    ):
        yield server


def add(collection: Collection, name: str, text: str | bytes) -> Document:
    content = text if isinstance(text, bytes) else text.encode()
    return ingest.add_document(collection, file=ContentFile(content), filename=name)[0]


def states() -> dict[str, tuple[str, int]]:
    rows = Document.objects.values_list("filename", "state", "attempts")
    return {name: (state, attempts) for name, state, attempts in rows}


def ingest_all() -> None:
    while ingest.work():
        pass


def assert_whole() -> None:
    assert dict(spaces.live_space().index.holdings()) == spaces.live_counts()


def test_short_documents_share_batches(server: WatchedServer, public: Collection) -> None:
    """Those that are read while the ones before them are embedded."""
    server.seconds = 0.5
    for n in range(12):
        add(public, f"{n}.md", f"Document {n} is about boilers.")
    assert ingest.ingest_next() is True
    assert set(states().values()) == {(READY, 1)}
    assert sum(server.batches()) == 12
    assert len(server.batches()) < 12
    assert_whole()


def test_broken_file_beside_good_ones_fails_alone(server: WatchedServer, public: Collection) -> None:
    add(public, "a.md", "The boiler is new.")
    add(public, "b.pdf", "no PDF at all")
    add(public, "c.md", "The pump is new.")
    assert ingest.ingest_next() is True
    assert states() == {"a.md": (READY, 1), "b.pdf": (FAILED, 1), "c.md": (READY, 1)}
    assert_whole()


def test_texts_that_are_read_together_fail_alone(server: WatchedServer, public: Collection) -> None:
    add(public, "a.md", "The boiler is new.")
    add(public, "b.md", b"\x00\x01\x02" * 100)
    add(public, "c.txt", "The pump is new.")
    gone = add(public, "d.pdf", "not there any more")
    Path(gone.file.path).unlink()
    assert ingest.ingest_next() is True
    assert states() == {"a.md": (READY, 1), "b.md": (FAILED, 1), "c.txt": (READY, 1), "d.pdf": (FAILED, 1)}
    assert dict(Document.objects.exclude(error="").values_list("filename", "error")) == {
        "b.md": "It is named .md, but its content is binary data.",
        "d.pdf": "Its file is gone: upload it again.",
    }
    assert_whole()


def test_text_whose_file_is_gone_fails_alone(server: WatchedServer, public: Collection) -> None:
    add(public, "a.md", "The boiler is new.")
    gone = add(public, "b.md", "not there any more")
    Path(gone.file.path).unlink()
    assert ingest.ingest_next() is True
    assert states() == {"a.md": (READY, 1), "b.md": (FAILED, 1)}
    assert Document.objects.get(pk=gone.pk).error == "Its file is gone: upload it again."


def test_case_70_poison_in_a_shared_batch_takes_no_other_document_with_it(
    server: WatchedServer, public: Collection
) -> None:
    for n in range(6):
        add(public, f"{n}.md", "A text with poison in it." if n == 3 else f"Document {n} is about boilers.")
    assert ingest.ingest_next() is True
    assert states() == {f"{n}.md": (QUEUED if n == 3 else READY, 1) for n in range(6)}
    ingest_all()
    assert states()["3.md"] == (FAILED, 3)
    assert_whole()


def test_document_that_the_address_does_not_answer_for_waits_and_the_others_go_on(
    server: WatchedServer, public: Collection
) -> None:
    add(public, "a.md", "A text that keeps it busy.")
    add(public, "b.md", "The boiler is new.")
    assert ingest.ingest_next() is False
    assert states() == {"a.md": (QUEUED, 0), "b.md": (QUEUED, 0)}
    waits = dict(Document.objects.values_list("filename", "error"))
    assert waits == {"a.md": "The embedding address doesn't answer: InternalServerError.", "b.md": ""}
    assert ingest.ingest_next() is True
    assert states() == {"a.md": (QUEUED, 0), "b.md": (READY, 1)}


def test_case_51_all_wait_as_long_as_the_address_asks_for(server: WatchedServer, public: Collection) -> None:
    for n in range(3):
        add(public, f"{n}.md", f"Document {n} is about boilers.")
    assert runtime().fingerprint  # the dimension is known
    server.requests.clear()
    server.script(failure(429, headers={"Retry-After": "90"}), path=EMBEDDINGS)
    assert [ingest.ingest_next() for _ in range(2)] == [False, False]
    assert states() == {f"{n}.md": (QUEUED, 0) for n in range(3)}
    assert len(server.requests) == 1
    for document in Document.objects.all():
        assert document.error.startswith("The embedding address has too much to do, and asked for a pause: ")
        assert document.lease_until
        assert 80 < (document.lease_until - timezone.now()).total_seconds() <= 90


def test_stop_in_the_middle_puts_all_that_is_in_hand_back(server: WatchedServer, public: Collection) -> None:
    for n in range(5):
        add(public, f"{n}.md", f"Document {n} is about boilers.")
    stopping = threading.Event()
    server.meanwhile = stopping.set
    documents = queue.claim(most=5, size=1_000)
    assert [document.filename for document in documents] == [f"{n}.md" for n in range(5)]
    assert set(states().values()) == {(Document.State.PROCESSING, 1)}
    assert intake.take_to_their_end(documents, stopping=stopping.is_set) is True
    assert (documents, set(states().values())) == ([], {(QUEUED, 0)})
    ingest_all()
    assert set(states().values()) == {(READY, 1)}
    assert_whole()


def test_case_83_document_deleted_in_a_shared_batch_leaves_nothing(server: WatchedServer, public: Collection) -> None:
    first, second = add(public, "a.md", "The boiler is new."), add(public, "b.md", "The pump is new.")

    def delete() -> None:
        Document.objects.get(pk=second.pk).delete()

    server.meanwhile = delete
    ingest_all()
    assert states() == {"a.md": (READY, 1)}
    assert set(spaces.live_space().index.holdings()) == {(first.pk, 1)}


def test_case_80_lease_is_kept_while_another_document_is_embedded(server: WatchedServer, public: Collection) -> None:
    """It is put off each time a batch of the long document comes back."""
    add(public, "long.md", "\n\n".join(f"Paragraph {n} is about pumps and boilers. " * 12 for n in range(500)))
    short = add(public, "short.md", "The boiler is new.")
    server.seconds = 0.6  # longer than between two signs of life
    documents = queue.claim(most=16, size=1)
    assert len(documents) == 2
    leases = set[object]()
    worker = threading.Thread(target=_take, args=(documents,))
    worker.start()
    while states()["long.md"] == (Document.State.PROCESSING, 1):
        leases.add(Document.objects.get(pk=short.pk).lease_until)
        time.sleep(0.05)
    worker.join()
    assert len(leases - {None}) >= 3
    assert states() == {"long.md": (READY, 1), "short.md": (READY, 1)}


def _take(documents: list[Document]) -> None:
    intake.take_to_their_end(documents, stopping=lambda: False)
    connections.close_all()


def test_case_81_document_that_was_tried_before_is_taken_alone(server: WatchedServer, public: Collection) -> None:
    for n in range(4):
        add(public, f"{n}.md", f"Document {n} is about boilers.")
    Document.objects.filter(filename__in=["0.md", "1.md"]).update(attempts=1)
    taken = [[document.filename for document in queue.claim(most=16, size=10_000)] for _ in range(4)]
    assert taken == [["2.md", "3.md"], ["0.md"], ["1.md"], []]


def test_claim_takes_as_many_as_are_short(server: WatchedServer, public: Collection) -> None:
    for n, size in enumerate([400, 400, 400, 2_000, 2_000, 400]):
        add(public, f"{n}.md", f"{n} " + "a" * (size - 2))
    taken = [[document.filename for document in queue.claim(most=16, size=1_000)] for _ in range(3)]
    assert taken == [["0.md", "1.md"], ["2.md", "3.md"], ["5.md", "4.md"]]
    Document.objects.update(state=QUEUED, attempts=0, lease_until=None)
    configure(replace(runtime().settings, qdrant_url="http://127.0.0.1:9"))  # other workers may take what is left
    taken = [[document.filename for document in queue.claim(most=16, size=1_000)] for _ in range(4)]
    assert taken == [["0.md", "1.md"], ["2.md"], ["3.md"], ["4.md"]]


def test_finished_document_does_not_wait_for_a_long_file(server: WatchedServer, public: Collection) -> None:
    """While a large PDF is read, the short document before it is searchable."""
    add(public, "a.md", "The boiler is new.")
    add(public, "b.pdf", files.pdf([[f"Line {n} of page {page}." for n in range(60)] for page in range(400)]))
    documents = queue.claim(most=16, size=1)
    found = list[tuple[dict[str, tuple[str, int]], int]]()

    def look() -> bool:
        found.append((states(), len(server.batches())))
        return False

    assert intake.take_to_their_end(documents, stopping=look) is True
    assert ({"a.md": (READY, 1), "b.pdf": (Document.State.PROCESSING, 1)}, 1) in found  # one batch: that of a.md
    assert states() == {"a.md": (READY, 1), "b.pdf": (READY, 1)}


def test_documents_are_published_while_the_next_ones_are_embedded(server: WatchedServer, public: Collection) -> None:
    """The points of the first are in the index, and it is not searchable yet: now the texts of the second arrive."""
    paragraphs = "\n\n".join(f"Paragraph {n} is about pumps and boilers. " * 12 for n in range(100))
    first, _ = add(public, "a.md", paragraphs), add(public, "b.md", f"Valves.\n\n{paragraphs}")
    documents, arrived = queue.claim(most=16, size=100_000), threading.Event()
    assert len(documents) == 2

    def second_arrives() -> bool:
        deadline = time.monotonic() + 60
        while not any("Valves." in str(request.body.get("input")) for request in server.requests):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        arrived.set()
        return True

    def look() -> bool:
        if not arrived.is_set() and spaces.live_space().index.count(first.pk):
            assert states()["a.md"] == (Document.State.PROCESSING, 1)
            assert second_arrives()
        return False

    assert intake.take_to_their_end(documents, stopping=look) is True
    assert arrived.is_set()
    assert states() == {"a.md": (READY, 1), "b.md": (READY, 1)}


def test_statements_for_short_documents(
    server: WatchedServer, public: Collection, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Of sixteen: for each its claim, its transaction (BEGIN and COMMIT counted), and two that tell who waits for it;
    for all of them a dozen more."""
    for n in range(16):
        add(public, f"{n}.md", f"Document {n} is about boilers.")
    with django_assert_max_num_queries(16 * 7 + 30):
        assert ingest.ingest_next() is True
    assert set(states().values()) == {(READY, 1)}
