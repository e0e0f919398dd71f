"""What hostile sites, feeds and files may try, and what a run that meets them does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from django import forms
from django.core.files.storage import storages

from retrieval.errors import FetchFailed, FetchRefused
from retrieval.models import Collection, Document, SyncedSource
from retrieval.syncing import DocumentSource, EntryRefused, KnownEntries, SourceContent, SourceEntry, document_source
from retrieval.syncing.declaring import withdraw_source
from retrieval.syncing.kinds.markup import LINKS, page_facts
from retrieval.syncing.kinds.robots import ROBOTS_BYTES, read_robots
from retrieval.syncing.kinds.visitor import SiteVisitor
from retrieval.syncing.kinds.xml import items_in
from tests.fakes.web_server import WebServer
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(settings: Any, tmp_path: Path) -> Iterator[WebServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with WebServer() as server:
        settings.FETCH_HOSTS = [server.host]
        yield server


def visitor_of(home: str) -> SiteVisitor:
    return SiteVisitor(home=home, delay=0, wait=lambda seconds: None)


def test_site_elsewhere_cannot_have_hosts_of_our_own_fetched(web: WebServer) -> None:
    """A page of it may redirect there, and a feed name it: the answer would be a document that others read."""
    web.put("/salaries", b"secret", Content_Type="text/plain")
    with pytest.raises(FetchRefused, match="FETCH_HOSTS may allow it"):
        visitor_of("https://elsewhere.example/feed").get(f"{web.url}/salaries")
    assert web.requests == []
    assert visitor_of(f"{web.url}/feed").get(f"{web.url}/salaries").content == b"secret"


def test_site_elsewhere_cannot_have_a_token_sent(web: WebServer, settings: Any) -> None:
    """Its feed may name a private page, which our token opens."""
    with WebServer() as other:
        settings.FETCH_HOSTS = [web.host, other.host]
        settings.SOURCE_TOKENS = {web.url: "Bearer hush"}
        web.put("/private", b"secret", Content_Type="text/plain")
        visitor_of(f"{other.url}/feed").get(f"{web.url}/private")
        assert {headers.get("authorization") for _path, headers in web.requests} == {None}
        web.requests.clear()
        visitor_of(f"{web.url}/feed").get(f"{web.url}/private")
        assert {headers.get("authorization") for _path, headers in web.requests} == {"Bearer hush"}


def test_robots_with_very_many_agents_is_read_at_once() -> None:
    agents = "user-agent:a\n" * (ROBOTS_BYTES // 13)
    began = process_time()
    robots = read_robots(f"{agents}user-agent: docchat\nDisallow: /private\n")
    assert process_time() - began < 20
    assert not robots.allows("https://site.example/private")


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("/*/*/$", "/a/b/", False),
        ("/*a*b*a$", "/xaxbxa", False),
        ("/*/*/$", "/a/b", True),
        ("/*.php$", "/a.php", False),
    ],
)
def test_same_piece_twice_in_a_pattern(pattern: str, path: str, allowed: bool) -> None:
    assert read_robots(f"User-agent: *\nDisallow: {pattern}").allows(f"https://site.example{path}") is allowed


def test_attributes_that_a_document_type_gives_to_each_element_are_refused() -> None:
    """A hundred thousand of them, or one of a megabyte, come with every element of a few bytes."""
    declared = f'<!DOCTYPE urlset [<!ATTLIST url x CDATA "{"a" * 1_000}">]>'
    content = f"<?xml version='1.0'?>{declared}<urlset>{'<url/>' * 3}</urlset>"
    with pytest.raises(FetchFailed, match="it declares attributes"):
        list(items_in(content.encode(), named=["url"]))


def test_file_whose_name_is_no_text_is_refused_and_the_others_are_read(
    settings: Any, tmp_path: Path, public: Collection
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "zebra.txt").write_text("A zebra.")
    Path(os.fsdecode(os.fsencode(shelf) + b"/a\xff.txt")).write_text("Who knows.")
    settings.STORAGES = settings.STORAGES | {
        "shelf": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": shelf}}
    }
    settings.SOURCE_STORAGES = ["shelf"]
    assert "shelf" in storages.backends
    run = look_at(make_source(public, "storage", storage="shelf", folder=""))
    assert (run.state, counts(run), titles()) == ("done", {"added": 1, "refused": 1}, ["zebra"])
    assert events(run)[0][1:] == ("a?.txt", "Its name is no text.")


class Locked(DocumentSource):
    kind = "locked"
    label = "Locked"

    class Form(forms.Form):
        password = forms.CharField(widget=forms.PasswordInput)

    said = ""
    deleting = False

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        yield SourceEntry("one", self.read)

    def read(self) -> SourceContent:
        if type(self).deleting:
            Document.objects.all().delete()
        if type(self).said:
            raise ZeroDivisionError(type(self).said)
        return SourceContent(f"Text {type(self).deleting}", "text.md")


@pytest.fixture
def locked(settings: Any, tmp_path: Path, public: Collection) -> Iterator[SyncedSource]:
    settings.MEDIA_ROOT = tmp_path / "media"
    document_source(Locked)
    Locked.said, Locked.deleting = "", False
    yield make_source(public, "locked", password="pass/word with hush")
    withdraw_source("locked")


@pytest.mark.parametrize(
    "said",
    [
        "x" * 475 + "pass/word with hush",  # a long message is cut in the midst of it
        "https://site.example/?key=pass%2Fword%20with%20hush",
        "https://site.example/?key=pass%2Fword+with+hush",
    ],
)
def test_no_part_of_a_secret_is_in_the_log(locked: SyncedSource, said: str, caplog: Any) -> None:
    Locked.said = said
    told = f"{events(look_at(locked))} {caplog.text}"
    assert "pass" not in told
    assert "hush" not in told


class Odd(DocumentSource):
    kind = "odd"
    label = "Odd"
    made: list[Any] = []

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        for made in type(self).made:
            if isinstance(made, Exception):
                raise made
            yield made


@pytest.fixture
def odd(settings: Any, tmp_path: Path, public: Collection) -> Iterator[SyncedSource]:
    settings.MEDIA_ROOT = tmp_path / "media"
    document_source(Odd)
    yield make_source(public, "odd")
    withdraw_source("odd")


NO_TEXT = "a\0b\udc80"


def raising(error: Exception) -> Any:
    def read() -> SourceContent:
        raise error

    return read


@pytest.mark.parametrize(
    ("content", "entry", "kept"),
    [
        ({"title": NO_TEXT}, {}, {"title": "a?b?"}),
        ({"version": NO_TEXT}, {}, {"version": "a?b?"}),
        ({}, {"version": NO_TEXT}, {"version": "a?b?"}),
        ({"url": f"https://a.example/{NO_TEXT}"}, {}, {"document__address": "https://a.example/a?b?"}),
        ({"filename": f"{NO_TEXT}.md"}, {}, {"document__filename": "a?b?.md"}),
        ({"memory": {NO_TEXT: [NO_TEXT, {"x": NO_TEXT}, 1]}}, {}, {"memory": {"a?b?": ["a?b?", {"x": "a?b?"}, 1]}}),
    ],
)
def test_what_no_database_takes_is_cut_out(
    odd: SyncedSource, content: dict[str, Any], entry: dict[str, Any], kept: dict[str, Any]
) -> None:
    """On PostgreSQL a NUL would end the run with an error of the database, and the run would be tried for ever."""
    Odd.made = [SourceEntry("one", lambda: SourceContent("Text.", **{"filename": "a.md"} | content), **entry)]
    assert (look_at(odd).state, odd.entries.filter(**kept).count()) == ("done", 1)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: SourceContent("Text.", "a.md", memory={"a": object()}), "Its memory is no JSON"),
        (lambda: SourceContent("Text.", "a.md", memory={"a": float("nan")}), "Its memory is no JSON"),
        (lambda: SourceContent(None, "a.md"), "It raised AttributeError"),  # type: ignore[arg-type]
        (lambda: None, "It raised AttributeError"),
        (raising(ValueError(NO_TEXT)), "It raised ValueError: a?b?."),
        (raising(EntryRefused(NO_TEXT)), "a?b?"),
    ],
)
def test_entry_that_is_none_is_refused_and_the_others_are_read(odd: SyncedSource, read: Any, said: str) -> None:
    Odd.made = [SourceEntry("odd", read), SourceEntry("even", lambda: SourceContent("Text.", "a.md"))]
    run = look_at(odd)
    assert (run.state, counts(run)) == ("done", {"refused": 1, "added": 1})
    assert events(run)[0][2].startswith(said)


def test_run_ends_whatever_its_error_says(odd: SyncedSource) -> None:
    Odd.made = [ValueError(NO_TEXT)]
    run = look_at(odd)
    assert (run.state, str(run.error), odd.token) == ("failed", "It raised ValueError: a?b?.", "")


def test_document_that_staff_delete_while_its_entry_is_read_is_added_again(locked: SyncedSource) -> None:
    look_at(locked)
    Locked.deleting = True
    run = look_at(locked)
    assert (run.state, counts(run), Document.objects.count()) == ("done", {"added": 1}, 1)


def test_page_of_very_many_links_is_read_for_the_first_of_them() -> None:
    links = "".join(f"<a href='{number}'>" for number in range(100_000))
    facts = page_facts(links.encode(), url="https://site.example/")
    assert facts.links == [f"https://site.example/{number}" for number in range(LINKS)]
