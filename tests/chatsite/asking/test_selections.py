"""One question about several selections."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chatsite.models import Run
from retrieval.models import Collection, Document

Put = Callable[..., Document]
TEA = "# Tea\n\nBoil the water first.\n\nWait four minutes before you pour the tea."
CATS = "Cats sleep for sixteen hours a day. They wake at dusk."


def ask(client: Client, query: str, **more: Any) -> Any:
    body = json.dumps({"query": query} | more)
    return client.post("/api/v1/chat/query", body, content_type="application/json")


def place(document: Document, words: str) -> dict[str, int]:
    return {"document_id": document.pk, "start": TEA.index(words), "end": TEA.index(words) + len(words)}


def test_each_selection_is_one_source(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", TEA)
    words = "Wait four minutes before you pour the tea."
    body = ask(client, "How long do cats sleep?", selections=[place(document, words), {"text": CATS}]).json()
    assert body["mode_used"] == "selected_text"
    assert [source["content"] for source in body["sources"]] == [words, CATS]
    assert [source["document_id"] for source in body["sources"]] == [document.pk, None]
    assert [(c["marker"], c["quote"]) for c in body["citations"]] == [(2, "Cats sleep for sixteen hours a day.")]
    tea = ask(client, "How long do I wait before I pour the tea?", selections=[{"text": CATS}, place(document, words)])
    (citation,) = tea.json()["citations"]
    assert (citation["marker"], TEA[citation["start"] : citation["end"]]) == (2, words)


def test_conversation_shows_each_selection_with_the_words_that_are_cited(
    client: Client, public: Collection, put: Put
) -> None:
    client.get("/")
    document = put(public, "tea.md", TEA)
    whole = TEA[TEA.index("Boil") :]
    asked = ask(client, "How long do cats sleep?", selections=[{"text": CATS}, place(document, whole)]).json()
    page = client.get(f"/runs/{asked['run_id']}/").content.decode()
    assert "><mark>Cats sleep for sixteen hours a day.</mark> They wake at dusk.</blockquote>" in page
    asked = ask(client, "How long do I wait before I pour the tea?", selections=[place(document, whole)]).json()
    page = client.get(f"/runs/{asked['run_id']}/").content.decode()
    assert f'data-document="{document.pk}" data-start="{TEA.index("Boil")}"' in page
    assert "Boil the water first.\n\n<mark>Wait four minutes before you pour the tea.</mark></a>" in page
    assert Run.objects.get(pk=asked["run_id"]).selected_text == whole


def test_selection_that_is_html_is_escaped_with_its_marks(client: Client, db: None) -> None:
    client.get("/")
    asked = ask(
        client, "Who shouts?", selections=[{"text": "<img src=x onerror=alert(1)> Dogs <b>shout</b> at night."}]
    )
    page = client.get(f"/runs/{asked.json()['run_id']}/").content.decode()
    assert "<img" not in page
    assert "<b>shout" not in page


def test_selection_of_a_document_that_is_not_readable_is_404_like_a_missing_one(client: Client, put: Put) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    document = put(hidden, "tea.md", TEA)
    asked = {"query": "Why?", "selections": [{"text": CATS}, place(document, "Boil the water first.")]}
    forbidden = client.post("/api/v1/chat/query", json.dumps(asked), content_type="application/json")
    missing = ask(client, "Why?", selections=[{"text": CATS}, {"document_id": 10**9, "start": 0, "end": 9}])
    assert forbidden.status_code == missing.status_code == 404
    assert forbidden.json()["message"] == missing.json()["message"].replace(str(10**9), str(document.pk))
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    ("selections", "named", "fault"),
    [
        ([], "selections", "empty"),
        ([{}], "selections", "Is empty; send text"),
        ([{"document_id": 1, "start": 0}], "selections", "send all three"),
        ([{"document_id": 1, "start": 5, "end": 5}], "selections.0.end", "after start"),
        ([{"text": "x" * 15_000}, {"text": "y" * 5_001}], "selections", "20,001 characters together"),
        ([{"text": "x"}, {"document_id": 1, "start": 0, "end": 20_000}], "selections", "limit of 20,000"),
        ([{"text": "x"}] * 11, "selections", "10"),
        ([{"text": "\ud800"}], "selections", "surrogate"),
        ("text", "selections", "list"),
    ],
)
def test_selections_that_can_not_be_asked_about_name_the_fault(
    client: Client, db: None, selections: Any, named: str, fault: str
) -> None:
    response = ask(client, "Why?", selections=selections)
    assert response.status_code == 400
    assert response.json()["message"].startswith(named.split(".")[0])
    assert fault in response.json()["message"]


def test_both_forms_at_once_are_refused(client: Client, db: None) -> None:
    response = ask(client, "Why?", selections=[{"text": CATS}], selected_text=CATS)
    assert response.status_code == 400
    assert "leave those out" in response.json()["message"]
