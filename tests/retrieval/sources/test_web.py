"""Fetching at the wire: real sockets on the loopback, and a look-up of the test's own where names must lie."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import FetchFailed, FetchRefused, PageGone
from retrieval.sources.web import Fetched, FetchLimits, fetch, look_up
from tests.fakes.web_server import WebServer, answer, dripping

PAGE = b"<title>Opening hours</title><p>Nine to five.</p>"


@pytest.fixture(scope="module")
def running() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def web(running: WebServer) -> WebServer:
    running.pages.clear()
    running.requests.clear()
    return running


def limits(web: WebServer, *, max_bytes: int = 100_000, seconds: float = 20.0) -> FetchLimits:
    return FetchLimits(max_bytes, seconds=seconds, hosts=[web.host, f"site.test:{web.port}", f"other.test:{web.port}"])


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_page_is_fetched_with_its_type_and_version(web: WebServer) -> None:
    web.put("/hours", PAGE, Content_Type="text/html; charset=utf-8", ETag='"v1"', Last_Modified="yesterday")
    assert fetch(f"{web.url}/hours?day=1#top", limits=limits(web)) == Fetched(
        PAGE, "text/html; charset=utf-8", f"{web.url}/hours?day=1", '"v1"', "yesterday"
    )
    path, headers = web.requests[0]
    assert path == "/hours?day=1"
    assert headers["host"] == web.host
    assert not {"cookie", "authorization", "if-none-match", "if-modified-since"} & set(headers)


def test_what_has_not_changed_is_not_sent_again(web: WebServer) -> None:
    web.pages["/hours"] = lambda headers: (
        answer(b"", status="304 Not Modified") if headers.get("if-none-match") == '"v1"' else answer(PAGE)
    )
    fetched = fetch(f"{web.url}/hours", limits=limits(web), etag='"v1"', last_modified="yesterday")
    assert fetched.content is None
    assert web.requests[0][1]["if-modified-since"] == "yesterday"


def version_by_host(web: WebServer, path: str) -> None:
    """Put a page that says what it was asked with, and that every version is the one it has."""

    def respond(headers: dict[str, str]) -> bytes:
        known = headers.get("if-none-match") or headers.get("if-modified-since")
        return answer(b"", status="304 Not Modified") if known else answer(PAGE, ETag='"v1"')

    web.pages[path] = respond


@pytest.mark.parametrize("place", ["/b", "http://site.test:{port}/b"])
def test_version_of_an_address_is_not_told_to_where_it_redirects_by_now(web: WebServer, place: str) -> None:
    """Another page, maybe of another site, may have the same etag: its 304 would keep the text of the old one."""
    web.put("/a", b"", status="302 Found", Location=place.format(port=web.port))
    version_by_host(web, "/b")
    fetched = fetch(
        f"{web.url}/a", limits=limits(web), etag='"v1"', last_modified="yesterday", resolve=loopback_or_literal
    )
    assert fetched.content == PAGE
    assert [{"if-none-match", "if-modified-since"} & set(headers) for _path, headers in web.requests] == [
        {"if-none-match", "if-modified-since"},
        set(),
    ]


def test_version_of_where_an_address_redirects_is_told_there_alone(web: WebServer) -> None:
    web.put("/a", b"", status="302 Found", Location="/b")
    version_by_host(web, "/b")
    first = fetch(f"{web.url}/a", limits=limits(web))
    again = fetch(f"{web.url}/a", limits=limits(web), etag=first.etag, of=first.final_url)
    assert (first.content, again.content) == (PAGE, None)
    assert [headers.get("if-none-match") for _path, headers in web.requests] == [None, None, None, '"v1"']
    version_by_host(web, "/a")  # which is a page of its own by now
    assert fetch(f"{web.url}/a", limits=limits(web), etag=first.etag, of=first.final_url).content == PAGE


def test_version_that_no_header_can_hold_is_not_sent(web: WebServer) -> None:
    web.put("/a", PAGE, ETag='"\u00e9"', Last_Modified="f\u00e9vrier")
    first = fetch(f"{web.url}/a", limits=limits(web))
    again = fetch(f"{web.url}/a", limits=limits(web), etag=first.etag, last_modified=first.last_modified)
    assert (again.content, {"if-none-match", "if-modified-since"} & set(web.requests[-1][1])) == (PAGE, set())


def test_page_that_is_packed_in_several_pieces_is_read_whole(web: WebServer) -> None:
    pieces = gzip.compress(b"Nine ") + gzip.compress(b"to ") + gzip.compress(b"five.")
    web.put("/a", pieces + b"\0" * 10, Content_Encoding="gzip")
    assert fetch(f"{web.url}/a", limits=limits(web)).content == b"Nine to five."
    for broken in (pieces[:-5], pieces + b"more", pieces + gzip.compress(b"")[:-1]):
        web.put("/a", broken, Content_Encoding="gzip")
        with pytest.raises(FetchFailed, match=r"packing is broken|broke off"):
            fetch(f"{web.url}/a", limits=limits(web))


def test_endless_empty_pieces_behind_a_packed_page_are_not_read_for_long(web: WebServer) -> None:
    web.put("/a", gzip.compress(b"") * 20_000, Content_Encoding="gzip")
    with pytest.raises(FetchFailed, match="packing is broken"):
        fetch(f"{web.url}/a", limits=limits(web, max_bytes=1_000_000))


def test_not_modified_that_nobody_asked_for_is_no_answer(web: WebServer) -> None:
    web.put("/a", b"", status="302 Found", Location="/b")
    web.put("/b", b"", status="304 Not Modified")
    with pytest.raises(FetchFailed, match="status 304"):
        fetch(f"{web.url}/a", limits=limits(web), etag='"v1"')


def test_host_in_other_letters_is_the_one_that_is_allowed(web: WebServer) -> None:
    web.put("/a", PAGE)
    allowed = FetchLimits(100_000, hosts=[f"B\u00fccher.test:{web.port}"])
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    for host in ("b\u00fccher.test", "xn--bcher-kva.test", "B\u00dcCHER.test"):
        fetched = fetch(f"http://{host}:{web.port}/a", limits=allowed, resolve=resolve)
        assert fetched.final_url == f"http://xn--bcher-kva.test:{web.port}/a"
    assert asked == ["xn--bcher-kva.test"] * 3


def test_redirects_are_followed_without_cookies(web: WebServer) -> None:
    web.put("/a", b"", status="302 Found", Location="b?x=1", Set_Cookie="id=1")
    web.put("/b", b"", status="301 Moved Permanently", Location=f"http://site.test:{web.port}/c")
    web.put("/c", PAGE)
    fetched = fetch(f"{web.url}/a", limits=limits(web), resolve=loopback_or_literal)
    assert (fetched.content, fetched.final_url) == (PAGE, f"http://site.test:{web.port}/c")
    assert [path for path, _ in web.requests] == ["/a", "/b?x=1", "/c"]
    assert not any("cookie" in headers for _, headers in web.requests)


def loopback_or_literal(host: str, port: int) -> list[str]:
    return ["127.0.0.1"] if host.endswith(".test") else look_up(host, port)


def test_case_41_redirects_end(web: WebServer) -> None:
    web.put("/a", b"", status="302 Found", Location="/a")
    with pytest.raises(FetchRefused, match="redirects more than 5 times"):
        fetch(f"{web.url}/a", limits=limits(web))
    assert len(web.requests) == 6


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://127.0.0.1/", "not public"),
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("http://[::1]/", "not public"),
        ("http://2130706433/", "not public"),
        ("file:///etc/passwd", "begin with http"),
        ("gopher://example.org/", "begin with http"),
        ("http://user:secret@example.org/", "user name or a password"),
        ("http://example.org:6379/", "Port 6379"),
    ],
)
def test_case_41_redirects_to_what_may_not_be_asked(web: WebServer, target: str, reason: str) -> None:
    web.put("/a", b"", status="302 Found", Location=target)
    with pytest.raises(FetchRefused, match=reason):
        fetch(f"{web.url}/a", limits=limits(web))


REFUSED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "0",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
]


@pytest.mark.parametrize("host", REFUSED_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_case_41_addresses_that_are_not_public(scheme: str, host: str) -> None:
    with pytest.raises((FetchRefused, FetchFailed), match=r"not public|no web address|no host") as refused:
        fetch(f"{scheme}://{host}/", limits=FetchLimits(1_000, seconds=3))
    if host in ("127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
        assert isinstance(refused.value, FetchRefused)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://",
        "http:///path",
        "http://a@example.org/",
        "http://:p@example.org/",
        "http://exa mple.org/",
        "http://example.org:0x50/",
        "http://example.org:22/",
        "https://example.org:8443/",
        "http://[::1/",
        "http://\r\nHost: x/",
    ],
)
def test_case_41_what_is_no_address_of_the_web(url: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("nothing is looked up")

    with pytest.raises(FetchRefused):
        fetch(url, limits=FetchLimits(1_000), resolve=never)


def test_case_41_one_private_address_among_public_ones_refuses_all() -> None:
    with pytest.raises(FetchRefused, match=r"has the address 10\.0\.0\.1, which is not public"):
        fetch(
            "http://example.org/", limits=FetchLimits(1_000), resolve=lambda host, port: ["93.184.215.14", "10.0.0.1"]
        )


def test_case_41_dns_rebinding_the_connection_goes_to_the_address_that_was_checked(web: WebServer) -> None:
    """The name is looked up once for each request, and never by the connection."""
    web.put("/a", PAGE)
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    fetched = fetch(f"http://site.test:{web.port}/a", limits=limits(web), resolve=rebinding)
    assert (fetched.content, asked) == (PAGE, ["site.test"])
    assert web.requests[0][1]["host"] == f"site.test:{web.port}"


def test_case_41_dns_rebinding_between_two_hops_is_refused(web: WebServer) -> None:
    web.put("/a", b"", status="302 Found", Location="/b")
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with pytest.raises(FetchRefused, match=r"169\.254\.169\.254"):
        fetch(f"http://site.test:{web.port}/a", limits=limits(web), resolve=lambda host, port: next(answers))
    assert len(web.requests) == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "224.0.0.1"])
def test_case_41_an_allowed_host_may_be_private_but_never_lead_to_metadata(web: WebServer, address: str) -> None:
    with pytest.raises(FetchRefused, match="not public"):
        fetch(f"http://site.test:{web.port}/", limits=limits(web), resolve=lambda host, port: [address])


def test_case_41_an_allowed_port_is_of_that_host_alone(web: WebServer) -> None:
    with pytest.raises(FetchRefused, match=f"Port {web.port}"):
        fetch(f"http://third.test:{web.port}/", limits=limits(web), resolve=loopback)


def test_case_41_proxies_of_the_environment_are_not_used(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    web.put("/a", PAGE)
    assert fetch(f"{web.url}/a", limits=limits(web)).content == PAGE


def test_case_41_a_body_that_is_declared_too_large_is_not_read(web: WebServer) -> None:
    web.put("/a", b"", Content_Length="100001")
    with pytest.raises(FetchRefused, match="100,001 bytes, the limit is 100,000 bytes"):
        fetch(f"{web.url}/a", limits=limits(web))


def test_case_41_an_endless_body_is_stopped_at_the_limit(web: WebServer) -> None:
    head = answer(b"", Content_Length="")
    web.pages["/a"] = lambda _: dripping(head, b"x" * 10_000, seconds=0)
    with pytest.raises(FetchRefused, match="limit is 100,000 bytes"):
        fetch(f"{web.url}/a", limits=limits(web))


def test_case_41_a_packed_body_is_unpacked_up_to_the_limit(web: WebServer) -> None:
    web.put("/good", gzip.compress(PAGE), Content_Encoding="gzip")
    web.put("/bomb", gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
    web.put("/cut", gzip.compress(PAGE)[:-10], Content_Encoding="gzip")
    web.put("/junk", b"no gzip at all", Content_Encoding="gzip")
    web.put("/brotli", b"?", Content_Encoding="br")
    assert fetch(f"{web.url}/good", limits=limits(web)).content == PAGE
    with pytest.raises(FetchRefused, match="too large: the limit is 100,000 bytes"):
        fetch(f"{web.url}/bomb", limits=limits(web))
    for path, reason in (("cut", "broke off"), ("junk", "packing is broken"), ("brotli", "not asked for")):
        with pytest.raises(FetchFailed, match=reason):
            fetch(f"{web.url}/{path}", limits=limits(web))


@pytest.mark.parametrize(
    "first",
    [b"HTTP/1.1 200 OK\r\nX: ", answer(b"", Content_Length="1000"), b"", answer(b"", Transfer_Encoding="chunked")],
    ids=["in the headers", "in the body", "before a byte", "in a chunk"],
)
def test_case_41_one_byte_at_a_time_meets_the_deadline(web: WebServer, first: bytes) -> None:
    web.pages["/a"] = lambda _: dripping(first, b"1", seconds=0.05)
    began = time.monotonic()
    with pytest.raises(FetchFailed, match=r"within 0\.6 seconds"):
        fetch(f"{web.url}/a", limits=limits(web, seconds=0.6))
    assert time.monotonic() - began < 40  # of fifty, byte by byte


def test_case_41_a_look_up_that_hangs_meets_the_deadline(web: WebServer) -> None:
    released = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        released.wait(60)
        return []

    with pytest.raises(FetchFailed, match=r"within 0\.3 seconds"):
        fetch("http://example.org/", limits=limits(web, seconds=0.3), resolve=hang)
    released.set()


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        ("404 Not Found", PageGone, "status 404"),
        ("410 Gone", PageGone, "status 410"),
        ("401 Unauthorized", FetchFailed, "asks who you are"),
        ("500 Oops", FetchFailed, "status 500"),
        ("206 Partial Content", FetchFailed, "status 206"),
    ],
)
def test_status_that_is_no_page(web: WebServer, status: str, error: type[Exception], reason: str) -> None:
    web.put("/a", b"x", status=status)
    with pytest.raises(error, match=reason):
        fetch(f"{web.url}/a", limits=limits(web))


@pytest.mark.parametrize("raw", [b"not http", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", b""])
def test_answer_that_breaks_off_or_is_no_http(web: WebServer, raw: bytes) -> None:
    web.pages["/a"] = lambda _: raw
    with pytest.raises(FetchFailed, match="could not be reached"):
        fetch(f"{web.url}/a", limits=limits(web))


def test_host_that_refuses_or_has_no_name(web: WebServer) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(FetchFailed, match="could not be reached"):
        fetch(f"http://{closed}/", limits=FetchLimits(1_000, seconds=3, hosts=[closed]))

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(FetchFailed, match=r"There is no host example\.org"):
        fetch("http://example.org/", limits=FetchLimits(1_000), resolve=unknown)


def test_tls_names_the_host_and_checks_its_certificate(tmp_path: Path) -> None:
    """The connection goes to an address, but the name that was asked for is what TLS is about."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} -out {certificate}"
    subprocess.run([*make.split(), "-days", "2", "-subj", "/CN=site.test"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(connection, server_side=True).recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(
                f"https://site.test:{port}/", limits=FetchLimits(1_000, hosts=[f"site.test:{port}"]), resolve=loopback
            )
        thread.join(60)
    assert named == ["site.test"]
