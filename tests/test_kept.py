"""Kept answers in real processes: signals, a kill, threads that are all taken."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.impatient_settings import RUN_DRAIN_SECONDS
from tests.servers import HOSTS, Site, site
from tests.test_endings import PATIENT, last_run, until
from tests.test_serve import children

pytestmark = pytest.mark.hosts

QUESTION = {"query": "Which variable points the site at a Qdrant server?", "stream": True, "keep": True}
HOSTS["uvicorn that tells of its end"] = [part for part in HOSTS["uvicorn"] if part != "--lifespan=off"]
LONG = [*["word "] * 2000, threading.Event()]  # which is never set


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@contextmanager
def told(running: Site, client: httpx.Client, run_id: str = "") -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """Yield the events of a new question, or of one that was asked before."""
    address = f"{running.url}/api/v1/chat/" + (f"runs/{run_id}/events" if run_id else "query")
    method, body = ("GET", None) if run_id else ("POST", QUESTION)
    with client.stream(method, address, json=body, timeout=60) as response:
        lines = response.iter_lines()
        yield ((line[7:], json.loads(next(lines)[6:])) for line in lines if line.startswith("event: "))


def begin(running: Site, client: httpx.Client) -> str:
    """Ask, leave at the first word, and return the run's id."""
    run_id = ""
    with told(running, client) as events:
        for name, body in events:
            run_id = run_id or body["run_id"]
            if name == "text":
                break
    return run_id


def test_killed_process_loses_a_second_of_the_answer_at_most(seeded: Path, model: ChatServer) -> None:
    model.script(chat_server.text(*["word "] * 60, threading.Event(), delay=0.05))
    with site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url) as running, httpx.Client(timeout=60) as client:
        run_id = begin(running, client)
        assert until(lambda: last_run(running)["answer"].count("word") == 60)  # while it is still being written
        for child in children(running.process.pid):
            os.kill(child, signal.SIGKILL)
        running.process.kill()
        running.process.wait()
        saved = last_run(running)
        assert saved["state"] == "running"
    with site("serve", data_dir=seeded) as again, httpx.Client(timeout=60) as client:
        with told(again, client, run_id) as events:
            happened = list(events)
        assert (happened[-1][0], happened[-1][1]["error"]) == ("error", "loop_stopped")
        assert "".join(body["text"] for name, body in happened if name == "text") == saved["answer"]
        assert last_run(again)["state"] == "failed"


def test_case_86_sigterm_lets_an_answer_that_nobody_reads_end(seeded: Path, model: ChatServer) -> None:
    model.script(chat_server.text(*["word "] * 60, delay=0.05))
    with site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url) as running, httpx.Client(timeout=60) as client:
        begin(running, client)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=60) == 0
        run = last_run(running)
        assert (run["state"], run["unsupported"]) == ("completed", ("word " * 60).strip())  # it cites nothing


def test_case_86_sigterm_saves_an_answer_as_interrupted_at_the_deadline(seeded: Path, model: ChatServer) -> None:
    model.script(chat_server.text(*LONG, delay=0.05))
    variables = {"OPENAI_BASE_URL": model.url, "DJANGO_SETTINGS_MODULE": "tests.impatient_settings"}
    with site("serve", data_dir=seeded, **variables) as running, httpx.Client(timeout=60) as client:
        begin(running, client)
        signalled = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=60) == 0
        assert time.monotonic() - signalled > RUN_DRAIN_SECONDS - 1
        run = last_run(running)
        assert (run["state"], run["error"]) == ("failed", "loop_stopped")
        assert run["answer"].count("word") > 5


@pytest.mark.parametrize(
    ("host", "number"),
    [("serve", signal.SIGINT), ("gunicorn gthread", signal.SIGTERM), ("uvicorn that tells of its end", signal.SIGTERM)],
)
def test_case_86_quick_stop_saves_it_as_interrupted(
    seeded: Path, model: ChatServer, host: str, number: signal.Signals
) -> None:
    model.script(chat_server.text(*LONG, delay=0.05))
    with (
        site(host, data_dir=seeded, OPENAI_BASE_URL=model.url, **PATIENT) as running,
        httpx.Client(timeout=60) as client,
    ):
        begin(running, client)
        running.process.send_signal(number)
        running.process.wait(timeout=60)
        assert (last_run(running)["state"], last_run(running)["error"]) == ("failed", "loop_stopped"), running.output


def test_case_87_threads_that_are_all_taken_leave_room_for_refusals_and_health(seeded: Path, model: ChatServer) -> None:
    model.script(*[chat_server.text(*LONG, delay=0.05) for _ in range(8)])
    variables = {"OPENAI_BASE_URL": model.url, "RUNS_PER_PROCESS": "8", "TRUSTED_PROXIES": "127.0.0.1"}
    with site("serve", data_dir=seeded, **variables) as running:
        clients = [httpx.Client(timeout=60, headers={"X-Forwarded-For": f"203.0.113.{number}"}) for number in range(8)]
        runs = [begin(running, client) for client in clients]
        with httpx.Client(timeout=60) as client:

            def refused_in_time() -> bool:
                """The quickest tells what the site needs, the others what the machine does beside it."""
                refused = client.post(f"{running.url}/api/v1/chat/query", json=QUESTION)
                assert (refused.status_code, refused.json()["error"]) == (503, "busy")
                assert int(refused.headers["Retry-After"]) > 0
                return refused.elapsed.total_seconds() < 0.1

            assert until(refused_in_time)
            assert client.get(f"{running.url}/api/v1/health").status_code == 200
            for run_id in runs:
                assert client.post(f"{running.url}/api/v1/chat/runs/{run_id}/stop").status_code == 204
            assert until(lambda: last_run(running)["state"] != "running")
