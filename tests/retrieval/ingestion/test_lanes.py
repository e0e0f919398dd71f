"""Nobody waits for all of another's documents, nor minutes for somebody's long one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connections
from pytest_django import Settings

from retrieval.ingestion import ingest, lanes, queue
from retrieval.models import Collection, Document
from tests.configured import configured
from tests.fakes.chat_server import ChatServer, Reply, Request

pytestmark = pytest.mark.django_db(transaction=True)


class HeldServer(ChatServer):
    """An embedding server that answers texts about a whale only once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.let_go = threading.Event()

    def reply_to(self, request: Request) -> Reply:
        if "whale" in str(request.body.get("input")):
            self.asked.set()
            self.let_go.wait(20)
        return super().reply_to(request)


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[HeldServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with (
        HeldServer() as server,
        configured(tmp_path / "index", embedding_base_url=server.url, embedding_model="fake"),
    ):
        yield server
        server.let_go.set()


def add(collection: Collection, name: str, *, owner: User | None = None, text: str = "A pump.") -> Document:
    content = ContentFile(f"{name}: {text}".encode())
    return ingest.add_document(collection, file=content, filename=name, owner=owner)[0]


def claimed_names(**limits: int) -> list[str]:
    return [document.filename for document in queue.claim(**limits)]


def test_owners_take_turns(server: HeldServer, public: Collection) -> None:
    anna, bert = (User.objects.create(username=name) for name in ("anna", "bert"))
    for n in range(5):
        add(public, f"anna{n}.md", owner=anna)
    add(public, "bert.md", owner=bert)
    add(public, "staff.md")
    assert claimed_names(most=4, size=1_000_000) == ["anna0.md", "bert.md", "staff.md", "anna1.md"]


def test_small_file_is_taken_before_a_large_one_beside_it(server: HeldServer, public: Collection) -> None:
    add(public, "large.md", text="A whale. " * 100)
    add(public, "small.md")
    assert claimed_names(most=4, size=200) == ["small.md", "large.md"]


def test_second_lane_leaves_large_files_alone(server: HeldServer, public: Collection) -> None:
    add(public, "large.md", text="A pump. " * 100)
    add(public, "small.md")
    assert claimed_names(most=4, size=10_000, largest=200) == ["small.md"]


def test_small_file_does_not_wait_for_a_long_one_under_way(
    server: HeldServer, public: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "HELD_UP_SECONDS", 0.0)
    assert ingest.work_beside() is False  # nothing is under way

    def take() -> None:
        ingest.ingest_next()
        connections.close_all()

    long = add(public, "long.md", text="A whale. " * 100)
    thread = threading.Thread(target=take)
    thread.start()
    assert server.asked.wait(20)
    short = add(public, "short.md")
    assert ingest.work_beside() is True
    short.refresh_from_db()
    long.refresh_from_db()
    assert (short.state, long.state) == (Document.State.READY, Document.State.PROCESSING)
    server.let_go.set()
    thread.join()
    long.refresh_from_db()
    assert long.state == Document.State.READY
    assert ingest.work_beside() is False  # it rests again
