"""Readers who leave and servers that stop, while an answer is being written: real processes, real signals."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.impatient_settings import RUN_DRAIN_SECONDS
from tests.servers import Site, site

pytestmark = pytest.mark.hosts

QUERY = "/api/v1/chat/query"
QUESTION = "Which variable points the site at a Qdrant server?"
NEVER = threading.Event()
PATIENT = {"DJANGO_SETTINGS_MODULE": "tests.patient_settings"}
LONG = chat_server.text(*["word "] * 2000, NEVER, delay=0.05)
SILENT = chat_server.text(NEVER, "late")


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@contextlib.contextmanager
def asked(running: Site) -> Iterator[httpx.Response]:
    body = {"query": QUESTION, "stream": True}
    with httpx.stream("POST", f"{running.url}{QUERY}", json=body, timeout=60) as response:
        yield response


def read_to(response: httpx.Response, *, line: str) -> Iterator[str]:
    """Return the lines behind the first that is `line`."""
    lines = response.iter_lines()
    for told in lines:
        if told == line:
            break
    return lines


def until(condition: Callable[[], object], *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())


def last_run(running: Site) -> dict[str, Any]:
    with contextlib.closing(sqlite3.connect(running.data_dir / "db.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        return dict(database.execute("SELECT * FROM chatsite_run ORDER BY created_at DESC LIMIT 1").fetchone())


def assert_cancelled(running: Site) -> None:
    assert until(lambda: last_run(running)["state"] != "running"), running.output
    assert (last_run(running)["state"], last_run(running)["error"]) == ("cancelled", "cancelled")


@pytest.mark.parametrize("host", ["gunicorn gthread", "uvicorn"])
def test_case_85_reader_who_leaves_before_the_first_token_cancels_the_silent_model(
    seeded: Path, model: ChatServer, host: str
) -> None:
    model.script(SILENT)
    with site(host, data_dir=seeded, OPENAI_BASE_URL=model.url) as running:
        with asked(running) as response:
            next(line for line in response.iter_lines() if line == ": beat" and model.requests)
        assert until(lambda: any(request.left_at for request in model.requests)), running.output
        assert_cancelled(running)


def test_case_85_reader_who_leaves_while_a_whole_answer_is_made_cancels_it(seeded: Path, model: ChatServer) -> None:
    model.script(SILENT)
    with site("uvicorn", data_dir=seeded, OPENAI_BASE_URL=model.url) as running:
        with contextlib.closing(HTTPConnection(running.url.removeprefix("http://"))) as connection:
            connection.request("POST", QUERY, json.dumps({"query": QUESTION}), {"Content-Type": "application/json"})
            assert until(lambda: model.requests), running.output
        assert until(lambda: any(request.left_at for request in model.requests)), running.output
        assert_cancelled(running)


def test_case_86_sigterm_lets_an_answer_end(seeded: Path, model: ChatServer) -> None:
    model.script(chat_server.text(*["word "] * 40, delay=0.05))
    with site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url) as running:
        with asked(running) as response:
            lines = read_to(response, line="event: text")
            running.process.send_signal(signal.SIGTERM)
            assert "event: done" in list(lines)
        assert running.process.wait(timeout=60) == 0
        assert last_run(running)["state"] == "completed"


def test_case_86_sigterm_cancels_and_saves_an_answer_at_the_deadline(seeded: Path, model: ChatServer) -> None:
    model.script(LONG)
    variables = {"OPENAI_BASE_URL": model.url, "DJANGO_SETTINGS_MODULE": "tests.impatient_settings"}
    with site("serve", data_dir=seeded, **variables) as running:
        with asked(running) as response:
            lines = read_to(response, line="event: text")
            signalled = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert "event: error" in list(lines)
        assert running.process.wait(timeout=60) == 0
        assert time.monotonic() - signalled > RUN_DRAIN_SECONDS - 1
        assert_cancelled(running)
        assert last_run(running)["answer"].startswith("word word")


@pytest.mark.parametrize(
    ("host", "number"), [("serve", signal.SIGINT), ("uvicorn with a deadline", signal.SIGTERM)], ids=str
)
def test_case_86_a_quick_stop_saves_what_was_written(
    seeded: Path, model: ChatServer, host: str, number: signal.Signals
) -> None:
    model.script(LONG)
    with site(host, data_dir=seeded, OPENAI_BASE_URL=model.url, **PATIENT) as running:
        with asked(running) as response:
            read_to(response, line="event: text")
            running.process.send_signal(number)
            running.process.wait(timeout=60)
        assert_cancelled(running)
        assert last_run(running)["answer"].startswith("word")
