"""A model server on the loopback: Chat Completions (streamed, with tool calls), embeddings and the list of models.

In a test, `with ChatServer() as server:` and tell it what to reply with `server.script(...)`; without a script it
answers by quoting the first passage it was given, as [1]; given none, it calls the first tool it is offered with the
user's words first.
By itself: `python -m tests.fakes.chat_server --port 0` prints its address.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import re
import select
import socket
import struct
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import TracebackType
from typing import Any

CHAT, EMBEDDINGS, MODELS = "/v1/chat/completions", "/v1/embeddings", "/v1/models"
DIMENSIONS = 64
MODEL = "fake-model"

Piece = bytes | float | threading.Event
"""Bytes to write at once, seconds to wait, or what to wait for: so what a test looks at stays while it looks."""


@dataclass
class Reply:
    """A response, piece by piece. `abort` closes the connection instead of ending the body."""

    pieces: Iterable[Piece] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    abort: bool = False


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: tuple[str, int]
    at: float = field(default_factory=time.monotonic)
    first_byte_at: float | None = None
    done_at: float | None = None
    left_at: float | None = None  # when the client was found to have hung up before the end


# ---- replies ---------------------------------------------------------------------------------------------------------
def event(value: object) -> bytes:
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def chunk(delta: dict[str, Any] | None, *, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice], **more})


def usage(prompt: int, completion: int) -> bytes:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return event({"id": "c1", "object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": counts})


DONE = event(b"[DONE]")


def text(*deltas: str | threading.Event, delay: float = 0.0, first_delay: float = 0.0) -> Reply:
    """A whole answer, `delay` seconds between its deltas; it is held where an event stands among them."""
    pieces: list[Piece] = [first_delay, chunk({"role": "assistant", "content": ""})]
    for delta in deltas:
        pieces += [delta] if isinstance(delta, threading.Event) else [chunk({"content": delta}), delay]
    return Reply([*pieces, chunk({}, finish="stop"), usage(10, len(deltas)), DONE])


def calls(*wanted: tuple[str, dict[str, Any] | str], said: str = "") -> Reply:
    """A turn that calls tools: pairs of a name, and arguments as a dict or as raw text. They are sent in two parts,
    behind what is `said` before."""
    pieces: list[Piece] = [chunk({"role": "assistant", "content": said or None})]
    for index, (name, given) in enumerate(wanted):
        arguments = given if isinstance(given, str) else json.dumps(given)
        half = len(arguments) // 2
        begun = {"index": index, "id": f"call_{index}", "type": "function"}
        pieces.append(chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": arguments[:half]}}]}))
        pieces.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[half:]}}]}))
    return Reply([*pieces, chunk({}, finish="tool_calls"), usage(10, 5), DONE])


def stream(*pieces: Piece, abort: bool = False) -> Reply:
    """Exactly these bytes and waits; without `abort` the body ends as a complete one does."""
    return Reply(pieces, abort=abort)


def failure(
    status: int, *, code: str | None = None, message: str = "no", headers: dict[str, str] | None = None
) -> Reply:
    body = json.dumps({"error": {"message": message, "code": code, "type": "error"}}).encode()
    return Reply([body], status=status, headers={"Content-Type": "application/json", **(headers or {})})


def page(html: str = "<!doctype html><title>Sign in</title>") -> Reply:
    return Reply([html.encode()], headers={"Content-Type": "text/html"})


def as_json(value: object) -> Reply:
    return Reply([json.dumps(value).encode()], headers={"Content-Type": "application/json"})


# ---- what it does by itself ------------------------------------------------------------------------------------------
def default_chat(body: dict[str, Any], *, delay: float = 0.0, first_delay: float = 0.0) -> Reply:
    messages = body["messages"]
    last_user = max(i for i, message in enumerate(messages) if message["role"] == "user")
    has_read = any(message["role"] == "tool" for message in messages[last_user:])
    if body.get("tools") and not has_read and not _passages_in(messages[last_user]["content"]):
        function = body["tools"][0]["function"]
        parameter = next(iter(function["parameters"]["properties"]), None)
        return calls((function["name"], {parameter: messages[last_user]["content"]} if parameter else {}))
    passages = [p for message in messages[last_user:] for p in _passages_in(message.get("content") or "")]
    if not passages:
        return text("I found ", "no passage ", "about that.", delay=delay, first_delay=first_delay)
    sentence = re.split(r"(?<=[.!?])\s", passages[0]["text"].strip())[0]
    answer = f"The documents say: {sentence} [{passages[0]['marker']}]"
    words = re.findall(r"\S+\s*", answer)
    size = max(1, math.ceil(len(words) / 20))
    cuts = [*range(0, len(words), size), len(words)]
    return text(*("".join(words[a:b]) for a, b in pairwise(cuts)), delay=delay, first_delay=first_delay)


def _passages_in(content: str) -> list[dict[str, Any]]:
    at = content.find('{"passages"')
    return json.JSONDecoder().raw_decode(content[at:])[0]["passages"] if at >= 0 else []


def default_embeddings(body: dict[str, Any]) -> Reply:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = []
    for index, words in enumerate(texts):
        vector: Any = embed(words)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *vector)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": vector})
    counts = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return as_json({"object": "list", "model": body.get("model", MODEL), "data": rows, "usage": counts})


def embed(words: str) -> list[float]:
    """A unit vector that is alike for texts that share words."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", words.lower()):
        vector[zlib.crc32(word.encode()) % DIMENSIONS] += 1.0
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / length for x in vector]


