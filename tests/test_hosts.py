"""The same sync view under every host: real servers, a real model server, many requests at once, readers who leave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, site
from tests.test_endings import last_run, until
from tests.test_kept import begin, told

pytestmark = pytest.mark.hosts

HOSTS = ["runserver", "gunicorn sync", "gunicorn gthread", "uvicorn"]
QUESTION = "Which variable points the site at a Qdrant server?"


@pytest.fixture(scope="module", params=HOSTS)
def serving(request: pytest.FixtureRequest, seeded: Path) -> Iterator[tuple[Site, ChatServer]]:
    with (
        ChatServer() as model,
        site(
            request.param, data_dir=seeded, OPENAI_BASE_URL=model.url, DJANGO_SETTINGS_MODULE="tests.probe_settings"
        ) as running,
    ):
        yield running, model


@pytest.fixture
def hosted(serving: tuple[Site, ChatServer]) -> tuple[Site, ChatServer]:
    """Return the site under one host, and its model, which forgets what it was asked by other tests."""
    serving[1].requests.clear()
    return serving


def post(running: Site, **body: Any) -> httpx.Response:
    return httpx.post(f"{running.url}/api/v1/chat/query", json=body, timeout=60)


def test_forty_requests_twelve_at_once_use_one_loop_and_one_pooled_client(hosted: tuple[Site, ChatServer]) -> None:
    running, model = hosted
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda _: post(running, query=QUESTION), range(40)))
    assert [response.status_code for response in responses] == [200] * 40, running.output
    for response in responses:
        body = response.json()
        assert body["answered"] is True
        assert body["citations"][0]["quote"] in body["sources"][body["citations"][0]["source"]]["content"]
    probed = httpx.get(f"{running.url}/probe", timeout=30).json()
    assert (probed["loops"], probed["clients"]) == (1, 1)
    asked = [request for request in model.requests if request.path == chat_server.CHAT]
    assert len(asked) == 40
    assert model.connections <= 12


def test_stream_passes_each_piece_on_while_the_model_still_writes(hosted: tuple[Site, ChatServer]) -> None:
    running, model = hosted
    reader_has_text = threading.Event()

    def pieces() -> Iterator[chat_server.Piece]:
        yield chat_server.chunk({"role": "assistant", "content": "Set a variable"})
        assert reader_has_text.wait(60), "the first text never reached the reader"
        yield chat_server.chunk({"content": " [1]."})
        yield chat_server.chunk({}, finish="stop")
        yield chat_server.DONE

    model.script(chat_server.Reply(pieces()))
    happened: list[tuple[str, Any]] = []
    body = {"query": QUESTION, "stream": True}
    with httpx.stream("POST", f"{running.url}/api/v1/chat/query", json=body, timeout=60) as response:
        lines = response.iter_lines()
        for line in lines:
            if line.startswith("event: "):
                happened.append((line.removeprefix("event: "), json.loads(next(lines).removeprefix("data: "))))
                if happened[-1][0] == "text":
                    reader_has_text.set()
    names = [name for name, _ in happened]
    assert names[:5] == ["run", "tool_call", "tool_result", "sources", "text"]
    assert names[-1] == "done"
    assert happened[-1][1]["answer"] == "Set a variable [1]."


def test_case_85_reader_who_leaves_cancels_the_model_call(hosted: tuple[Site, ChatServer]) -> None:
    running, model = hosted
    model.script(chat_server.text(*["word "] * 200, threading.Event(), delay=0.05))
    body = {"query": QUESTION, "stream": True}
    with httpx.stream("POST", f"{running.url}/api/v1/chat/query", json=body, timeout=60) as response:
        for line in response.iter_lines():
            if line == "event: text":
                break
    assert until(lambda: any(request.left_at for request in model.requests)), running.output
    assert post(running, query=QUESTION).status_code == 200


def test_reader_who_left_a_kept_answer_is_told_all_of_it_when_back(hosted: tuple[Site, ChatServer]) -> None:
    running, model = hosted
    model.script(chat_server.text(*["word "] * 30, delay=0.05))
    with httpx.Client() as client:
        run_id = begin(running, client)
        with told(running, client, run_id) as events:
            happened = list(events)
    assert [name for name, _ in happened][:4] == ["run", "tool_call", "tool_result", "sources"]
    assert happened[-1][0] == "done", running.output
    assert "".join(body["text"] for name, body in happened if name == "text") == "word " * 30
    assert last_run(running)["state"] == "completed"
