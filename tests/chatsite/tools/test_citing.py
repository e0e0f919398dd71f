"""What a tool gives is a numbered passage, cited like others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from chatsite.models import HostToolCall, Run
from tests.chatsite.tools.conftest import HERE, looks_up
from tests.chatsite.tools.shop import Seen
from tests.fakes.chat_server import ChatServer

Asks = Callable[..., dict[str, Any]]


def test_what_a_tool_gives_is_cited_with_the_quoted_words(fox: User, model: ChatServer, shop: Seen, ask: Asks) -> None:
    looks_up(model, number=1234)
    answer = ask()
    assert answer["answer"] == "It left the house on 4 May [2]."
    assert answer["answered"] is True
    [citation] = answer["citations"]
    assert citation["title"] == "Your order 1234"
    assert citation["quote"] == "Order 1234 of fox left the house on 4 May."
    assert citation["looked_up"] == "looked up just now"
    assert citation["url"] == "/orders/1234/"
    source = answer["sources"][citation["source"]]
    assert source["content"][citation["start"] : citation["end"]] == citation["quote"]
    assert shop.calls == [("order_status", 1234)]
    assert shop.asked_by == [fox]
    call = HostToolCall.objects.get()
    assert (call.tool, call.arguments, call.state) == ("order_status", {"number": 1234}, "done")


def test_model_is_told_the_types_and_not_who_asks(fox: User, model: ChatServer, ask: Asks) -> None:
    looks_up(model, number=1234)
    ask()
    offered = {tool["function"]["name"]: tool["function"] for tool in model.requests[0].body["tools"]}
    assert list(offered) == ["search", "order_status"]
    described = offered["order_status"]
    assert described["description"] == "Look up one of the reader's own orders."
    assert described["parameters"]["properties"] == {
        "number": {"description": "The number of the order.", "title": "Number", "type": "integer"}
    }
    read = json.loads(model.requests[1].body["messages"][-1]["content"])
    assert [(one["marker"], one["title"]) for one in read["passages"]] == [(2, "Your order 1234")]


def test_request_that_tools_are_given_is_of_the_same_person(
    fox: User, model: ChatServer, shop: Seen, ask: Asks
) -> None:
    looks_up(model, number=1)
    ask()
    [request] = shop.requests
    assert request is not None
    assert (request.user, request.path) == (fox, "/api/v1/chat/query")


def test_async_tool_gives_lines_that_can_be_quoted(fox: User, model: ChatServer, ask: Asks, settings: Any) -> None:
    settings.DOCCHAT = {"TOOLS": [f"{HERE}.weather"]}
    looks_up(model, "weather", "The sky is clear [2].", day="2026-05-04")
    [citation] = ask()["citations"]
    assert (citation["title"], citation["quote"]) == ("Weather", "Sky: clear")


def test_page_shows_the_citation_to_its_reader(fox: User, model: ChatServer, ask: Asks, client: Client) -> None:
    looks_up(model, number=1234)
    answer = ask()
    page = client.get(f"/c/{answer['session_id']}/").content.decode()
    for shown in ("Your order 1234", "looked up just now", "Order 1234 of fox left the house", 'href="/orders/1234/"'):
        assert shown in page, shown
    told = client.get(f"/api/v1/chat/runs/{answer['run_id']}").json()["answer"]
    assert told["citations"] == answer["citations"]
    assert told["sources"] == answer["sources"]


def test_page_of_an_answer_that_does_not_cite_what_a_tool_gave(
    fox: User, model: ChatServer, ask: Asks, client: Client
) -> None:
    looks_up(model, answer="Wait four minutes [1].", number=1234)
    page = client.get(f"/c/{ask()['session_id']}/").content.decode()
    assert "Wait four minutes" in page
    assert "Order status: Done." in page
    looks_up(model, answer="It left the house.", number=1234)
    assert "Your documents don" in client.get(f"/c/{ask()['session_id']}/").content.decode()


def test_follow_up_reads_the_answer_and_is_personal_too(fox: User, model: ChatServer, ask: Asks) -> None:
    looks_up(model, number=1234)
    first = ask()
    ask("And how long do I wait before I pour the tea?", session_id=first["session_id"])
    assert "It left the house on 4 May" in json.dumps(model.requests[-1].body["messages"])
    assert list(Run.objects.order_by("created_at").values_list("personal", flat=True)) == [True, True]


def test_without_a_language_model_no_tool_is_asked(
    fox: User, model: ChatServer, shop: Seen, ask: Asks, settings: Any
) -> None:
    settings.OPENAI_BASE_URL = ""
    ask("How long do I wait before I pour the tea?")
    assert (shop.calls, model.requests) == ([], [])
