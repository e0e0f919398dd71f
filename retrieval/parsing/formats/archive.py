"""Formats that are zip archives: what is in them is looked at, never unpacked to disk, and not without limits."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

UNPACKED_LIMIT = 200 * 1024**2
_ENTRY_LIMIT = 20_000
# Deflate gives up to 1,032 times; XML of real office files 5 to 40 times, generated sheets up to 100.
_RATIO_LIMIT, _RATIO_COUNTS_FROM = 150, 20 * 1024**2

# By what a part is declared to be in [Content_Types].xml, since its name is the writer's choice (ECMA-376-2, 10.1.2).
# Templates, slide shows and files with macros are read like what they are made of.
_OFFICE_PARTS = {
    "docx": re.compile(rb"(?i)(?:wordprocessingml|ms-word)\.(?:document|template)\b[\w.]*\.main\+xml"),
    "pptx": re.compile(
        rb"(?i)(?:presentationml|ms-powerpoint)\.(?:presentation|slideshow|template)\b[\w.]*\.main\+xml"
    ),
    "xlsx": re.compile(rb"(?i)(?:spreadsheetml|ms-excel)\.(?:sheet|template)\b[\w.]*\.main\+xml"),
    "xlsb": re.compile(rb"(?i)ms-excel\.sheet\.binary\b[\w.]*\.main\b"),
}
_USUAL_PARTS = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
# What zipfile raises for broken archives, and the libraries beneath it for broken entries.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    EOFError,
    ValueError,
    RuntimeError,
)
_TYPES_READ = 4 * 1024**2
_DOCUMENT_TYPES = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.text-template": "odt",
    b"application/vnd.oasis.opendocument.text-master": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.spreadsheet-template": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.presentation-template": "odp",
    b"application/vnd.oasis.opendocument.graphics": "odp",
    b"application/vnd.oasis.opendocument.graphics-template": "odp",
}


def kind_of_archive(path: Path, *, ending: str) -> str:
    """Return docx, pptx, xlsx, xlsb, odt, epub, or zip for any other. Raises ParsingError for a broken archive, a bomb,
    and one that is protected by a password."""
    with open_archive(path, ending=ending) as archive:
        names = set(archive.namelist())
        if "mimetype" in names:
            return _DOCUMENT_TYPES.get(read_entry(archive, "mimetype")[:200].strip(), "zip")
        if "META-INF/container.xml" in names:
            return "epub"
        return _office_kind(archive)


def _office_kind(archive: zipfile.ZipFile) -> str:
    """Return the kind of office file, by what its main part is declared to be, or else by the name it usually has."""
    names = {name.replace("\\", "/").lstrip("/").lower(): name for name in archive.namelist()}
    declared = names.get("[content_types].xml")
    types = read_entry(archive, declared)[:_TYPES_READ].replace(b"\0", b"") if declared else b""  # it may be UTF-16
    for kind, pattern in _OFFICE_PARTS.items():
        if pattern.search(types):
            return kind
    return next((kind for name, kind in _USUAL_PARTS.items() if name in names), "zip")


def office_part_pattern(kind: str) -> re.Pattern[bytes]:
    """Return what the main part of a docx, pptx or xlsx is declared to be."""
    return _OFFICE_PARTS[kind]


def open_archive(path: Path, *, ending: str) -> zipfile.ZipFile:
    """Return the archive, once its directory has been found harmless: zipfile never unpacks more than that declares.
    Raises ParsingError."""
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise ParsingError(_("The file is broken: it can't be read as a %(format)s."), format=f".{ending}") from error
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > _ENTRY_LIMIT:
        raise ParsingError(_("It holds more than %(limit)s files."), limit=_ENTRY_LIMIT)
    if unpacked > UNPACKED_LIMIT:
        raise ParsingError(_("Unpacked it is larger than %(limit)s MB."), limit=UNPACKED_LIMIT // 1024**2)
    if unpacked > _RATIO_COUNTS_FROM and unpacked > _RATIO_LIMIT * path.stat().st_size:
        raise ParsingError(_("Unpacked it is more than %(limit)s times as large as it is."), limit=_RATIO_LIMIT)
    if any(entry.flag_bits & 1 for entry in entries):
        raise ParsingError(_("It is protected by a password: save it without one."))
    return archive


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of an entry. Raises ParsingError when it is missing or broken."""
    try:
        return archive.read(name)
    except (KeyError, OSError, *_BROKEN) as error:
        raise ParsingError(_("The file is broken: “%(part)s” can't be read."), part=name) from error


def parse_xml(content: bytes) -> _Element:
    """Return the root of an XML part. Entities are not replaced: nothing is fetched and nothing multiplies. Raises
    ParsingError."""
    from lxml import etree

    try:
        return etree.fromstring(content, _xml_parser())
    except etree.XMLSyntaxError as error:
        raise ParsingError(_("The file is broken: one of its parts is not well-formed XML.")) from error


def recovered_xml(content: bytes) -> _Element | None:
    """Return what can be had of an XML part that is not well-formed; None when there is no text in it, or it is beyond
    the parser's limits."""
    from lxml import etree

    parser = _xml_parser(recover=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return None
    if any(fault.type_name == "ERR_RESOURCE_LIMIT" for fault in parser.error_log):
        return None
    return root if root is not None and any(text.strip() for text in root.itertext()) else None


def _xml_parser(*, recover: bool = False) -> XMLParser:
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,  # they would cut a text in two
        remove_pis=True,
        recover=recover,
    )


def office_date(archive: zipfile.ZipFile) -> list[str]:
    """Return when it was last modified and when it was created, as its core properties say. The libraries invent
    today's date where there are none."""
    if "docProps/core.xml" not in archive.namelist():
        return []
    root = parse_xml(read_entry(archive, "docProps/core.xml"))
    terms = "{http://purl.org/dc/terms/}"
    return [root.findtext(terms + "modified") or "", root.findtext(terms + "created") or ""]
