"""How many streams one process holds: gunicorn, one gthread worker, a model that says ten words a second.

    python -m benchmarks.streams
    python -m benchmarks.streams --html     (the events of the chat page, rendered)

The view is a bare WSGI one over `agents.stream`, so that what is measured is agents; with `--html` each word also goes
the way it takes to the chat page, on which the server renders it. Readers come and go evenly: as
each stream ends, the next begins. Model and readers are raw asyncio in processes of their own, and are measured by
themselves first, to show that they are not what limits. Every word is the time at which the model said it, so each
reader knows how late it came. Linux only: CPU time is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import django

from tests.servers import ROOT, free_port

STREAMS = (200, 300, 400, 500, 600)
PACE = 0.1  # seconds between two words
STREAM_SECONDS = 20.0  # an answer of 200 words
MEASURED_SECONDS = 8.0
FIRST_WORD_SECONDS = 0.5  # what the 95th percentile has to keep under
TICKS = os.sysconf("SC_CLK_TCK")


# ---- the view --------------------------------------------------------------------------------------------------------
def view(model_url: str, *, html: bool = False) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Return a WSGI application that streams one run's words as events, with `html` as those of the chat page."""
    from agents import Agent, OpenAIModel, TextDelta, stream

    if html:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        django.setup()
    agent = Agent("teller", "Tell the time.", models=[OpenAIModel("clock", api_key="", base_url=model_url)])

    class Body:
        """An iterator with a `close`, which gunicorn calls when the reader has left."""

        def __init__(self) -> None:
            self.events = stream(agent, "What time is it?")

        def __iter__(self) -> Iterator[bytes]:
            texts = (e.text for e in self.events if isinstance(e, TextDelta))
            return as_html(texts) if html else (b"data: %b\n\n" % text.encode() for text in texts)

        def close(self) -> None:
            self.events.close()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return Body()

    return application


def as_html(texts: Iterable[str]) -> Iterator[bytes]:
    from chatsite.answering.sse import encode
    from chatsite.answering.telling import Event
    from chatsite.conversations.live_html import LiveHtml

    live = LiveHtml("en")
    for event in chain((Event("text", {"text": f"{text} "}) for text in texts), [Event("done", {})]):
        yield from map(encode, live.render(event))


# ---- the model -------------------------------------------------------------------------------------------------------
class Model(asyncio.Protocol):
    """Replies to any request with a stream of words, one each PACE seconds; the bytes are as OpenAI writes them."""

    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    END = b'{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if found and len(body) >= (int(length[1]) if length else 0):
            self.received = b""
            self.transport.write(self.HEAD)
            self.say(left=round(STREAM_SECONDS / PACE))

    def say(self, *, left: int) -> None:
        if self.transport.is_closing():
            return
        if not left:
            self.transport.write(self.event(self.END) + self.event(b"[DONE]") + b"0\r\n\r\n")
            return
        delta = {"role": "assistant", "content": f"{time.monotonic():.6f}"}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "clock", "choices": [choice]}
        self.transport.write(self.event(json.dumps(chunk).encode()))
        asyncio.get_running_loop().call_later(PACE, lambda: self.say(left=left - 1))

    @staticmethod
    def event(body: bytes) -> bytes:
        return b"%x\r\ndata: %b\n\n\r\n" % (len(body) + 8, body)


async def serve_model(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", port, backlog=2048)
    print("ready", flush=True)
    await server.serve_forever()


# ---- the readers -----------------------------------------------------------------------------------------------------
class Readers:
    """Keeps `count` streams of the server with process id `pid` open, and notes when each word came."""

    def __init__(self, port: int, *, count: int, pid: int) -> None:
        self.port = port
        self.count = count
        self.pid = pid
        self.measuring = False
        self.first: list[float] = []  # seconds from a request to its first word
        self.late: list[float] = []  # seconds from the model saying a word to its reader having it
        self.broken = 0

    async def read(self) -> None:
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self.read_again_and_again()) for _ in range(self.count)]
            await asyncio.sleep(STREAM_SECONDS + 2)
            self.measuring = True
            began, server_cpu, own_cpu = time.monotonic(), cpu_seconds(self.pid), time.process_time()
            await asyncio.sleep(MEASURED_SECONDS)
            self.measuring = False
            self.seconds = time.monotonic() - began
            self.server_cpu, self.own_cpu = cpu_seconds(self.pid) - server_cpu, time.process_time() - own_cpu
            for reader in readers:
                reader.cancel()

    async def read_again_and_again(self) -> None:
        await asyncio.sleep(random.uniform(0, STREAM_SECONDS))
        loop = asyncio.get_running_loop()
        while True:
            ended = loop.create_future()
            transport, reader = await loop.create_connection(lambda: Reader(self, ended), "127.0.0.1", self.port)  # noqa: B023
            try:
                await ended
            finally:
                transport.close()
            if self.measuring and reader.words < round(STREAM_SECONDS / PACE):
                self.broken += 1


