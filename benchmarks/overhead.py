"""What one question costs beyond the model's own time, over HTTP, under gunicorn and under uvicorn.

    python -m benchmarks.overhead

A model server on the loopback answers at once and notes when it got each request, sent its first byte and its last. The
overhead is the reader's time minus the model's. Beside it: a bare pooled `openai` client that asks the same server.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from openai import OpenAI

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, site

QUESTION = "Which variable points the site at a Qdrant server?"
ANSWER = chat_server.text(*"Set the variable QDRANT_URL to its address [1] .".split(" "))
HOSTS = ("gunicorn gthread", "uvicorn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--questions", type=int, default=200)
    count = parser.parse_args().questions
    rows: list[tuple[str, list[float]]] = []
    with tempfile.TemporaryDirectory() as folder, ChatServer() as model:
        rows.append(("bare openai client, whole answer", measure(bare(model), model, count)))
        with site("serve", data_dir=Path(folder)):
            pass
        for host in HOSTS:
            with site(host, data_dir=Path(folder), OPENAI_BASE_URL=model.url) as running, httpx.Client() as client:
                rows.append((f"{host}, JSON answer", measure(plain(client, running), model, count)))
                rows.append((f"{host}, stream to its end", measure(stream(client, running), model, count)))
                rows.append(
                    (f"{host}, first text after first token", measure(first_text(client, running), model, count))
                )
    print(f"\nMilliseconds beyond the model's own time, {count} questions one after another\n")
    print(f"{'':<48}{'median':>8}{'p95':>8}{'max':>8}")
    for name, times in rows:
        print(f"{name:<48}{statistics.median(times):>8.1f}{percentile(times, 95):>8.1f}{max(times):>8.1f}")


def measure(ask: Callable[[], Callable[[chat_server.Request], float]], model: ChatServer, count: int) -> list[float]:
    """Milliseconds of each question; the first ten warm up."""
    times = []
    for _ in range(count + 10):
        model.script(ANSWER)
        seconds = ask()
        times.append(seconds(model.requests[-1]) * 1000)
    return times[10:]


def beyond_model(began: float, ended: float) -> Callable[[chat_server.Request], float]:
    """The time from `began` to `ended` in which the model was not at work."""
    return lambda request: (ended - began) - ((request.done_at or request.at) - request.at)


def bare(model: ChatServer) -> Callable[[], Callable[[chat_server.Request], float]]:
    client = OpenAI(api_key="none", base_url=model.url)

    def ask() -> Callable[[chat_server.Request], float]:
        began = time.monotonic()
        messages = [{"role": "user", "content": QUESTION}]
        for _ in client.chat.completions.create(model="fake", messages=messages, stream=True):  # type: ignore[call-overload]
            pass
        return beyond_model(began, time.monotonic())

    return ask


def plain(client: httpx.Client, running: Site) -> Callable[[], Callable[[chat_server.Request], float]]:
    def ask() -> Callable[[chat_server.Request], float]:
        began = time.monotonic()
        response = client.post(f"{running.url}/api/v1/chat/query", json={"query": QUESTION})
        ended = time.monotonic()
        assert response.json()["answered"], response.text
        return beyond_model(began, ended)

    return ask


def stream(client: httpx.Client, running: Site) -> Callable[[], Callable[[chat_server.Request], float]]:
    def ask() -> Callable[[chat_server.Request], float]:
        began = time.monotonic()
        body = {"query": QUESTION, "stream": True}
        with client.stream("POST", f"{running.url}/api/v1/chat/query", json=body) as response:
            lines = list(response.iter_lines())
        ended = time.monotonic()
        [*_, last] = (line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        assert json.loads(last)["answered"]
        return beyond_model(began, ended)

    return ask


def first_text(client: httpx.Client, running: Site) -> Callable[[], Callable[[chat_server.Request], float]]:
    def ask() -> Callable[[chat_server.Request], float]:
        body = {"query": QUESTION, "stream": True}
        seen = 0.0
        with client.stream("POST", f"{running.url}/api/v1/chat/query", json=body) as response:
            for line in response.iter_lines():
                if line == "event: text" and not seen:
                    seen = time.monotonic()
        return lambda request: seen - (request.first_byte_at or request.at)

    return ask


def percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


if __name__ == "__main__":
    main()
