"""What was refused is kept by name and reason, and bounded."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from retrieval.models import Collection, Document, RefusedFile
from retrieval.reasons import Reason
from retrieval.sources.refused import KEPT, keep_refused
from retrieval.sources.uploads import Upload

pytestmark = pytest.mark.django_db


def refused(name: str, *, why: str = "Too large.", size: int | None = None) -> Upload:
    return Upload(name, refusal=Reason(why), size=size)


def kept() -> list[tuple[str, str, int | None]]:
    return [(file.filename, file.reason, file.size) for file in RefusedFile.objects.all()]


def test_name_is_kept_once_with_the_newest_reason(public: Collection, reader: User) -> None:
    keep_refused(public, [refused("a.exe"), refused("b.pdf")], owner=reader)
    keep_refused(public, [refused("a.exe", why="Of an unknown type.", size=7)], owner=None)
    assert kept() == [("a.exe", "Of an unknown type.", 7), ("b.pdf", "Too large.", None)]
    assert [file.owner for file in RefusedFile.objects.all()] == [None, reader]


def test_name_that_comes_in_is_no_longer_refused(public: Collection) -> None:
    other = Collection.objects.create(name="Other", slug="other")
    for collection in (public, other):
        keep_refused(collection, [refused("a.pdf")], owner=None)
    keep_refused(public, [Upload("a.pdf", Document(title="A"))], owner=None)
    assert [file.collection for file in RefusedFile.objects.all()] == [other]


def test_newest_are_kept(public: Collection) -> None:
    keep_refused(public, [refused("first.exe")], owner=None)
    keep_refused(public, [refused(f"{n}.exe") for n in range(KEPT)], owner=None)
    assert RefusedFile.objects.count() == KEPT
    assert not RefusedFile.objects.filter(filename="first.exe").exists()


def test_names_that_are_too_long_are_cut(public: Collection) -> None:
    keep_refused(public, [refused("n" * 600)], owner=None)
    assert len(RefusedFile.objects.get().filename) == 500
