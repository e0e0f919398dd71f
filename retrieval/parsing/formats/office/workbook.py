"""What all sheets of a workbook share: their names and order, texts, and formats of numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.office.number_formats import code_of
from retrieval.parsing.formats.office.package import OfficePackage, as_transitional
from retrieval.parsing.formats.plain.grids import CELL_CHARACTERS
from retrieval.parsing.formats.plain.scripts import LOWERED, RAISED, in_line

if TYPE_CHECKING:
    from lxml.etree import _Element

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SHEETS = ("worksheet", "chartsheet", "dialogsheet", "xlMacrosheet", "xlIntlMacrosheet")
_SCRIPTS = {"superscript": RAISED, "subscript": LOWERED}
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # ECMA-376-1, 22.9.2.19


@dataclass
class Workbook:
    """`sheets`: name, part, and whether it is hidden. `texts`: shared ones. `codes`: the format code of each style of
    cells. `people`: names of those who comment, by id."""

    sheets: list[tuple[str, str, bool]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    since_1904: bool = False


def load_workbook(package: OfficePackage) -> Workbook:
    """Return what the sheets share. Raises ParsingError when the main part can't be read; other missing or broken parts
    are noted."""
    main = package.main_part("xlsx")
    root = package.root(main)
    book = Workbook(sheets=list(_sheets(package, main, root)))
    properties = root.find("{*}workbookPr")
    book.since_1904 = properties is not None and is_true(properties.get("date1904"))
    if part := _shared_part(package, main, "sharedStrings"):
        book.texts = _shared_texts(package, part)
    if part := _shared_part(package, main, "styles"):
        book.codes = _codes(package.root_or_note(part))
    for part in package.related(main, "person"):
        people = package.root_or_note(part)
        for person in people.iterchildren("{*}person") if people is not None else ():
            book.people[person.get("id") or ""] = person.get("displayName") or ""
    return book


def is_true(value: str | None) -> bool:
    """Return what an attribute says that is true or false (ECMA-376-1, 22.9.2.7)."""
    return value in ("1", "true", "on", "t")


def rich_text(element: _Element) -> str:
    """Return the text of a cell or comment, without how it is pronounced."""
    runs: list[tuple[str, str]] = []
    for child in element:
        if child.tag == MAIN + "t":
            runs.append((child.text or "", ""))
        elif child.tag == MAIN + "r":
            shifted = child.find(f"{MAIN}rPr/{MAIN}vertAlign")
            script = _SCRIPTS.get(shifted.get("val") or "", "") if shifted is not None else ""
            runs += [(part.text or "", script) for part in child.iterchildren(MAIN + "t")]
    return unescape(in_line(runs)[:CELL_CHARACTERS])


def unescape(text: str) -> str:
    """Return the text with the characters that XML can't hold, as _x000D_, put in."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def stream(content: bytes, *tags: str) -> Iterator[Any]:
    """Yield the elements of these tags in a part when they are complete, and empty each after its use. Raises
    XMLSyntaxError where the part is broken."""
    from lxml.etree import iterparse

    source = io.BytesIO(as_transitional(content))
    for _event, element in iterparse(source, tag=tags, resolve_entities=False, no_network=True, load_dtd=False):
        yield element
        element.clear(keep_tail=False)
        while element.getprevious() is not None:
            del element.getparent()[0]


def _sheets(package: OfficePackage, main: str, root: _Element) -> Iterator[tuple[str, str, bool]]:
    relations = package.relations(main)
    for number, sheet in enumerate(root.iterfind("{*}sheets/{*}sheet"), start=1):
        relation = relations.get(sheet.get(RELATION_ID) or "")
        if relation is not None and relation.kind not in _SHEETS:
            continue  # a module of Visual Basic
        usual = f"xl/worksheets/sheet{number}.xml"  # where the relations are broken
        part = package.target(main, sheet.get(RELATION_ID)) or (usual if not relations and usual in package else "")
        yield sheet.get("name") or "", part, (sheet.get("state") or "visible") != "visible"


def _shared_part(package: OfficePackage, main: str, kind: str) -> str:
    """Return the part of this kind that the workbook refers to, or that is declared as one; empty without one."""
    found = package.related(main, kind)
    if not found:
        found = [name for name in package.names() if package.content_type(name).endswith(f"{kind.lower()}+xml")]
    return found[0] if found else ""


def _shared_texts(package: OfficePackage, part: str) -> list[str]:
    from lxml.etree import XMLSyntaxError

    texts: list[str] = []
    try:
        texts.extend(rich_text(item) for item in stream(package.read(part), MAIN + "si"))
    except (ParsingError, XMLSyntaxError):
        package.notes.add("parts", part)
    return texts


def _codes(root: _Element | None) -> list[str]:
    if root is None:
        return []
    declared = {
        number: unescape(code.get("formatCode") or "")
        for code in root.iterfind("{*}numFmts/{*}numFmt")
        if (number := whole(code.get("numFmtId"))) is not None
    }
    numbers = [whole(style.get("numFmtId")) for style in root.iterfind("{*}cellXfs/{*}xf")]
    return ["General" if number is None else code_of(number, declared) for number in numbers]
