"""A model that answers a few questions at once has a line, and runs that nobody follows make room."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.test import Client

from chatsite.answering import kept
from chatsite.answering.line import ModelLine
from chatsite.models import Run
from retrieval.models import Collection
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

TEA = "# Tea\n\nWait four minutes before you pour the tea.\n"
QUESTION = "How long do I wait before I pour the tea?"


def test_line_moves_when_one_leaves(settings: Any) -> None:
    settings.CHAT_PARALLEL = 2
    line = ModelLine()
    turns = [line.join() for _ in range(4)]
    assert [turn.place for turn in turns] == [0, 0, 1, 2]
    turns[1].leave()
    turns[1].leave()
    assert [turn.place for turn in turns] == [0, 0, 0, 1]


def test_one_gives_way_for_each_that_waits(settings: Any) -> None:
    settings.CHAT_PARALLEL = 2
    line = ModelLine()
    first, second, third = (line.join() for _ in range(3))
    assert not third.gives_way()  # it waits itself
    assert second.gives_way()
    assert not first.gives_way()
    assert second.gives_way()  # as before, until it has left
    second.leave()
    assert not first.gives_way()  # nobody waits any more
    line.join()
    assert first.gives_way()


def test_without_a_limit_nobody_waits(settings: Any) -> None:
    settings.CHAT_PARALLEL = 0
    line = ModelLine()
    turns = [line.join() for _ in range(100)]
    assert not any(turn.place for turn in turns)
    assert not turns[0].gives_way()


@pytest.fixture
def slow(settings: Any, public: Collection, put: Any, model: ChatServer) -> threading.Event:
    """A model whose first answer comes when the event is set."""
    put(public, "tea.md", TEA)
    settings.OPENAI_BASE_URL, settings.CHAT_MODEL, settings.CHAT_PARALLEL = model.url, "tiny", 1
    goes_on = threading.Event()

    def pieces() -> Any:
        yield chat_server.chunk({"content": "Four "})
        goes_on.wait(60)
        yield chat_server.chunk({"content": "minutes [1]."})
        yield chat_server.chunk({}, finish="stop")
        yield chat_server.DONE

    model.script(chat_server.Reply(pieces()))
    return goes_on


def streamed(client: Client, **more: Any) -> Any:
    body = json.dumps({"query": QUESTION, "stream": True} | more)
    return client.post("/api/v1/chat/query", body, content_type="application/json")


def read_until(answer: Any, word: bytes) -> bytes:
    read, lines = b"", iter(answer)
    while word not in read:
        read += next(lines)
    return read


@pytest.mark.django_db(transaction=True)
def test_second_question_is_told_its_place_and_comes_next(slow: threading.Event, model: ChatServer) -> None:
    first, second = streamed(Client()), streamed(Client())
    read_until(first, b"Four")
    assert b'{"place": 1}' in read_until(second, b"event: queued\n")
    assert len(model.requests) == 1
    slow.set()
    assert b"event: done" in b"".join(first)
    assert b"event: done" in b"".join(second)
    assert len(model.requests) == 2


@pytest.mark.django_db(transaction=True)
def test_kept_run_that_nobody_follows_ends_where_others_wait(
    slow: threading.Event, model: ChatServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "UNWATCHED_SECONDS", 0.0)
    settings.RUN_SAVE_SECONDS = 0.0
    left = streamed(Client(), keep=True)
    read_until(left, b"Four")
    left.close()
    assert b"event: done" in b"".join(streamed(Client()))
    states = dict(Run.objects.values_list("kept", "state"))
    assert states == {True: "cancelled", False: "completed"}
    assert Run.objects.get(kept=True).answer == "Four"


@pytest.mark.django_db(transaction=True)
def test_kept_run_that_nobody_follows_gives_its_place_to_others(
    slow: threading.Event, model: ChatServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "UNWATCHED_SECONDS", 0.0)
    settings.RUNS_PER_PROCESS = 1
    left = streamed(Client(), keep=True)
    read_until(left, b"Four")
    left.close()
    refused = streamed(Client())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    kept.join(60)
    assert b"event: done" in b"".join(streamed(Client()))
