"""Inside a Django project: whatever a run calls that is sync runs on its caller's connection, in its transaction."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents import Agent, Guardrails, Run, UserMessage, collaborate, route, run, tool
from agents.messages import ToolCall, ToolMessage
from agents.testing import FunctionModel, ScriptedModel, Step

pytestmark = pytest.mark.django_db


def users() -> int:
    return User.objects.count()


@tool
def count() -> int:
    """Count the users."""
    return users()


def instruct(run: Run) -> str:
    return f"There are {users()} users."


def check(prompt: UserMessage) -> str | None:
    return None if users() == 1 else "nobody is there"


def counting(name: str) -> Agent:
    def answer(messages: object) -> Step:
        last = messages[-1]  # type: ignore[index]
        return last.text if isinstance(last, ToolMessage) else ToolCall("1", "count", "")

    return Agent(name, instruct, tools=[count], model=FunctionModel(answer), guardrails=Guardrails(input=[check]))


def test_sync_functions_of_every_kind_see_the_callers_transaction() -> None:
    User.objects.create_user("ada")
    team = collaborate(counting("a"), counting("b"), coordinator=counting("lead"))
    result = run(route({lambda prompt: users() == 1: team}, default=Agent("none", "", model=ScriptedModel([]))), "Go")
    assert (result.status, result.content) == ("completed", "1")
