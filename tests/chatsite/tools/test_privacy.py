"""What a tool gave one reader is shown to nobody else, at any address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.answering.telling import RowEntries, Telling
from chatsite.models import ApiKey, Conversation, EmbedSite, Run, Share
from chatsite.reader import Program, Reader, TrialReader, visitor_of
from chatsite.tools.offering import tools_of
from retrieval.models import Collection
from tests.chatsite.doors.keys import make_key, post
from tests.chatsite.tools.conftest import looks_up
from tests.chatsite.tools.shop import SECRET, Seen
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

Asks = Callable[..., dict[str, Any]]
SEEN = ("Main Street 5", "Your order 1234", "left the house")


@pytest.fixture
def answered(fox: User, model: ChatServer, ask: Asks) -> dict[str, Any]:
    looks_up(model, answer=f"It comes to {SECRET} [2].", number=1234)
    answer = ask()
    assert answer["answered"] is True
    return answer


@pytest.fixture
def root(answered: dict[str, Any]) -> Client:
    """Return a client of somebody who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def assert_nothing_of_it(page: str) -> None:
    assert [words for words in SEEN if words in page] == []


def test_share_shows_the_question_alone_to_everybody(answered: dict[str, Any], client: Client, root: Client) -> None:
    client.post(f"/c/{answered['session_id']}/share/")
    address = f"/shared/{Share.objects.get().token}/"
    for who in (client, root, Client()):
        page = who.get(address).content.decode()
        assert "Where is my order 1234?" in page
        assert "This answer was looked up for its reader only." in page
        assert_nothing_of_it(page)


def test_staff_see_that_a_tool_was_asked_and_not_what_it_gave(answered: dict[str, Any], root: Client) -> None:
    run = answered["run_id"]
    page = root.get(f"/admin/chatsite/run/{run}/change/").content.decode()
    for shown in ("Order status (order_status)", ">Tool<", "Looked up for its reader only"):
        assert shown in page, shown
    assert_nothing_of_it(page)
    for address in (f"/admin/chatsite/run/beside/?run={run}", "/admin/", "/admin/chatsite/run/"):
        assert_nothing_of_it(root.get(address, follow=True).content.decode())
    trace = root.get(f"/api/v1/chat/runs/{run}/trace").json()
    assert [(one["tool"], one["state"]) for one in trace["tools"]] == [("order_status", "done")]
    assert_nothing_of_it(json.dumps(trace))


def test_staff_whose_own_it_is_see_it(answered: dict[str, Any], fox: User, client: Client) -> None:
    User.objects.filter(pk=fox.pk).update(is_staff=True, is_superuser=True)
    page = client.get(f"/admin/chatsite/run/{answered['run_id']}/change/").content.decode()
    assert "Your order 1234" in page


def test_search_that_the_model_worded_afterwards_is_not_told_to_staff(
    fox: User, model: ChatServer, ask: Asks, client: Client
) -> None:
    model.script(chat_server.calls(("order_status", {"number": 1234})))
    model.script(chat_server.calls(("search", {"query": "way to Main Street 5"})), chat_server.text("By bus [1]."))
    run = ask("How do I get my order and where do I wait?")["run_id"]
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    for address in (f"/admin/chatsite/run/{run}/change/", f"/api/v1/chat/runs/{run}/trace"):
        assert "Main Street" not in root.get(address).content.decode()
    assert "Main Street 5" in client.get(f"/api/v1/chat/runs/{run}/trace").content.decode()


def test_search_of_an_answer_that_was_never_written_is_not_told_to_staff(
    answered: dict[str, Any], root: Client, client: Client, fox: User
) -> None:
    step = {"query": "way to Main Street 5", "passages": 0, "failed": False}
    Run.objects.update(answer="", answered=False, state="failed", error="internal_error", steps=[step, step])
    address = f"/admin/chatsite/run/{answered['run_id']}/change/"
    page = root.get(address).content.decode()
    assert "field-steps" not in page
    assert page.count("Main Street 5") == 1  # the first search, which was for the question
    User.objects.filter(pk=fox.pk).update(is_staff=True, is_superuser=True)
    assert "field-steps" in client.get(address).content.decode()


@pytest.mark.parametrize("address", ["/runs/{run_id}/", "/c/{session_id}/", "/c/{session_id}/conversation.md"])
@pytest.mark.parametrize("api", ["/api/v1/chat/runs/{run_id}", "/api/v1/chat/runs/{run_id}/events"])
def test_other_people_are_told_nothing(answered: dict[str, Any], root: Client, address: str, api: str) -> None:
    for who in (root, Client()):
        for path in (address, api):
            assert who.get(path.format(**answered)).status_code == 404


