"""What styles say of paragraphs and runs in Word: headings, lists, what is hidden, raised or in a font of symbols.

A style inherits from the one it is based on (ECMA-376-1, 17.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.parsing.formats.numbers import whole

if TYPE_CHECKING:
    from lxml.etree import _Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = {"0", "false", "off", "none"}
_HEADING = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_BODY_LEVEL = 9  # the outline level of what is no heading
_BASES = 30  # styles that one may be based on, one upon the other


@dataclass(frozen=True)
class ListPlace:
    """Where a paragraph stands in a list: the list's id, and the level from 0; None where that isn't said."""

    number_id: str | None = None
    level: int | None = None


class Styles:
    """The styles of a document; without a styles part there are none, and headings are known by the ids of styles."""

    def __init__(self, root: _Element | None) -> None:
        elements = list(root.iterchildren(W + "style")) if root is not None else []
        self._styles = {element.get(W + "styleId") or "": element for element in reversed(elements)}
        self._names = {style_id: _name(element) for style_id, element in self._styles.items()}
        defaults = [element for element in elements if element.get(W + "default") in ("1", "true", "on")]
        self._default = {element.get(W + "type") or "": element.get(W + "styleId") or "" for element in defaults}
        defaults_of_runs = root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr") if root is not None else None
        self._hidden_by_default = defaults_of_runs is not None and is_on(defaults_of_runs.find(W + "vanish"))
        self._levels: dict[str, int] = {}
        self._places: dict[str, tuple[ListPlace, str]] = {}
        self._found: dict[tuple[str, str], _Element | None] = {}

    def paragraph_style(self, paragraph: _Element) -> str:
        """Return the id of the paragraph's style, or of that which paragraphs have."""
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        return (style.get(W + "val") or "") if style is not None else self._default.get("paragraph", "")

    def name(self, style_id: str) -> str:
        """Return the style's name in small letters."""
        return self._names.get(style_id, style_id.lower())

    def heading_level(self, paragraph: _Element) -> int:
        """Return the paragraph's level as a heading, from 1; 0 for none."""
        level = integer(paragraph.find(f"{W}pPr/{W}outlineLvl"))
        if level is not None:
            return level + 1 if 0 <= level < _BODY_LEVEL else 0
        style_id = self.paragraph_style(paragraph)
        if style_id not in self._levels:
            self._levels[style_id] = self._style_level(style_id)
        return self._levels[style_id]

    def is_title(self, paragraph: _Element) -> bool:
        """Return whether the paragraph has the style Title, which only the document's name has."""
        return self.name(self.paragraph_style(paragraph)) == "title"

    def list_place(self, paragraph: _Element) -> tuple[ListPlace, str]:
        """Return the paragraph's place in a list, by itself or by its style, and the id of the style that says so,
        empty when it is the paragraph itself."""
        properties = paragraph.find(f"{W}pPr/{W}numPr")
        own = _place(properties)
        style_id = self.paragraph_style(paragraph)
        if style_id not in self._places:
            self._places[style_id] = self._style_place(style_id)
        inherited, by_style = self._places[style_id]
        if own.number_id is None and own.level is None:
            return inherited, by_style
        if own.number_id is not None:
            return ListPlace(own.number_id, own.level), ""
        return ListPlace(inherited.number_id, own.level), ""

    def hides(self, run: _Element, paragraph_style: str) -> bool:
        """Return whether the run is hidden. What it says itself counts; else what its style and its paragraph's style
        say turns round what the other says (17.7.3)."""
        own = run.find(f"{W}rPr/{W}vanish")
        if own is not None:
            return is_on(own)
        hidden = is_on(self._property(self._run_style(run), "vanish"))
        return self._hidden_by_default or hidden != is_on(self._property(paragraph_style, "vanish"))

    def script(self, run: _Element) -> str:
        """Return "superscript", "subscript", or another word or none for text on the line."""
        own = run.find(f"{W}rPr/{W}vertAlign")
        element = own if own is not None else self._property(self._run_style(run), "vertAlign")
        return (element.get(W + "val") or "") if element is not None else ""

    def font(self, run: _Element) -> str:
        """Return the name of the run's font, as far as the run or its style say it."""
        own = run.find(f"{W}rPr/{W}rFonts")
        element = own if own is not None else self._property(self._run_style(run), "rFonts")
        return (element.get(W + "ascii") or element.get(W + "hAnsi") or "") if element is not None else ""

    def number_of_list_style(self, style_id: str) -> str | None:
        """Return the id of the list that a numbering style stands for."""
        return self._style_place(style_id)[0].number_id

    def _chain(self, style_id: str) -> Iterator[tuple[str, _Element]]:
        """Yield the style and those that it is based on, nearest first."""
        for _step in range(_BASES):
            element = self._styles.get(style_id)
            if element is None:
                return
            yield style_id, element
            base = element.find(W + "basedOn")
            style_id = (base.get(W + "val") or "") if base is not None else ""

    def _style_level(self, style_id: str) -> int:
        if style_id not in self._styles:
            found = _HEADING.fullmatch(style_id)
            return int(found[1]) if found else int(style_id.lower() == "title")
        for base_id, element in self._chain(style_id):
            level = integer(element.find(f"{W}pPr/{W}outlineLvl"))
            found = _HEADING.fullmatch(self._names[base_id])
            if level is not None and 0 <= level <= _BODY_LEVEL:
                return 0 if level == _BODY_LEVEL else level + 1
            if found or self._names[base_id] == "title":
                return int(found[1]) if found else 1
        return 0

    def _style_place(self, style_id: str) -> tuple[ListPlace, str]:
        number_id: str | None = None
        level: int | None = None
        by_style = ""
        for base_id, element in self._chain(style_id):
            place = _place(element.find(f"{W}pPr/{W}numPr"))
            if number_id is None and place.number_id is not None:
                number_id, by_style = place.number_id, base_id
            level = place.level if level is None else level
        return ListPlace(number_id, level), by_style

    def _run_style(self, run: _Element) -> str:
        style = run.find(f"{W}rPr/{W}rStyle")
        return (style.get(W + "val") or "") if style is not None else ""

    def _property(self, style_id: str, name: str) -> _Element | None:
        """Return what the style says of its runs under `name`, or the nearest that it is based on."""
        if not style_id:
            return None
        if (style_id, name) not in self._found:
            found = (element.find(f"{W}rPr/{W}{name}") for _id, element in self._chain(style_id))
            self._found[style_id, name] = next((element for element in found if element is not None), None)
        return self._found[style_id, name]


def is_on(element: _Element | None) -> bool:
    """Return what a switch says: it is on when it is there without a value."""
    return element is not None and (element.get(W + "val") or "1").lower() not in _OFF


def integer(element: _Element | None) -> int | None:
    """Return the number that an element has as its value; None without a number."""
    return whole(element.get(W + "val")) if element is not None else None


def _name(style: _Element) -> str:
    name = style.find(W + "name")
    return ((name.get(W + "val") or "") if name is not None else style.get(W + "styleId") or "").lower()


def _place(properties: _Element | None) -> ListPlace:
    if properties is None:
        return ListPlace()
    number = properties.find(W + "numId")
    return ListPlace(
        number.get(W + "val") if number is not None else None,
        integer(properties.find(W + "ilvl")),
    )
