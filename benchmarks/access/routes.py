"""The routes of the URLconf, and the permissions that open pages of the admin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.access.expected import PAGES

ADMIN_PERMISSIONS = {"changelist": "view", "add": "add", "history": "view", "delete": "delete", "change": "change"}


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the URLconf; `name` is that of `reverse`, or the address itself where it has none."""

    name: str
    address: str  # with its parameters in angle brackets
    is_catch_all: bool = False

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the address with a value for each parameter: by its name, or else by its type."""

        def value(parameter: re.Match[str]) -> str:
            return values.get(parameter[2]) or values.get(parameter[1] or "str", "nothing")

        return re.sub(r"<(?:(\w+):)?(\w+)>", value, self.address)


def all_routes(patterns: Any = None, prefix: str = "/", namespace: str = "") -> Iterator[Route]:
    """Yield every route of the site; of the admin, without those that only lead on to another."""
    from django.urls import URLResolver, get_resolver

    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inside = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from all_routes(pattern.url_patterns, address, inside)
        elif pattern.name or not namespace:
            plain = re.sub(r"\^?\(\?P<(\w+)>[^)]*\)", r"<\1>", address).removesuffix("$")
            yield Route(f"{namespace}{pattern.name}" if pattern.name else plain, plain)


def permission_of(route: Route) -> str:
    """Return the permission that opens a page of the admin; empty where there is none."""
    if route.name in PAGES:
        return PAGES[route.name]
    if found := re.fullmatch(r"admin:([a-z]+)_([a-z]+)_(changelist|add|history|delete|change)", route.name):
        app_label, model, page = found.groups()
        return f"{app_label}.{ADMIN_PERMISSIONS[page]}_{model}"
    return ""