def test_follower_who_is_another_person_is_told_that_it_is_withheld(answered: dict[str, Any]) -> None:
    other = Reader(User.objects.create_user("other"))
    run = Run.objects.prefetch_related("citations").get()
    for state in ("completed", "running"):
        run.state = state
        told = list(Telling(reader=other).events(RowEntries().fresh(run)))
        assert_nothing_of_it(json.dumps([event.body for event in told]))
        assert told[-1].body.get("withheld") or told[-1].body["error"] == "withheld"


def test_own_exports_have_it(answered: dict[str, Any], client: Client) -> None:
    for ending in ("md", "json"):
        response = client.get(f"/c/{answered['session_id']}/conversation.{ending}")
        assert "Your order 1234" in response.content.decode()


def test_questions_that_staff_save_leave_it_out(answered: dict[str, Any], root: Client) -> None:
    chosen = {"action": "save_as_questions", "_selected_action": [answered["run_id"]]}
    assert_nothing_of_it(root.post("/admin/chatsite/run/", chosen).content.decode())


def test_model_is_sent_none_of_it_for_another_reader(answered: dict[str, Any], model: ChatServer, root: Client) -> None:
    root.post(f"/admin/chatsite/run/{answered['run_id']}/again/", {"prompt": "", "model": "", "group": ""})
    assert_nothing_of_it(json.dumps([request.body for request in model.requests[2:]]))


# ---- who has tools ---------------------------------------------------------------------------------------------------
def names(reader: Reader, **more: Any) -> list[str]:
    return [tool.name for tool in tools_of(reader, **more)]


def test_who_is_not_known_and_who_only_tries_has_none(fox: User, model: ChatServer) -> None:
    from django.contrib.auth.models import AnonymousUser

    assert names(Reader(fox)) == ["order_status"]
    assert names(Reader(AnonymousUser(), browser="a")) == ["order_status"]
    assert names(Reader(AnonymousUser())) == []
    assert names(TrialReader(fox)) == []
    assert names(Reader(fox), names=["other"]) == []


def test_key_has_the_tools_that_it_names(fox: User, model: ChatServer, shop: Seen) -> None:
    secret = make_key(fox)
    key = ApiKey.objects.get()
    assert names(Program(fox, key=key)) == []
    looks_up(model, number=5)
    assert post("/api/v1/chat/query", {"query": "Where is my order 5?"}, secret).status_code == 200
    assert shop.calls == []  # none was offered; the model called it all the same
    ApiKey.objects.update(tools="order_status, other")
    looks_up(model, number=5)
    answer = post("/api/v1/chat/query", {"query": "Where is my order 5?"}, secret).json()
    assert (answer["citations"][0]["title"], shop.asked_by) == ("Your order 5", [fox])


def test_doors_that_can_ask_nobody_offer_no_tool_that_asks(
    fox: User, model: ChatServer, settings: Any, asks_first: None
) -> None:
    secret = make_key(fox)
    ApiKey.objects.update(tools="order_status,cancel_order")
    question = {"model": "documents", "messages": [{"role": "user", "content": "Cancel my order."}]}
    post("/v1/chat/completions", question, secret)
    offered = [tool["function"]["name"] for tool in model.requests[-1].body["tools"]]
    assert offered == ["search", "order_status"]


@pytest.fixture
def asks_first() -> Iterator[None]:
    from chatsite.tools import tool
    from chatsite.tools.declaring import withdraw
    from tests.chatsite.tools.shop import cancel_order

    tool(approve=True)(cancel_order)
    yield
    withdraw(cancel_order)


def test_visitor_of_an_embedded_site_is_nobody_to_a_tool(
    fox: User, model: ChatServer, shop: Seen, public: Collection
) -> None:
    site = EmbedSite.objects.create(name="Shop", origins="https://shop.example.org", reader=fox)
    site.collections.add(public)
    assert names(visitor_of(site)) == []
    EmbedSite.objects.update(tools="order_status")
    looks_up(model, number=5)
    origin = {"authorization": f"Bearer {site.token}", "origin": "https://shop.example.org"}
    body = json.dumps({"query": "Where is order 5?"})
    answer = Client().post("/api/v1/chat/query", body, content_type="application/json", headers=origin).json()
    assert answer["citations"][0]["quote"].startswith("Order 5 of nobody")
    assert [user.is_anonymous for user in shop.asked_by] == [True]
    assert shop.requests[0] is not None
    assert shop.requests[0].user.is_anonymous
    assert Conversation.objects.get().embed_site == site
