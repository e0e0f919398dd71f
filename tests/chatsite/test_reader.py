"""Who looks now decides what is shown: a key, a visitor and someone at the pages, each by what it may read now."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client
from django.utils import timezone

from chatsite.models import ApiKey, EmbedSite, Run
from chatsite.reader import Program, Reader, visitor_of
from retrieval.models import Collection, Document

TEA = "# Tea\n\nWait four minutes before you pour the tea."
QUESTION = "How long do I wait before I pour the tea?"


@pytest.fixture
def key(reader: User) -> tuple[ApiKey, str]:
    key = ApiKey(name="program", user=reader)
    secret = key.make_secret()
    key.save()
    return key, secret


def ask(secret: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {secret}"}
    response = Client().post(
        "/api/v1/chat/query", json.dumps({"query": QUESTION}), content_type="application/json", headers=headers
    )
    answer: dict[str, Any] = response.json()
    return answer


def last_event(secret: str, run_id: str) -> dict[str, Any]:
    response = Client().get(f"/api/v1/chat/runs/{run_id}/events", headers={"Authorization": f"Bearer {secret}"})
    body: dict[str, Any] = json.loads(response.getvalue().decode().rsplit("data: ", 1)[1].partition("\n")[0])
    return body


@pytest.mark.django_db(transaction=True)
def test_case_116_narrowed_key_reads_its_old_runs_by_what_it_may_now(
    key: tuple[ApiKey, str], public: Collection, put: Any
) -> None:
    put(public, "tea.md", TEA)
    program, secret = key
    program.collections.add(public)
    answer = ask(secret)
    assert last_event(secret, answer["run_id"])["sources"][0]["content"] == answer["sources"][0]["content"] != ""
    program.collections.set([Collection.objects.create(name="Other", slug="other", public=True)])
    told = last_event(secret, answer["run_id"])
    assert (told["sources"][0]["content"], told["sources"][0]["url"]) == ("", None)
    assert {citation["quote"] for citation in told["citations"]} == {""}


def test_key_may_still_ask_until_it_expires_is_revoked_or_its_user_is_inactive(key: tuple[ApiKey, str]) -> None:
    program, _ = key
    reader = Program(program.user, key=program)
    assert reader.may_still_ask()
    for change, back in (
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, {"expires_at": None}),
        ({"revoked": True}, {"revoked": False}),
    ):
        ApiKey.objects.update(**change)
        assert not reader.may_still_ask()
        ApiKey.objects.update(**back)
    User.objects.update(is_active=False)
    assert not reader.may_still_ask()


def test_reader_at_the_pages_may_still_ask_until_deactivated_or_deleted(reader: User) -> None:
    asks = Reader(reader)
    assert asks.may_still_ask()
    User.objects.update(is_active=False)
    assert not asks.may_still_ask()
    User.objects.all().delete()
    assert not asks.may_still_ask()
    assert Reader(AnonymousUser()).may_still_ask()


def test_visitors_link_opens_the_quote_and_what_stands_around_it_on_its_own_site_alone(
    public: Collection, put: Any
) -> None:
    document: Document = put(public, "tea.md", TEA)
    site, other = (EmbedSite.objects.create(name=name, origins="https://www.example.org") for name in ("one", "two"))
    site.collections.add(public)
    visitor = visitor_of(site)
    address = visitor.link(document.pk, start=7, end=20)
    signed = address.split("/")[-2]
    assert visitor.opened(signed) == (document.pk, 0, 620)
    assert visitor_of(other).opened(signed) is None
    assert visitor.opened(f"{signed}x") is None
    assert "Wait four min</mark>" in Client().get(address).content.decode()


def test_places_in_the_pages_are_one_address(public: Collection, put: Any) -> None:
    document: Document = put(public, "tea.md", TEA)
    answer = (
        Client().post("/api/v1/chat/query", json.dumps({"query": QUESTION}), content_type="application/json").json()
    )
    citation = answer["citations"][0]
    place = Reader(AnonymousUser()).link(document.pk, start=citation["start"], end=citation["end"])
    assert citation["url"] == place
    run = Run.objects.get(pk=answer["run_id"])
    assert f'href="{place}"'.replace("&", "&amp;") in Client().get(f"/runs/{run.pk}/").content.decode()
