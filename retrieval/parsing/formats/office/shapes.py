"""Shapes on a slide: texts and lists, tables, charts, diagrams; each costs itself alone when it can't be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.office.drawings import (
    CHOICE,
    DIAGRAM,
    RELATIONS,
    A,
    paragraph_text,
    write_diagram,
    write_linked_chart,
    written_on,
)
from retrieval.parsing.formats.office.package import OfficePackage
from retrieval.parsing.formats.plain.grids import Merge, SheetGrid, write_tables

if TYPE_CHECKING:
    from lxml.etree import _Element

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_BODIES = ("", "obj", "body", "vertBody", "vertObj", "half")
_DRAWN = ("{*}chart", DIAGRAM + "relIds")
_UNSAID = ("dt", "sldNum")  # the date and the number of the slide

logger = logging.getLogger(__name__)


def shapes_of(tree: _Element | None, notes: Notes) -> Iterator[_Element]:
    """Yield the shapes in the order of the file, which screen readers follow too, those in groups as if they were in
    none; of alternatives the newest. Hidden ones are left out, and noted where they say something."""
    waiting = list(reversed(tree)) if tree is not None else []
    while waiting:
        element = waiting.pop()
        if _is_hidden(element):
            if any((text.text or "").strip() or text.tag != A + "t" for text in element.iter(A + "t", *_DRAWN)):
                notes.add("hidden_text")
        elif element.tag == P + "grpSp":
            waiting.extend(reversed(element))
        elif element.tag == _ALTERNATIVES:
            choices = element.findall(CHOICE) or list(element)
            waiting.extend(reversed(choices[0]) if choices else ())
        elif element.tag in (P + "sp", P + "pic", P + "graphicFrame", P + "cxnSp", P + "contentPart"):
            yield element


def _is_hidden(shape: _Element) -> bool:
    """Return whether a shape, or the group that this is, was hidden (PowerPoint's selection pane)."""
    named = next(shape.iterfind(f"./*/{P}cNvPr"), None)
    return named is not None and named.get("hidden") in ("1", "true")


def placeholder_of(shape: _Element) -> tuple[str, str]:
    """Return which kind of place of the layout a shape fills, and its number there; both empty when it fills none. The
    kind alone is empty for a place for any content."""
    place = next(shape.iterfind(f"./*/{P}nvPr/{P}ph"), None)
    return ("", "") if place is None else (place.get("type") or "", place.get("idx") or "0")


class ShapeWriter:
    """Appends the shapes of one part; `said` holds what is given once in the whole deck."""

    def __init__(self, blocks: Blocks, package: OfficePackage, part: str, *, said: set[str]) -> None:
        self._blocks = blocks
        self._package = package
        self._part = part
        self._said = said

    def add(self, shape: _Element) -> None:
        """Append the shape. What goes wrong in it is noted."""
        try:
            self._add(shape)
        except (ValueError, TypeError, AttributeError, IndexError, KeyError, ArithmeticError):
            # One odd shape must not cost the deck, whatever is odd about it.
            logger.exception("A shape could not be read")
            self._blocks.notes.add("parts", self._part)

    def add_once(self, text: str) -> None:
        """Append a text unless the deck has said it already."""
        if text.strip() and text not in self._said:
            self._said.add(text)
            self._blocks.add(text)

    def _add(self, shape: _Element) -> None:
        kind, number = placeholder_of(shape)
        if kind in _UNSAID:
            return
        if kind in ("ftr", "hdr"):
            self.add_once(written_on(shape))
        elif shape.tag == P + "graphicFrame":
            self._add_frame(shape)
        elif shape.tag == P + "pic":
            self._blocks.notes.add("pictures")
        else:
            self._add_text(shape, listed=bool(number) and kind in _BODIES)

    def _add_text(self, shape: _Element, *, listed: bool) -> None:
        """Append its paragraphs: in the places for content they are list items, when there are several."""
        texts = [(paragraph, paragraph_text(paragraph)) for paragraph in shape.iter(A + "p")]
        filled = [(paragraph, text) for paragraph, text in texts if text.strip()]
        numbers: dict[int, int] = {}
        for place, (paragraph, text) in enumerate(filled):
            mark = _mark(paragraph, numbers) or ("- " if listed and len(filled) > 1 else "")
            self._blocks.add(mark + text, close=place > 0)

    def _add_frame(self, frame: _Element) -> None:
        table = next(frame.iter(A + "tbl"), None)
        if table is not None:
            write_tables(self._blocks, _grid(table))
            return
        for element in frame.iter():
            name = str(element.tag).rpartition("}")[2]
            if name == "chart" and element.get(RELATIONS + "id"):
                write_linked_chart(self._blocks, self._package, self._part, element.get(RELATIONS + "id"))
                return
            if element.tag == DIAGRAM + "relIds":
                write_diagram(self._blocks, self._package, self._part, element.get(RELATIONS + "dm"))
                return
            if element.tag == P + "oleObj":
                self._blocks.notes.add("attachments", element.get("name") or element.get("progId") or "OLE")
                return


def _mark(paragraph: _Element, numbers: dict[int, int]) -> str:
    """Return the number in front of a numbered paragraph, which PowerPoint counts itself; empty without one. `numbers`
    holds where each level is."""
    properties = paragraph.find(A + "pPr")
    level = properties.get("lvl") if properties is not None else None
    depth = max(0, whole(level) or 0)
    automatic = properties.find(A + "buAutoNum") if properties is not None else None
    for deeper in [one for one in numbers if one > depth or (one == depth and automatic is None)]:
        del numbers[deeper]
    if automatic is None:
        return ""
    start = automatic.get("startAt") or ""
    numbers[depth] = numbers[depth] + 1 if depth in numbers else whole(start) or 1
    return _numbered(numbers[depth], automatic.get("type") or "")


def _numbered(number: int, kind: str) -> str:
    if kind.startswith("alpha") and number <= 26:
        shown = chr(64 + number) if "Uc" in kind else chr(96 + number)
    elif kind.startswith("roman") and number < 40:
        roman = "X" * (number // 10) + " I II III IV V VI VII VIII IX".split(" ")[number % 10]
        shown = roman if "Uc" in kind else roman.lower()
    else:
        shown = str(number)
    return f"({shown}) " if kind.endswith("ParenBoth") else f"{shown}) " if kind.endswith("ParenR") else f"{shown}. "


def _grid(table: _Element) -> SheetGrid:
    """Return a table as cells; those that another one spans stand empty in the file."""
    grid = SheetGrid()
    for row, element in enumerate(table.iterchildren(A + "tr")):
        cells = {}
        for column, cell in enumerate(element.iterchildren(A + "tc")):
            if "1" in (cell.get("hMerge"), cell.get("vMerge")) or "true" in (cell.get("hMerge"), cell.get("vMerge")):
                continue
            if text := written_on(cell).strip():
                cells[column] = text
            wide, high = _span(cell.get("gridSpan")), _span(cell.get("rowSpan"))
            if wide > 1 or high > 1:
                grid.merges.append(Merge(row, column, row + high - 1, column + wide - 1))
        if cells:
            grid.rows[row] = cells
    return grid


def _span(value: str | None) -> int:
    return min(max(1, whole(value) or 1), 1_000)
