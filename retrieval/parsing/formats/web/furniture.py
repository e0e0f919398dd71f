"""What stands around the content of a page: menus, and on whole pages of a site banners, side columns and footers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAVIGATION_ROLES = {"navigation", "search", "menu", "menubar"}


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
