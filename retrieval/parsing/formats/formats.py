"""Which format a file has: its ending and its bytes must agree."""

from __future__ import annotations

import re
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.parsing.formats.archive import kind_of_archive
from retrieval.parsing.formats.older.container import kind_of_container
from retrieval.parsing.formats.plain.code import LANGUAGES
from retrieval.parsing.formats.plain.encodings import wide_encoding
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
    "docm": "docx",
    "dotx": "docx",
    "dotm": "docx",
    "pptx": "pptx",
    "pptm": "pptx",
    "ppsx": "pptx",
    "ppsm": "pptx",
    "potx": "pptx",
    "potm": "pptx",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "xltx": "xlsx",
    "xltm": "xlsx",
    "odt": "odt",
    "ott": "odt",
    "ods": "ods",
    "ots": "ods",
    "odp": "odp",
    "otp": "odp",
    "odg": "odp",
    "rtf": "rtf",
    "xls": "xls",
    "xlt": "xls",
    "xlsb": "xlsb",
    "msg": "msg",
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "epub": "epub",
    "eml": "eml",
    "ipynb": "ipynb",
    "rst": "rst",
    "adoc": "adoc",
    "asciidoc": "adoc",
    "tex": "tex",
    "srt": "subtitles",
    "vtt": "subtitles",
    **dict.fromkeys(LANGUAGES, "code"),
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
_ARCHIVES = {"docx", "pptx", "xlsx", "odt", "epub"} | {"ods", "odp", "xlsb"}
_SIGNED = {"pdf", "picture", "rtf", "xls", "msg"}  # begin with bytes of their own
_WORKBOOKS = {"xls", "xlsx", "xlsb"}  # which Excel opens by their content
_OLD = {
    "doc": ("doc", "docx"),
    "dot": ("doc", "docx"),
    "ppt": ("ppt", "pptx"),
    "pps": ("ppt", "ppsx"),
    "pot": ("ppt", "potx"),
}
_OFFICE = {"docx", "pptx", "xlsx"}

_CONTENT_NAMES = {
    "pdf": _("a PDF"),
    "zip": _("a zip archive"),
    "docx": _("a Word document"),
    "pptx": _("a PowerPoint presentation"),
    "xlsx": _("an Excel workbook"),
    "xlsb": _("a binary Excel workbook"),
    "odt": _("an OpenDocument text"),
    "ods": _("an OpenDocument spreadsheet"),
    "rtf": _("an RTF document"),
    "odp": _("an OpenDocument presentation or drawing"),
    "epub": _("an EPUB book"),
    "ole": _("an old Office file"),
    "xls": _("an old Excel workbook"),
    "doc": _("an old Word document"),
    "ppt": _("an old PowerPoint presentation"),
    "msg": _("a mail of Outlook"),
    "vsd": _("a Visio drawing"),
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
    if ending in _OLD:
        kind, newer = _OLD[ending]
        content = Reason(_CONTENT_NAMES[kind])
        raise ParsingError(
            _("It is %(content)s (.%(ending)s): save it as .%(newer)s."), content=content, ending=ending, newer=newer
        )
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
    if found == "ole" and wanted in _WORKBOOKS | {"msg"}:
        found = kind_of_container(path)
    if found == "protected":
        raise ParsingError(_("It is protected by a password: save it without one."))
    if wanted in _OFFICE and found == "ole":
        raise ParsingError(
            _("It is protected by a password, or an old Office file: save it as a plain .%(ending)s."), ending=ending
        )
    if found == "zip":
        found = kind_of_archive(path, ending=ending if wanted in _ARCHIVES else "zip")
    if wanted in _WORKBOOKS and found in _WORKBOOKS:
        return found
    if found != (wanted if wanted in _ARCHIVES | _SIGNED else "text"):
        raise ParsingError(
            _("It is named .%(ending)s, but its content is %(content)s."),
            ending=ending,
            content=Reason(_CONTENT_NAMES[found]),
        )
    return wanted


def _format_of_bytes(head: bytes, *, wanted: str) -> str:
    if head.startswith(b"%PDF-") or (wanted == "pdf" and b"%PDF-" in head[:1024]):  # readers allow bytes in front of it
        return "pdf"
    if wanted == "rtf" and head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{\\rt"):
        return "rtf"
    if wanted == "xls" and head[:1] == b"\t" and head[1:2] in (b"\0", b"\2", b"\4", b"\x08") and head[3:4] == b"\0":
        return "xls"  # from before there were compound files
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, the only text where NUL bytes are common
        return "text"
    if wide_encoding(head):
        return "text"
    if head.startswith(_PICTURES) or (head.startswith(_WORDY_PICTURES) and b"\0" in head) or _HEIF.match(head):
        return "picture"
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return "binary" if controls > len(head) // 10 else "text"
