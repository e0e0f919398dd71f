"""Documents from web addresses: add one, and look later whether it has changed."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import ContentFile
from django.utils import timezone

from retrieval.errors import DuplicateContent, FetchRefused, PageGone, QuotaExceeded, RetrievalError
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.parsing.formats import FORMATS
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _
from retrieval.sources import Origin
from retrieval.sources.uploads import Upload
from retrieval.sources.web import Fetched, FetchLimits, fetch

_LOCATION_CHARACTERS = 2_000  # as many as Document.location takes
_TYPES = {  # those that Python's own table doesn't name, or names otherwise
    "application/pdf": "pdf",
    "application/xhtml+xml": "html",
    "text/html": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template": "dotx",
    "application/vnd.openxmlformats-officedocument.presentationml.slideshow": "ppsx",
    "application/vnd.openxmlformats-officedocument.presentationml.template": "potx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template": "xltx",
    "application/vnd.ms-word.document.macroenabled.12": "docm",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": "pptm",
    "application/vnd.ms-excel.sheet.macroenabled.12": "xlsm",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_VAGUE = {"", "text/plain", "application/octet-stream", "binary/octet-stream"}  # the ending says more


class RefreshOutcome(StrEnum):
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True)
class Refreshed:
    """The outcome of looking at a document's address again; `reason` says to a person why it is gone or failed."""

    outcome: RefreshOutcome
    reason: Reason = NO_REASON


def add_address(collection: Collection, *, url: str, owner: AbstractBaseUser | None, limits: FetchLimits) -> Upload:
    """Add what is at `url` now as a document. An address that the collection has already is not fetched again."""
    url = url.strip()
    if there := _at(collection, url):
        return Upload(url, there, refusal=Reason(_("This address is already there; “Refresh” fetches it again:")))
    try:
        fetched = fetch(url, limits=limits)
        if there := _at(collection, fetched.final_url):
            return Upload(url, there, refusal=Reason(_("It leads to an address that is already there:")))
        return _add(collection, url, fetched, owner)
    except RetrievalError as error:
        return Upload(url, refusal=error.reason, too_much=isinstance(error, QuotaExceeded))


def refresh(document: Document, *, limits: FetchLimits) -> Refreshed:
    """Look at the address again: changed content becomes the document's next generation. Whatever goes wrong, and also
    when the page is gone, the document keeps its text."""
    row = Document.objects.filter(pk=document.pk)
    try:
        fetched = fetch(document.location, limits=limits, etag=document.etag, last_modified=document.last_modified)
        changed = fetched.content is not None and _replace(document, fetched, fetched.content)
    except PageGone as error:
        row.update(checked_at=timezone.now())
        return Refreshed(RefreshOutcome.GONE, error.reason)
    except RetrievalError as error:
        return Refreshed(RefreshOutcome.FAILED, error.reason)
    validators = {"etag": fetched.etag[:300], "last_modified": fetched.last_modified[:100]}
    if fetched.final_url == document.location:
        validators = {name: value for name, value in validators.items() if value}
    else:  # those of another address, which would say nothing of this one
        validators = dict.fromkeys(validators, "")
    row.update(checked_at=timezone.now(), **validators)
    return Refreshed(RefreshOutcome.CHANGED if changed else RefreshOutcome.UNCHANGED)


def filename_of(fetched: Fetched) -> str:
    """Return a name for what was fetched, with the ending of its format. Raises FetchRefused when that can't be read
    here."""
    parts = urlsplit(fetched.final_url)
    name = unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.hostname or "page"
    stem, _dot, ending = name.rpartition(".")
    ending = ending.lower()
    wanted = _ending(fetched, ending)
    if wanted not in FORMATS:
        kind = fetched.content_type.partition(";")[0][:100] or Reason(_("no type"))
        raise FetchRefused(
            _("It is of a type that can't be read here (%(type)s). These can: %(endings)s."),
            type=kind,
            endings=", ".join(sorted(FORMATS)),
        )
    if stem and FORMATS.get(ending) == FORMATS[wanted]:
        return name
    return f"{stem if stem and ending in FORMATS else name}.{wanted}"


def _ending(fetched: Fetched, ending: str) -> str:
    """Return the ending by the first bytes, else by the type, else by the address."""
    head = (fetched.content or b"")[:1024].lstrip().lower()
    if b"%pdf-" in head:
        return "pdf"
    kind = fetched.content_type.partition(";")[0].strip().lower()
    if kind not in _VAGUE:
        return _TYPES.get(kind) or (mimetypes.guess_extension(kind) or "").removeprefix(".") or ending
    if ending in FORMATS:
        return ending
    if re.match(rb"<!doctype html|<html", head):
        return "html"
    return "txt" if kind == "text/plain" else ending


def _at(collection: Collection, url: str) -> Document | None:
    return Document.objects.filter(collection=collection, source=Document.Source.URL, location=url).first()


def _add(collection: Collection, url: str, fetched: Fetched, owner: AbstractBaseUser | None) -> Upload:
    content = fetched.content
    if not content:
        raise FetchRefused(_("The web server's answer is empty."))
    if len(fetched.final_url) > _LOCATION_CHARACTERS:
        raise FetchRefused(_("Its address is longer than %(limit)s characters."), limit=_LOCATION_CHARACTERS)
    filename = filename_of(fetched)
    document, created = ingest.add_document(
        collection,
        file=ContentFile(content, name=filename),
        filename=filename,
        owner=owner,
        origin=Origin(
            source=Document.Source.URL,
            location=fetched.final_url,
            etag=fetched.etag[:300],
            last_modified=fetched.last_modified[:100],
            checked_at=timezone.now(),
        ),
    )
    return Upload(url, document, refusal=NO_REASON if created else Reason(_("The same content is already there:")))


def _replace(document: Document, fetched: Fetched, content: bytes) -> bool:
    filename = filename_of(fetched)
    try:
        return ingest.replace_file(document, file=ContentFile(content, name=filename), filename=filename)
    except DuplicateContent as error:
        raise FetchRefused(
            _("Another document of the collection holds what is there now: delete one of them.")
        ) from error
