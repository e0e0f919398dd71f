"""What docs/sources.md shows is executed, and what it states is compared with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from retrieval import syncing
from retrieval.admin.synced import SOURCES
from retrieval.models import Collection, Document
from retrieval.syncing import DocumentSource, due, running
from retrieval.syncing.available import BUILT_IN, declare_kinds
from retrieval.syncing.declaring import MOST_ENTRIES, source_kinds, withdraw_source
from retrieval.syncing.kinds import git, visitor
from tests.retrieval.syncing.sources import look_at, make_source, titles

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sources.md").read_text()


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "media"
    yield
    withdraw_source("shelf")


def snippets() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_source_of_ones_own_is_followed(public: Collection) -> None:
    books = [SimpleNamespace(isbn="1", edition="1", title="Care", markdown="Oil the lathe.")]
    asked: list[str] = []

    def books_in(room: str) -> list[SimpleNamespace]:
        asked.append(room)
        return books

    exec(snippets()[1], {"books_in": books_in, "__name__": "shop.docchat"})
    source = make_source(public, "shelf", room="cellar")
    assert (look_at(source).added, asked, titles()) == (1, ["cellar"], ["Care"])
    assert Document.objects.get().address == "https://shelf.example.org/1"
    assert list(source_kinds()["shelf"].Form.base_fields) == ["room"]
    books[0].markdown = "Never read, for the edition is the same."
    assert look_at(source).unchanged == 1
    books[0].edition = "2"
    assert look_at(source).changed == 1


def test_settings_are_those_that_are_read() -> None:
    shown: dict[str, Any] = {}
    exec(snippets()[0], shown)
    assert all(hasattr(settings, name) for name in shown["DOCCHAT"])


def test_every_kind_and_all_that_a_source_can_say_is_listed() -> None:
    labels = re.findall(r"^\| ([^|]+?) \|", PAGE.partition("| kind |")[2].partition("\n\n")[0], flags=re.MULTILINE)
    assert labels == [str(kind.label) for kind in BUILT_IN]
    said = set(re.findall(r"`(?:self\.)?(\w+)", PAGE.partition("| name | what it says |")[2]))
    ours = {name for name in vars(DocumentSource) if not name.startswith("_")}
    assert ours <= said
    assert {name for name in syncing.__all__ if name not in PAGE} <= {"KnownEntries", "KnownEntry"}


def test_numbers_are_those_of_the_code() -> None:
    for sentence in (
        f"up to {due.AT_ONCE} at once",
        f"does not get on for {due.STUCK_SECONDS / 60:.0f} minutes",
        f"takes longer than {running.RUN_SECONDS / 3600:.0f} hours",
        f"up to {MOST_ENTRIES:,} entries, each named in up to {running.KEY_BYTES:,} bytes",
        f"the first {running.EVENTS_KEPT:,} lines of its log, a source its last {running.RUNS_KEPT} runs",
        f"up to {SOURCES} sources",
        f"A file has up to {settings.UPLOAD_MAX_BYTES // 1024**2} MB",
        f"After {visitor._FAILURES} requests that failed",
        "version {}.{} or newer".format(*git._OLDEST),
        f"{git.DOWNLOAD_SECONDS / 60:.0f} minutes, {git.DOWNLOAD_BYTES // 1024**3} GB of disk and",
    ):
        assert sentence in PAGE
    assert running.HELD_SHARE == 0.5


@pytest.mark.parametrize("name", ["nowhere.Shelf", "shelf", "django.forms.Form", "retrieval.syncing.DocumentSource"])
def test_setting_that_names_no_kind_stops_the_start_by_its_name(settings: Any, name: str) -> None:
    settings.SOURCES = [name]
    with pytest.raises(ImproperlyConfigured, match=f"SOURCES: {name}: "):
        declare_kinds()
