"""Which text of a page nobody sees: not displayed, transparent, of no size, off the screen, or in its ground's colour.

As a browser without scripts decides it, from the page's own style sheets and attributes. Where a sheet is elsewhere,
neither the ground nor the colour that text has from it is known: such text stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from retrieval.parsing.formats.web.css import Sheets

if TYPE_CHECKING:
    from lxml.etree import _Element

Colour = tuple[int, int, int]

_LENGTH = re.compile(r"([+-]?\d{0,9}\.?\d{1,9})(px|em|rem|ex|ch|pt|vw|vh|%|)")
_OFF_SCREEN = {"px": -400.0, "pt": -300.0, "em": -25.0, "rem": -25.0, "ex": -50.0, "ch": -50.0, "": -400.0}
_CLIPPED = re.compile(
    r"rect\(\s*(?:[01](?:px)?[\s,]+){3}[01](?:px)?\s*\)|inset\(\s*(?:[5-9]\d|100)(?:\.\d+)?%|circle\(\s*0(?:px|%)?\s*\)"
)
_SCALED_AWAY = re.compile(r"scale[xy]?\(\s*0(?:\.0+)?\s*[,)]|translate[xy]?\(\s*-\d{4,}")
_NUMBERS = re.compile(r"[\d.]+%?")
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_NEAR = 24  # of the three differences together


_VISIBLE = re.compile(r"visibility\s{0,9}:\s{0,9}(?:visible|initial)", re.IGNORECASE)
_CLEAR = re.compile(
    r"transparent|#[0-9a-f]{3}0|#[0-9a-f]{6}00"
    r"|(?:rgb|hsl)a?\((?:(?:[^),/]{1,20},){3}|[^),/]{1,60}/)\s{0,9}0?\.?0{1,9}%?\s{0,9}\)"
)


class Look(NamedTuple):
    """What an element passes on to what is in it. None: not known."""

    colour: Colour | None
    ground: Colour | None
    is_unseen: bool = False  # by `visibility`
    is_clear: bool = False  # text lets all of its ground through

    @property
    def is_invisible(self) -> bool:
        """Return whether text is unseen, or has the colour of its ground."""
        if self.is_unseen or self.is_clear:
            return True
        if self.colour is None or self.ground is None:
            return False
        return sum(abs(one - other) for one, other in zip(self.colour, self.ground, strict=True)) <= _NEAR


class Visibility:
    """What of a page is seen."""

    def __init__(self, root: _Element) -> None:
        self.sheets = Sheets(root)
        self._may_reappear = _VISIBLE.search(_styles(root)) is not None
        known = self.sheets.is_complete
        self.first_look = Look(_BLACK if known else None, _WHITE if known else None)

    def judge(self, element: _Element, above: Look) -> tuple[bool, Look, dict[str, str]]:
        """Return whether the element hides all that is in it, what it passes on, and the declarations that hold for
        it."""
        if not element.attrib and not self.sheets.has_rules:
            return False, above, {}
        declared = self.sheets.declared(element)
        look = _look(element, declared, above)
        if element.tag in {"html", "body"}:  # hidden until a script shows it
            return False, look, declared
        hidden = element.get("hidden") is not None and declared.get("display", "none") == "none"
        hidden = hidden or (look.is_unseen and not self._may_reappear)
        return hidden or (bool(declared) and _is_hidden(declared)), look, declared


def _styles(root: _Element) -> str:
    sheets = ("".join(style.itertext()) for style in root.iter("style"))
    return ";".join([*sheets, *(element.get("style", "") for element in root.iter())])


def _is_hidden(declared: dict[str, str]) -> bool:
    def number(name: str, default: float = 1.0) -> float:
        found = _LENGTH.fullmatch(declared.get(name, ""))
        return float(found[1]) if found else default

    size = _LENGTH.fullmatch(declared.get("font-size", "")) or _LENGTH.match(_size_in(declared.get("font", "")))
    return (
        declared.get("display") == "none"
        or (number("opacity") <= 0.01 and not _is_animated(declared))
        or declared.get("content-visibility") == "hidden"
        or (size is not None and (float(size[1]) == 0 or (size[2] in {"px", "pt"} and float(size[1]) <= 1)))
        or _is_off_screen(declared)
        or _CLIPPED.search(declared.get("clip", "") + declared.get("clip-path", "")) is not None
        or _SCALED_AWAY.search(declared.get("transform", "")) is not None
        or (
            declared.get("overflow", "").startswith(("hidden", "clip"))
            and any(
                number(name, 9.0) <= 1 and "%" not in declared.get(name, "") and "em" not in declared.get(name, "")
                for name in ("height", "width", "max-height", "max-width")
            )
        )
    )


def _is_animated(declared: dict[str, str]) -> bool:
    """Return whether it moves or fades in by itself."""
    return any(declared.get(name, "none") != "none" for name in ("animation", "animation-name"))


def _is_off_screen(declared: dict[str, str]) -> bool:
    moved = ["text-indent", "margin-left", "margin-top"]
    if declared.get("position", "static") != "static":
        moved += ["left", "right", "top", "bottom"]
    for name in moved:
        found = _LENGTH.fullmatch(declared.get(name, ""))
        if found and float(found[1]) <= _OFF_SCREEN.get(found[2], -100.0):
            return True
    return False


def _size_in(font: str) -> str:
    return next((word for word in font.split() if word[:1].isdigit()), "")


def _look(element: _Element, declared: dict[str, str], above: Look) -> Look:
    colour, ground, unseen, clear = above
    if seen := declared.get("visibility"):
        unseen = above.is_unseen if seen in {"inherit", "unset"} else seen in {"hidden", "collapse"}
    if ink := declared.get("color") or element.get("color") or (element.tag == "body" and element.get("text")) or "":
        colour = above.colour if ink == "inherit" else _parse_colour(ink)
        clear = above.is_clear if ink == "inherit" else _CLEAR.fullmatch(ink.strip()) is not None
    if "text" in {declared.get("background-clip"), declared.get("-webkit-background-clip")}:
        clear = False  # what is painted behind it shows in the shape of its letters
    painted = declared.get("background-color") or declared.get("background") or element.get("bgcolor") or ""
    drawn = declared.get("background", "") + declared.get("background-image", "")
    if element.get("background") or "url(" in drawn or "gradient(" in drawn:
        ground = None
    elif painted and painted not in {"transparent", "none", "inherit", "initial", "unset"}:
        ground = _parse_colour(painted)
    return Look(colour, ground, unseen, clear)


def _parse_colour(text: str) -> Colour | None:
    """Return red, green and blue; None for what is not one plain, opaque colour."""
    from PIL import ImageColor

    text = text.strip().lower()
    if text.startswith(("rgb", "hsl")):
        numbers = _NUMBERS.findall(text[:100])
        if len(numbers) > 3 and numbers[3] not in {"1", "1.0", "100%"}:
            return None
        text = f"{text[:3]}({','.join(numbers[:3])})"
    elif len(text) in {3, 6} and not text.isalpha():
        text = f"#{text.removeprefix('#')}" if "#" not in text else text
    try:
        found = ImageColor.getrgb(text)
    except ValueError:
        return None
    return (found[0], found[1], found[2]) if len(found) == 3 or found[3] == 255 else None
