"""A site with one document, a language model on the loopback, and the tools of a shop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.answering import kept
from chatsite.tools import tool
from chatsite.tools.declaring import withdraw
from retrieval.models import Collection
from tests.chatsite.tools import shop as tools
from tests.chatsite.tools.shop import Seen, seen
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

TEA = "# Tea\n\nWait four minutes before you pour the tea. The kettle is in the blue cupboard.\n"
HERE = "tests.chatsite.tools.shop"
Asks = Callable[..., dict[str, Any]]


@pytest.fixture
def model(settings: Any, public: Collection, put: Any) -> Iterator[ChatServer]:
    put(public, "tea.md", TEA)
    seen.calls.clear(), seen.asked_by.clear(), seen.requests.clear()
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        settings.DOCCHAT = {"TOOLS": [f"{HERE}.order_status"]}
        yield server


@pytest.fixture
def shop(model: ChatServer) -> Seen:
    return seen


@pytest.fixture
def fox(db: None, client: Client) -> User:
    """Sign the client in."""
    user = User.objects.create_user("fox")
    client.force_login(user)
    return user


@pytest.fixture
def ask(client: Client) -> Asks:
    def ask(query: str = "Where is my order 1234?", *, by: Client = client, **more: Any) -> dict[str, Any]:
        body = json.dumps({"query": query} | more)
        answer: dict[str, Any] = by.post("/api/v1/chat/query", body, content_type="application/json").json()
        return answer

    return ask


def looks_up(model: ChatServer, name: str = "order_status", answer: str = "", **arguments: Any) -> None:
    """Have the model call a tool, and then answer."""
    model.script(chat_server.calls((name, arguments)), chat_server.text(answer or "It left the house on 4 May [2]."))


@pytest.fixture
def asks_first(transactional_db: None, model: ChatServer) -> Iterator[None]:
    tool(approve=True, title="Cancel an order")(tools.cancel_order)
    yield
    withdraw(tools.cancel_order)
    for run in list(kept._here.values()):
        run.stop()
    kept.join(60)


@pytest.fixture
def waiting(asks_first: None, fox: User, model: ChatServer, ask: Asks) -> dict[str, Any]:
    """Ask, and return the answer that waits."""
    model.script(chat_server.calls(("cancel_order", {"number": 1234})), chat_server.text("It is cancelled [2]."))
    return ask("Cancel my order 1234.")


def decide(client: Client, answer: dict[str, Any], approved: bool = True, **more: Any) -> Any:
    [approval] = answer["approvals"]
    body = json.dumps({"call_id": approval["call_id"], "approved": approved} | more)
    return client.post(approval["url"], body, content_type="application/json")
