"""Tools, the agents that use them, and hooks around both: none is a way around another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.assistants.hooks import HookedAnswer, HookedQuestion, Withhold, after_answer, withdraw
from chatsite.models import Run
from chatsite.reader import Reader
from chatsite.workflows.registry import registry_for
from tests.chatsite.tools.conftest import HERE, Asks, decide, looks_up
from tests.chatsite.tools.shop import Seen
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)
TOLD: list[HookedAnswer] = []


def withhold(question: HookedQuestion, answer: HookedAnswer) -> Withhold:
    TOLD.append(answer)
    return Withhold("This is not told here.")


@pytest.fixture
def withheld() -> Iterator[list[HookedAnswer]]:
    TOLD.clear()
    after_answer(withhold)
    yield TOLD
    withdraw(withhold)


def offered(model: ChatServer) -> set[str]:
    """Return the names of the tools that the model was offered last."""
    return {tool["function"]["name"] for tool in model.requests[-1].body.get("tools", ())}


@pytest.mark.parametrize(
    ("tools", "there"),
    [(None, {"order_status", "search"}), (["order_status"], {"order_status", "search"}), ([], {"search"})],
)
def test_agent_uses_the_tools_that_it_names(
    fox: User, model: ChatServer, ask: Asks, settings: Any, tools: list[str] | None, there: set[str]
) -> None:
    settings.DOCCHAT = {"TOOLS": [f"{HERE}.order_status"], "AGENTS": {"desk": {"tools": tools}}}
    model.script(chat_server.text("Wait four minutes [1]."))
    assert ask("How long does the tea wait?", agent="desk")["answered"]
    assert offered(model) == there


def test_call_of_a_tool_that_the_agent_has_not_is_not_made(
    fox: User, model: ChatServer, ask: Asks, settings: Any, shop: Seen
) -> None:
    settings.DOCCHAT = {"TOOLS": [f"{HERE}.order_status"], "AGENTS": {"desk": {"tools": []}}}
    looks_up(model, number=1234)
    ask(agent="desk")
    assert shop.calls == []


def test_answer_goes_on_with_its_agent_after_its_reader_has_confirmed(
    asks_first: None, fox: User, model: ChatServer, ask: Asks, settings: Any, shop: Seen, client: Client
) -> None:
    agent = {"instructions": "You are the desk.", "tools": ["cancel_order"], "tone": "warm"}
    settings.DOCCHAT |= {"AGENTS": {"desk": agent}}
    model.script(chat_server.calls(("cancel_order", {"number": 7})), chat_server.text("It is cancelled [2]."))
    answer = decide(client, ask("Cancel my order 7.", agent="desk")).json()
    assert (answer["answer"], shop.calls) == ("It is cancelled [2].", [("cancel_order", 7)])
    assert offered(model) == {"cancel_order", "search"}
    told = model.requests[-1].body["messages"][0]["content"]
    assert "You are the desk." in told
    assert "Tone: warm." in told
    assert Run.objects.get().agent == "desk"


def test_hook_withholds_what_comes_after_the_reader_has_confirmed(
    withheld: list[HookedAnswer], asks_first: None, fox: User, model: ChatServer, ask: Asks, client: Client
) -> None:
    before = chat_server.calls(("cancel_order", {"number": 1234}), said="I cancel it for you.")
    model.script(before, chat_server.text("It is cancelled [2]."))
    waits = ask("Cancel my order 1234.")
    assert waits["answer"] == ""
    assert Run.objects.get().answer == ""
    answer = decide(client, waits).json()
    assert (answer["answer"], answer["answered"], answer["citations"]) == ("This is not told here.", False, [])
    assert [told.text for told in withheld] == ["I cancel it for you.\n\nIt is cancelled [2]."]
    assert Run.objects.get().answer == "This is not told here."


def test_step_of_a_workflow_asks_no_tool(fox: User, model: ChatServer, shop: Seen) -> None:
    looks_up(model, answer="Wait four minutes [1].", number=1234)
    step = registry_for(Reader(user=fox)).tools["ask_documents"]
    step.definition.function(question="Where is my order 1234?")
    assert shop.calls == []
