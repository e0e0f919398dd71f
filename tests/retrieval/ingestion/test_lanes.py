"""Nobody waits for all of another's documents, nor minutes for somebody's long one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connections
from django.db.models import Q
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
            self.let_go.wait(60)
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


def claimed_names(*, most: int, size: int, among: Q | None = None) -> list[str]:
    return [document.filename for document in queue.claim(most=most, size=size, among=among)]


def attached(owner: User, number: int = 0) -> Collection:
    """Return the hidden collection of one of the owner's conversations."""
    name = f"attached-{owner}-{number}"
    return Collection.objects.create(name=name, slug=name, owner=owner, hidden=True)


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


def test_third_lane_leaves_large_files_alone(server: HeldServer, public: Collection) -> None:
    add(public, "large.md", text="A pump. " * 100)
    add(public, "small.md")
    assert claimed_names(most=4, size=10_000, among=lanes.third._among() & Q(size__lte=200)) == ["small.md"]


def test_case_121_attached_files_are_not_ahead_of_staffs_for_ever(server: HeldServer, public: Collection) -> None:
    readers = [User.objects.create(username=f"reader{number}") for number in range(3)]
    add(attached(readers[0]), "first.md", owner=readers[0])
    add(public, "staff.md")
    for number, reader in enumerate(readers[1:], start=1):
        add(attached(reader), f"reader{number}.md", owner=reader)
    assert claimed_names(most=2, size=10_000) == ["first.md", "staff.md"]


def test_case_121_second_attached_file_of_a_reader_is_not_taken_along(server: HeldServer) -> None:
    anna = User.objects.create(username="anna")
    for number in range(3):
        add(attached(anna, number), f"{number}.md", owner=anna, text="A whale. " * 100)
    assert claimed_names(most=64, size=10) == ["0.md"]


def test_case_121_other_lanes_take_what_else_there_is(
    server: HeldServer, public: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "HELD_UP_SECONDS", 0.0)
    anna, bert, carl = (User.objects.create(username=name) for name in ("anna", "bert", "carl"))
    for number in range(10):
        add(attached(anna, number), f"anna{number}.md", owner=anna, text="A whale. " * 100)
    held = threading.Thread(target=take)
    held.start()
    assert server.asked.wait(60)
    large, theirs = (
        add(public, "staff.md", owner=carl, text="A pump. " * 40_000),
        add(attached(bert), "b.md", owner=bert),
    )
    waiting = Document.objects.filter(lanes.first.others(), state=Document.State.QUEUED)
    assert set(waiting) == {large}  # not of anna, and attached files not while one is under way
    assert ingest.work_beside(lanes.second) is True
    assert ingest.work_beside(lanes.second) is False
    assert Document.objects.get(pk=large.pk).state == Document.State.READY
    assert ingest.work_beside(lanes.third) is True
    assert Document.objects.get(pk=theirs.pk).state == Document.State.READY
    server.let_go.set()
    held.join()


def take() -> None:
    ingest.ingest_next()
    connections.close_all()


def test_small_file_does_not_wait_for_a_long_one_under_way(
    server: HeldServer, public: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "HELD_UP_SECONDS", 0.0)
    assert ingest.work_beside(lanes.third) is False  # nothing is under way

    long = add(public, "long.md", text="A whale. " * 100)
    thread = threading.Thread(target=take)
    thread.start()
    assert server.asked.wait(60)
    short = add(public, "short.md")
    assert ingest.work_beside(lanes.third) is True
    short.refresh_from_db()
    long.refresh_from_db()
    assert (short.state, long.state) == (Document.State.READY, Document.State.PROCESSING)
    server.let_go.set()
    thread.join()
    long.refresh_from_db()
    assert long.state == Document.State.READY
    assert ingest.work_beside(lanes.third) is False  # it rests again
