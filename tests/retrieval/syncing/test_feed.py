"""Feeds, RSS and Atom: each item once, by its page or by what the feed says, and old ones stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.models import Collection, Document, SyncedSource
from tests.fakes.web_server import WebServer
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles


@pytest.fixture
def web(settings: Any, tmp_path: Path) -> Iterator[WebServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with WebServer() as server:
        settings.FETCH_HOSTS = [server.host]
        yield server


@pytest.fixture
def source(web: WebServer, public: Collection) -> SyncedSource:
    return make_source(public, "feed", url=f"{web.url}/feed", delay=0, content="page")


def rss(web: WebServer, *items: tuple[str, str]) -> None:
    texts = "".join(
        f"<item><title>{name}</title><guid>id-{name}</guid><link>{web.url}/{name}</link>"
        f"<description>{text}</description></item>"
        for name, text in items
    )
    web.put(
        "/feed", f'<?xml version="1.0"?><rss version="2.0"><channel><title>F</title>{texts}</channel></rss>'.encode()
    )


def test_pages_of_items_are_documents_and_stay_when_the_feed_drops_them(web: WebServer, source: SyncedSource) -> None:
    for name in ("one", "two", "three"):
        web.put(f"/{name}", f"<title>Page</title><p>Of {name}.</p>".encode(), Content_Type="text/html")
    rss(web, ("one", "A"), ("two", "B"))
    run = look_at(source)
    assert (run.state, counts(run), titles()) == ("done", {"added": 2}, ["one", "two"])
    one = Document.objects.get(title="one")
    assert (one.location, one.address) == ("id-one", f"{web.url}/one")
    web.requests.clear()
    rss(web, ("three", "C"), ("two", "B"))
    run = look_at(source)
    assert (run.state, counts(run), titles()) == ("done", {"added": 1, "unchanged": 1}, ["one", "three", "two"])
    assert [path for path, _ in web.requests] == ["/robots.txt", "/feed", "/three"]


def test_what_the_feed_says_is_the_document(web: WebServer, source: SyncedSource) -> None:
    source.settings |= {"content": "item"}
    source.save()
    web.put(
        "/feed",
        b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>
        <entry><id>urn:1</id><title>Hours</title><updated>2026-01-01</updated>
          <link rel="self" href="/self"/><link href="/hours"/>
          <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Nine &amp; <a href="/x">five</a>.</p>
          </div></content></entry>
        <entry><id>urn:2</id><title>Prices</title><summary type="html">&lt;b&gt;Ten&lt;/b&gt;</summary></entry>
        <entry><id>urn:3</id><title>Nothing</title></entry></feed>""",
    )
    run = look_at(source)
    assert counts(run) == {"added": 2, "refused": 1}
    assert events(run)[2] == ("refused", "urn:3", "The feed says nothing of it but its title.")
    hours = Document.objects.get(title="Hours")
    assert hours.address == f"{web.url}/hours"
    assert '<p>Nine &amp; <a href="/x">five</a>.</p>' in Path(hours.file.path).read_text()
    assert "<b>Ten</b>" in Path(Document.objects.get(title="Prices").file.path).read_text()


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        (b"<html><body>Log in</body></html>", "It is no feed."),
        (b"not xml", "It is no XML that can be read:"),
        (b'<!DOCTYPE r [<!ENTITY x "y">]><rss><channel><item/></channel></rss>', "it declares entities"),
        (b"", "It is no XML that can be read:"),
    ],
)
def test_what_is_no_feed_is_told(web: WebServer, source: SyncedSource, feed: bytes, said: str) -> None:
    web.put("/feed", feed)
    run = look_at(source)
    assert run.state == "failed"
    assert said in str(run.error)


def test_empty_feed_is_well(web: WebServer, source: SyncedSource) -> None:
    rss(web)
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {})


def test_links_of_items_into_the_own_network_are_refused(web: WebServer, source: SyncedSource) -> None:
    web.put("/feed", b"<rss><channel><item><title>A</title><link>http://127.0.0.1:1/</link></item></channel></rss>")
    assert "Port 1 is not fetched from" in events(look_at(source))[0][2]


def test_host_of_an_item_that_is_down_ends_no_run(web: WebServer, source: SyncedSource, settings: Any) -> None:
    with WebServer() as gone:
        closed = gone.host
    settings.FETCH_HOSTS = [web.host, closed]
    links = [f"http://{closed}/{number}" for number in range(12)] + [f"{web.url}/here"]
    items = "".join(f"<item><title>T</title><link>{link}</link></item>" for link in links)
    web.put("/feed", f"<rss><channel>{items}</channel></rss>".encode())
    web.put("/here", b"<title>Here</title><p>Text.</p>", Content_Type="text/html")
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"added": 1, "refused": 12})
    reasons = [reason for _what, _key, reason in events(run)]
    assert reasons[0].startswith("Its robots.txt can’t be read, so nothing is fetched: It could not be reached")
    assert reasons[11] == "Its host has failed too often in this run."
