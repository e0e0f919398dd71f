"""An agent whose tool needs Django, made in a bare process."""

import django

django.setup()

from django.db import connection  # noqa: E402

from agents import Agent, ToolCall, ToolMessage, tool  # noqa: E402
from agents.testing import FunctionModel  # noqa: E402


@tool
def multiply(a: int, b: int) -> int:
    """Let the database do it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s * %s", [a, b])
        return int(cursor.fetchone()[0])


def agent() -> Agent:
    def speak(messages: object) -> str | ToolCall:
        last = messages[-1]  # type: ignore[index]
        return last.text if isinstance(last, ToolMessage) else ToolCall("1", "multiply", '{"a": 6, "b": 7}')

    return Agent("orm", "", tools=[multiply], models=[FunctionModel(speak)])
