"""API keys: shown once, kept as a digest, limited, expiring, revocable."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import ApiKey, EmbedSite, Run
from retrieval.models import Collection

QUESTION = {"query": "Where is the kettle kept?"}


@pytest.fixture
def kettles(public: Collection, put: Any, settings: Any) -> dict[str, Collection]:
    """Two collections that answer the question; nobody may ask without saying who they are."""
    settings.ANONYMOUS_CHAT = False
    other = Collection.objects.create(name="Other", slug="other", public=True)
    put(public, "one.md", "The kettle is kept in the blue cupboard.")
    put(other, "two.md", "The kettle is kept in the red cupboard.")
    return {"handbook": public, "other": other}


def make(user: User, *collections: Collection, **fields: Any) -> tuple[ApiKey, str]:
    key = ApiKey(name="robot", user=user, all_collections=not collections, **fields)
    secret = key.make_secret()
    key.save()
    key.collections.set(collections)
    return key, secret


def ask(secret: str, **more: Any) -> Any:
    headers = {"authorization": f"Bearer {secret}"}
    return Client().post("/api/v1/chat/query", QUESTION | more, content_type="application/json", headers=headers)


def test_key_asks_as_its_user(reader: User, kettles: dict[str, Collection]) -> None:
    key, secret = make(reader)
    first = ask(secret).json()
    assert first["answered"] is True
    assert ask(secret, session_id=first["session_id"]).status_code == 200
    conversation = Run.objects.first().conversation  # type: ignore[union-attr]
    assert (conversation.user, conversation.api_key) == (reader, key)
    assert ApiKey.objects.get().last_used_at is not None


def test_case_18_key_limited_to_one_collection_can_not_reach_another(
    reader: User, kettles: dict[str, Collection]
) -> None:
    _, secret = make(reader, kettles["other"])
    body = ask(secret).json()
    assert {source["title"] for source in body["sources"]} == {"two"}
    one, two = (kettles[slug].documents.get() for slug in ("handbook", "other"))
    assert ask(secret, collections=["handbook"]).status_code == 404
    assert ask(secret, document_ids=[one.pk]).status_code == 404
    assert ask(secret, selection={"document_id": one.pk, "start": 0, "end": 5}).status_code == 404
    assert ask(secret, document_ids=[two.pk]).json()["answered"] is True


def test_key_whose_collections_are_all_gone_reaches_nothing(reader: User, kettles: dict[str, Collection]) -> None:
    _, secret = make(reader, kettles["other"])
    kettles["other"].delete()
    assert ask(secret).json()["sources"] == []


def test_key_opens_only_the_conversations_it_began(reader: User, kettles: dict[str, Collection]) -> None:
    _, secret = make(reader)
    _, other = make(reader)
    session_id = ask(secret).json()["session_id"]
    assert ask(other, session_id=session_id).status_code == 404


@pytest.mark.parametrize("fault", ["unknown", "revoked", "expired", "inactive user", "nonsense"])
def test_key_that_may_not_be_used_is_401(reader: User, kettles: dict[str, Collection], fault: str) -> None:
    fields: dict[str, Any] = {
        "revoked": {"revoked": True},
        "expired": {"expires_at": timezone.now() - timedelta(seconds=1)},
    }.get(fault, {})
    _, secret = make(reader, **fields)
    if fault == "inactive user":
        User.objects.update(is_active=False)
    response = ask({"unknown": "dc_unknown", "nonsense": "\u00ff"}.get(fault, secret))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_api_key")
    assert response["WWW-Authenticate"] == "Bearer"


def test_admin_shows_a_key_once_and_keeps_only_its_digest(admin_client: Client, admin_user: User) -> None:
    form = {"name": "robot", "user": admin_user.pk, "all_collections": "on"}
    page = admin_client.post("/admin/chatsite/apikey/add/", form, follow=True).content.decode()
    shown = re.search(r"dc_[\w-]{40,}", page)
    assert shown
    key = ApiKey.objects.get()
    assert key.digest == ApiKey.digest_of(shown[0])
    assert shown[0] not in str(vars(key))
    again = admin_client.get(f"/admin/chatsite/apikey/{key.pk}/change/").content.decode()
    assert shown[0] not in again
    admin_client.post(f"/admin/chatsite/apikey/{key.pk}/change/", form | {"revoked": "on"})
    assert ApiKey.find(shown[0]) is None


def test_admin_makes_no_key_that_may_search_nothing(admin_client: Client, admin_user: User) -> None:
    page = admin_client.post("/admin/chatsite/apikey/add/", {"name": "robot", "user": admin_user.pk}).content.decode()
    assert "Choose some, or tick “every collection”: the key could search nothing." in page
    assert not ApiKey.objects.exists()


@pytest.fixture
def key_maker(client: Client, django_user_model: Any) -> User:
    """Staff who may make keys, and nothing else."""
    maker: User = django_user_model.objects.create_user("maker", is_staff=True)
    maker.user_permissions.set(
        Permission.objects.filter(codename__in=["add_apikey", "change_apikey", "view_apikey", "add_embedsite"])
    )
    client.force_login(maker)
    return maker


ADD_KEY, ADD_SITE = "/admin/chatsite/apikey/add/", "/admin/chatsite/embedsite/add/"


def test_case_119_key_is_made_as_oneself_by_who_may_not_change_users(
    client: Client, key_maker: User, admin_user: User, kettles: dict[str, Collection]
) -> None:
    Collection.objects.update(public=False)
    [hidden, *_] = kettles.values()
    page = client.get(ADD_KEY).content.decode()
    assert hidden.name not in page
    assert client.post(ADD_KEY, {"name": "robot", "user": admin_user.pk, "all_collections": "on"}).status_code == 200
    form = {"name": "robot", "user": key_maker.pk, "collections": [hidden.pk]}
    assert client.post(ADD_KEY, form).status_code == 200
    assert not ApiKey.objects.exists()
    assert client.post(ADD_KEY, {"name": "robot", "user": key_maker.pk, "all_collections": "on"}).status_code == 302
    assert ApiKey.objects.get().user == key_maker


def test_case_119_key_of_another_is_not_changed_by_who_may_not_change_users(
    client: Client, key_maker: User, reader: User
) -> None:
    key, _secret = make(reader)
    address = f"/admin/chatsite/apikey/{key.pk}/change/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"name": "mine", "user": key_maker.pk, "all_collections": "on"}).status_code == 403
    key_maker.user_permissions.add(Permission.objects.get(codename="change_user"))
    assert client.post(address, {"name": "mine", "user": reader.pk, "all_collections": "on"}).status_code == 302


def test_case_119_embedded_site_reads_as_nobody_else(client: Client, key_maker: User, admin_user: User) -> None:
    public = Collection.objects.create(name="Public", slug="public", public=True)
    form = {"name": "Shop", "active": "on", "origins": "https://shop.example", "collections": [public.pk]}
    form |= {"visitor_per_minute": 5, "per_minute": 60, "per_day": 1000, "accent": "#123456"}
    assert client.post(ADD_SITE, form | {"reader": admin_user.pk}).status_code == 200
    assert not EmbedSite.objects.exists()
    assert client.post(ADD_SITE, form | {"reader": key_maker.pk}).status_code == 302
    assert EmbedSite.objects.get().reader == key_maker


def test_collections_that_an_editor_can_not_see_stay_with_the_key(
    client: Client, key_maker: User, kettles: dict[str, Collection]
) -> None:
    key, _secret = make(key_maker)
    Collection.objects.update(public=False)
    key.collections.set(kettles.values())
    form = {"name": "renamed", "user": key_maker.pk, "all_collections": ""}
    assert client.post(f"/admin/chatsite/apikey/{key.pk}/change/", form).status_code == 302
    assert set(key.collections.all()) == set(kettles.values())
