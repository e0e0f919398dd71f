"""Where sync tools run: on the caller's thread where Django is set up, and else each on a thread of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agents import Agent, Limits, ToolCall, ToolMessage, run, tool
from agents.testing import ScriptedModel

ROOT = Path(__file__).parents[2]
TWENTY = 20


def without_django(script: str) -> str:
    """Return what a script prints in a process that has no Django set up."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


MEETING = f"""
import threading
from agents import Agent, Limits, ToolCall, run, tool
from agents.testing import ScriptedModel

barrier = threading.Barrier({TWENTY}, timeout=60)

@tool
def meet(number: int) -> str:
    "Wait for the others."
    barrier.wait()
    return threading.current_thread().name

calls = [ToolCall(str(number), "meet", f'{{{{"number": {{number}}}}}}') for number in range({TWENTY})]
agent = Agent("a", "", tools=[meet], model=ScriptedModel([calls, "All met."]), limits=Limits(tool_calls=32))
result = run(agent, "Meet")
met = [message for message in result.messages[2:-1] if not message.failed]
print(result.content, len(met), {{message.text for message in met}})
"""


def test_twenty_sync_tools_run_at_once_outside_django() -> None:
    assert without_django(MEETING) == "All met. 20 {'agents-tool'}\n"


HANGING = """
import threading
from agents import Agent, ToolCall, run, tool
from agents.testing import ScriptedModel

@tool(timeout=0.05)
def hang() -> None:
    "Never return."
    threading.Event().wait()

@tool
def answer() -> str:
    "Answer."
    return "here"

first = [[ToolCall("1", "hang", ""), ToolCall("2", "answer", "")], "So."]
for script in (first, [ToolCall("3", "answer", ""), "And so."]):
    result = run(Agent("a", "", tools=[hang, answer], model=ScriptedModel(script)), "Go")
    print(result.content, [message.text for message in result.messages if hasattr(message, "call")])
"""


def test_hung_tool_holds_neither_others_nor_the_next_run_nor_the_end_of_the_process() -> None:
    assert without_django(HANGING).splitlines() == [
        """So. ['{"error":"TimeoutError: tool hang took longer than 0.05 seconds"}', 'here']""",
        "And so. ['here']",
    ]


CROWD = """
import asyncio, os, threading
from agents import Agent, ToolCall, call, run, tool
from agents.testing import ScriptedModel
from agents.tools.threads import THREADS_MOST, ToolThread, in_own_thread

release = threading.Event()

@tool
def answer() -> str:
    "Answer."
    return "here"

def said():
    result = run(Agent("a", "", tools=[answer], model=ScriptedModel([ToolCall("1", "answer", ""), "So."])), "Go")
    return result.content, result.messages[2].text

async def leave_hanging():
    calls = [asyncio.ensure_future(in_own_thread(release.wait)) for _ in range(THREADS_MOST)]
    await asyncio.sleep(0)
    for each in calls:
        each.cancel()
    await asyncio.wait(calls)

call(leave_hanging)
hung = [thread for thread in threading.enumerate() if isinstance(thread, ToolThread)]
print(len(hung), *said())
release.set()
for thread in hung:
    thread.join()
print(*said())
"""


def test_hung_tools_are_so_many_and_the_next_is_told_what_to_do() -> None:
    full, free = without_django(CROWD).splitlines()
    assert full.startswith('256 So. {"error":"RuntimeError: 256 sync tools are running, as many as may at once;')
    assert "give what hangs in it (a connection, a lock) a timeout of its own" in full
    assert free == "So. here"


# ---- where Django is set up ------------------------------------------------------------------------------------------
def test_sync_tool_runs_on_the_callers_thread_unless_it_says_otherwise() -> None:
    @tool
    def orm() -> int:
        """Say which thread this is."""
        return threading.get_ident()

    @tool(thread_sensitive=False)
    def free() -> int:
        """Say which thread this is."""
        return threading.get_ident()

    agent = Agent("a", "", tools=[orm, free], model=ScriptedModel([]))
    assert agent.execute_tool("orm") == threading.get_ident()
    assert agent.execute_tool("free") != threading.get_ident()


def test_tools_that_are_not_thread_sensitive_run_at_once_in_django_too() -> None:
    barrier = threading.Barrier(TWENTY, timeout=60)

    @tool(thread_sensitive=False)
    def meet() -> str:
        """Wait for the others."""
        barrier.wait()
        return "met"

    calls = [ToolCall(str(number), "meet", "") for number in range(TWENTY)]
    agent = Agent("a", "", tools=[meet], model=ScriptedModel([calls, "Done."]), limits=Limits(tool_calls=TWENTY))
    result = run(agent, "Meet")
    assert [message.text for message in result.messages if isinstance(message, ToolMessage)] == ["met"] * TWENTY


def test_hung_free_tool_ends_with_its_time_and_its_thread_goes_on() -> None:
    release, ended = threading.Event(), threading.Event()

    @tool(thread_sensitive=False, timeout=0.05)
    def hang() -> None:
        """Hang."""
        release.wait(60)
        ended.set()

    result = run(Agent("a", "", tools=[hang], model=ScriptedModel([ToolCall("1", "hang", ""), "Well."])), "Go")
    assert (result.content, ended.is_set()) == ("Well.", False)
    release.set()
    assert ended.wait(60)


@pytest.mark.parametrize(("error", "seen"), [(StopIteration, RuntimeError), (ValueError, ValueError)])
def test_error_on_a_thread_of_its_own_comes_back(error: type[Exception], seen: type[Exception]) -> None:
    @tool(thread_sensitive=False)
    def fail() -> None:
        """Fail."""
        raise error("no")

    with pytest.raises(seen, match="no"):
        Agent("a", "", tools=[fail], model=ScriptedModel([])).execute_tool("fail")


@pytest.mark.django_db(transaction=True)
def test_free_tool_leaves_no_database_connection_behind() -> None:
    from django.contrib.auth.models import User
    from django.db import connection, connections

    opened = []

    @tool(thread_sensitive=False)
    def count() -> int:
        """Count."""
        opened.append(connections["default"])
        return User.objects.count()

    assert Agent("a", "", tools=[count], model=ScriptedModel([])).execute_tool("count") == 0
    assert opened[0] is not connection
    assert opened[0].connection is None or opened[0].is_in_memory_db()  # which Django never closes
