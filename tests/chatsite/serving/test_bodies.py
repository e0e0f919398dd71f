"""Bodies without a length are counted while they come, under WSGI and ASGI, as far as their address takes them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from chatsite.serving.bodies import TOO_LARGE, bounded, most_bytes, with_lengths

ATTACHMENTS = "/api/v1/chat/attachments"
SMALL = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PART = 64 * 1024


class Endless(io.RawIOBase):
    """A body of zeros that says how many were read."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0
        self.given += size
        return bytes(size)


def ask_wsgi(body: Any, path: str = "/ask/", **more: str) -> tuple[dict[str, Any], bytes, list[str]]:
    """Return the environment that the application was given, what it read, and the statuses that were sent."""
    seen: list[tuple[dict[str, Any], bytes]] = []
    statuses: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append((environ, environ["wsgi.input"].read(10**9) if "CONTENT_LENGTH" in environ else b""))
        return []

    environ = {
        "PATH_INFO": path,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        "wsgi.input": body,
    }
    with_lengths(application)(environ | more, lambda status, headers: statuses.append(status))
    return (*seen[0], statuses) if seen else ({}, b"", statuses)


def test_case_126_chunked_body_gets_its_length() -> None:
    environ, read, _statuses = ask_wsgi(io.BytesIO(b'{"query": "Tea?"}'))
    assert (environ["CONTENT_LENGTH"], read) == ("17", b'{"query": "Tea?"}')
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert TOO_LARGE not in environ


@pytest.mark.parametrize(
    ("path", "more", "limit"),
    [
        ("/ask/", {}, SMALL),
        ("/nowhere", {"HTTP_COOKIE": "sessionid=x"}, SMALL),
        (ATTACHMENTS, {}, SMALL),
        (ATTACHMENTS, {"HTTP_COOKIE": "sessionid=x"}, settings.UPLOAD_MAX_BYTES + PART),
        ("/admin/retrieval/document/add/", {"HTTP_COOKIE": "sessionid=x"}, settings.UPLOAD_MAX_BYTES + PART),
    ],
)
def test_case_126_endless_body_is_read_to_the_limit_of_its_address(path: str, more: dict[str, str], limit: int) -> None:
    environ, read, _statuses = ask_wsgi(body := Endless(), path, **more)
    assert (environ[TOO_LARGE], environ["CONTENT_LENGTH"], read) == (limit, "0", b"")
    assert limit < body.given <= limit + PART


def test_body_that_comes_too_slowly_is_408() -> None:
    class Slow(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise TimeoutError

    assert ask_wsgi(Slow()) == ({}, b"", ["408 Request Timeout"])


def test_other_bodies_are_left_alone() -> None:
    body = io.BytesIO(b"hello")
    environ, _read, _statuses = ask_wsgi(body, HTTP_TRANSFER_ENCODING="", CONTENT_LENGTH="5")
    assert environ["wsgi.input"] is body


def received(scope: dict[str, Any], *, parts: int) -> tuple[int, int]:
    """Return how many bytes the application is given, and how many parts of the body were asked for."""
    asked = 0

    def messages() -> Iterator[dict[str, Any]]:
        for left in reversed(range(parts)):
            yield {"type": "http.request", "body": bytes(PART), "more_body": left > 0}
        yield {"type": "http.disconnect"}

    coming = messages()

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return next(coming)

    async def read() -> int:
        next_message = bounded(scope, receive)
        total, more = 0, True
        while more:
            message = await next_message()
            total += len(message["body"])
            more = message["more_body"]
        at_the_end = asked
        assert (await next_message())["type"] == "http.disconnect"
        return total * 10**6 + at_the_end

    return divmod(asyncio.run(read()), 10**6)


def scope_of(path: str, **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "path": path, "root_path": "", "headers": pairs}


def test_case_126_asgi_body_within_the_limit_comes_whole() -> None:
    assert received(scope := scope_of("/ask/"), parts=32) == (SMALL, 32)
    assert TOO_LARGE not in scope


def test_case_126_asgi_body_without_a_length_ends_at_the_limit() -> None:
    assert received(scope := scope_of("/ask/"), parts=6_000) == (SMALL, 33)
    assert scope[TOO_LARGE] == SMALL


@pytest.mark.parametrize("headers", [{"content_length": "390000000"}, {"content_length": str(3 * 1024**2)}])
def test_case_126_asgi_body_that_says_it_is_too_long_is_not_read(headers: dict[str, str]) -> None:
    assert received(scope_of(ATTACHMENTS, **headers), parts=60) == (0, 0)


def test_asgi_upload_by_somebody_may_be_as_long_as_a_file() -> None:
    scope = scope_of(ATTACHMENTS, content_length=str(60 * PART), cookie="sessionid=x")
    assert received(scope, parts=60) == (60 * PART, 60)


def test_path_below_a_prefix() -> None:
    assert most_bytes(ATTACHMENTS, by_somebody=True) > SMALL
    scope = scope_of(f"/docs{ATTACHMENTS}", cookie="sessionid=x") | {"root_path": "/docs"}
    assert received(scope, parts=60) == (60 * PART, 60)
