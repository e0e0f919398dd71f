"""Every route there is, as a stranger meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

PUBLIC = {"chat", "embed", "embed-script", "login", "logout", "api-health", "api-schema", "api-docs"}
SAMPLES = {"uuid": "7b0f5a9e-0000-4000-8000-000000000000", "int": "1", "slug": "nothing", "str": "nothing"}


def routes(patterns: Any, prefix: str = "/") -> Iterator[tuple[str, str]]:
    """The name and a sample address of each route of the site; the admin has tests of its own."""
    for pattern in patterns:
        address = prefix + str(pattern.pattern).lstrip("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from routes(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name, re.sub(r"<(?:(\w+):)?\w+>", lambda match: SAMPLES[match[1] or "str"], address)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_case_15_route_that_is_not_public_shows_a_stranger_nothing(
    client: Client, db: None, settings: Any, method: str
) -> None:
    settings.ANONYMOUS_CHAT = False
    found = dict(routes(get_resolver().url_patterns))
    assert set(found) >= PUBLIC | {"ask", "shared", "conversation-share", "api-run-events", "api-chat-query"}
    for name, address in found.items():
        if name in PUBLIC:
            continue
        response = getattr(client, method)(address, "{}", content_type="application/json") if method != "get" else (
            client.get(address)
        )  # fmt: skip
        if response.status_code == 302:
            assert response["Location"].startswith("/accounts/login/"), name
        else:
            assert response.status_code in {401, 403, 404, 405}, (name, response.status_code)
        if address.startswith("/api/") and response.status_code != 405:
            assert response.status_code == 401, name
