"""What a language model is handed with the question: which passages, in which order, with what beside their text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from chatsite.models import Run
from retrieval.models import Collection
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

FILLER = "Nothing else is said of it anywhere in this long house, whoever asks. " * 30
MANUAL = f"""# Pump manual

## Filter

The filter of the pump hangs on the left side.

{FILLER}

## Valve

The valve of the pump is red.

{FILLER}

## Changing the filter

Change the filter of the pump every six months: close the valve of the pump, and take the old filter of the pump out.
"""
QUESTION = "How do I change the filter of the pump, and when?"


@pytest.fixture
def model(settings: Any) -> Iterator[ChatServer]:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server


def ask(client: Client, query: str = QUESTION, **more: Any) -> dict[str, Any]:
    body = json.dumps({"query": query} | more)
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def handed(model: ChatServer, request: int = -1) -> list[dict[str, Any]]:
    """Return the passages that stood with the question."""
    content = model.requests[request].body["messages"][-1]["content"]
    passages: list[dict[str, Any]] = json.loads(content.split("\n")[1])["passages"]
    return passages


def test_passages_stand_in_the_order_of_their_documents_under_the_numbers_readers_see(
    client: Client, model: ChatServer, put: Any, public: Collection
) -> None:
    put(public, "pump.md", MANUAL)
    put(public, "notes.md", "# Notes\n\nSomebody should change the filter of the coffee machine.\n")
    answer = ask(client)
    texts = {passage["marker"]: passage["text"] for passage in handed(model)}
    assert texts == {marker: source["content"] for marker, source in enumerate(answer["sources"], start=1)}
    places = [(answer["sources"][marker - 1]["title"], answer["sources"][marker - 1]["start"]) for marker in texts]
    assert len(places) > 2
    assert places == sorted(places, key=lambda place: (place[0] != "Pump manual", place[1]))
    assert list(texts) != sorted(texts)  # the best one stands last in its document


def test_passages_bring_headings_and_the_date_that_their_document_bears(
    client: Client, model: ChatServer, put: Any, public: Collection
) -> None:
    page = '<html><head><title>Fees</title><meta property="article:published_time" content="2021-03-05"></head><body>'
    put(public, "fees.html", f"{page}<h1>Cards</h1><p>A card for the pump room costs two euros.</p></body></html>")
    put(public, "tea.md", "# Tea\n\nA card for tea costs nothing.\n")
    ask(client, "What does a card for the pump room cost?")
    first, second = handed(model)
    assert (first["title"], first["date"]) == ("Fees > Cards", "2021-03-05")
    assert set(second) == {"marker", "title", "text"}  # the day of its addition is no date of its own


def test_search_of_the_model_returns_passages_in_the_same_form(
    client: Client, model: ChatServer, put: Any, public: Collection
) -> None:
    put(public, "pump.md", "# Pump\n\nThe valve of the pump is red.\n")
    model.script(chat_server.calls(("search", {"query": "valve"})), chat_server.text("It is red [1]."))
    ask(client, "Which colour has the valve of the pump?")
    returned = json.loads(model.requests[-1].body["messages"][-1]["content"])
    assert returned["passages"] == handed(model, 0)


def test_small_window_leaves_out_the_least_relevant_and_says_how_many(
    client: Client, model: ChatServer, put: Any, public: Collection, settings: Any
) -> None:
    client.get("/")
    put(public, "pump.md", MANUAL)
    settings.CHAT_WINDOW_TOKENS = 1_700
    model.script(chat_server.text("Every six months [1]."))
    answer = ask(client)
    sent = [passage["marker"] for passage in handed(model)]
    left_out = len(answer["sources"]) - len(sent)
    assert left_out > 0
    assert sorted(sent) == list(range(1, len(sent) + 1))
    assert all(passage["text"] == answer["sources"][passage["marker"] - 1]["content"] for passage in handed(model))
    assert Run.objects.get().steps[0]["left_out"] == left_out
    page = " ".join(client.get(f"/runs/{answer['run_id']}/").content.decode().split())
    assert f"{left_out} of them had no room in the language model's window." in page


def test_model_is_told_that_a_search_is_unsure(client: Client, model: ChatServer, put: Any, public: Collection) -> None:
    put(public, "pump.md", MANUAL)
    ask(client)
    assert "a chance of about" not in model.requests[-1].body["messages"][0]["content"]
    ask(client, "When should the red lever of the machine be moved sideways?")
    told = model.requests[-1].body["messages"][0]["content"]
    assert "a chance of about" in told or "only the nearest" in told


def test_table_is_handed_whole(client: Client, model: ChatServer, put: Any, public: Collection) -> None:
    rows = "\n".join(f"| Part {number} | {number * 7} euros | shelf {number} of the store |" for number in range(1, 60))
    put(public, "parts.md", f"# Parts\n\n{FILLER}\n\n| Name | Price | Place |\n|---|---|---|\n{rows}\n\n{FILLER}\n")
    answer = ask(client, "On which shelf is part 33?")
    [passage] = [passage for passage in handed(model) if "Part 33 " in passage["text"]]
    assert "| Name | Price | Place |" in passage["text"]
    assert "| Part 59 |" in passage["text"]
    source = answer["sources"][passage["marker"] - 1]
    assert source["content"] == passage["text"]
    assert source["end"] - source["start"] == len(passage["text"])
