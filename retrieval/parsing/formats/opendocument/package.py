"""OpenDocument files as archives: the content, the styles, and the objects within (OASIS OpenDocument 1.3, part 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.archive import open_archive, parse_xml, read_entry
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    import zipfile

    from lxml.etree import _Element

_SPACE = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
OFFICE, TEXT, TABLE, DRAW, STYLE = (_SPACE % name for name in ("office", "text", "table", "drawing", "style"))
PRESENTATION, CHART, FO = (_SPACE % name for name in ("presentation", "chart", "xsl-fo-compatible"))
HREF = "{http://www.w3.org/1999/xlink}href"
DC = "{http://purl.org/dc/elements/1.1/}"
_MANIFEST = "META-INF/manifest.xml"


class OpenDocument:
    """An open document. `styles` are those of the content and the common ones, by kind and name."""

    def __init__(self, archive: zipfile.ZipFile, *, notes: Notes) -> None:
        self.notes = notes
        self._archive = archive
        self._names = set(archive.namelist())
        if _MANIFEST in self._names and b"encryption-data" in read_entry(archive, _MANIFEST):
            raise ParsingError(_("It is protected by a password: save it without one."))
        self.common = self.root_or_note("styles.xml") if "styles.xml" in self._names else None
        self.styles: dict[tuple[str, str], _Element] = {}
        if self.common is not None:
            self.learn_styles(self.common)

    def content(self) -> _Element:
        """Return the root of the content. Raises ParsingError when it is missing or broken."""
        root = parse_xml(self.read("content.xml"))
        self.learn_styles(root)
        return root

    def read(self, name: str) -> bytes:
        """Return the content of an entry. Raises ParsingError when it is missing or broken."""
        return read_entry(self._archive, name)

    def root_or_note(self, name: str) -> _Element | None:
        """Return the root of an entry that is XML; None when it is missing or broken, which is noted."""
        try:
            return parse_xml(self.read(name))
        except ParsingError:
            self.notes.add("parts", name)
            return None

    def object_root(self, element: _Element) -> _Element | None:
        """Return the content of the object that a frame holds, a chart or a formula; None for one of another kind."""
        name = (element.get(HREF) or "").removeprefix("./").strip("/")
        inner = f"{name}/content.xml"
        return self.root_or_note(inner) if name and inner in self._names else None

    def learn_styles(self, root: _Element) -> None:
        """Take the styles in `root` up."""
        for group in root.iterchildren(OFFICE + "styles", OFFICE + "automatic-styles"):
            for style in group.iterchildren(STYLE + "style"):
                self.styles[style.get(STYLE + "family") or "", style.get(STYLE + "name") or ""] = style
            for style in group.iterchildren(TEXT + "list-style"):
                self.styles["list", style.get(STYLE + "name") or ""] = style
            for style in group.iterchildren(TEXT + "outline-style"):
                self.styles["outline", ""] = style

    def style_property(self, family: str, name: str | None, attribute: str) -> str:
        """Return what a style, or one that it is based on, says of a property; empty when none does."""
        for _step in range(20):
            style = self.styles.get((family, name or ""))
            if style is None:
                return ""
            for child in style:
                if (value := child.get(attribute)) is not None:
                    return str(value)
            name = style.get(STYLE + "parent-style-name")
        return ""

    def title_and_dates(self) -> tuple[str, list[str | None]]:
        """Return what the document calls itself, and when it was modified and created."""
        meta = self.root_or_note("meta.xml") if "meta.xml" in self._names else None
        if meta is None:
            return "", []
        wanted = (DC + "date", _SPACE % "meta" + "creation-date")
        return meta.findtext(f".//{DC}title") or "", [meta.findtext(f".//{name}") for name in wanted]


@contextmanager
def open_document(path: Path, *, ending: str, notes: Notes) -> Iterator[OpenDocument]:
    """Open the document for a while. Raises ParsingError when it is no archive, a harmful one, or protected."""
    with open_archive(path, ending=ending) as archive:
        yield OpenDocument(archive, notes=notes)
