"""A site by its links: below its first page, politely, and only what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.models import Collection, SyncedSource
from retrieval.syncing.kinds.markup import joined, page_facts
from retrieval.syncing.kinds.robots import read_robots
from tests.fakes.web_server import WebServer, answer
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles


@pytest.fixture
def web(settings: Any, tmp_path: Path) -> Iterator[WebServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with WebServer() as server:
        settings.FETCH_HOSTS = [server.host]
        yield server


@pytest.fixture
def source(web: WebServer, public: Collection) -> SyncedSource:
    return make_source(public, "site", url=f"{web.url}/guide/", delay=0, depth=5, pages=50, queries=False)


def page(web: WebServer, path: str, *links: str, head: str = "", **headers: str) -> None:
    """Put a page whose etag is that of its text, and which says when it has not changed."""
    anchors = "".join(f'<a href="{link}">more</a> ' for link in links)
    html = f"<html><head><title>{path}</title>{head}</head><body><p>Of {path}.</p>{anchors}</body></html>".encode()
    etag = f'"{hash(html)}"'

    def respond(asked: dict[str, str]) -> bytes:
        if asked.get("if-none-match") == etag:
            return answer(b"", status="304 Not Modified")
        return answer(html, Content_Type="text/html; charset=utf-8", ETag=etag, **headers)

    web.pages[path] = respond


def asked(web: WebServer) -> list[str]:
    paths = [path for path, _headers in web.requests]
    web.requests.clear()
    return paths


def test_links_are_followed_below_the_first_page_and_unchanged_pages_lead_on(
    web: WebServer, source: SyncedSource
) -> None:
    page(web, "/guide/", "hours#now", "/guide/prices", "/news/", "http://other.example/guide/", "logo.png", "?page=2")
    page(web, "/guide/hours", "deep/er")
    page(web, "/guide/prices", "./")
    page(web, "/guide/deep/er")
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"added": 4})
    assert asked(web) == ["/robots.txt", "/guide/", "/guide/hours", "/guide/prices", "/guide/deep/er"]
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"unchanged": 4})
    page(web, "/guide/hours")  # which no longer leads deeper
    run = look_at(source)
    assert counts(run) == {"changed": 1, "unchanged": 2, "gone": 1}
    assert titles() == ["/guide/", "/guide/hours", "/guide/prices"]


def test_depth_and_number_of_pages_are_bounded(web: WebServer, source: SyncedSource) -> None:
    web.pages |= dict.fromkeys(["/guide/"], None)  # type: ignore[arg-type]
    for number in range(12):
        page(web, f"/guide/{number}", f"/guide/{number + 1}")
    page(web, "/guide/", "/guide/0")
    source.settings |= {"depth": 2}
    source.save()
    assert counts(look_at(source)) == {"added": 3}
    source.settings |= {"depth": 30, "pages": 5}
    source.save()
    run = look_at(source)
    assert (run.state, str(run.error), counts(run)) == (
        "incomplete",
        "It has more than 5 pages.",
        {"added": 2, "unchanged": 3},
    )


def test_noindex_nofollow_canonical_and_robots_are_obeyed(web: WebServer, source: SyncedSource) -> None:
    web.put("/robots.txt", b"User-agent: docchat\nDisallow: /guide/private\n")
    links = ["quiet", "dead-end", "copy", "private", "rel"]
    page(web, "/guide/", *links)
    page(web, "/guide/quiet", "found", head='<meta name="robots" content="noindex">')
    page(web, "/guide/dead-end", "lost", head='<meta name="robots" content="nofollow">')
    page(web, "/guide/copy", head=f'<link rel="canonical" href="{web.url}/guide/original">')
    for name in ("found", "lost", "original", "private", "rel"):
        page(web, f"/guide/{name}")
    run = look_at(source)
    assert titles() == ["/guide/", "/guide/dead-end", "/guide/found", "/guide/original", "/guide/rel"]
    assert [event for event in events(run) if event[0] == "refused"] == [
        ("refused", f"{web.url}/guide/quiet", "The page asks to be in no index (noindex)."),
        ("refused", f"{web.url}/guide/private", "The site’s robots.txt doesn’t allow it."),
    ]


def canonical(web: WebServer, path: str, at: str, *links: str) -> None:
    page(web, path, *links, head=f'<link rel="canonical" href="{at}">')


def test_pages_that_name_each_other_as_canonical_are_one_document(web: WebServer, source: SyncedSource) -> None:
    page(web, "/guide/", "a", "c", "x", "self")
    canonical(web, "/guide/a", "/guide/b", "from-a")
    canonical(web, "/guide/b", "/guide/a", "from-b")
    canonical(web, "/guide/c", "d")  # a chain
    canonical(web, "/guide/d", "e")
    canonical(web, "/guide/x", "y")  # a chain that ends in a circle
    canonical(web, "/guide/y", "z")
    canonical(web, "/guide/z", "y")
    web.put("/guide/self", b"", status="301 Moved Permanently", Location="/guide/self/")
    canonical(web, "/guide/self/", "/guide/self")
    for name in ("e", "from-a", "from-b"):
        page(web, f"/guide/{name}")
    there = ["/guide/", "/guide/b", "/guide/e", "/guide/from-a", "/guide/from-b", "/guide/self/", "/guide/z"]
    run = look_at(source)
    assert (run.state, counts(run), titles()) == ("done", {"added": 7}, there)
    page(web, "/guide/", "y", "b", "d", "self")  # found in another order, the same are kept
    run = look_at(source)
    assert (counts(run), titles()) == ({"unchanged": 6, "changed": 1}, there)


def test_document_stays_where_its_page_and_its_canonical_one_name_each_other(
    web: WebServer, source: SyncedSource
) -> None:
    page(web, "/guide/", "a")
    page(web, "/guide/a")
    look_at(source)
    canonical(web, "/guide/a", "b")
    canonical(web, "/guide/b", "a")
    run = look_at(source)
    assert (counts(run), titles()) == ({"unchanged": 1, "changed": 1}, ["/guide/", "/guide/a"])


def test_page_is_kept_where_the_one_that_it_calls_canonical_is_not_there(web: WebServer, source: SyncedSource) -> None:
    away = "https://other.example/guide/a"
    page(web, "/guide/", "gone", "away", "out", "broken", "private", "first", "second", "nowhere")
    for name, at in (
        ("gone", "lost"),
        ("away", away),
        ("out", "leads-out"),
        ("broken", "fails"),
        ("private", "hidden"),
    ):
        canonical(web, f"/guide/{name}", at)
    canonical(web, "/guide/first", "/guide/second")
    canonical(web, "/guide/second", "/guide/nowhere")
    web.put("/guide/leads-out", b"", status="302 Found", Location="/elsewhere")
    page(web, "/elsewhere")
    web.put("/guide/fails", b"", status="500 Internal Server Error")
    web.put("/robots.txt", b"User-agent: *\nDisallow: /guide/hidden\n")
    there = ["/guide/", "/guide/away", "/guide/broken", "/guide/gone", "/guide/out", "/guide/private", "/guide/second"]
    run = look_at(source)
    assert (run.state, titles()) == ("done", there)
    assert [key.rpartition("/")[2] for what, key, _why in events(run) if what == "refused"] == [
        "leads-out", "fails", "hidden"
    ]  # fmt: skip
    page(web, "/guide/lost")  # it is there by now, and fails the next time: its document stays alone
    look_at(source)
    web.put("/guide/lost", b"", status="500 Internal Server Error")
    look_at(source)
    assert titles() == sorted({*there, "/guide/lost"} - {"/guide/gone"})


def test_canonical_page_that_wants_to_be_in_no_index_takes_its_copies_along(
    web: WebServer, source: SyncedSource
) -> None:
    page(web, "/guide/", "copy")
    canonical(web, "/guide/copy", "original")
    page(web, "/guide/original", "found", head='<meta name="robots" content="noindex">')
    page(web, "/guide/found")
    look_at(source)
    assert titles() == ["/guide/", "/guide/found"]


def test_endless_chain_of_canonical_pages_is_followed_for_a_while(web: WebServer, source: SyncedSource) -> None:
    page(web, "/guide/", "p0")
    for number in range(40):
        canonical(web, f"/guide/p{number}", f"p{number + 1}")
    run = look_at(source)
    assert (run.state, titles()) == ("done", ["/guide/", "/guide/p9"])


def test_page_that_fails_keeps_its_text_and_what_it_led_to(web: WebServer, source: SyncedSource) -> None:
    page(web, "/guide/", "a", "b")
    page(web, "/guide/a", "c")
    page(web, "/guide/b")
    page(web, "/guide/c")
    look_at(source)
    web.put("/guide/a", b"", status="500 Internal Server Error")
    run = look_at(source)
    assert (counts(run), len(titles())) == ({"unchanged": 3, "refused": 1}, 4)
    web.put("/guide/a", b"", status="404 Not Found")
    run = look_at(source)
    assert (counts(run), titles()) == ({"unchanged": 2, "gone": 2}, ["/guide/", "/guide/b"])


def test_redirects_stay_inside(web: WebServer, source: SyncedSource) -> None:
    page(web, "/guide/", "old", "out", "meta")
    page(web, "/guide/new")
    web.put("/guide/old", b"", status="301 Moved Permanently", Location="/guide/new")
    web.put("/guide/out", b"", status="302 Found", Location="/elsewhere")
    page(web, "/elsewhere")
    web.put("/guide/meta", b"", status="302 Found", Location="http://[fd00:ec2::254]/latest/")
    run = look_at(source)
    assert titles() == ["/guide/", "/guide/new"]
    reasons = [reason for what, _key, reason in events(run) if what == "refused"]
    assert reasons[0] == "It leads out of the site."
    assert reasons[1].startswith("fd00:ec2::254 has the address fd00:ec2::254, which is not public.")
    web.put("/guide/", b"", status="302 Found", Location="/elsewhere")
    source.entries.all().delete()
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", f"It leads to {web.url}/elsewhere: begin there.")


def test_first_page_that_is_gone_loses_nothing(web: WebServer, source: SyncedSource) -> None:
    page(web, "/guide/", "a")
    page(web, "/guide/a")
    look_at(source)
    web.put("/guide/", b"", status="404 Not Found")
    run = look_at(source)
    assert (run.state, titles()) == ("failed", ["/guide/", "/guide/a"])


def test_time_between_two_requests_is_what_the_site_asks_for(web: WebServer) -> None:
    from retrieval.syncing.kinds.visitor import SiteVisitor

    web.put("/robots.txt", b"User-agent: *\nCrawl-delay: 7\n")
    page(web, "/a")
    waited: list[float] = []
    visitor = SiteVisitor(home=web.url, delay=0.5, wait=waited.append)
    visitor.get(f"{web.url}/a")
    visitor.get(f"{web.url}/a")
    assert [round(seconds) for seconds in waited] == [0, 7]


# ---- the pieces ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow:", "/x", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nAllow: /a\nDisallow: /a", "/a", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: DocChat\nDisallow: /b", "/a", True),
        ("User-agent: one\nUser-agent: docchat\nDisallow: /a", "/a", False),
        ("User-agent: other\nDisallow: /\n", "/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x", True),
        ("User-agent: *\nDisallow: /*/private", "/a/private/b", False),
        ("User-agent: *\nDisallow: /*?print", "/a?print=1", False),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/caf\u00e9", False),
        ("User-agent: *\nDisallow: /a # comment", "/a", False),
        ("User-agent: *\nDisallow: /x$", "/xy", True),
        ("User-agent: *\nDisallow: /" + "*a" * 2_000 + "$", "/" + "a" * 2_000 + "b", True),
        ("no colon\nUser-agent\n:\n\x00", "/x", True),
    ],
)
def test_robots(robots: str, path: str, allowed: bool) -> None:
    assert read_robots(robots).allows(f"https://example.org{path}") is allowed


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("b", "https://example.org/a/b"),
        ("../b#top", "https://example.org/b"),
        ("//EXAMPLE.org:443/x y", "https://example.org/x%20y"),
        ("/caf\u00e9?q=\u00e9", "https://example.org/caf%C3%A9?q=%C3%A9"),
        ("javascript:alert(1)", ""),
        ("https://me:pw@example.org/", ""),
        ("http://[::1", ""),
        ("https://example.org:99999/", ""),
        ("/" + "x" * 2_000, ""),
    ],
)
def test_link_has_one_address(link: str, expected: str) -> None:
    assert joined("https://example.org/a/", link) == expected


def test_links_in_comments_and_scripts_are_none_and_hostile_pages_take_no_time() -> None:
    html = b"""<base href="/b/"><!-- <a href="no">x</a> --><script>"<a href='no'>"</script>
    <A HREF=one>x</A><a href='two' rel="nofollow">x</a><a href="three&amp;x">x</a><a name="four">x</a>"""
    facts = page_facts(html, url="https://example.org/")
    assert facts.links == ["https://example.org/b/one", "https://example.org/b/three&x"]
    for part in (b"<a ", b"<!--", b"<script", b"<a href=", b"<a href='", b"<" * 5 + b"a", b"<meta name=robots "):
        assert page_facts(part * (1_000_000 // len(part)), url="https://example.org/").links == []
