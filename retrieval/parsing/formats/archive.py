"""Formats that are zip archives: what is in them is looked at, never unpacked to disk, and not without limits."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import _Element

UNPACKED_LIMIT = 200 * 1024**2
_ENTRY_LIMIT = 20_000
# Deflate gives up to 1,032 times; XML of real office files 5 to 40 times, generated sheets up to 100.
_RATIO_LIMIT, _RATIO_COUNTS_FROM = 150, 20 * 1024**2

# By what a part is declared to be in [Content_Types].xml, since its name is the writer's choice (ECMA-376-2, 10.1.2).
_OFFICE_PARTS = {
    "docx": b"wordprocessingml.document.main+xml",
    "pptx": b"presentationml.presentation.main+xml",
    "xlsx": b"spreadsheetml.sheet.main+xml",
}
_DOCUMENT_TYPES = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
}


def kind_of_archive(path: Path, *, ending: str) -> str:
    """Return docx, pptx, xlsx, odt, epub, or zip for any other. Raises ParsingError for a broken archive, a bomb, and
    one that is protected by a password."""
    with open_archive(path, ending=ending) as archive:
        names = set(archive.namelist())
        if "mimetype" in names:
            return _DOCUMENT_TYPES.get(read_entry(archive, "mimetype")[:200].strip(), "zip")
        if "META-INF/container.xml" in names:
            return "epub"
        types = read_entry(archive, "[Content_Types].xml") if "[Content_Types].xml" in names else b""
    return next((kind for kind, part in _OFFICE_PARTS.items() if part in types), "zip")


def open_archive(path: Path, *, ending: str) -> zipfile.ZipFile:
    """Return the archive, once its directory has been found harmless: zipfile never unpacks more than that declares.
    Raises ParsingError."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
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
    except (KeyError, zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ParsingError(_("The file is broken: “%(part)s” can't be read."), part=name) from error


def parse_xml(content: bytes) -> _Element:
    """Return the root of an XML part. Entities are not replaced: nothing is fetched and nothing multiplies. Raises
    ParsingError."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ParsingError(_("The file is broken: one of its parts is not well-formed XML.")) from error


def office_date(archive: zipfile.ZipFile) -> list[str]:
    """Return when it was last modified and when it was created, as its core properties say. The libraries invent
    today's date where there are none."""
    if "docProps/core.xml" not in archive.namelist():
        return []
    root = parse_xml(read_entry(archive, "docProps/core.xml"))
    terms = "{http://purl.org/dc/terms/}"
    return [root.findtext(terms + "modified") or "", root.findtext(terms + "created") or ""]
