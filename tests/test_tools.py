"""Tools under real servers, WSGI and ASGI: an answer whole and as a stream, and one that asks first."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, migrate, site

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module", params=["gunicorn gthread", "uvicorn"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: ChatServer
) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("served") / "data"
    migrate(data_dir)
    settings = {"DJANGO_SETTINGS_MODULE": "tests.tool_settings", "CHAT_MODEL": "tiny"}
    with site(request.param, data_dir=data_dir, OPENAI_BASE_URL=model.url, **settings) as started:
        yield started


@pytest.fixture
def client(running: Site) -> Iterator[httpx.Client]:
    """Return a browser that is not signed in."""
    with httpx.Client(base_url=running.url, timeout=60) as browser:
        browser.get("/")
        browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]
        yield browser


def test_sync_tool_asks_the_database(client: httpx.Client, model: ChatServer) -> None:
    model.script(chat_server.calls(("order_status", {"number": 7})), chat_server.text("It left the house [1]."))
    answer = client.post("/api/v1/chat/query", json={"query": "Where is my order 7?"}).json()
    assert answer["citations"][0]["quote"] == "Order 7 of nobody left the house on 4 May."


def test_stream_waits_and_goes_on(client: httpx.Client, model: ChatServer) -> None:
    wanted = {"order_number": 7, "reason": "late"}
    model.script(chat_server.calls(("cancel_order", wanted)), chat_server.text("Order 7 is cancelled [1]."))
    asked = {"query": "Cancel my order 7.", "stream": True, "keep": True}
    *_, (name, waiting) = told(client.post("/api/v1/chat/query", json=asked))
    assert name == "approval"
    [approval] = waiting["approvals"]
    decision = {"call_id": approval["call_id"], "approved": True}
    after = told(client.post(approval["url"], json=decision, headers={"Accept": "text/event-stream"}))
    assert (after[0][0], after[-1][0]) == ("run", "done")
    answer = after[-1][1]
    assert [citation["quote"] for citation in answer["citations"]] == ["Order 7 is cancelled"], answer


def told(response: httpx.Response) -> list[tuple[str, dict[str, object]]]:
    blocks = [block.split("\n") for block in response.text.split("\n\n") if block.startswith("event: ")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]
