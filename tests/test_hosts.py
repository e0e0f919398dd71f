"""The same sync view under every host: real servers, a real model server, many requests at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, site

pytestmark = pytest.mark.hosts

HOSTS = ["runserver", "gunicorn sync", "gunicorn gthread", "uvicorn"]
QUESTION = "Which variable points the site at a Qdrant server?"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State as a first `serve` leaves it, with the documentation indexed."""
    data_dir = tmp_path_factory.mktemp("hosts") / "data"
    with site("serve", data_dir=data_dir):
        return data_dir


@pytest.fixture(params=HOSTS)
def hosted(request: pytest.FixtureRequest, seeded: Path) -> Iterator[tuple[Site, ChatServer]]:
    with (
        ChatServer() as model,
        site(
            request.param, data_dir=seeded, OPENAI_BASE_URL=model.url, DJANGO_SETTINGS_MODULE="tests.probe_settings"
        ) as running,
    ):
        yield running, model


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

    def pieces() -> Iterator[bytes | float]:
        yield chat_server.chunk({"role": "assistant", "content": "Set a variable"})
        assert reader_has_text.wait(20), "the first text never reached the reader"
        yield chat_server.chunk({"content": " [1]."})
        yield chat_server.chunk({}, finish="stop")
        yield chat_server.DONE

    model.script(chat_server.Reply(pieces()))
    told: list[tuple[str, Any]] = []
    body = {"query": QUESTION, "stream": True}
    with httpx.stream("POST", f"{running.url}/api/v1/chat/query", json=body, timeout=60) as response:
        lines = response.iter_lines()
        for line in lines:
            if line.startswith("event: "):
                told.append((line.removeprefix("event: "), json.loads(next(lines).removeprefix("data: "))))
                if told[-1][0] == "text":
                    reader_has_text.set()
    names = [name for name, _ in told]
    assert names[:5] == ["run", "tool_call", "tool_result", "sources", "text"]
    assert names[-1] == "done"
    assert told[-1][1]["answer"] == "Set a variable [1]."


def test_case_85_reader_who_leaves_cancels_the_model_call(hosted: tuple[Site, ChatServer]) -> None:
    running, model = hosted
    model.script(chat_server.text(*["word "] * 200, delay=0.05))
    body = {"query": QUESTION, "stream": True}
    with httpx.stream("POST", f"{running.url}/api/v1/chat/query", json=body, timeout=60) as response:
        for line in response.iter_lines():
            if line == "event: text":
                break
    until = time.monotonic() + 5
    while time.monotonic() < until and not any(request.left_at for request in model.requests):
        time.sleep(0.02)
    assert any(request.left_at for request in model.requests), running.output
    assert post(running, query=QUESTION).status_code == 200
