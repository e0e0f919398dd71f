"""Where a request ends is found from its bytes, however they come."""

from __future__ import annotations

import pytest

from chatsite.serving.incoming import BODY_BYTES, HEAD_BYTES, Came, Incoming

GET = b"GET /documents/ HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /ask/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /ask/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\n0\r\n\r\n0\r\nA: b\r\n\r\n"


def post(*headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join(["POST /ask/ HTTP/1.1", *headers, "", ""]).encode() + body


@pytest.mark.parametrize("request_bytes", [GET, POST, CHUNKED])
def test_case_124_request_is_whole_with_its_last_byte_and_not_before(request_bytes: bytes) -> None:
    incoming = Incoming()
    for at in range(len(request_bytes) - 1):
        incoming.add(request_bytes[at : at + 1])
        assert incoming.judge() is Came.PART, request_bytes[: at + 1]
    incoming.add(request_bytes[-1:])
    assert incoming.judge() is Came.WHOLE
    assert Incoming(request_bytes + GET).judge() is Came.WHOLE


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(f"Content-Length: {BODY_BYTES + 1}"),
        post("content-length:390000000", body=b"--edge"),
        post("Content-Length: " + "9" * 30),
        post("Content-Length: 5", "Expect: 100-continue"),
        post("Transfer-Encoding: chunked", body=f"{BODY_BYTES + 1:x}\r\n".encode()),
        post("Transfer-Encoding: chunked", body=b"8000\r\n" + bytes(0x8000) + b"\r\n" + b"18000\r\n" + bytes(10)),
        post("Transfer-Encoding: chunked", body=b"none\r\n"),
        post("Transfer-Encoding: chunked", body=b"-5\r\n"),
        post("Transfer-Encoding: chunked", body=b"5" * 2_000),
    ],
)
def test_long_bodies_are_not_waited_for(request_bytes: bytes) -> None:
    assert Incoming(request_bytes).judge() is Came.HEAD


def test_a_head_has_a_limit() -> None:
    incoming = Incoming(b"GET / HTTP/1.1\r\nX: " + b"a" * (HEAD_BYTES - 100))
    assert incoming.judge() is Came.PART
    incoming.add(b"a" * 200)
    assert incoming.judge() is Came.TOO_MUCH


def test_length_counts_however_it_is_written() -> None:
    incoming = Incoming(post("Content-Length: " + "5".zfill(30)))
    assert incoming.judge() is Came.PART
    incoming.add(b"hello")
    assert incoming.judge() is Came.WHOLE


def test_lines_behind_the_last_chunk_have_a_limit() -> None:
    incoming = Incoming(post("Transfer-Encoding: chunked", body=b"0\r\n"))
    assert incoming.judge() is Came.PART
    incoming.add(b"X: a\r\n" * (BODY_BYTES // 6 - 1))
    assert incoming.judge() is Came.PART
    incoming.add(b"X: a\r\n" * 2)
    assert incoming.judge() is Came.TOO_MUCH


def test_health_is_told_from_other_requests() -> None:
    assert Incoming(b"GET /api/v1/health HTTP/1.1\r\n").is_health
    assert Incoming(b"HEAD /api/v1/health/live HTTP/1.1\r\n").is_health
    assert not Incoming(b"POST /api/v1/health HTTP/1.1\r\n").is_health
    assert not Incoming(GET).is_health
