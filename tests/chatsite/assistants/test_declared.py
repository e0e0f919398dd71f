"""Agents of the settings: what may be said of one, and what is named where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.utils.translation import gettext_lazy

from chatsite.assistants.declared import declared_agents
from chatsite.models import ChatAgent
from retrieval.models import Collection

NAMED = ("chatsite.E003", "chatsite.E008", "chatsite.E009", "chatsite.E010", "chatsite.E013")


def faults(tag: str = "agents", **options: Any) -> list[tuple[str | None, str]]:
    messages = run_checks(tags=[tag], **options)
    return [(message.id, message.msg) for message in messages if message.id in NAMED]


def test_agent_has_what_is_said_and_a_title_of_its_name(settings: Any) -> None:
    settings.DOCCHAT = {
        "AGENTS": {"the-shop": {"starters": ["Where is my order?"], "title": gettext_lazy("Shop")}, "x_y": {}}
    }
    shop, other = declared_agents()["the-shop"], declared_agents()["x_y"]
    assert (shop.title, shop.starters, shop.collections) == ("Shop", ("Where is my order?",), None)
    assert (other.title, other.groups, other.tools) == ("X y", None, None)
    assert faults() == []


@pytest.mark.parametrize(
    ("agents", "fault"),
    [
        (["shop"], """DOCCHAT["AGENTS"]: must be a dict of agents by name, not ['shop']."""),
        ({"a b": {}}, "1 to 60 letters, digits, hyphens and underscores"),
        ({"shop": "x"}, "must be a dict of its options, not 'x'"),
        ({"shop": {"colections": []}}, "has no option 'colections'; did you mean 'collections'?"),
        ({"shop": {"zzz": 1}}, "has no option 'zzz'; it takes title, description"),
        ({"shop": {"tone": 3}}, "tone must be a text of at most 200 characters"),
        ({"shop": {"title": "x" * 61}}, "title must be a text of at most 60 characters"),
        ({"shop": {"collections": "handbook"}}, "collections must be a list of at most 100 texts"),
        ({"shop": {"starters": ["x"] * 9}}, "starters must be a list of at most 8 texts"),
        ({"shop": {"starters": [" "]}}, "each of its starters must be a text"),
        ({"shop": {"languages": ["german"]}}, "must be codes of ISO 639-1"),
    ],
)
def test_what_is_wrong_is_named_and_the_others_are_there(settings: Any, agents: Any, fault: str) -> None:
    if isinstance(agents, dict):
        agents = agents | {"right": {}}
    settings.DOCCHAT = {"AGENTS": agents}
    ((id_, message),) = faults()
    assert id_ == "chatsite.E008"
    assert fault in message
    assert list(declared_agents()) == (["right"] if isinstance(agents, dict) else [])


def test_model_that_is_none_of_the_sites_is_named(settings: Any) -> None:
    settings.DOCCHAT = {"AGENTS": {"shop": {"model": "tiny"}}}
    assert faults() == []  # no language model is asked at all
    settings.OPENAI_BASE_URL, settings.CHAT_MODELS = "http://127.0.0.1:9/v1", ["large"]
    assert faults() == [("chatsite.E009", """DOCCHAT["AGENTS"]["shop"]: there is no model 'tiny'.""")]


def test_tool_that_is_none_of_the_sites_is_named(settings: Any) -> None:
    tools = ["tests.chatsite.tools.shop.order_status"]
    settings.DOCCHAT = {"TOOLS": tools, "AGENTS": {"shop": {"tools": ["order_status", "order_state", "admin_rows"]}}}
    assert faults() == [("chatsite.E013", """DOCCHAT["AGENTS"]["shop"]: there is no tool 'order_state'.""")]


@pytest.mark.django_db
def test_rows_that_are_not_there_are_named_by_the_check_of_the_database(settings: Any) -> None:
    Collection.objects.create(name="Handbook", slug="handbook")
    Group.objects.create(name="Staff")
    shop = {"collections": ["handbook", "gone"], "groups": ["Staff", "Nobody"]}
    settings.DOCCHAT = {"AGENTS": {"shop": shop}}
    ChatAgent.objects.create(name="shop", title="Shop")
    place = 'DOCCHAT["AGENTS"]["shop"]: '
    assert faults("database", databases=["default"]) == [
        ("chatsite.E010", f"{place}there is no collection 'gone'."),
        ("chatsite.E010", f"{place}there is no group 'Nobody'."),
        ("chatsite.E010", f"{place}the admin has an agent of this name too, which can't be asked."),
    ]


def test_misspelt_key_of_the_setting_is_named(settings: Any) -> None:
    settings.DOCCHAT = {"AGENT": {}}
    assert faults() == [("chatsite.E003", "DOCCHAT has 'AGENT', which nothing reads.")]
