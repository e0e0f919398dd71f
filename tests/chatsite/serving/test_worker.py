"""The worker of `manage.py serve` on the loopback: clients that send half a request hold no thread."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.servers import Site, site

pytestmark = pytest.mark.hosts

QUESTION = {"query": "Which variable points the site at a Qdrant server?"}
HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never: "
SHORT = (
    b"POST /api/v1/chat/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 1000\r\n\r\n{"query"'
)
LONG = (
    b"POST /api/v1/chat/attachments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 9900000\r\n"
)
BEGUN = b'\r\n\r\n--edge\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\nText'


@pytest.fixture(scope="module")
def running(seeded: Path) -> Iterator[Site]:
    """Serve the site with 56 threads: fewer than the connections that are held below."""
    with site("serve", data_dir=seeded, RUNS_PER_PROCESS="8") as started:
        yield started


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def begin(stack: ExitStack, running: Site, beginning: bytes) -> socket.socket:
    address = urlsplit(running.url)
    connection = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=60))
    connection.sendall(beginning)
    return connection


def signed_in(running: Site) -> str:
    """Return the cookies of the site's admin."""
    with httpx.Client(base_url=running.url) as client:
        client.get("/accounts/login/")
        form = {"username": "admin", "password": running.admin_password}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        assert client.post("/accounts/login/", data=form).status_code == 302
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def assert_serves(running: Site) -> None:
    assert httpx.get(f"{running.url}/api/v1/health", timeout=30).status_code == 200
    assert httpx.post(f"{running.url}/api/v1/chat/query", json=QUESTION, timeout=60).json()["answered"] is True


HEALTH = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\na"
LONG_NUMBER = SHORT.replace(b"Length: ", b"Length: 000000000000000")


@pytest.mark.parametrize("beginning", [b"", HEAD, SHORT, LONG_NUMBER, HEALTH])
def test_case_124_half_sent_requests_hold_no_thread(running: Site, held: ExitStack, beginning: bytes) -> None:
    for _ in range(260):
        begin(held, running, beginning)
    assert_serves(running)


def test_case_124_half_sent_uploads_hold_threads_of_their_own(running: Site, held: ExitStack) -> None:
    head = LONG + f"Cookie: {signed_in(running)}".encode()
    for _ in range(260):
        begin(held, running, head + BEGUN)
    assert_serves(running)


def test_case_126_upload_of_nobody_is_refused_before_it_has_come(running: Site, held: ExitStack) -> None:
    answer = b""
    connection = begin(held, running, LONG + BEGUN)
    while part := connection.recv(65_536):  # to its end: the connection is not kept for the rest
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (head.split()[1], json.loads(body)["error"]) == (b"401", "sign_in_required")


def test_requests_that_come_together_are_answered_one_by_one(running: Site, held: ExitStack) -> None:
    health = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection = begin(held, running, health * 2 + health.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    answer = b""
    while part := connection.recv(65_536):
        answer += part
    assert answer.count(b"HTTP/1.1 200 OK") == 3


def test_case_126_chunked_question_is_answered(running: Site) -> None:
    def parts() -> Iterator[bytes]:
        body = json.dumps(QUESTION).encode()
        yield body[:10]
        yield body[10:]

    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{running.url}/api/v1/chat/query", content=parts(), headers=headers, timeout=60)
    assert response.json()["answered"] is True


@pytest.mark.parametrize(("path", "error"), [("/api/v1/chat/query", "body_too_large"), ("/ask/", "")])
def test_case_126_endless_body_without_a_length_is_413(running: Site, path: str, error: str) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(65_536)

    response: Any = httpx.post(running.url + path, content=parts(), timeout=60)
    assert response.status_code == 413
    assert not error or response.json()["error"] == error


def test_head_that_has_no_end_is_431(running: Site, held: ExitStack) -> None:
    connection = begin(held, running, HEAD + b"a" * 70_000)
    assert connection.recv(65_536).startswith(b"HTTP/1.1 431 ")


def test_client_that_does_not_stop_sending_has_time_to_read_its_refusal(running: Site, held: ExitStack) -> None:
    """As a proxy does, whose write would fail if the connection were reset at once."""
    connection = begin(held, running, LONG + BEGUN)
    connection.settimeout(0.5)
    sent = 0
    try:
        while sent < 50 * 1024**2:
            sent += connection.send(bytes(65_536))
    except TimeoutError:  # nobody reads on
        assert sent > 1024**2
    assert sent < 50 * 1024**2
    assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
