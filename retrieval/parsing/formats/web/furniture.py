"""What stands around the content of a page: menus, and on whole pages of a site banners, side columns and footers.

By what the page itself says its parts are: tags, roles, and the names that sites give to menus and to requests for
consent. What a program would guess to be the main content loses lists and notes (docs/decisions/023).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAVIGATION_ROLES = {"navigation", "search", "menu", "menubar"}
_CONTENT = ("main", "article")
_HOLDERS = ("div", "section", "aside", "ul", "ol", "form", "p", "footer", "header", "table")
_CONSENT = re.compile(r"(?:^|[-_\s])(?:cookies?|consent|gdpr|ccpa|onetrust|usercentrics|didomi|cookiebot)(?=$|[-_\s])")
_CONSENT_WORDS = re.compile(
    r"\b(?:accept|agree|allow|reject|got it|ok|akzeptieren|zustimmen|ablehnen|accepter|refuser|aceptar|accetta)",
    re.IGNORECASE,
)
_MENU = re.compile(
    r"(?:^|[-_\s])(?:nav|navbar|navigation|menu|breadcrumbs?|sidebar|sidenav|skip|skiplinks?|share|sharing|social|"
    r"related|tagcloud|pagination|pager)(?=$|[-_\s])"
)
_FOOT = re.compile(r"(?:^|[-_\s])(?:footer|colophon)(?=$|[-_\s])")
_LINKED = 0.6  # of its text, from which on a part is a menu
_REJECTED_LIMIT = 100  # parts that only have the name of one
_READ_LIMIT = 4_000_000  # characters of such parts, which may hold each other: each is read
_CONSENT_CHARACTERS = 4_000
_LEFT_SHARE, _LEFT_CHARACTERS = 0.2, 150  # of the text, which is content: where less would be left, all stays


class Furniture:
    """The elements that are left out."""

    def __init__(self, elements: Iterable[_Element] = (), *, keeps_navigation: bool = False) -> None:
        self._elements = set(elements)
        self._keeps_navigation = keeps_navigation

    def __contains__(self, element: _Element) -> bool:
        if element in self._elements:
            return True
        return not self._keeps_navigation and (
            element.tag == "nav" or element.get("role", "").lower() in _NAVIGATION_ROLES
        )


def furniture_of(root: _Element) -> Furniture:
    """Return what stands around the content when this is a whole page of a site; else only its navigation."""
    if not _is_whole_page(root):
        return Furniture()
    found = list(_found_in(root))
    whole = _length(root)
    left = whole - sum(_length(element) for element in found)
    return Furniture(found if left > max(_LEFT_CHARACTERS, _LEFT_SHARE * whole) else ())


def _is_whole_page(root: _Element) -> bool:
    """Return whether the page has styles or scripts in other files, and two kinds of parts that lead around a site."""
    links = any("stylesheet" in link.get("rel", "").lower() for link in root.iter("link"))
    if not links and not any(script.get("src") for script in root.iter("script")):
        return False
    kinds = set()
    for element in root.iter("nav", "header", "footer", "aside", *_HOLDERS):
        name = _name(element)
        kinds.add("nav" if element.tag == "nav" or _MENU.search(name) else "")
        kinds.add("consent" if _CONSENT.search(name) else "")
        kinds.add(element.tag if element.tag in {"header", "footer", "aside"} else "foot" if _FOOT.search(name) else "")
    return len(kinds - {""}) >= 2


def _found_in(root: _Element) -> Iterator[_Element]:
    """Yield the outermost parts that are furniture. Nothing within the content is."""
    from lxml.etree import iterwalk

    walk = iterwalk(root, events=("start",))
    rejected = read = 0
    for _event, element in walk:
        if (
            not isinstance(element.tag, str)
            or element.tag in {"head", "script", "style"}
            or element.tag in _CONTENT
            or element.get("role", "").lower() == "main"
        ):
            walk.skip_subtree()
        elif element.tag not in _HOLDERS or rejected >= _REJECTED_LIMIT or read >= _READ_LIMIT:
            continue
        elif kind := _kind(element):
            text = _text(element)
            if _is_furniture(element, kind, text):
                yield element
                walk.skip_subtree()
            else:
                rejected += 1
                read += len(text)


def _kind(element: _Element) -> str:
    """Return what an element calls itself, as far as that may be furniture."""
    role, name = element.get("role", "").lower(), _name(element)
    if _CONSENT.search(name):
        return "consent"
    if element.tag == "footer" or role == "contentinfo" or _FOOT.search(name):
        return "foot"
    if element.tag in {"header", "aside"} or role in {"banner", "complementary"} or _MENU.search(name):
        return "menu"
    return ""


def _is_furniture(element: _Element, kind: str, text: str) -> bool:
    if next(element.iter(*_CONTENT, "h1"), None) is not None:
        return False
    if kind == "foot":
        return True
    if kind == "consent":
        return len(text) <= _CONSENT_CHARACTERS and _CONSENT_WORDS.search(text) is not None
    linked = sum(_length(link) for link in element.iter("a"))
    return linked >= _LINKED * len(text)


def _name(element: _Element) -> str:
    return f"{element.get('id', '')} {element.get('class', '')}"[:500].lower()


def _text(element: _Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _length(element: _Element) -> int:
    return len(_text(element))
