"""Which format a file has: its ending and its bytes must agree."""

from __future__ import annotations

import re
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.parsing.formats.archive import kind_of_archive
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _

FORMATS = {
    "txt": "text",
    "text": "text",
    "log": "text",
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "xhtml": "html",
    "pdf": "pdf",
    "docx": "docx",
    "pptx": "pptx",
    "xlsx": "xlsx",
    "odt": "odt",
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "epub": "epub",
    "eml": "eml",
    "png": "picture",
    "jpg": "picture",
    "jpeg": "picture",
    "tif": "picture",
    "tiff": "picture",
    "webp": "picture",
    "bmp": "picture",
    "gif": "picture",
    "heic": "picture",
    "heif": "picture",
}
_ARCHIVES = {"docx", "pptx", "xlsx", "odt", "epub"}
_OFFICE = {"docx", "pptx", "xlsx"}
_BINARY = {"pdf", "picture"}  # that are no archives

_CONTENT_NAMES = {
    "pdf": _("a PDF"),
    "zip": _("a zip archive"),
    "docx": _("a Word document"),
    "pptx": _("a PowerPoint presentation"),
    "xlsx": _("an Excel workbook"),
    "odt": _("an OpenDocument text"),
    "epub": _("an EPUB book"),
    "ole": _("an old Office file"),
    "picture": _("a picture"),
    "text": _("text"),
    "binary": _("binary data"),
}
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")
_WORDY_PICTURES = (b"GIF8", b"RIFF", b"BM")  # a text may begin so as well, but holds no NUL
_HEIF = re.compile(rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)  # ISO/IEC 23008-12
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))


def format_of(path: Path, *, filename: str) -> str:
    """Return one of the values of FORMATS. Raises ParsingError for other endings, and when the content is something
    else."""
    ending = filename.rpartition(".")[2].lower()
    wanted = FORMATS.get(ending)
    if wanted is None:
        raise ParsingError(
            _("“.%(ending)s” files can't be read here. These can: %(endings)s."),
            ending=ending,
            endings=", ".join(sorted(FORMATS)),
        )
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise ParsingError(_("The file is empty."))
    found = _format_of_bytes(head, wanted=wanted)
    if wanted in _OFFICE and found == "ole":
        raise ParsingError(
            _("It is protected by a password, or an old Office file: save it as a plain .%(ending)s."), ending=ending
        )
    if found == "zip":
        found = kind_of_archive(path, ending=ending if wanted in _ARCHIVES else "zip")
    if found != (wanted if wanted in _ARCHIVES | _BINARY else "text"):
        raise ParsingError(
            _("It is named .%(ending)s, but its content is %(content)s."),
            ending=ending,
            content=Reason(_CONTENT_NAMES[found]),
        )
    return wanted


def _format_of_bytes(head: bytes, *, wanted: str) -> str:
    if head.startswith(b"%PDF-") or (wanted == "pdf" and b"%PDF-" in head[:1024]):  # readers allow bytes in front of it
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, the only text where NUL bytes are common
        return "text"
    if head.startswith(_PICTURES) or (head.startswith(_WORDY_PICTURES) and b"\0" in head) or _HEIF.match(head):
        return "picture"
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return "binary" if controls > len(head) // 10 else "text"
