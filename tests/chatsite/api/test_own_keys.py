"""Keys through the API: made, listed and revoked by a person with a session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import ApiKey
from retrieval.models import Collection
from tests.chatsite.api.programs import Program
from tests.chatsite.api.test_keys import make

KEYS = "/api/v1/keys"


@pytest.fixture
def making(client: Client, reader: User) -> Client:
    reader.user_permissions.add(Permission.objects.get(codename="add_apikey"))
    client.force_login(reader)
    return client


def post(client: Client, **body: Any) -> Any:
    return client.post(KEYS, {"name": "robot", "all_collections": True} | body, content_type="application/json")


def test_key_is_made_shown_once_used_and_revoked(making: Client, reader: User, public: Collection) -> None:
    response = post(making, may_change_documents=True)
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    made = response.json()
    key = ApiKey.objects.get()
    assert (key.user, key.digest, key.may_change_documents) == (reader, ApiKey.digest_of(made["secret"]), True)
    [listed] = making.get(KEYS).json()["keys"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    headers = {"authorization": f"Bearer {made['secret']}"}
    assert Client().get("/api/v1/conversations", headers=headers).status_code == 200
    assert making.delete(f"{KEYS}/{made['key_id']}").status_code == 204
    assert Client().get("/api/v1/conversations", headers=headers).status_code == 401
    assert making.get(KEYS).json()["keys"] == []
    assert making.delete(f"{KEYS}/{made['key_id']}").status_code == 404


def test_making_a_key_needs_the_permission(making: Client, reader: User) -> None:
    reader.user_permissions.clear()
    response = post(making)
    assert response.status_code == 403
    assert "chatsite.add_apikey" in response.json()["message"]
    assert not ApiKey.objects.exists()


def test_no_key_looks_after_keys(making: Client, reader: User) -> None:
    program = Program(reader)
    assert program.get(KEYS).status_code == 403
    assert program.post(KEYS, {"name": "another", "all_collections": True}).status_code == 403
    assert program.delete(f"{KEYS}/{program.key.pk}").status_code == 403
    assert Client().get(KEYS).status_code == 401


def test_case_119_key_is_ones_own_in_collections_one_sees(making: Client, public: Collection) -> None:
    other = User.objects.create_user("other")
    Collection.objects.create(name="Board", slug="board", owner=other)
    theirs, _secret = make(other)
    assert post(making, all_collections=False, collections=["board"]).status_code == 404
    made = post(making, all_collections=False, collections=["handbook"], user=other.pk)
    assert made.json()["collections"] == ["handbook"]
    assert ApiKey.objects.exclude(pk=theirs.pk).get().user != other
    assert making.delete(f"{KEYS}/{theirs.pk}").status_code == 404
    assert [key["key_id"] for key in making.get(KEYS).json()["keys"]] == [made.json()["key_id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"all_collections": False}, "collections"),
        ({"collections": ["handbook"]}, "collections"),
        ({"expires_at": (timezone.now() - timedelta(days=1)).isoformat()}, "expires_at"),
        ({"may_change_documents": "yes"}, "may_change_documents"),
    ],
)
def test_bad_key_names_the_field(making: Client, public: Collection, body: Any, field: str) -> None:
    response = post(making, **body)
    assert (response.status_code, list(response.json()["details"])) == (400, [field])


def test_case_19_key_is_made_with_a_csrf_token_alone(making: Client, reader: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(reader)
    assert post(strict).status_code == 403
