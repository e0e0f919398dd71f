"""Word documents, as they print: headings, lists, tables and notes; and OpenDocument texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.parsing.formats.archive import office_date, open_archive, parse_xml
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date, row_line

if TYPE_CHECKING:
    from lxml.etree import _Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_NOTES = {"footnote": "footnotes", "endnote": "endnotes"}


def read_word(path: Path) -> Extracted:
    import docx

    with open_archive(path, ending="docx") as archive:
        dates = office_date(archive)
    document = docx.Document(str(path))
    names = {style.style_id: (style.name or "").lower() for style in document.styles}
    blocks = Blocks()
    after_item = False
    for element in _blocks_of(document.element.body):
        if element.tag == _W + "tbl":
            for number, row in enumerate(_own(element, _W + "tr")):
                blocks.add(_row(row), close=number > 0)
            after_item = False
            continue
        level, is_item = _style(element, names)
        text = _text(element)
        if is_item and text.strip() and not level:
            text = f"- {text}"
        blocks.add(text, level=level, close=is_item and after_item)
        after_item = is_item
    for note in _notes(document):
        blocks.add(note)
    return blocks.extracted(dated=first_date(dates))


def _blocks_of(parent: _Element) -> Iterator[_Element]:
    """Yield paragraphs and tables in order, also those inside content controls."""
    for child in parent:
        if child.tag in (_W + "p", _W + "tbl"):
            yield child
        elif child.tag == _W + "sdt":
            for content in child.iterfind(f"{_W}sdtContent"):
                yield from _blocks_of(content)


def _style(paragraph: _Element, names: dict[str, str]) -> tuple[int, bool]:
    """Return its level as a heading, 0 for none, and whether it is an item of a list."""
    properties = paragraph.find(f"{_W}pPr")
    if properties is None:
        return 0, False
    style = properties.find(f"{_W}pStyle")
    name = names.get(style.get(_W + "val"), "") if style is not None else ""
    is_item = properties.find(f"{_W}numPr") is not None or name.startswith("list")
    if name == "title":
        return 1, is_item
    return int(name[8:]) if name.startswith("heading ") and name[8:].isdigit() else 0, is_item


def _text(paragraph: _Element) -> str:
    """Return what is printed: insertions, but no deletions, hidden runs or second copies of a drawing."""
    from lxml.etree import iterwalk

    pieces = []
    walk = iterwalk(paragraph, events=("start",))
    for _, element in walk:
        if element.tag == _FALLBACK or (element.tag == _W + "r" and element.find(f"{_W}rPr/{_W}vanish") is not None):
            walk.skip_subtree()
        elif element.tag == _W + "t":
            pieces.append(element.text or "")
        elif element.tag in (_W + "br", _W + "cr"):
            pieces.append("\n")
        elif element.tag == _W + "tab":
            pieces.append("\t")
        elif element.tag == _W + "noBreakHyphen":
            pieces.append("-")
        elif element.tag in (_W + "footnoteReference", _W + "endnoteReference"):
            pieces.append(_note_mark(element))
    return "".join(pieces)


def _row(row: _Element) -> str:
    cells = (" ".join(_text(line) for line in cell.iter(_W + "p")) for cell in _own(row, _W + "tc"))
    return row_line(cells)


def _own(parent: _Element, tag: str) -> Iterator[_Element]:
    """Yield the rows of this table, or the cells of this row, without those of tables nested in it."""
    return (child for child in parent.iter(tag) if next(child.iterancestors(parent.tag)) is parent)


def _note_mark(reference: _Element) -> str:
    """Return the mark as it stands in the text and in front of the note: [3] for a footnote, [e3] for an endnote."""
    return f"[{'e' if 'endnote' in reference.tag else ''}{reference.get(_W + 'id')}]"


def _notes(document: Any) -> Iterator[str]:
    """Yield the footnotes, then the endnotes, each behind its mark."""
    for relation in document.part.rels.values():
        if relation.is_external or relation.reltype.rpartition("/")[2] not in _NOTES.values():
            continue
        for note in parse_xml(relation.target_part.blob):
            if isinstance(note.tag, str) and note.get(_W + "type") is None:  # separators have a type
                text = " ".join(" ".join(_text(line) for line in note.iter(_W + "p")).split())
                if text:
                    yield f"{_note_mark(note)} {text}"
