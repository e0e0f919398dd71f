"""Uploaded files, archives of files and pasted text into a collection. Each is judged on its own."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePath

from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.core.files.base import ContentFile
from django.template.defaultfilters import filesizeformat
from django.utils.text import slugify

from retrieval.errors import ArchiveRefused, QuotaExceeded
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.parsing.formats import FORMATS
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _
from retrieval.sources import Origin, archive

ARCHIVE = "zip"  # not a format: its members are documents
ENDINGS = frozenset(FORMATS)
AROUND_FILES = 64 * 1024  # bytes of a form that are not its files', at most


@dataclass(frozen=True)
class Upload:
    """The outcome for one file: a new document, or why there is none, with the document that holds the same if there is
    one. `too_much` when a size limit or a quota is why; `size` in bytes, where a file was refused for what it is."""

    filename: str
    document: Document | None = None
    refusal: Reason = NO_REASON
    too_much: bool = False
    size: int | None = None


def check_size(size: int, *, max_bytes: int) -> Reason:
    """Return why a file of this size is refused; empty when it is not."""
    if size <= max_bytes:
        return NO_REASON
    limit = filesizeformat(max_bytes)
    return Reason(_("Too large: it has %(size)s, the limit is %(limit)s."), size=filesizeformat(size), limit=limit)


def check_length(length: str, *, max_bytes: int) -> Reason:
    """Return why a form with this Content-Length is refused before anybody reads it; empty when it is not, or when it
    has none."""
    size = declared_length(length)
    return check_size(size, max_bytes=max_bytes) if size > max_bytes + AROUND_FILES else NO_REASON


def declared_length(length: str) -> int:
    """Return how many bytes a Content-Length tells of: 0 where it is none, the most there can be for one so long that
    no body has it."""
    if not length.isdecimal():
        return 0
    return int(length) if len(length) < 19 else sys.maxsize


def check_ending(filename: str, *, accepted: frozenset[str] = ENDINGS) -> Reason:
    """Return why a file of this name is refused; empty when it is not. The parser judges its content."""
    if PurePath(filename).suffix[1:].lower() in accepted:
        return NO_REASON
    return Reason(_("Of an unknown type. These are accepted: %(endings)s."), endings=", ".join(sorted(accepted)))


def add_upload(
    collection: Collection, *, file: File[bytes], filename: str, owner: AbstractBaseUser | None, max_bytes: int
) -> list[Upload]:
    """Add the file as a document, or each member of a zip archive as one; `max_bytes` is the limit of each of them."""
    if refusal := check_size(file.size, max_bytes=max_bytes):
        return [Upload(filename, refusal=refusal, too_much=True, size=file.size)]
    if refusal := check_ending(filename, accepted=ENDINGS | {ARCHIVE}):
        return [Upload(filename, refusal=refusal, size=file.size)]
    if PurePath(filename).suffix.lower() == f".{ARCHIVE}":
        return _add_archive(collection, file=file, filename=filename, owner=owner, max_bytes=max_bytes)
    return [_add(collection, file=file, filename=filename, shown=filename, owner=owner, origin=Origin())]


def add_text(collection: Collection, *, title: str, text: str, owner: AbstractBaseUser | None) -> Upload:
    """Add pasted text as a document, kept as a Markdown file."""
    filename = f"{slugify(title)[:80] or 'text'}.md"
    content = ContentFile(text.replace("\r\n", "\n").encode(), name=filename)
    origin = Origin(source=Document.Source.PASTE)
    return _add(collection, file=content, filename=filename, shown=title, owner=owner, origin=origin, title=title)


def _add_archive(
    collection: Collection, *, file: File[bytes], filename: str, owner: AbstractBaseUser | None, max_bytes: int
) -> list[Upload]:
    limits = archive.ArchiveLimits(member_bytes=max_bytes)
    with tempfile.TemporaryDirectory(prefix="archive-") as name:
        folder = Path(name)
        with (packed := folder / "archive.zip").open("wb") as target:
            target.writelines(file.chunks())
        try:
            members = archive.unpack(packed, into=folder, endings=ENDINGS, limits=limits)
        except ArchiveRefused as error:
            return [Upload(filename, refusal=error.reason, size=file.size)]
        return [_add_member(collection, member, filename=filename, owner=owner) for member in members]


def _add_member(
    collection: Collection, member: archive.Member, *, filename: str, owner: AbstractBaseUser | None
) -> Upload:
    shown = f"{filename}: {member.location}"
    if member.path is None:
        return Upload(shown, refusal=member.refusal)
    name = member.location.replace("\\", "/").rpartition("/")[2]
    with member.path.open("rb") as opened:
        content = File(opened, name=name)
        origin = Origin(location=member.location)
        return _add(collection, file=content, filename=name, shown=shown, owner=owner, origin=origin)


def _add(
    collection: Collection,
    *,
    file: File[bytes],
    filename: str,
    shown: str,
    owner: AbstractBaseUser | None,
    origin: Origin,
    title: str | None = None,
) -> Upload:
    try:
        document, created = ingest.add_document(
            collection, file=file, filename=filename, title=title, owner=owner, origin=origin
        )
    except QuotaExceeded as error:
        return Upload(shown, refusal=error.reason, too_much=True, size=file.size)
    if not created:
        return Upload(shown, document, refusal=Reason(_("The same file is already there:")), size=file.size)
    return Upload(shown, document)
