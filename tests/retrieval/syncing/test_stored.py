"""Django's storages as sources: those that the operator has named, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from retrieval.models import Collection, SyncedSource
from retrieval.syncing.kinds.stored import StorageForm
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles


@pytest.fixture(params=["folder", "memory"])
def source(request: Any, settings: Any, tmp_path: Path, public: Collection) -> SyncedSource:
    settings.MEDIA_ROOT = tmp_path / "media"
    backends = {
        "folder": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "contracts"},
        },
        "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    settings.STORAGES = settings.STORAGES | {"contracts": backends[request.param]}
    settings.SOURCE_STORAGES = ["contracts", "missing"]
    return make_source(public, "storage", storage="contracts", folder="")


def put(name: str, text: str, *, replace: bool = False) -> None:
    if replace:
        storages["contracts"].delete(name)
    assert storages["contracts"].save(name, ContentFile(text.encode())) == name


def test_files_are_followed_folder_by_folder(source: SyncedSource) -> None:
    put("hours.md", "# Hours\n\nNine.")
    put("2026/prices.md", "# Prices\n\nTen.")
    put("2026/.hidden.md", "# Hidden\n\nNo.")
    put("2026/tool.exe", "MZ")
    put("2026/empty.md", "")
    run = look_at(source)
    assert (counts(run), titles()) == ({"added": 2, "refused": 1}, ["Hours", "Prices"])
    assert events(run)[1] == ("refused", "2026/empty.md", "It is empty.")
    put("2026/prices.md", "# Prices\n\nEleven, since the new year.", replace=True)
    storages["contracts"].delete("2026/empty.md")
    assert counts(look_at(source)) == {"changed": 1, "unchanged": 1}
    storages["contracts"].delete("hours.md")
    assert counts(look_at(source)) == {"unchanged": 1, "gone": 1}


def test_folder_and_patterns_narrow_it(source: SyncedSource) -> None:
    for name in ("a.md", "in/b.md", "in/c.txt", "in/deep/d.md"):
        put(name, f"Of {name}.")
    source.settings |= {"folder": "in", "include": ["*.md"]}
    source.save()
    look_at(source)
    assert titles() == ["b", "d"]


def test_storage_that_is_no_longer_named_is_not_read(source: SyncedSource, settings: Any) -> None:
    put("a.md", "Of a.")
    look_at(source)
    settings.SOURCE_STORAGES = []
    run = look_at(source)
    assert (run.state, titles()) == ("failed", ["a"])
    assert str(run.error) == "SOURCE_STORAGES doesn’t name the storage contracts."


def test_form_offers_what_is_named_and_there(source: SyncedSource, settings: Any) -> None:
    assert StorageForm().fields["storage"].choices == [("contracts", "contracts")]  # type: ignore[attr-defined]
    assert StorageForm({"storage": "contracts", "folder": "/in/deep/"}).is_valid()
    for fields in ({"storage": "default"}, {"storage": "contracts", "folder": "../media"}, {"storage": "missing"}):
        assert not StorageForm(fields).is_valid()


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_folder_that_is_gone_loses_nothing(source: SyncedSource, tmp_path: Path) -> None:
    put("a.md", "Of a.")
    look_at(source)
    (tmp_path / "contracts").rename(tmp_path / "elsewhere")
    run = look_at(source)
    assert (run.state, titles()) == ("failed", ["a"])
