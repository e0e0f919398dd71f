"""Office files as Open Packaging describes them (ECMA-376-2): parts, their types and how they relate.

What is broken costs the part it is in, and a note. Strict Open XML is given the names of transitional Open XML, so that
readers know one vocabulary.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.archive import office_part_pattern, open_archive, parse_xml, read_entry, recovered_xml
from retrieval.parsing.formats.titles import is_title
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    import zipfile

    from lxml.etree import _Element

# Namespaces and relationship types of Strict Open XML stand in attributes (ECMA-376-1, part 1, annex A).
_STRICT = re.compile(rb"""(=\s*["'])http://purl\.oclc\.org/ooxml/(\w+)/([\w/-]+)""")
_OPEN_XML = b"http://schemas.openxmlformats.org/"
_RENAMED = {b"extendedProperties": b"extended-properties", b"customProperties": b"custom-properties"}
# What a part raises that isn't what its reader expects: a missing attribute, a word for a number, no end of nesting.
_ODD = (ParsingError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
_TYPES, _ROOT = "[Content_Types].xml", ""
_CORE_PROPERTIES = "docprops/core.xml"
_USUAL_MAIN = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}
_EMBEDDED = 50  # workbooks of charts that are opened
_MACROS = "application/vnd.ms-office.vbaproject"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Relation:
    """How a part refers to another one. `kind` is the last word of its type ("image", "header"); `target` the name of a
    part, which may be missing, or an address when it is `external`."""

    id: str
    kind: str
    target: str
    external: bool = False


class OfficePackage:
    """An open package. Names of parts are in small letters and begin with no slash: writers differ in both."""

    def __init__(self, archive: zipfile.ZipFile, *, notes: Notes) -> None:
        self.notes = notes
        self.embedded_left = _EMBEDDED  # workbooks in it that may still be opened
        self._archive = archive
        self._entries = {_plain_name(entry): entry for entry in reversed(archive.namelist())}
        self._declared, self._by_ending = self._content_types()
        self._relations: dict[str, dict[str, Relation]] = {}
        self._properties: dict[str, str] | None = None
        if any(kind == _MACROS or name.endswith("vbaproject.bin") for name, kind in self._kinds()):
            notes.add("macros")

    def __contains__(self, name: str) -> bool:
        return _plain_name(name) in self._entries

    def names(self) -> list[str]:
        """Return the names of all parts, in the order of the archive."""
        return list(reversed(self._entries))

    def content_type(self, name: str) -> str:
        """Return what the part is declared to be, in small letters; empty when it isn't declared."""
        name = _plain_name(name)
        return self._declared.get(name) or self._by_ending.get(name.rpartition(".")[2], "")

    def main_part(self, kind: str) -> str:
        """Return the name of the main part of a docx, pptx or xlsx. Raises ParsingError when there is none."""
        targets = [relation.target for relation in self.relations(_ROOT).values() if relation.kind == "officeDocument"]
        pattern = office_part_pattern(kind)
        typed = [name for name, found in self._kinds() if pattern.search(found.encode())]
        for name in (*targets, *typed, _USUAL_MAIN[kind]):
            if name in self:
                return _plain_name(name)
        raise ParsingError(_("The file is broken: “%(part)s” can't be read."), part=_USUAL_MAIN[kind])

    def read(self, name: str) -> bytes:
        """Return the content of a part. Raises ParsingError when it is missing or broken."""
        return read_entry(self._archive, self._entries.get(_plain_name(name), name))

    def root(self, name: str) -> _Element:
        """Return the root of a part that is XML; of one that is not well-formed what can be had of its text, which is
        noted. Raises ParsingError when it is missing, or nothing can be had."""
        content = as_transitional(self.read(name))
        try:
            return parse_xml(content)
        except ParsingError:
            root = recovered_xml(content)
            if root is None:
                raise
            self.notes.add("parts", name)
            return root

    def root_or_note(self, name: str) -> _Element | None:
        """Return the root of a part that is XML; None when it is missing or broken, which is noted."""
        try:
            return self.root(name)
        except ParsingError:
            self.notes.add("parts", name)
            return None

    def relations(self, name: str) -> dict[str, Relation]:
        """Return the relations of a part by id, in order; those of the package for "". Missing ones are none, broken
        ones are none and noted."""
        name = _plain_name(name)
        if name not in self._relations:
            self._relations[name] = dict(self._relations_of(name))
        return self._relations[name]

    def related(self, name: str, *kinds: str) -> list[str]:
        """Return the parts that a part refers to by one of these kinds of relation, in order and each once. A missing
        one is noted."""
        found = [relation for relation in self.relations(name).values() if relation.kind in kinds]
        targets = list(dict.fromkeys(relation.target for relation in found if not relation.external))
        for target in targets:
            if target not in self:
                self.notes.add("parts", target)
        return [target for target in targets if target in self]

    def target(self, name: str, relation_id: str | None) -> str:
        """Return the part or address that a relation of a part leads to. Empty when there is no such relation, or no
        such part, which is noted."""
        relation = self.relations(name).get(relation_id or "")
        if relation is None:
            return ""
        if not relation.external and relation.target not in self:
            self.notes.add("parts", relation.target)
            return ""
        return relation.target

    @contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """Note what can't be read of `name` in the part that is odd, and go on behind it."""
        try:
            yield
        except _ODD as error:
            logger.warning("%s: %s", name, error, exc_info=True)
            self.notes.add("parts", name)

    def title(self) -> str:
        """Return what its core properties call it; empty without a name worth showing."""
        return _title_worth_showing(self._property("{http://purl.org/dc/elements/1.1/}title"))

    def dates(self) -> list[str]:
        """Return when it was last modified and when it was created, as its core properties say."""
        terms = "{http://purl.org/dc/terms/}"
        return [self._property(terms + "modified"), self._property(terms + "created")]

    def _property(self, tag: str) -> str:
        if self._properties is None:
            targets = [found.target for found in self.relations(_ROOT).values() if found.kind == "core-properties"]
            name = next((target for target in (*targets, _CORE_PROPERTIES) if target in self), "")
            root = self.root_or_note(name) if name else None
            elements = root.iterchildren("{*}*") if root is not None else ()
            self._properties = {element.tag: element.text or "" for element in elements}
        return self._properties.get(tag, "")

    def _content_types(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return what is declared of parts by their names, and by the endings of their names."""
        declared: dict[str, str] = {}
        by_ending: dict[str, str] = {}
        root = self.root_or_note(_TYPES)
        for element in root.iterchildren("{*}Override", "{*}Default") if root is not None else ():
            kind = (element.get("ContentType") or "").lower()
            if name := element.get("PartName"):
                declared[_plain_name(name)] = kind
            elif ending := element.get("Extension"):
                by_ending[ending.lower()] = kind
        return declared, by_ending

    def _kinds(self) -> Iterator[tuple[str, str]]:
        return ((name, self.content_type(name)) for name in self.names())

    def _relations_of(self, name: str) -> Iterator[tuple[str, Relation]]:
        folder, _slash, file = name.rpartition("/")
        place = posixpath.join(folder, "_rels", f"{file}.rels")
        root = self.root_or_note(place) if place in self else None
        for element in root.iterchildren("{*}Relationship") if root is not None else ():
            relation_id, target = element.get("Id") or "", element.get("Target") or ""
            kind = (element.get("Type") or "").rstrip("/").rpartition("/")[2]
            external = (element.get("TargetMode") or "").lower() == "external"
            yield relation_id, Relation(relation_id, kind, target if external else _resolve(folder, target), external)


@contextmanager
def open_package(path: Path, *, ending: str, notes: Notes) -> Iterator[OfficePackage]:
    """Open the package for a while; `notes` takes what can't be read of it. Raises ParsingError when it is no archive,
    or a harmful one."""
    with open_archive(path, ending=ending) as archive:
        yield OfficePackage(archive, notes=notes)


def as_transitional(content: bytes) -> bytes:
    """Return a part of Strict Open XML with the names of transitional Open XML; any other part as it is."""
    if b"\0" in content[:4]:  # UTF-16, which declares itself
        return content
    return _STRICT.sub(_transitional_name, content)


def _transitional_name(found: re.Match[bytes]) -> bytes:
    """http://purl.oclc.org/ooxml/drawingml/chart becomes http://schemas.openxmlformats.org/drawingml/2006/chart."""
    *folders, last = found[3].split(b"/")
    return found[1] + _OPEN_XML + b"/".join([found[2], b"2006", *folders, _RENAMED.get(last, last)])


def _plain_name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _resolve(folder: str, target: str) -> str:
    """Return the name of the part that `target` is, seen from `folder`: absolute, relative, or leading nowhere."""
    try:
        address = unquote(urlsplit(target.replace("\\", "/")).path)
    except ValueError:
        address = target
    return _plain_name(posixpath.normpath(posixpath.join("/", folder, address)))


def _title_worth_showing(title: str) -> str:
    """Return the title; empty when it names what wrote the file, or nothing."""
    title = " ".join(title.split())
    return title if is_title(title) else ""
