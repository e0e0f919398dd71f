"""The published prompt answers: what a model is told and how it is set; without one the settings decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from chatsite.answering.assistant import CITING, MANNER
from chatsite.models import PromptVersion, Run
from retrieval.models import Collection
from tests.chatsite.prompts.staff import published
from tests.fakes.chat_server import ChatServer

QUESTION = "How long do I wait before I pour the tea?"


@pytest.fixture
def model(settings: Any, public: Collection, put: Any) -> Iterator[ChatServer]:
    put(public, "tea.md", "# Tea\n\nWait four minutes before you pour the tea.\n")
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = server.url, ["tiny", "large"]
        settings.CHAT_TEMPERATURE, settings.CHAT_MAX_TOKENS = 0.1, 700
        yield server


def ask(client: Client, **more: Any) -> Any:
    body = json.dumps({"query": QUESTION} | more)
    return client.post("/api/v1/chat/query", body, content_type="application/json").json()


def told(model: ChatServer) -> str:
    said: str = model.requests[-1].body["messages"][0]["content"]
    return said


def test_without_a_prompt_the_settings_decide(client: Client, model: ChatServer) -> None:
    assert ask(client)["answered"]
    body = model.requests[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 0.1, 700)
    assert told(model).startswith("You answer readers' questions from this site's documents.")
    assert told(model).endswith(MANNER)
    assert Run.objects.get().prompt is None


def test_published_prompt_sets_instructions_and_model(client: Client, model: ChatServer) -> None:
    version = published(1, instructions="Answer like a pirate.", model="large", temperature=0.9, max_tokens=80)
    assert ask(client)["model"] == "large"
    body = model.requests[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("large", 0.9, 80)
    assert told(model).endswith(f"{CITING}\nAnswer like a pirate.")  # the rules stay
    assert Run.objects.get().prompt == version


def test_the_newest_published_one_answers_and_no_draft_does(client: Client, model: ChatServer) -> None:
    for number in (1, 2):
        published(number, instructions=f"Version {number}.")
    PromptVersion.objects.create(instructions="The draft.")
    ask(client)
    assert told(model).endswith("Version 2.")


def test_question_about_selected_text_has_it_as_well(client: Client, model: ChatServer) -> None:
    published(1, instructions="Answer like a pirate.")
    ask(client, selected_text="The tea is green.")
    assert told(model).startswith("You answer a question about text that the reader has selected.")
    assert told(model).endswith("Answer like a pirate.")


def test_model_that_is_no_longer_configured_is_not_asked(client: Client, model: ChatServer) -> None:
    published(1, model="gone")
    assert ask(client)["model"] == "tiny"


def test_what_a_prompt_leaves_empty_the_settings_say(client: Client, model: ChatServer) -> None:
    published(1, temperature=0.0)
    ask(client)
    body = model.requests[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 0.0, 700)
