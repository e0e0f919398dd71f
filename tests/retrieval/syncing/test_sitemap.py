"""A site by its sitemap, from a real server on the loopback: only what changed is asked for, and nothing else is."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.ingestion import ingest
from retrieval.models import Collection, Document, SyncedSource
from tests.fakes.web_server import WebServer, answer
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles

HTML = {"Content_Type": "text/html; charset=utf-8"}


@pytest.fixture
def web(settings: Any, tmp_path: Path) -> Iterator[WebServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with WebServer() as server:
        settings.FETCH_HOSTS = [server.host]
        yield server


def page(web: WebServer, name: str, text: str = "", *, head: str = "", **headers: str) -> None:
    html = f"<html><head><title>{name}</title>{head}</head><body><p>{text or name} is explained.</p></body></html>"
    web.put(f"/{name}", html.encode(), **HTML, **headers)


def sitemap(web: WebServer, *names: str, path: str = "/sitemap.xml", **dated: str) -> None:
    def url(name: str) -> str:
        lastmod = f"<lastmod>{dated[name]}</lastmod>" if name in dated else ""
        return f"<url><loc>{web.url}/{name}</loc>{lastmod}</url>"

    urls = "".join(url(name) for name in (*names, *dated))
    xml = f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    web.put(path, xml.encode(), Content_Type="application/xml")


def asked(web: WebServer) -> list[str]:
    """Return the paths that were asked for since the last look."""
    paths = [path for path, _headers in web.requests]
    web.requests.clear()
    return paths


@pytest.fixture
def source(web: WebServer, public: Collection) -> SyncedSource:
    return make_source(public, "sitemap", url=f"{web.url}/sitemap.xml", delay=0)


def test_pages_become_documents_and_only_what_changed_is_asked_for(
    web: WebServer, source: SyncedSource, index: None
) -> None:
    page(web, "hours", ETag='"v1"')
    page(web, "prices")
    sitemap(web, "hours", prices="2026-01-01")
    run = look_at(source)
    assert (run.state, counts(run), run.listed, titles()) == ("done", {"added": 2}, 2, ["hours", "prices"])
    hours = Document.objects.get(title="hours")
    assert (hours.location, hours.address, hours.folder) == (f"{web.url}/hours", f"{web.url}/hours", source.folder)
    assert asked(web) == ["/robots.txt", "/sitemap.xml", "/hours", "/prices"]

    web.pages["/hours"] = lambda headers: (
        answer(b"", status="304 Not Modified") if headers.get("if-none-match") == '"v1"' else b""
    )
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"unchanged": 2})
    assert asked(web) == ["/robots.txt", "/sitemap.xml", "/hours"]  # prices are dated, and the date is known

    page(web, "prices", "All prices are new, and each of them")
    sitemap(web, "hours", prices="2026-02-02")
    run = look_at(source)
    assert counts(run) == {"unchanged": 1, "changed": 1}
    assert events(run) == [("changed", f"{web.url}/prices", "")]
    while ingest.ingest_next():
        pass
    assert set(Document.objects.values_list("state", flat=True)) == {"ready"}


def test_text_that_is_fetched_again_and_is_the_same_is_not_read_again(web: WebServer, source: SyncedSource) -> None:
    page(web, "hours")
    sitemap(web, "hours")
    look_at(source)
    before = Document.objects.get().generation
    run = look_at(source)
    assert (counts(run), Document.objects.get().generation) == ({"unchanged": 1}, before)


def test_page_that_is_no_longer_listed_is_deleted(web: WebServer, source: SyncedSource) -> None:
    for name in ("hours", "prices", "staff"):
        page(web, name)
    sitemap(web, "hours", "prices", "staff")
    look_at(source)
    sitemap(web, "hours", "prices")
    run = look_at(source)
    assert (counts(run), titles()) == ({"unchanged": 2, "gone": 1}, ["hours", "prices"])
    assert events(run) == [("gone", f"{web.url}/staff", "It is no longer listed.")]


def test_page_that_is_gone_or_asks_to_be_in_no_index_is_deleted(web: WebServer, source: SyncedSource) -> None:
    names = [f"page{number}" for number in range(6)]
    for name in names:
        page(web, name)
    sitemap(web, *names)
    look_at(source)
    web.put("/page0", b"", status="410 Gone")
    page(web, "page1", head='<meta name="robots" content="noindex, follow">')
    page(web, "page2", X_Robots_Tag="noindex")
    page(web, "page3", X_Robots_Tag="otherbot: noindex")
    run = look_at(source)
    assert counts(run) == {"unchanged": 3, "gone": 3}
    assert titles() == ["page3", "page4", "page5"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/sitemap.xml", "500 Internal Server Error", "The web server answered with status 500: try again later."),
        ("/sitemap.xml", "404 Not Found", "The web server says that there is nothing at this address (status 404)."),
        (
            "/robots.txt",
            "503 Service Unavailable",
            "Its robots.txt can’t be read, so nothing is fetched: The web server answered with status 503: try again "
            "later.",
        ),
    ],
)
def test_site_that_fails_loses_nothing(web: WebServer, source: SyncedSource, path: str, status: str, said: str) -> None:
    page(web, "hours")
    sitemap(web, "hours")
    look_at(source)
    web.put(path, b"", status=status)
    run = look_at(source)
    assert (run.state, str(run.error), counts(run), titles()) == ("failed", said, {}, ["hours"])


@pytest.mark.parametrize(
    "listing",
    [
        b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>',
        b"<urlset><url><loc>http://elsewhere.example/x</loc></url></urlset>",
    ],
)
def test_empty_listing_after_a_full_one_waits_for_a_person(
    web: WebServer, source: SyncedSource, listing: bytes
) -> None:
    page(web, "hours")
    sitemap(web, "hours")
    look_at(source)
    web.put("/sitemap.xml", listing)
    run = look_at(source)
    source.refresh_from_db()
    assert (run.state, source.held, titles()) == ("held", 1, ["hours"])


def test_page_that_fails_keeps_its_text(web: WebServer, source: SyncedSource) -> None:
    page(web, "hours")
    sitemap(web, "hours")
    look_at(source)
    web.put("/hours", b"", status="500 Internal Server Error")
    run = look_at(source)
    assert (counts(run), titles()) == ({"refused": 1}, ["hours"])
    assert events(run) == [("refused", f"{web.url}/hours", "The web server answered with status 500: try again later.")]


def test_index_of_packed_sitemaps_is_followed_and_one_that_fails_lets_nothing_go(
    web: WebServer, source: SyncedSource
) -> None:
    for name in ("hours", "prices"):
        page(web, name)
    files = "".join(f"<sitemap><loc>{web.url}/{name}.xml.gz</loc></sitemap>" for name in ("one", "two"))
    web.put("/sitemap.xml", f"<sitemapindex>{files}</sitemapindex>".encode())
    for file, name in (("one", "hours"), ("two", "prices")):
        web.put(f"/{file}.xml.gz", gzip.compress(f"<urlset><url><loc>{web.url}/{name}</loc></url></urlset>".encode()))
    assert counts(look_at(source)) == {"added": 2}
    web.put("/two.xml.gz", b"", status="502 Bad Gateway")
    run = look_at(source)
    assert (run.state, counts(run), titles()) == ("incomplete", {"unchanged": 1}, ["hours", "prices"])
    assert str(run.error) == f"{web.url}/two.xml.gz: The web server answered with status 502: try again later."


def test_packed_list_is_read_whole_or_not_at_all(web: WebServer, source: SyncedSource) -> None:
    """Else what stands behind its first piece, or behind where it broke off, would count as gone."""
    pages = ("hours", "prices", "staff")
    for name in pages:
        page(web, name)
    packed = [gzip.compress(f"{web.url}/{name}\n".encode()) for name in pages]
    web.put("/sitemap.xml", b"".join(packed))
    assert (look_at(source).state, titles()) == ("done", ["hours", "prices", "staff"])
    web.put("/sitemap.xml", b"".join(packed)[:-9])
    run = look_at(source)
    assert (run.state, str(run.error), len(titles())) == ("failed", "It broke off before its end.", 3)


def test_list_of_too_many_lines_lets_nothing_go(
    web: WebServer, source: SyncedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [f"page{number}" for number in range(5)]
    for name in pages:
        page(web, name)
    lines = [f"{web.url}/{name}" for name in pages]
    web.put("/sitemap.xml", "\n".join(lines).encode())
    look_at(source)
    monkeypatch.setattr("retrieval.syncing.kinds.sitemap.MOST_ENTRIES", 3)
    run = look_at(source)
    assert (run.state, len(titles())) == ("incomplete", 5)


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (
            b"<urlset><url a='" + b"a" * 2_000_000 + b"'/></urlset>",
            "It is no XML that can be read: one of its tags is too long.",
        ),
        (
            b"<urlset><!--" + b"a" * 2_000_000 + b"--></urlset>",
            "It is no XML that can be read: one of its tags is too long.",
        ),
        (
            b"<urlset><?a " + b"a" * 2_000_000 + b"?></urlset>",
            "It is no XML that can be read: one of its tags is too long.",
        ),
        (gzip.compress(b"<urlset>" + b" " * (60 * 1024**2)), "It is too large: the limit is 52,428,800 bytes."),
        (
            b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
            "It is no XML that can be read: it declares entities.",
        ),
        (
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd" [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><urlset/>',
            "It is no XML that can be read: it declares entities.",
        ),
        (b"<urlset>" + b"<a>" * 200, "It is no XML that can be read: it is nested too deep."),
        (b"<html><p>Not found, with status 200.</p></html>", "It is no sitemap."),
        (b"not found", "It is no sitemap."),
    ],
)
def test_hostile_listing_is_refused_by_name(web: WebServer, source: SyncedSource, listing: bytes, said: str) -> None:
    web.put("/sitemap.xml", listing)
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", said)


def test_pages_elsewhere_and_in_the_sites_own_network_are_refused(
    web: WebServer, source: SyncedSource, public: Collection
) -> None:
    web.put("/redirects", b"", status="302 Found", Location="http://169.254.169.254/latest/meta-data/")
    links = ["http://127.0.0.1:1/", "http://other.example/", "file:///etc/passwd", f"{web.url}/redirects"]
    web.put("/sitemap.xml", f"<urlset>{''.join(f'<url><loc>{one}</loc></url>' for one in links)}</urlset>".encode())
    run = look_at(source)
    assert events(run) == [
        ("refused", "http://127.0.0.1:1/", "It is on another host than its sitemap."),
        ("refused", "http://other.example/", "It is on another host than its sitemap."),
        (
            "refused",
            f"{web.url}/redirects",
            "169.254.169.254 has the address 169.254.169.254, which is not public. FETCH_HOSTS names the hosts of your "
            "own network that staff may fetch from.",
        ),
    ]
    assert not Document.objects.exists()


def test_robots_patterns_and_tokens(web: WebServer, source: SyncedSource, settings: Any) -> None:
    settings.SOURCE_TOKENS = {f"{web.url}/guide": "Bearer hush"}
    web.put("/robots.txt", f"User-agent: *\nDisallow: /*/private$\nSitemap: {web.url}/map.xml\n".encode())
    for name in ("guide/open", "guide/private", "news/open", "guidebook"):
        page(web, name)
    sitemap(web, "guide/open", "guide/private", "news/open", "guidebook", path="/map.xml")
    source.settings |= {"url": f"{web.url}/", "exclude": ["/news/*"]}
    source.save()
    run = look_at(source)
    assert events(run) == [
        ("added", f"{web.url}/guide/open", ""),
        ("refused", f"{web.url}/guide/private", "The site’s robots.txt doesn’t allow it."),
        ("added", f"{web.url}/guidebook", ""),
    ]
    sent = {path: headers.get("authorization") for path, headers in web.requests}
    assert sent == {"/robots.txt": None, "/map.xml": None, "/guide/open": "Bearer hush", "/guidebook": None}


def test_site_that_is_down_in_the_middle_is_left_alone(web: WebServer, source: SyncedSource) -> None:
    names = [f"page{number:02}" for number in range(15)]
    sitemap(web, *names)
    for name in names:
        web.put(f"/{name}", b"", status="503 Service Unavailable")
    run = look_at(source)
    assert (run.state, counts(run)) == ("failed", {"refused": 9})
    assert str(run.error).startswith("10 requests have failed, one after the other, the last one so: The web server")


@pytest.mark.parametrize("home", ["b\u00fccher.example", "xn--bcher-kva.example"])
def test_host_in_other_letters_is_the_same_host_in_plain_ones(
    web: WebServer, source: SyncedSource, settings: Any, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    names, look_up = ("b\u00fccher.example", "xn--bcher-kva.example", "B\u00dcCHER.example"), socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: look_up("127.0.0.1" if host == names[1] else host, *rest, **more),
    )
    settings.FETCH_HOSTS = [f"{names[0]}:{web.port}"]
    settings.SOURCE_TOKENS = {f"http://{names[0]}:{web.port}/": "Bearer hush"}
    for number in range(len(names)):
        page(web, f"page{number}")
    urls = "".join(f"<url><loc>http://{name}:{web.port}/page{number}</loc></url>" for number, name in enumerate(names))
    web.put("/sitemap.xml", f"<urlset>{urls}</urlset>".encode())
    source.settings |= {"url": f"http://{home}:{web.port}/sitemap.xml"}
    source.save()
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"added": 3}), (str(run.error), events(run))
    assert {headers.get("authorization") for _path, headers in web.requests} == {"Bearer hush"}


def test_page_that_redirects_elsewhere_by_now_is_read_anew(web: WebServer, source: SyncedSource) -> None:
    def version(name: str, text: str) -> None:
        web.pages[f"/{name}"] = lambda headers: (
            answer(b"", status="304 Not Modified")
            if headers.get("if-none-match")
            else answer(f"<title>{name}</title><p>{text}</p>".encode(), ETag='"v1"', **HTML)
        )

    version("hours", "Nine to five.")
    sitemap(web, "hours")
    look_at(source)
    web.put("/hours", b"", status="302 Found", Location="/new")
    version("new", "Ten to six.")
    run = look_at(source)
    assert (counts(run), Document.objects.get().address) == ({"changed": 1}, f"{web.url}/new")
    web.requests.clear()
    assert counts(look_at(source)) == {"unchanged": 1}
    known = {path: headers.get("if-none-match") for path, headers in web.requests}
    assert known == {"/robots.txt": None, "/sitemap.xml": None, "/hours": None, "/new": '"v1"'}
