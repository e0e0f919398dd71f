"""`POST search`: what retrieval finds, without a model."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from chatsite.answering.capacity import place_for_run
from chatsite.models import Run
from chatsite.reader import Reader
from retrieval.models import Collection
from tests.chatsite.api.documents.test_views import TEA
from tests.chatsite.api.test_keys import make


def search(client: Client, body: Any, **headers: str) -> Any:
    return client.post("/api/v1/search", body, content_type="application/json", headers=headers)


def test_passages_stand_in_their_document(client: Client, public: Collection, put: Any) -> None:
    document = put(public, "tea.md", TEA)
    response = search(client, {"query": "How long do I wait before I pour the tea?"})
    body = response.json()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    passage = body["passages"][0]
    assert TEA[passage["start"] : passage["end"]] == passage["text"]
    assert (passage["document_id"], passage["title"], passage["heading"]) == (document.pk, "Tea", "Tea")
    assert body["answers"] is True
    assert 0 < body["confidence"] <= 1
    assert not Run.objects.exists()


def test_what_nothing_answers_is_said(client: Client, public: Collection, put: Any) -> None:
    put(public, "tea.md", TEA)
    assert search(client, {"query": "Who won the football world cup in 1974?"}).json()["answers"] is False
    assert search(client, {"query": "kettle", "languages": ["fr"]}).json()["passages"] == []


def test_misspelt_word_is_told(client: Client, public: Collection, put: Any) -> None:
    put(public, "tea.md", TEA)
    body = search(client, {"query": "How many mintues before I pour?"}).json()
    assert body["corrections"] == [{"written": "mintues", "read_as": "minutes"}]


def test_case_6_and_18_scope_beyond_the_right_is_404(reader: User, public: Collection, put: Any) -> None:
    other = Collection.objects.create(name="Board", slug="board", owner=User.objects.create_user("other"))
    secret = put(other, "secret.md", "The tea is poisoned.")
    put(public, "tea.md", TEA)
    _, key = make(reader)
    asked = {"authorization": f"Bearer {key}"}
    assert {one["title"] for one in search(Client(), {"query": "tea"}, **asked).json()["passages"]} == {"Tea"}
    assert search(Client(), {"query": "tea", "collections": ["board"]}, **asked).status_code == 404
    missing = search(Client(), {"query": "tea", "document_ids": [secret.pk]}, **asked)
    assert (missing.status_code, missing.json()["details"]["missing"]) == (404, [secret.pk])
    _, narrow = make(reader, Collection.objects.create(name="Other", slug="other", public=True))
    limited = {"authorization": f"Bearer {narrow}"}
    assert search(Client(), {"query": "tea"}, **limited).json()["passages"] == []
    assert search(Client(), {"query": "tea", "collections": ["handbook"]}, **limited).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": " "}, "query"),
        ({"query": "a", "limit": 51}, "limit"),
        ({"query": "a", "limit": "5"}, "limit"),
        ({"query": "a", "filter": {}}, "filter"),
        ({"query": "a", "document_id": 1}, "document_id"),
        ({"query": "a", "since": "2025-02-01", "until": "2025-01-01"}, "until"),
        ({"query": "a", "document_ids": [10**20]}, "document_ids"),
    ],
)
def test_bad_search_names_the_field(client: Client, db: None, body: Any, field: str) -> None:
    response = search(client, body)
    assert response.status_code == 400
    assert list(response.json()["details"]) == [field]


def test_index_that_is_down_is_503(client: Client, public: Collection, index_down: None) -> None:
    response = search(client, {"query": "tea"})
    assert (response.status_code, response.json()["error"]) == (503, "index_unavailable")
    assert response["Retry-After"]


def test_search_takes_a_place_and_gives_it_back(client: Client, public: Collection, put: Any, settings: Any) -> None:
    settings.RUNS_PER_PROCESS = 1
    place = place_for_run(Reader(AnonymousUser(), address="192.0.2.1"))
    try:
        assert search(client, {"query": "tea"}).json()["error"] == "busy"
    finally:
        place.release()
    assert search(client, {"query": "tea"}).status_code == 200
    assert search(client, {"query": "tea"}).status_code == 200
