"""What workflows of a site may name: what the site has, and what its project adds."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.checks import run_checks

from agents import Registry
from chatsite.reader import Reader
from chatsite.workflows.registry import registry_for

shared = Registry()


@shared.function(name="greet")
def greet_all() -> str:
    return "Hello"


def for_user(user: User) -> Registry:
    """Return a registry whose function knows the user."""
    registry = Registry()
    registry.function(lambda: f"Hello {user}", name="greet")
    return registry


def names(registry: Registry) -> tuple[list[str], list[str], list[str]]:
    return list(registry.functions), list(registry.tools), list(registry.agents)


def test_site_has_its_documents_and_writers() -> None:
    registry = registry_for(Reader(AnonymousUser()))
    assert names(registry) == ([], ["search_documents", "ask_documents"], ["writer", "summariser", "sorter"])
    assert list(registry.models) == ["site", "extractive"]


def test_project_adds_a_registry(settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.shared"
    registry = registry_for(Reader(AnonymousUser()))
    assert names(registry)[0] == ["greet"]
    assert list(shared.tools) == []


def test_project_makes_one_for_each_user(settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = f"{__name__}.for_user"
    registry = registry_for(Reader(User(username="eva")))
    assert registry.functions["greet"].function() == "Hello eva"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{__name__}.nothing", f'WORKFLOW_REGISTRY: Module "{__name__}" does not define a "nothing" attribute/class'),
        (f"{__name__}.__name__", f"WORKFLOW_REGISTRY: {__name__}.__name__ is neither."),
        (f"{__name__}.shared", None),
    ],
)
def test_check_names_a_wrong_registry(settings: Any, path: str, said: str | None) -> None:
    settings.WORKFLOW_REGISTRY = path
    found = [message.msg for message in run_checks(tags=["agents"]) if message.id == "chatsite.E007"]
    assert found == ([said] if said else [])
