"""A question to an agent: what it answers from, how, and whom. Declared in the settings or made by staff."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from chatsite.answering.assistant import MANNER
from chatsite.models import ChatAgent, Conversation, PromptVersion, Run
from retrieval.models import Collection
from tests.chatsite.api.programs import Program
from tests.fakes.chat_server import ChatServer

QUESTION = "How long do I wait before I pour the tea?"


def ask(client: Client, **body: Any) -> Any:
    body = {"query": QUESTION} | body
    return client.post("/api/v1/chat/query", json.dumps(body), content_type="application/json")


def test_agent_answers_from_its_collections_alone(client: Client, site: Collection) -> None:
    assert ask(client, agent="kitchen").json()["answered"]
    ships = ask(client, agent="kitchen", query="How many ships sail to Iceland?").json()
    assert not ships["answered"]
    assert {source["title"] for source in ships["sources"]} <= {"Tea"}
    assert ask(client, query="How many ships sail to Iceland?").json()["answered"]


def test_run_and_conversation_are_recorded_with_the_agent(client: Client, site: Collection) -> None:
    ask(client, agent="kitchen")
    ask(client)
    assert sorted(Run.objects.values_list("agent", flat=True)) == ["", "kitchen"]
    assert sorted(Conversation.objects.values_list("agent", flat=True)) == ["", "kitchen"]


def test_conversation_stays_with_its_agent(client: Client, site: Collection) -> None:
    begun = ask(client, agent="kitchen").json()["session_id"]
    followed = ask(client, session_id=begun, query="How many ships sail to Iceland?").json()
    assert {source["title"] for source in followed["sources"]} == {"Tea"}
    assert Run.objects.get(pk=followed["run_id"]).agent == "kitchen"
    assert ask(client, session_id=begun, agent="kitchen").status_code == 200
    other = ask(client, session_id=ask(client).json()["session_id"], agent="kitchen")
    assert (other.status_code, list(other.json()["details"])) == (400, ["agent"])


def test_collection_beyond_the_agents_is_as_one_that_is_not_there(client: Client, site: Collection) -> None:
    beyond = ask(client, agent="kitchen", collections=["harbour"])
    nowhere = ask(client, agent="kitchen", collections=["nowhere"])
    assert beyond.status_code == nowhere.status_code == 404
    assert list(beyond.json()["details"]) == list(nowhere.json()["details"]) == ["collections"]
    assert ask(client, agent="kitchen", collections=[site.slug]).json()["answered"]


def test_document_beyond_the_agents_is_as_one_that_is_not_there(client: Client, site: Collection, put: Any) -> None:
    ships = put(Collection.objects.get(slug="harbour"), "more.md", "# More\n\nTwelve ships stay here.\n")
    assert ask(client, agent="kitchen", document_ids=[ships.pk]).status_code == 404
    place = {"document_id": ships.pk, "start": 2, "end": 20}
    assert ask(client, agent="kitchen", selection=place).status_code == 404
    assert ask(client, selection=place).status_code == 200


def test_its_collections_never_widen_what_a_reader_may_read(client: Client, site: Collection, settings: Any) -> None:
    settings.DOCCHAT = {"AGENTS": {"vault": {"collections": ["vault", site.slug]}}}
    vault = Collection.objects.create(name="Vault", slug="vault")
    assert not ask(client, agent="vault", query="vault").json()["answered"]
    assert ask(client, agent="vault", collections=["vault"]).status_code == 404
    assert ask(client, agent="vault").json()["answered"]
    program = Program(User.objects.create_user("eva"), vault)  # a key for what its user may not even read
    assert program.ask(agent="vault").json()["sources"] == []


@pytest.mark.parametrize("name", ["staff", "nowhere", "STAFF", "a b", "x" * 60, "../kitchen", "\x00"])
def test_agent_of_others_is_as_one_that_is_not_there(client: Client, site: Collection, name: str) -> None:
    refused = ask(client, agent=name)
    assert refused.status_code in (400, 404)
    assert list(refused.json()["details"]) == ["agent"]
    assert "Staff" not in refused.content.decode()
    assert not Run.objects.exists()


def test_group_has_the_agent_until_it_is_left(client: Client, site: Collection) -> None:
    user, group = User.objects.create_user("eva"), Group.objects.create(name="Staff")
    user.groups.add(group)
    client.force_login(user)
    begun = ask(client, agent="staff").json()["session_id"]
    user.groups.clear()
    assert ask(client, agent="staff").status_code == 404
    assert ask(client, session_id=begun).status_code == 404
    client.force_login(User.objects.create_superuser("root"))
    assert ask(client, agent="staff").status_code == 200


def test_agent_of_staff_is_asked_like_one_of_the_settings(client: Client, site: Collection) -> None:
    made = ChatAgent.objects.create(name="harbour", title="Harbour", for_everyone=True)
    made.collections.add(Collection.objects.get(slug="harbour"))
    assert not ask(client, agent="harbour").json()["answered"]
    made.collections.clear()  # of one that is deleted; that widens nothing
    assert ask(client, agent="harbour", query="How many ships sail to Iceland?").json()["sources"] == []
    ChatAgent.objects.update(all_collections=True)
    assert ask(client, agent="harbour").json()["answered"]
    ChatAgent.objects.update(active=False)
    assert ask(client, agent="harbour").status_code == 404


# ---- what a model is told --------------------------------------------------------------------------------------------


@pytest.fixture
def model(settings: Any, site: Collection) -> Iterator[ChatServer]:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = server.url, ["tiny", "large"]
        yield server


def told(model: ChatServer) -> str:
    said: str = model.requests[-1].body["messages"][0]["content"]
    return said


def declare(settings: Any, **options: Any) -> None:
    settings.DOCCHAT = {"AGENTS": {"kitchen": options}}


def test_model_is_told_instructions_tone_and_languages(client: Client, model: ChatServer, settings: Any) -> None:
    declare(settings, instructions="Speak of tea.", tone="warm, brief.", languages=["en", "de"], model="large")
    assert ask(client, agent="kitchen").json()["model"] == "large"
    languages = "Answer in English or German: in the one of the question, else in English."
    assert told(model).endswith(f"Speak of tea.\nTone: warm, brief. {languages}")
    declare(settings, languages=["de"])
    ask(client, agent="kitchen")
    assert told(model).endswith(f"{MANNER}\nAnswer in German, whatever the language of the question.")


def test_published_version_of_the_agent_goes_before_what_is_declared(
    client: Client, model: ChatServer, settings: Any
) -> None:
    declare(settings, instructions="Speak of tea.", model="large")
    PromptVersion.objects.create(number=1, is_draft=False, instructions="The site’s.")
    version = PromptVersion.objects.create(agent="kitchen", number=1, is_draft=False, instructions="Version 1.")
    PromptVersion.objects.create(agent="kitchen", instructions="The draft.")
    assert ask(client, agent="kitchen").json()["model"] == "tiny"
    assert told(model).endswith("Version 1.")
    assert Run.objects.get().prompt == version
    ask(client)
    assert told(model).endswith("The site’s.")


def test_agent_that_says_nothing_has_the_sites_prompt(client: Client, model: ChatServer, settings: Any) -> None:
    declare(settings)
    version = PromptVersion.objects.create(number=1, is_draft=False, instructions="The site’s.")
    ask(client, agent="kitchen")
    assert told(model).endswith("The site’s.")
    assert Run.objects.get().prompt == version
