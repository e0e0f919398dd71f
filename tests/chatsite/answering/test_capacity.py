"""Nobody holds more than a part of the places: accounts are counted by themselves, everybody else by address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.answering import kept
from chatsite.models import EmbedSite, Run
from retrieval.models import Collection
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # a kept run has a thread and a connection of its own

QUESTION = "How long do I wait before I pour the tea?"


@pytest.fixture(autouse=True)
def model(settings: Any, transactional_db: None, put: Any) -> Iterator[ChatServer]:
    """Serve a model whose answers take longer than the test, behind a proxy, with four places for anonymous readers of
    an address."""
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", "Wait four minutes.")
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.RUNS_PER_ADDRESS, settings.RUNS_PER_PROCESS = 4, 16
    with ChatServer(first_delay=60) as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server
        for run in list(kept._here.values()):
            run.stop()
        kept.join(60)


@pytest.fixture
def begun() -> Iterator[list[Any]]:
    """Keep the answers that a test begins until it ends."""
    responses: list[Any] = []
    yield responses
    for response in responses:
        response.close()


def ask(client: Client, address: str, **more: Any) -> Any:
    """Ask for a stream, and read it until the answer has begun."""
    body = json.dumps({"query": QUESTION, "stream": True} | more)
    response = client.post(
        "/api/v1/chat/query", body, content_type="application/json", headers={"X-Forwarded-For": address}
    )
    if response.status_code == 200:
        next(iter(response.streaming_content))
    return response


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return client


def with_cookie() -> Client:
    client = Client()
    client.get("/")
    return client


@pytest.mark.parametrize("browser", [Client, with_cookie])
def test_case_122_one_address_leaves_places_for_others(begun: list[Any], browser: Any) -> None:
    begun += [ask(browser(), "203.0.113.5") for _ in range(4)]
    refused = ask(browser(), "203.0.113.5")
    assert [response.status_code for response in begun] == [200] * 4
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_questions")
    assert int(refused["Retry-After"]) > 0
    begun += [ask(browser(), "203.0.113.6"), ask(signed_in("colleague"), "203.0.113.5")]
    assert [response.status_code for response in begun[4:]] == [200, 200]
    begun.pop(0).close()
    begun.append(ask(browser(), "203.0.113.5"))
    assert begun[-1].status_code == 200


def test_case_122_an_address_of_ipv6_is_its_network(begun: list[Any]) -> None:
    begun += [ask(Client(), f"2001:db8:0:1::{number}") for number in range(4)]
    assert ask(Client(), "2001:db8:0:1:ffff::7").status_code == 429
    begun.append(ask(Client(), "2001:db8:0:2::7"))
    assert begun[-1].status_code == 200


def test_case_122_no_address_and_no_account_has_more_than_half(begun: list[Any], settings: Any) -> None:
    settings.RUNS_PER_ADDRESS, settings.RUNS_PER_USER, settings.RUNS_PER_PROCESS = 100, 100, 4
    begun += [ask(Client(), "203.0.113.5") for _ in range(2)]
    assert ask(Client(), "203.0.113.5").status_code == 429
    greedy = signed_in("greedy")
    begun += [ask(greedy, "203.0.113.6") for _ in range(2)]
    full = ask(signed_in("late"), "203.0.113.7")
    assert (full.status_code, full.json()["error"]) == (503, "busy")


def test_case_122_visitors_of_an_embedded_site_are_counted_by_address(begun: list[Any]) -> None:
    owner = User.objects.create_user("owner")
    site = EmbedSite.objects.create(name="Shop", origins="https://shop.example", reader=owner)
    site.collections.set(Collection.objects.all())
    headers = {"Authorization": f"Bearer {site.token}", "Origin": "https://shop.example"}
    visitor = Client(headers=headers)
    begun += [ask(visitor, "203.0.113.5") for _ in range(4)]
    assert ask(visitor, "203.0.113.5").status_code == 429
    begun.append(ask(visitor, "203.0.113.6"))
    assert begun[-1].status_code == 200


@pytest.mark.parametrize("account", [True, False])
def test_case_122_followers_of_one_reader_leave_places_for_others(
    begun: list[Any], settings: Any, account: bool
) -> None:
    settings.RUNS_PER_USER = 4
    follower = signed_in("follower") if account else with_cookie()
    begun.append(asked := ask(follower, "203.0.113.5", keep=True))
    events = f"/api/v1/chat/runs/{_run_of(asked)}/events"
    headers = {"X-Forwarded-For": "203.0.113.5"}
    begun += [follower.get(events, headers=headers) for _ in range(11)]
    refused = follower.get(events, headers=headers)
    assert [response.status_code for response in begun] == [200] * 12
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_followed")
    assert int(refused["Retry-After"]) > 0
    begun.append(ask(with_cookie(), "203.0.113.6", keep=True))
    assert begun[-1].status_code == 200


def _run_of(response: Any) -> str:
    return str(Run.objects.latest("created_at").pk)


def test_case_123_the_form_is_refused_as_a_page(begun: list[Any], settings: Any) -> None:
    form = {"query": QUESTION}
    settings.RUNS_PER_PROCESS = 2
    begun.append(ask(Client(), "203.0.113.5"))
    refused = with_cookie().post("/ask/", form, headers={"X-Forwarded-For": "203.0.113.5"})
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    assert QUESTION in refused.content.decode()
    begun.append(ask(signed_in("colleague"), "203.0.113.5"))
    refused = with_cookie().post("/ask/", form, headers={"X-Forwarded-For": "203.0.113.7"})
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert "Try again in 5 seconds" in refused.content.decode()
    settings.RUNS_PER_PROCESS, settings.RUNS_PER_USER = 16, 1
    busy = signed_in("busy")
    begun.append(ask(busy, "203.0.113.5"))
    refused = busy.post("/ask/", form)
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")


def test_case_123_the_form_of_one_who_follows_enough_is_refused_as_a_page(begun: list[Any]) -> None:
    busy = signed_in("busy")
    begun.append(ask(busy, "203.0.113.5", keep=True))
    begun += [busy.get(f"/api/v1/chat/runs/{Run.objects.get().pk}/events") for _ in range(11)]
    refused = busy.post("/ask/", {"query": QUESTION})
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    assert "follow answers" in refused.content.decode()
    assert sorted(Run.objects.values_list("state", flat=True)) == ["cancelled", "running"]
