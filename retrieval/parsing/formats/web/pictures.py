"""What stands in the text for a picture, a drawing or a filled field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.web.formulas import dollars, formula

if TYPE_CHECKING:
    from lxml.etree import _Element

_FILE_NAME = re.compile(r"[\w\s()%.-]{0,200}\.(?:jpe?g|png|gif|svg|webp|bmp|ico)", re.IGNORECASE)
_FORMULA_CLASSES = ("mwe-math", "latex", "tex", "math")
_LIMIT = 2_000  # characters of one picture
_TYPED = {
    "",
    "text",
    "number",
    "date",
    "time",
    "datetime-local",
    "month",
    "week",
    "email",
    "tel",
    "url",
    "range",
    "color",
}


def picture(element: _Element, notes: Notes) -> str:
    """Return what an <img> says of itself: `[picture: …]`, a sign that is drawn as it is, or a formula as TeX. One that
    says nothing is counted, unless it says that it only adorns the page."""
    said = _flat(element.get("alt") or element.get("aria-label") or element.get("title") or "")
    classes = element.get("class", "").lower()
    if said and any(name in classes for name in _FORMULA_CLASSES):
        before = element.getprevious()  # MediaWiki's picture, beside the MathML that it is drawn from
        return "" if before is not None and next(before.iter("math"), None) is not None else dollars(said)
    if element.get("aria-hidden") == "true" or (said and _repeats_formula(element, said)):
        return ""
    if not said or _FILE_NAME.fullmatch(said):
        if element.get("alt") is None or said:
            notes.add("pictures")
        return ""
    return said if len(said) <= 2 or "emoji" in classes else f"[picture: {said}]"


def _repeats_formula(element: _Element, said: str) -> bool:
    """Return whether a picture says the TeX of MathML beside it."""
    for other in (element.getprevious(), element.getnext()):
        math = next(other.iter("math"), None) if other is not None else None
        if math is not None:
            known = (formula(math), dollars(_flat(math.get("alttext", ""))))
            return _bare(dollars(said)) in map(_bare, known)
    return False


def _bare(tex: str) -> str:
    return "".join(tex.strip("$").split())


def drawing(element: _Element) -> str:
    """Return what an <svg> says: its title, its description, and the text that is drawn."""
    if element.get("aria-hidden") == "true":
        return ""
    said = [element.get("aria-label") or ""]
    said += ("".join(part.itertext()) for part in element.iter("title", "desc", "text"))
    flat = list(dict.fromkeys(filter(None, map(_flat, said))))
    return f"[picture: {'; '.join(flat)[:_LIMIT]}]" if flat else ""


def field(element: _Element) -> str:
    """Return what a field of a form shows: the text typed into it, a tick, or what is chosen."""
    if element.tag == "select":
        options = list(element.iter("option"))
        chosen = [option for option in options if option.get("selected") is not None]
        if not chosen and element.get("multiple") is None:
            chosen = options[:1]
        return ", ".join(_flat("".join(option.itertext())) for option in chosen)
    kind = element.get("type", "").strip().lower()
    if kind in {"checkbox", "radio"}:
        return "☑ " if element.get("checked") is not None else "☐ "
    return _flat(element.get("value", "")) if kind in _TYPED else ""


def _flat(text: str) -> str:
    return " ".join(text.split())[:_LIMIT]
