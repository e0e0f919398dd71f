"""Mails as Outlook stores them (.msg, [MS-OXMSG]): the head, the text, and the names of attachments."""

from __future__ import annotations

import codecs
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Blocks, Extracted, clean, plausible_date
from retrieval.parsing.formats.older.lzfu import unpacked_rtf
from retrieval.parsing.formats.richtext.document import read_rtf_bytes
from retrieval.reasons import gettext_noop as _

# Numbers of properties ([MS-OXPROPS]).
_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = "0C1A", "0C1F", "5D01"
_TO, _COPIES = "0E04", "0E03"
_FILE_NAME, _LONG_NAME, _SHOWN_NAME = "3704", "3707", "3001"
_SENT, _RECEIVED = 0x0039, 0x0E06
_CODE_PAGES = (0x3FFD, 0x3FDE, 0x66C3)
_PAGES = {65001: "utf-8", 950: "big5", 936: "gbk", 932: "cp932", 949: "cp949", 20127: "cp1252", 28591: "cp1252"}


def read_message(path: Path) -> Extracted:
    """Return what a mail says. Raises ParsingError when it can't be read."""
    from olefile import OleFileIO

    try:
        with OleFileIO(str(path)) as container:
            return _Message(container).read()
    except (OSError, ValueError, TypeError, IndexError, AttributeError, KeyError, struct.error) as error:
        raise ParsingError(_("The file is broken: it can't be read as a %(format)s."), format=".msg") from error


class _Message:
    def __init__(self, container: Any) -> None:
        self._container = container
        self._streams = {"/".join(entry).lower(): entry for entry in container.listdir()}
        self._fixed = self._fixed_properties()
        self._encoding = self._encoding_of()

    def read(self) -> Extracted:
        blocks = Blocks()
        blocks.add(self._text(_SUBJECT), level=1)
        sent = self._moment(_SENT) or self._moment(_RECEIVED)
        name, address = self._text(_SENDER_NAME), self._text(_SENDER_SMTP) or self._text(_SENDER_ADDRESS)
        sender = f"{name} <{address}>" if name and "@" in address and name != address else name or address
        shown = sent.strftime("%Y-%m-%d %H:%M UTC") if sent else ""
        head = {"From": sender, "To": self._text(_TO), "Cc": self._text(_COPIES), "Date": shown}
        blocks.add("\n".join(f"{label}: {' '.join(value.split())}" for label, value in head.items() if value.strip()))
        blocks.add(self._body(blocks.notes))
        if attached := self._attachments():
            blocks.add(f"Attachments: {', '.join(attached)}")
            for attachment in attached:
                blocks.notes.add("attachments", attachment)
        return blocks.extracted(dated=plausible_date(sent.isoformat() if sent else ""))

    def _body(self, notes: Notes) -> str:
        """Return the text, or what the HTML or the RTF shows, of which `notes` is told."""
        if text := self._text(_BODY).strip():
            return text
        if html := self._bytes(f"__substg1.0_{_HTML}0102").rstrip(b"\0") or self._text(_HTML).encode():
            shown = _read_html(html)
        elif packed := self._bytes(f"__substg1.0_{_RTF}0102"):
            shown = read_rtf_bytes(unpacked_rtf(packed))
        else:
            return ""
        notes.include(shown.notes)
        return shown.text

    def _attachments(self) -> list[str]:
        folders = dict.fromkeys(
            name.split("/")[0] for name in self._streams if name.startswith("__attach_version1.0_") and "/" in name
        )
        names = []
        for folder in folders:
            kinds = (_LONG_NAME, _FILE_NAME, _SHOWN_NAME)
            named = next(filter(None, (self._text(kind, folder=folder) for kind in kinds)), "")
            names.append(" ".join(clean(named).split()) or "attachment")
        return names

    def _text(self, number: str, *, folder: str = "") -> str:
        place = f"{folder}/" if folder else ""
        name = f"{place}__substg1.0_{number}"
        if wide := self._bytes(f"{name}001F"):
            return wide.decode("utf-16-le", errors="replace").rstrip("\0")
        narrow = self._bytes(f"{name}001E").rstrip(b"\0")
        try:
            return narrow.decode(self._encoding)
        except UnicodeDecodeError:  # the declared encoding is another one's, or a letter is broken
            return narrow.decode("cp1252" if self._encoding == "utf-8" else self._encoding, errors="replace")

    def _bytes(self, name: str) -> bytes:
        entry = self._streams.get(name.lower())
        if entry is None:
            return b""
        with self._container.openstream(entry) as stream:
            content: bytes = stream.read()
        return content

    def _fixed_properties(self) -> dict[int, int]:
        """Return the properties that are numbers or moments, by their numbers."""
        content = self._bytes("__properties_version1.0")[32:]
        found = {}
        for at in range(0, len(content) - 15, 16):
            _kind, number, _flags, value = struct.unpack_from("<HHIQ", content, at)
            found[number] = value
        return found

    def _encoding_of(self) -> str:
        """Return what texts are written in that are not Unicode."""
        for number in _CODE_PAGES:
            page = self._fixed.get(number, 0) & 0xFFFF
            name = _PAGES.get(page, f"cp{page}")
            try:
                codecs.lookup(name)
            except LookupError:
                continue
            return name
        return "cp1252"

    def _moment(self, number: int) -> datetime | None:
        ticks = self._fixed.get(number, 0)  # of 100 nanoseconds since 1601
        try:
            return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None


def _read_html(content: bytes) -> Extracted:
    import tempfile

    from retrieval.parsing.formats.web.html import read_html

    with tempfile.NamedTemporaryFile(suffix=".html") as file:
        file.write(content)
        file.flush()
        return read_html(Path(file.name))
