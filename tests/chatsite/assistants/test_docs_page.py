"""docs/assistants.md: its snippets are executed, and its tables are those of the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.checks import run_checks
from django.template import Context, Template
from django.test import Client

import chatsite.signals
import retrieval.signals
from chatsite.assistants import hooks
from chatsite.assistants.declared import OPTIONS
from chatsite.assistants.workflow_answers import AT_ONCE, SHARE
from chatsite.assistants.workflow_input import taking_input
from chatsite.models import Run
from retrieval.models import Collection
from tests.chatsite.workflows.flows import made
from tests.fakes.chat_server import ChatServer, text

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "assistants.md").read_text()
DELIVERY = "# Delivery\n\nDelivery takes three days. The internal price list is in the safe.\n"


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def names_in(first: str) -> list[str]:
    rows = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [re.findall(r"`(\w+)`", row)[0] for row in rows]


@pytest.fixture
def shop(settings: Any, put: Any, index: None) -> Iterator[dict[str, Any]]:
    collection = Collection.objects.create(name="Shop", slug="shop", public=True)
    put(collection, "delivery.md", DELIVERY)
    said: dict[str, Any] = {}
    exec(snippets("python")[0], said)
    settings.DOCCHAT = said["DOCCHAT"]
    yield said
    for hook in ("no_prices", "nothing_internal"):
        if hook in said:
            hooks.withdraw(said[hook])


def ask(client: Client, **body: Any) -> Any:
    sent = json.loads(snippets("json")[0]) | body
    return client.post("/api/v1/chat/query", json.dumps(sent), content_type="application/json").json()


def test_declared_agent_answers_and_stands_on_its_page(client: Client, shop: Any) -> None:
    assert [message for message in run_checks(tags=["agents"]) if str(message.id).startswith("chatsite")] == []
    assert "three days" in ask(client)["answer"]
    page = client.get("/agents/shop/").content.decode()
    assert "Ask the shop" in page
    assert "Can I return a lamp?" in page
    html = Template(snippets("html")[0]).render(Context({"user": AnonymousUser()}))
    assert 'data-title="Ask the shop"' in html


def test_tables_are_those_of_the_code() -> None:
    assert names_in("option") == list(OPTIONS)
    signals = {name for module in (chatsite.signals, retrieval.signals) for name in vars(module)}
    told = names_in("signal")
    assert set(told) <= signals
    assert len(told) == 6
    fields = [hooks.HookedQuestion.__slots__, hooks.HookedAnswer.__slots__]  # type: ignore[attr-defined]
    assert all(f"`{name}`" in PAGE for names in fields for name in names)
    assert f"runs {AT_ONCE} at once for the chat, {SHARE} for one reader" in PAGE
    assert f"{hooks.ASYNC_SECONDS:.0f} seconds" in PAGE


def test_workflow_of_the_page_answers_with_citations(client: Client, shop: Any, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (flow,) = snippets("yaml")
    assert taking_input(flow) == "question"
    made(flow, slug="delivery").versions.create(number=1, text=flow)
    settings.DOCCHAT = {"AGENTS": {"shop": {"workflow": "delivery"}}}
    with ChatServer() as model:
        model.script(text("Three days [1]."))
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = model.url, ["tiny"]
        body = ask(client)
    assert (body["answer"], body["answered"]) == ("Three days [1].", True)


def test_hooks_of_the_page_refuse_withhold_and_add(client: Client, shop: Any) -> None:
    exec(snippets("python")[1], shop)
    assert ask(client, query="What is the price of a lamp?")["answer"].startswith("Prices are on the")
    assert ask(client, query="Where is the internal price list?")["answer"].startswith("Prices are on the")
    assert ask(client, query="Where is the internal list kept?")["answer"] == "This is not for the shop's customers."
    assert ask(client)["answer"].endswith("\n\nOpening hours: 9 to 17.")


def test_receiver_of_the_page_hears_of_a_gap(client: Client, shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    exec(snippets("python")[2], shop)
    try:
        ask(client, query="Who won the football world cup in 1974?")
    finally:
        chatsite.signals.answer_refused.disconnect(shop["note_gap"])
    assert "shop: nothing answers “Who won the football world cup in 1974?”" in capsys.readouterr().out
    assert Run.objects.get().agent == "shop"