class Reader(asyncio.Protocol):
    """One stream, to its end."""

    def __init__(self, readers: Readers, ended: asyncio.Future[None]) -> None:
        self.readers = readers
        self.ended = ended
        self.words = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        self.began = time.monotonic()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for said in re.findall(rb"\d{2,}\.\d{6}", data):
            self.words += 1
            if self.readers.measuring:
                self.readers.late.append(now - float(said))
                if self.words == 1:
                    self.readers.first.append(now - self.began)
        if data.endswith(b"0\r\n\r\n"):
            self.end()

    def connection_lost(self, error: Exception | None) -> None:
        self.end()

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


# ---- measuring -------------------------------------------------------------------------------------------------------
def measure(name: str, port: int, *, count: int, pid: int) -> bool:
    """Print a row; true when the first words came in time."""
    readers = Readers(port, count=count, pid=pid)
    asyncio.run(readers.read())
    words, seconds = len(readers.late), readers.seconds
    first, late = p95(readers.first), p95(readers.late)
    print(
        f"{name:<18}{count:>8}{statistics.median(readers.first) * 1000:>9.0f}{first * 1000:>9.0f}{late * 1000:>9.0f}"
        f"{words / seconds:>9.0f}{readers.server_cpu / words * 1e6:>10.0f}{readers.server_cpu / seconds:>8.0%}"
        f"{readers.own_cpu / seconds:>9.0%}{readers.broken:>8}",
        flush=True,
    )
    return first < FIRST_WORD_SECONDS and not readers.broken


def cpu_seconds(pid: int) -> float:
    """What process `pid` has used so far, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


@contextmanager
def process(*arguments: str, told: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said `told`; ended at the end."""
    started = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert started.stdout
        while told not in (line := started.stdout.readline()):
            assert line, f"{arguments} ended with {started.wait()}"
        yield started
    finally:
        started.terminate()
        started.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streams", type=int, nargs="+", default=STREAMS)
    parser.add_argument("--html", action="store_true", help="render what is streamed, as for the chat page")
    parser.add_argument("--serve-model", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_model:
        return asyncio.run(serve_model(options.serve_model))
    most, model_port, port = max(options.streams), free_port(), free_port()
    application = f"benchmarks.streams:view('http://127.0.0.1:{model_port}/v1', html={options.html})"
    gunicorn = ["gunicorn", application, f"--bind=127.0.0.1:{port}", "-k=gthread", f"--threads={most + 8}"]
    gunicorn += [f"--worker-connections={most + 100}", "--graceful-timeout=1", "--keep-alive=0"]
    print(
        f"\n{'':<18}{'streams':>8}{'first word, ms':>18}{'late, ms':>9}{'words':>9}{'CPU µs':>10}{'CPU':>8}"
        f"{'readers':>9}{'broken':>8}\n{'':<26}{'median':>9}{'p95':>9}{'p95':>9}{'/s':>9}{'/word':>10}{'':>8}{'CPU':>9}"
    )
    with (
        process("benchmarks.streams", f"--serve-model={model_port}", told="ready") as model,
        process(*gunicorn, told="Booting worker") as master,
    ):
        measure("the model itself", model_port, count=most, pid=model.pid)
        worker = int(Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()[0])
        held = [count for count in options.streams if measure("one gthread", port, count=count, pid=worker)]
    print(f"\nFirst word within {FIRST_WORD_SECONDS} s for 95 of 100: up to {max(held, default=0)} streams at once")
    return None


if __name__ == "__main__":
    main()
