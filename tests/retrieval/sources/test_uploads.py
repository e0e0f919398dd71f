"""Files, archives and pasted text as staff put them in, up to the row and the file on disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.files.base import ContentFile

from retrieval.configuration import configure, runtime
from retrieval.errors import QuotaExceeded
from retrieval.ingestion import ingest
from retrieval.ingestion.quota import stored_bytes
from retrieval.models import Collection, Document
from retrieval.sources.uploads import Upload, add_text, add_upload, check_length
from tests.configured import configured

pytestmark = pytest.mark.django_db

Quota = Callable[[int], None]


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def quota(db: None) -> Iterator[Quota]:
    """Set how many bytes a user may store."""

    def set_quota(limit: int) -> None:
        configure(replace(runtime().settings, user_quota_bytes=limit))

    with configured(site.INDEX_DIR):
        yield set_quota


def add(
    collection: Collection, name: str, content: bytes, *, owner: User | None = None, max_bytes: int = 1_000
) -> list[Upload]:
    file = ContentFile(content, name=name)
    return add_upload(collection, file=file, filename=name, owner=owner, max_bytes=max_bytes)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def test_archive_becomes_a_document_for_each_member(public: Collection, reader: User) -> None:
    packed = zipped({"guides/annual_leave.md": b"25 days.", "tool.exe": b"MZ", "guides/copy.md": b"25 days."})
    leave, tool, copy = add(public, "handbook.zip", packed, owner=reader)
    document = Document.objects.get()
    assert (leave.document, leave.refusal) == (document, "")
    assert (document.title, document.filename, document.source, document.location, document.size, document.owner) == (
        "annual leave",
        "annual_leave.md",
        "upload",
        "guides/annual_leave.md",
        8,
        reader,
    )
    assert Path(document.file.path).read_bytes() == b"25 days."
    assert (tool.filename, tool.document) == ("handbook.zip: tool.exe", None)
    assert tool.refusal.startswith("Of an unknown type. These are accepted: ")
    assert (copy.document, copy.refusal) == (document, "The same file is already there:")


def test_archive_member_over_the_file_limit_is_refused(public: Collection) -> None:
    refused, kept = add(public, "b.zip", zipped({"large.md": b"y" * 1_001, "new.md": b"n"}), max_bytes=1_000)
    assert (refused.document, refused.refusal[:9]) == (None, "Too large")
    assert kept.document is not None


def test_archive_that_is_broken_is_refused_by_its_name(public: Collection) -> None:
    assert add(public, "b.zip", b"PK\x03\x04") == [
        Upload("b.zip", refusal="It is broken: it can't be read as a zip archive.", size=4)
    ]


def test_text_is_kept_as_markdown(public: Collection, reader: User) -> None:
    upload = add_text(public, title="Opening/hours: summer", text="# Hours\r\n\r\nNine to five.", owner=reader)
    document = Document.objects.get()
    assert upload == Upload("Opening/hours: summer", document)
    assert (document.title, document.filename, document.source) == (
        "Opening/hours: summer",
        "openinghours-summer.md",
        "paste",
    )
    assert Path(document.file.path).read_bytes() == b"# Hours\n\nNine to five."
    assert add_text(public, title="夏", text="Later.", owner=None).document.filename == "text.md"  # type: ignore[union-attr]


@pytest.mark.parametrize(("length", "refused"), [("", False), ("x", False), ("90000", True), ("9" * 20, True)])
def test_case_40_length_that_a_form_tells_is_judged(length: str, refused: bool) -> None:
    assert bool(check_length(length, max_bytes=1_000)) is refused


def test_case_40_file_over_the_limit(public: Collection) -> None:
    (upload,) = add(public, "a.md", b"x" * 1_001)
    assert upload == Upload(
        "a.md", refusal="Too large: it has 1001\xa0bytes, the limit is 1000\xa0bytes.", too_much=True, size=1_001
    )


def test_case_40_quota_of_a_user_counts_every_source(quota: Quota, public: Collection, reader: User) -> None:
    quota(100)
    add(public, "a.md", b"x" * 60, owner=reader)
    add_text(public, title="b", text="y" * 30, owner=reader)
    assert stored_bytes(reader) == 90
    (refused,) = add(public, "c.md", b"z" * 11, owner=reader)
    assert (refused.document, refused.too_much) == (None, True)
    assert refused.refusal == (
        "Too much for your quota of 100\xa0bytes: 90\xa0bytes are stored, and this has 11\xa0bytes. "
        "Delete documents that are no longer needed, or ask for a larger USER_QUOTA_BYTES."
    )
    (exact,) = add(public, "d.md", b"z" * 10, owner=reader)
    assert exact.document is not None
    (unowned,) = add(public, "e.md", b"w" * 500)
    assert unowned.document is not None
    files = [path for path in site.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert len(files) == Document.objects.count() == 4


def test_case_40_quota_of_an_archive_takes_what_fits(quota: Quota, public: Collection, reader: User) -> None:
    quota(100)
    fits, not_, small = add(
        public, "a.zip", zipped({"1.md": b"1" * 80, "2.md": b"2" * 30, "3.md": b"3" * 20}), owner=reader
    )
    assert [upload.too_much for upload in (fits, not_, small)] == [False, True, False]
    assert stored_bytes(reader) == 100


def test_case_40_quota_on_a_replaced_file_counts_the_difference(quota: Quota, public: Collection, reader: User) -> None:
    (upload,) = add(public, "a.md", b"x" * 60, owner=reader)
    assert upload.document
    quota(100)
    assert ingest.replace_file(upload.document, file=ContentFile(b"y" * 100))
    with pytest.raises(QuotaExceeded):
        ingest.replace_file(upload.document, file=ContentFile(b"y" * 101))
    document = Document.objects.get()
    assert (document.size, document.generation) == (100, 2)
    assert Path(document.file.path).read_bytes() == b"y" * 100


def test_case_40_quota_frees_what_is_deleted(quota: Quota, public: Collection, reader: User) -> None:
    quota(100)
    (upload,) = add(public, "a.md", b"x" * 90, owner=reader)
    assert upload.document
    upload.document.delete()
    assert add(public, "b.md", b"y" * 90, owner=reader)[0].document is not None
