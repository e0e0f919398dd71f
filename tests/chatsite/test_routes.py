"""Every route there is, as a stranger meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from chatsite.models import Conversation, Run
from retrieval.models import Collection, Document

RESET = {"password_reset_done", "password_reset_confirm", "password_reset_complete"}
PUBLIC = {"chat", "embed", "embed-script", "login", "logout", "api-health", "api-schema", "api-docs"}
PUBLIC |= {"api-health-live", "api-health-ready", *RESET}
PUBLIC |= {"staff"}  # who is none of them is sent on to "embed"
NO_ID = "7b0f5a9e-0000-4000-8000-000000000000"
SAMPLES = {"uuid": NO_ID, "int": "1", "slug": "nothing", "str": "nothing", "path": "nothing"}


def routes(patterns: Any, prefix: str = "/", *, samples: Mapping[str, str] = SAMPLES) -> Iterator[tuple[str, str]]:
    """The name and a sample address of each route of the site; the admin has tests of its own. `samples` are by the
    parameter's name, or else by its type.
    """
    for pattern in patterns:
        address = prefix + str(pattern.pattern).lstrip("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from routes(pattern.url_patterns, address, samples=samples)
        elif isinstance(pattern, URLPattern) and pattern.name:
            sampled = partial(_sample, samples=samples)
            yield pattern.name, re.sub(r"<(?:(\w+):)?(\w+)>", sampled, address)


def _sample(parameter: re.Match[str], *, samples: Mapping[str, str]) -> str:
    return samples.get(parameter[2]) or samples.get(parameter[1] or "str") or SAMPLES[parameter[1] or "str"]


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


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_case_14_what_belongs_to_another_is_answered_as_what_is_not_there(
    client: Client, reader: User, settings: Any, put: Any, method: str
) -> None:
    """Every route that names a conversation, a run or a document: the same status and the same page."""
    other = User.objects.create_user("other")
    board = Collection.objects.create(name="Board", slug="board", owner=other)
    Document.objects.create(pk=THOUSANDTH, collection=board, title="First", content_hash="first")
    document = put(board, "secret.md", "The secret.")
    conversation = Conversation.objects.create(user=other, title="Secret")
    run = Run.objects.create(conversation=conversation, question="Secret?")
    theirs = {"conversation_id": str(conversation.pk), "run_id": str(run.pk), "document_id": str(document.pk)}
    absent = {"conversation_id": NO_ID, "run_id": NO_ID, "document_id": str(document.pk + 1)}
    client.force_login(reader)
    compared = 0
    patterns = get_resolver().url_patterns
    for (name, there), (_, missing) in zip(
        routes(patterns, samples=theirs), routes(patterns, samples=absent), strict=True
    ):
        if there != missing:
            told = [_told(client, method, address) for address in (there, missing)]
            assert told[0] == told[1], name
            assert told[0][0] in {404, 405}, name
            compared += 1
    assert compared >= 15


THOUSANDTH = 1000  # ids that stand for nothing else in a page


def _told(client: Client, method: str, address: str) -> tuple[int, str]:
    """The status and the text, without what is another in each response or repeats the address."""
    body: dict[str, Any] = {} if method == "get" else {"data": "{}", "content_type": "application/json"}
    response = getattr(client, method)(address, **body)
    text = response.text.replace(address, "").replace(response.headers.get("X-Request-ID", "none"), "")
    text = re.sub(r"\b100\d\b", "", text)
    return response.status_code, re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
