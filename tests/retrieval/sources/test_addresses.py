"""Web addresses as documents: added, looked at again, changed and gone, against a real server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from retrieval.errors import FetchRefused
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.sources.addresses import Refreshed, RefreshOutcome, add_address, filename_of, refresh
from retrieval.sources.web import Fetched, FetchLimits
from tests.fakes.web_server import WebServer, answer

PAGE = b"<title>Opening hours</title><p>Nine to five.</p>"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def limits(web: WebServer) -> FetchLimits:
    return FetchLimits(100_000, hosts=[web.host])


def drain() -> None:
    while ingest.ingest_next():
        pass


def test_page_becomes_a_document_that_knows_where_it_is_from(
    web: WebServer, limits: FetchLimits, public: Collection, reader: User
) -> None:
    web.put("/", b"", status="302 Found", Location="/guide/hours/")
    web.put("/guide/hours/", PAGE, Content_Type="text/html", ETag='"v1"')
    upload = add_address(public, url=f"  {web.url}/ ", owner=reader, limits=limits)
    document = Document.objects.get()
    assert (upload.document, upload.refusal) == (document, "")
    assert (document.title, document.filename, document.source, document.location, document.owner) == (
        "Opening hours",
        "hours.html",
        "url",
        f"{web.url}/guide/hours/",
        reader,
    )
    assert (document.etag, document.size, document.checked_at is not None) == ('"v1"', len(PAGE), True)
    assert Path(document.file.path).read_bytes() == PAGE


def test_address_that_is_there_already_is_named(web: WebServer, limits: FetchLimits, public: Collection) -> None:
    web.put("/a", PAGE, Content_Type="text/html")
    web.put("/moved", b"", status="301 Moved Permanently", Location="/a")
    web.put("/copy", PAGE, Content_Type="text/html")
    document = add_address(public, url=f"{web.url}/a", owner=None, limits=limits).document
    for path, reason in (("a", "address is already"), ("moved", "leads to"), ("copy", "same content")):
        again = add_address(public, url=f"{web.url}/{path}", owner=None, limits=limits)
        assert (again.document, reason in again.refusal) == (document, True)
    assert [path for path, _ in web.requests] == ["/a", "/moved", "/a", "/copy"]
    assert Document.objects.count() == 1


def test_case_41_refusal_is_the_result_of_that_address(public: Collection) -> None:
    upload = add_address(public, url="http://169.254.169.254/", owner=None, limits=FetchLimits(1_000))
    assert upload.document is None
    assert upload.refusal.startswith("169.254.169.254 has the address 169.254.169.254, which is not public.")


def test_refresh_keeps_what_has_not_changed_and_replaces_what_has(
    web: WebServer, limits: FetchLimits, public: Collection, index: None
) -> None:
    web.pages["/a"] = lambda headers: (
        answer(b"", status="304 Not Modified")
        if headers.get("if-none-match") == '"v1"'
        else answer(PAGE, ETag='"v1"', Content_Type="text/html")
    )
    document = add_address(public, url=f"{web.url}/a", owner=None, limits=limits).document
    assert document
    drain()
    document.refresh_from_db()
    checked = document.checked_at
    assert refresh(document, limits=limits) == Refreshed(RefreshOutcome.UNCHANGED)
    document.refresh_from_db()
    assert (document.generation, document.checked_at > checked) == (1, True)  # type: ignore[operator]
    web.put("/a", b"<title>New</title><p>Ten to six.</p>", ETag='"v2"', Content_Type="text/html")
    assert refresh(document, limits=limits) == Refreshed(RefreshOutcome.CHANGED)
    document.refresh_from_db()
    assert (document.generation, document.live_generation, document.etag) == (2, 1, '"v2"')
    drain()
    document.refresh_from_db()
    assert (document.live_generation, document.title) == (2, "New")
    assert document.chunks.get().text.endswith("Ten to six.\n") or "Ten to six." in document.chunks.get().text


def test_version_of_where_a_page_has_moved_is_not_kept_for_the_page(
    web: WebServer, limits: FetchLimits, public: Collection
) -> None:
    web.put("/a", PAGE, ETag='"v1"', Content_Type="text/html")
    document = add_address(public, url=f"{web.url}/a", owner=None, limits=limits).document
    assert document
    web.put("/a", b"", status="302 Found", Location="/b")
    web.put("/b", b"<title>New</title><p>Ten to six.</p>", ETag='"of-b"', Content_Type="text/html")
    assert refresh(document, limits=limits) == Refreshed(RefreshOutcome.CHANGED)
    document.refresh_from_db()
    assert (document.location, document.etag) == (f"{web.url}/a", "")
    web.requests.clear()
    assert refresh(document, limits=limits) == Refreshed(RefreshOutcome.UNCHANGED)
    assert [headers.get("if-none-match") for _path, headers in web.requests] == [None, None]


def test_refresh_of_a_page_without_a_version_compares_what_it_holds(
    web: WebServer, limits: FetchLimits, public: Collection
) -> None:
    web.put("/a", PAGE, Content_Type="text/html")
    document = add_address(public, url=f"{web.url}/a", owner=None, limits=limits).document
    assert document
    assert refresh(document, limits=limits) == Refreshed(RefreshOutcome.UNCHANGED)
    assert web.requests[-1][0] == "/a"


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("404 Not Found", RefreshOutcome.GONE, "nothing at this address (status 404)"),
        ("410 Gone", RefreshOutcome.GONE, "nothing at this address (status 410)"),
        ("503 Busy", RefreshOutcome.FAILED, "status 503"),
    ],
)
def test_refresh_of_a_page_that_is_gone_keeps_the_text(
    web: WebServer, limits: FetchLimits, public: Collection, status: str, outcome: RefreshOutcome, reason: str
) -> None:
    web.put("/a", PAGE, Content_Type="text/html")
    document = add_address(public, url=f"{web.url}/a", owner=None, limits=limits).document
    assert document
    web.put("/a", b"gone", status=status)
    refreshed = refresh(document, limits=limits)
    assert refreshed.outcome is outcome
    assert reason in refreshed.reason
    document.refresh_from_db()
    assert document.generation == 1
    assert Path(document.file.path).read_bytes() == PAGE


def test_refresh_that_would_hold_the_same_content_twice(
    web: WebServer, limits: FetchLimits, public: Collection
) -> None:
    web.put("/a", PAGE, Content_Type="text/html")
    web.put("/b", b"<p>Other.</p>", Content_Type="text/html")
    add_address(public, url=f"{web.url}/a", owner=None, limits=limits)
    other = add_address(public, url=f"{web.url}/b", owner=None, limits=limits).document
    assert other
    web.put("/b", PAGE, Content_Type="text/html")
    refreshed = refresh(other, limits=limits)
    assert (refreshed.outcome, "Another document of the collection" in refreshed.reason) == (
        RefreshOutcome.FAILED,
        True,
    )


@pytest.mark.parametrize(
    ("url", "content_type", "content", "filename"),
    [
        ("https://example.org/", "text/html", b"x", "example.org.html"),
        ("https://example.org/a/guide", "text/html; charset=utf-8", b"x", "guide.html"),
        ("https://example.org/guide.php", "text/html", b"x", "guide.html"),
        ("https://example.org/v1.2", "text/html", b"x", "v1.2.html"),
        ("https://example.org/page.htm", "text/html", b"x", "page.htm"),
        ("https://example.org/README.md", "text/plain", b"# x", "README.md"),
        ("https://example.org/notes", "text/plain", b"x", "notes.txt"),
        ("https://example.org/index", "", b"<!DOCTYPE html><p>", "index.html"),
        ("https://example.org/report", "application/octet-stream", b"%PDF-1.7", "report.pdf"),
        ("https://example.org/report.txt", "text/plain", b"%PDF-1.7", "report.pdf"),
        ("https://example.org/a%20b.pdf", "application/pdf", b"%PDF-1.7", "a b.pdf"),
        ("https://example.org/x", "text/markdown", b"# x", "x.md"),
    ],
)
def test_name_of_what_was_fetched(url: str, content_type: str, content: bytes, filename: str) -> None:
    assert filename_of(Fetched(content, content_type, url, "", "")) == filename


@pytest.mark.parametrize("content_type", ["video/webm", "application/x-msdownload", "", "video/mp4"])
def test_type_that_cannot_be_read_is_refused(content_type: str) -> None:
    with pytest.raises(FetchRefused, match="of a type that can't be read here"):
        filename_of(Fetched(b"\x89PNG", content_type, "https://example.org/x", "", ""))
