"""Agents at the doors for other programs: as models of OpenAI's protocol, and where MCP asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from chatsite.assistants.finding import agents_of
from chatsite.models import Conversation, EmbedSite, Run
from chatsite.reader import visitor_of
from retrieval.models import Collection
from tests.chatsite.doors.keys import get, make_key, post
from tests.chatsite.doors.test_mcp_door import call, rpc

QUESTION = "How long do I wait before I pour the tea?"


@pytest.fixture
def user(site: Collection) -> User:
    return User.objects.create_user("eva")


@pytest.fixture
def key(user: User) -> str:
    return make_key(user)


def complete(key: str, model: str, *messages: str) -> Any:
    roles = ("user", "assistant")
    said = [{"role": roles[place % 2], "content": content} for place, content in enumerate(messages or (QUESTION,))]
    return post("/v1/chat/completions", {"model": model, "messages": said}, key)


def test_agents_of_a_key_are_models(key: str, user: User) -> None:
    def listed() -> list[str]:
        ids = [model["id"] for model in get("/v1/models", key).json()["data"]]
        return [id_ for id_ in ids if id_.startswith("agent:")]

    assert listed() == ["agent:kitchen"]
    assert get("/v1/models/agent:staff", key).status_code == 404
    assert complete(key, "agent:staff").status_code == complete(key, "agent:gone").status_code == 404
    user.groups.add(Group.objects.create(name="Staff"))
    assert listed() == ["agent:kitchen", "agent:staff"]
    assert get("/v1/models/agent:staff", key).json()["name"] == "Staff"


def test_model_is_asked_as_its_agent_and_goes_on_with_it(key: str) -> None:
    first = complete(key, "agent:kitchen").json()["choices"][0]["message"]["content"]
    assert "Wait four minutes" in first
    complete(key, "agent:kitchen", QUESTION, first, "And then?")
    assert Conversation.objects.get().agent == "kitchen"
    assert set(Run.objects.values_list("agent", flat=True)) == {"kitchen"}
    complete(key, "documents", QUESTION, first, "And then?")
    assert sorted(Conversation.objects.values_list("agent", flat=True)) == ["", "kitchen"]


def asks(key: str) -> dict[str, Any]:
    tools = post("/mcp", rpc("tools/list"), key).json()["result"]["tools"]
    properties: dict[str, Any] = next(tool for tool in tools if tool["name"] == "ask")["inputSchema"]["properties"]
    return properties


def test_mcp_names_the_agents_that_can_be_asked(key: str, settings: Any) -> None:
    settings.DOCCHAT["AGENTS"]["kitchen"]["description"] = "Tea and more."
    assert asks(key)["agent"]["enum"] == ["kitchen"]
    assert "kitchen: Kitchen. Tea and more." in asks(key)["agent"]["description"]
    assert not call("ask", key, question=QUESTION, agent="kitchen")["isError"]
    assert Run.objects.get().agent == "kitchen"
    assert call("ask", key, question=QUESTION, agent="staff")["isError"]
    settings.DOCCHAT = {}
    assert "agent" not in asks(key)


def test_visitor_of_an_embedded_site_is_in_none_of_its_readers_groups(site: Collection, user: User) -> None:
    user.groups.add(Group.objects.create(name="Staff"))
    partner = EmbedSite.objects.create(name="Partner", origins="https://www.example.org", reader=user)
    partner.collections.add(site)
    assert [agent.name for agent in agents_of(visitor_of(partner))] == ["kitchen"]
    headers = {"authorization": f"Bearer {partner.token}", "origin": "https://www.example.org"}

    def asked(agent: str) -> int:
        body = json.dumps({"query": QUESTION, "agent": agent})
        sent = Client().post("/api/v1/chat/query", body, content_type="application/json", headers=headers)
        return sent.status_code

    assert (asked("kitchen"), asked("staff")) == (200, 404)
    assert Client().get(f"/embed/{partner.token}/?agent=staff").status_code == 404