# ---- the server ------------------------------------------------------------------------------------------------------
class ChatServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, *, port: int = 0, delay: float = 0.0, first_delay: float = 0.0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.delay, self.first_delay = delay, first_delay
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._scripts: dict[str, deque[Reply]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def connections(self) -> int:
        """How many connections the requests so far came over."""
        return len({request.connection for request in self.requests})

    def script(self, *replies: Reply, path: str = CHAT) -> None:
        """Reply to the next requests with these, then by itself again."""
        self._scripts.setdefault(path, deque()).extend(replies)

    def reply_to(self, request: Request) -> Reply:
        if script := self._scripts.get(request.path):
            return script.popleft()
        if request.path == CHAT:
            return default_chat(request.body, delay=self.delay, first_delay=self.first_delay)
        if request.path == EMBEDDINGS:
            return default_embeddings(request.body)
        if request.path == MODELS:
            return as_json({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "tests"}]})
        return failure(404, message="no such path")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up between two requests is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def __enter__(self) -> ChatServer:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _ClientLeftError(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Request(self.path, dict(self.headers), body, self.client_address)
        self.server.requests.append(request)
        try:
            self._send(self.server.reply_to(request), request)
        except (_ClientLeftError, ConnectionError):
            request.left_at = time.monotonic()
            self.close_connection = True

    def do_GET(self) -> None:
        self._send(
            self.server.reply_to(request := Request(self.path, dict(self.headers), {}, self.client_address)), request
        )

    def _send(self, reply: Reply, request: Request) -> None:
        begun = False
        for piece in reply.pieces:
            if not isinstance(piece, bytes):
                self._wait(piece)
                continue
            if not begun:
                self._begin(reply)
                begun, request.first_byte_at = True, time.monotonic()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if reply.abort:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if not begun:
            self._begin(reply)
        self.wfile.write(b"0\r\n\r\n")
        request.done_at = time.monotonic()

    def _begin(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _wait(self, what: float | threading.Event) -> None:
        """Sleep, or wait for an event, but wake when the client hangs up or the server stops."""
        held = isinstance(what, threading.Event)
        until = math.inf if held else time.monotonic() + what
        while (left := until - time.monotonic()) > 0 and not self.server.stopping.is_set():
            if held and what.is_set():
                return
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.05))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _ClientLeftError

    def log_message(self, *args: object) -> None:
        """Say nothing; what happened is in `requests`."""


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server for tests; it knows nothing.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds between two pieces of text")
    parser.add_argument("--first-delay", type=float, default=0.0, help="seconds before the first piece")
    options = parser.parse_args()
    server = ChatServer(port=options.port, delay=options.delay, first_delay=options.first_delay)
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
