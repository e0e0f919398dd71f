"""Every provider that is played answers through the site: in both modes, and where it searches again by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from agents.models.learned import forget
from chatsite.models import Run
from retrieval.models import Collection
from tests.chatsite.answering.streamed import events
from tests.fakes.providers import PROVIDERS, THOUGHT, ProviderServer, playing

TEA = "# Tea\n\nWait four minutes before you pour the tea.\n"
WITHOUT_TOOLS = {"ollama", "llama.cpp", "vllm", "gemma"}


@pytest.fixture(autouse=True)
def documents(public: Collection, put: Any) -> None:
    put(public, "tea.md", TEA)
    forget()


@contextmanager
def site_with(name: str, settings: Any) -> Iterator[ProviderServer]:
    with playing(name) as server:
        settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY, settings.CHAT_MODEL = server.url, "k", server.model
        yield server


def check_answer(told: list[tuple[str, dict[str, Any]]], server: ProviderServer) -> None:
    """The answer is the model's own, cited, without a thought in it; thoughts are events beside it."""
    name, body = told[-1]
    assert (name, body["answered"], body["model"]) == ("done", True, server.model), body
    assert body["answer"].startswith("It says: ")
    assert body["answer"].endswith("[1]")
    assert THOUGHT not in json.dumps([body["answer"], body["citations"]])
    thoughts = "".join(event["text"] for kind, event in told if kind == "thinking")
    assert (THOUGHT in thoughts) is (server.provider.thinks or server.model.startswith("magistral"))
    assert Run.objects.get().model_fault == ""


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_provider_answers_from_the_documents(name: str, client: Client, settings: Any) -> None:
    with site_with(name, settings) as server:
        check_answer(events(client), server)
        sent = server.requests[-1].body["messages"]
        assert "Wait four minutes" in sent[-1]["content"]
        assert [message["role"] for message in sent if message["role"] in {"assistant", "tool"}] == []


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_provider_answers_from_selected_text(name: str, client: Client, settings: Any) -> None:
    with site_with(name, settings) as server:
        check_answer(events(client, selected_text="The kettle is in the blue cupboard."), server)
        body = server.requests[-1].body
        assert "tools" not in body
        assert "blue cupboard" in json.dumps(body["messages"])


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - WITHOUT_TOOLS))
def test_provider_searches_again_and_gets_its_call_back(
    name: str, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site_with(name, settings) as server:
        monkeypatch.setattr(server.provider, "searches_again", True)
        told = events(client)
        check_answer(told, server)
        assert [kind for kind, _ in told].count("tool_call") == 2
        *_, asked, answered = server.requests[-1].body["messages"]
        assert (asked["role"], answered["role"]) == ("assistant", "tool")
        assert asked["tool_calls"][0]["id"] == answered["tool_call_id"]
