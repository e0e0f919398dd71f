"""What a row is as a document: its text or file, title and address, as the site's code says them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.db import InterfaceError, OperationalError

from retrieval.ingestion.ingest import sha256
from retrieval.model_documents.declaring import ModelDocuments
from retrieval.parsing.formats import clean
from retrieval.sources.titles import TITLE_CHARACTERS

TEXT_MAX_CHARACTERS = 5_000_000  # of one row
_ADDRESS_CHARACTERS = 2_000
_OPENS = re.compile(r"https?://|/(?![/\\\t\r\n])")  # a browser takes //host and /\host for another site


class RowUnreadable(Exception):
    """What a site says of a row can't be a document; the message says why."""


@dataclass(frozen=True)
class RowContent:
    """What a row is as a document. Empty content: it is none."""

    file: File[bytes]
    filename: str
    title: str
    address: str

    @cached_property
    def digest(self) -> str:
        return sha256(self.file)


def content_of(one: ModelDocuments, row: Any) -> RowContent:
    """Return what `row` is as a document. Raises RowUnreadable, and a database error where that isn't there."""
    try:
        title = " ".join(clean(one.title(row)).split())[:TITLE_CHARACTERS] or one.key_of(row)
        address = clean(str(one.url(row) or ""))
        stored = one.file(row)
        text = "" if stored else one.text(row)
    except (OperationalError, InterfaceError):  # concerns every row, and passes
        raise
    except Exception as error:  # whatever a site's code raises
        raise RowUnreadable(f"{type(one).__name__} raised {type(error).__name__}: {error}") from error
    if not _OPENS.match(address) or len(address) > _ADDRESS_CHARACTERS:
        address = ""
    if stored:
        return _content_of_file(stored, title=title, address=address)
    if not isinstance(text, str):
        raise RowUnreadable(f"{type(one).__name__}.text gave {type(text).__name__}, not text")
    if len(text) > TEXT_MAX_CHARACTERS:
        raise RowUnreadable(f"Its text has {len(text):,} characters; the limit is {TEXT_MAX_CHARACTERS:,}")
    raw = text.strip().encode(errors="replace")
    return RowContent(ContentFile(raw), f"{one.model._meta.model_name}.{one.ending}", title, address)


def _content_of_file(stored: File[bytes], *, title: str, address: str) -> RowContent:
    try:
        with stored.open("rb") as opened:
            raw = opened.read()
    except (OSError, ValueError) as error:
        raise RowUnreadable(f"Its file can't be read: {error}") from error
    return RowContent(ContentFile(raw), str(stored.name).rpartition("/")[2], title, address)
