"""Mail: who wrote what to whom and when, every part that is text, invitations, and the names of other attachments."""

from __future__ import annotations

import re
from email import policy
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage, Message
from email.parser import BytesParser
from functools import lru_cache
from itertools import islice
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Blocks, Extracted, clean, plausible_date
from retrieval.parsing.formats.plain.encodings import declared_in, decode
from retrieval.parsing.formats.web.calendar import add_calendar
from retrieval.parsing.formats.web.html import read_html_into
from retrieval.reasons import gettext_noop as _

_HEADER_LINE = re.compile(rb"\s{0,200}(?:From |[A-Za-z][A-Za-z0-9-]{0,60}:)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_SHOWN = ("From", "To", "Cc", "Date")
_DEPTH_LIMIT = 12  # parts in parts; what is deeper is named only
_PARTS_LIMIT = 2_000
_HEADERS = HeaderRegistry()
_HEADER_READ = 20_000  # characters
_LEVELS = 6
_RAW_BYTE = re.compile("[\udc80-\udcff]")
_HEADER_FAULTS = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
_TEXT_ENDINGS = set("txt text log md csv tsv json xml yaml yml ini toml srt vtt rst tex adoc".split())
_OTHER_TEXT = {"text/rtf", "text/richtext"}  # which is no plain text
_STUB_CHARACTERS = 400  # a longer text is no stub
_STUB_RATIO = 4  # how many times longer the HTML has to be
_STUB = re.compile(
    r"\bHTML\b|(?:view|read|open|see|display)\b.{0,60}\b(?:browser|online|web)|\bim browser\b|navigateur|navegador",
    re.IGNORECASE,
)


def read_mail(path: Path) -> Extracted:
    content = path.read_bytes()
    if not _HEADER_LINE.match(content):
        raise ParsingError(_("It is named .eml, but it does not begin with the headers of a mail."))
    reader = _MailReader()
    try:
        message = _parsed(content)
        reader.add_message(message)
    except RecursionError:  # parts in parts, some hundred deep
        reader = _MailReader()
        message = _parsed(content, heads_only=True)
        reader.add_outer(content)
    reader.name_attachments()
    reader.blocks.title = _header(message, "Subject")
    return reader.blocks.extracted(dated=_dated(message))


class _MailReader:
    """Append a mail, and the mails in it, to `blocks`."""

    def __init__(self) -> None:
        self.blocks = Blocks()
        self._names: list[str] = []  # of what is attached, and not read
        self._pictures: list[str] = []  # that stand in the mail
        self._parts = 0

    def add_message(self, message: Message, depth: int = 0, mails: int = 0) -> None:
        """Append the head of a mail and its parts; `mails` is how many it stands in."""
        self._add_head(message, mails)
        self._add_part(message, depth, mails)

    def add_outer(self, content: bytes) -> None:
        """Append the heads of mails in each other without taking apart what they hold: the innermost that is reached is
        named, or stands as it is written."""
        for mails in range(_DEPTH_LIMIT):
            message = _parsed(content, heads_only=True)
            self._add_head(message, mails)
            content = _HEAD_END.split(content.lstrip(), maxsplit=1)[-1]
            if message.get_content_type() != "message/rfc822":
                self.blocks.add(decode(content, notes=self.blocks.notes))
                self.blocks.notes.add("parts", message.get_content_type())
                return
        self._names.append("message/rfc822")

    def _add_head(self, message: Message, mails: int) -> None:
        self.blocks.add(_header(message, "Subject", self.blocks.notes), level=min(mails + 1, _LEVELS))
        for number, name in enumerate(name for name in _SHOWN if _header(message, name)):
            self.blocks.add(f"{name}: {_header(message, name, self.blocks.notes)}", close=number > 0)

    def name_attachments(self) -> None:
        """Append the names of what was not read, and note them."""
        if names := list(filter(None, self._pictures + self._names)):
            self.blocks.add(f"Attachments: {', '.join(names)}")
        if self._pictures:
            self.blocks.notes.add("pictures", count=len(self._pictures))
        for name in self._names:
            self.blocks.notes.add("attachments", name)

    def _add_part(self, part: Message, depth: int, mails: int) -> None:
        self._parts += 1
        kind = part.get_content_type()
        if depth > _DEPTH_LIMIT or self._parts > _PARTS_LIMIT:
            self._names.append(_file_name(part) or kind)
        elif kind == "message/rfc822" or (kind == "message/global" and part.is_multipart()):
            for inner in _children(part):
                self.add_message(inner, depth + 1, mails + 1)
        elif kind == "message/delivery-status":
            for inner in _children(part):
                self.blocks.add("\n".join(f"{name}: {_header(inner, name)}" for name in dict.fromkeys(inner.keys())))
        elif kind == "multipart/alternative":
            self._add_alternative(part, depth, mails)
        elif part.is_multipart():
            for inner in _children(part):
                self._add_part(inner, depth + 1, mails)
        elif _file_name(part).lower().endswith(".eml") and (content := part.get_payload(decode=True)):
            assert isinstance(content, bytes)
            self.add_message(_parsed(content), depth + 1, mails + 1)
        else:
            self._add_leaf(part, kind, mails)

    def _add_alternative(self, part: Message, depth: int, mails: int) -> None:
        """Append the plain text, or what else says more; an invitation beside it as well."""
        children = _children(part)
        calendars = [child for child in children if child.get_content_type() == "text/calendar"]
        others = [child for child in children if child not in calendars]
        chosen = _chosen(others)
        if chosen is not None:
            self._add_part(chosen, depth + 1, mails)
            for other in others:
                if other is not chosen:
                    self._name_all(other)
        for calendar in calendars[:1]:
            self._add_part(calendar, depth + 1, mails)

    def _name_all(self, part: Message) -> None:
        """Name the files that come with an alternative that is not shown."""
        for number, each in enumerate(part.walk()):
            if number < _PARTS_LIMIT and not each.is_multipart() and (name := _file_name(each)):
                self._names.append(name)

    def _add_leaf(self, part: Message, kind: str, mails: int) -> None:
        name = _file_name(part)
        ending = name.rpartition(".")[2].lower() if "." in name else ""
        if kind == "text/calendar" or ending == "ics":
            if name:
                self._head(name, mails)
            add_calendar(self.blocks, self._text(part))
        elif kind in {"text/html", "application/xhtml+xml"} or (name and ending in {"html", "htm"}):
            if name:
                self._head(name, mails)
            read_html_into(self.blocks, self._text(part))
        elif (kind.startswith(("text/", "multipart/")) and kind not in _OTHER_TEXT) or ending in _TEXT_ENDINGS:
            if name:
                self._head(name, mails)
            self.blocks.add(_unwrapped(self._text(part), part))
        elif kind.startswith("image/") and part.get("Content-ID") and part.get_content_disposition() != "attachment":
            self._pictures.append(name)
        elif part.get_payload():
            self._names.append(name or kind)

    def _head(self, name: str, mails: int) -> None:
        self.blocks.add(name, level=min(mails + 2, _LEVELS))

    def _text(self, part: Message) -> str:
        raw = part.get_payload(decode=True)
        content = raw if isinstance(raw, bytes) else str(part.get_payload() or "").encode(errors="replace")
        if not content and part.is_multipart():
            content = b"\n".join(inner.as_bytes() for inner in _children(part))
        try:
            declared = part.get_content_charset() or ""
        except _HEADER_FAULTS:
            declared = ""
        if not declared and part.get_content_subtype() in {"html", "xhtml+xml"}:
            declared = declared_in(content)
        return decode(content, notes=self.blocks.notes, declared=declared)


def _parsed(content: bytes, *, heads_only: bool = False) -> EmailMessage:
    """Return the mail. Raises RecursionError for parts in parts, some hundred deep."""
    parser = BytesParser(_class=EmailMessage, policy=policy.default.clone(header_factory=_read_header))
    return parser.parsebytes(content.lstrip(), headersonly=heads_only)


@lru_cache(1_000)
def _read_header(name: str, value: str) -> BaseHeader:
    """Return a header as the standard library reads it, which takes it long, and does so each time one is asked for."""
    return _HEADERS(name, value[:_HEADER_READ])


def _chosen(children: list[Message]) -> Message | None:
    """Return the alternative to be shown: the plain text unless it is empty or only says to look at the HTML."""
    plain = next((child for child in children if child.get_content_type() == "text/plain"), None)
    richer = [child for child in children if child is not plain and _may_hold_html(child)]
    if plain is None:
        return richer[-1] if richer else (children[-1] if children else None)
    return richer[-1] if richer and _is_stub(plain, richer[-1]) else plain


def _may_hold_html(part: Message) -> bool:
    kind = part.get_content_type()
    return kind == "text/html" or (
        part.is_multipart() and any(inner.get_content_type() == "text/html" for inner in _children(part))
    )


def _is_stub(plain: Message, richer: Message) -> bool:
    """Return whether the plain text is only a word on where the mail is to be read."""
    text = " ".join(_plain_text(plain).split())
    if not text:
        return True
    if len(text) > _STUB_CHARACTERS:
        return False
    pages = [part for part in richer.walk() if part.get_content_type() == "text/html"]
    blocks = Blocks()
    for page in pages[:3]:
        read_html_into(blocks, _plain_text(page))
    said = blocks.extracted().text
    return bool(said) and (_STUB.search(text) is not None or len(said) > max(_STUB_RATIO * len(text), _STUB_CHARACTERS))


def _plain_text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    try:
        declared = part.get_content_charset() or ""
    except _HEADER_FAULTS:
        declared = ""
    return decode(content, declared=declared)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _raw_header(message: Message, name: str) -> str:
    return next((str(raw) for key, raw in message.raw_items() if key.lower() == name.lower()), "")


def _charset(message: Message) -> str:
    """Return the encoding that the first part with text names; empty without one."""
    for part in islice(message.walk(), _PARTS_LIMIT):
        if part.get_content_maintype() == "text":
            try:
                return part.get_content_charset() or ""
            except _HEADER_FAULTS:
                return ""
    return ""


def _header(message: Message, name: str, notes: Notes | None = None) -> str:
    """Return the header as it reads when decoded, or as it stands in the file when it is broken.

    The standard library's parser of structured headers raises whatever its code meets on some broken ones
    (python/cpython#81776 and others).
    """
    try:
        value = str(message[name] or "")
    except _HEADER_FAULTS:
        value = _raw_header(message, name)
    if "\ufffd" in value:  # bytes that name no encoding
        raw = _raw_header(message, name)
        if _RAW_BYTE.search(raw):
            value = decode(raw.encode("utf-8", errors="surrogateescape"), notes=notes, declared=_charset(message))
    return " ".join(clean(value).split())[:2_000]


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except _HEADER_FAULTS:
        name = ""
    return " ".join(clean(name).split())[:255]


def _dated(message: Message) -> str:
    try:
        moment = getattr(message["Date"], "datetime", None)
    except _HEADER_FAULTS:
        return ""
    return plausible_date(moment.isoformat()) if moment else ""


def _unwrapped(text: str, part: Message) -> str:
    """Return the text with the lines whole that were wrapped so that they can be put together again (RFC 3676)."""
    try:
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        joint = "" if str(part.get_param("delsp", "")).lower() == "yes" else " "
    except _HEADER_FAULTS:
        flowed, joint = False, ""
    if not flowed:
        return text
    lines = clean(text).split("\n")
    return "".join(
        line.rstrip(" ") + joint if line.endswith(" ") and line != "-- " and not line.startswith(">") else f"{line}\n"
        for line in lines
    )
