"""Tools of real MCP servers: a program over its standard input and output, and one over HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, McpTools, ToolCall, ToolFailed, ToolMessage, call, resume, run, shutdown
from agents.testing import ScriptedModel
from agents.tools import ArgumentsInvalid
from agents.tools.mcp import RESULT_CHARACTERS

pytest.importorskip("mcp", reason="not run here: the extra `mcp` isn't installed")

ROOT = Path(__file__).parents[2]
SERVER = [sys.executable, "-m", "tests.agents.mcp_server"]


@pytest.fixture(autouse=True)
def no_loop() -> Iterator[None]:
    shutdown(0)
    yield
    shutdown(0)


def started(**options: Any) -> McpTools:
    return McpTools(command=SERVER, cwd=ROOT, **options)


def asking(tools: McpTools, *calls: ToolCall) -> Agent:
    return Agent("a", "", tools=[tools], model=ScriptedModel([*calls, "Done."]))


def results(agent: Agent) -> list[object]:
    result = run(agent, "Go")
    assert result.success, result.error
    return [message.value for message in result.messages if isinstance(message, ToolMessage)]


def test_tools_of_a_program_are_offered_and_called() -> None:
    agent = asking(started(), ToolCall("1", "add", '{"a": 2, "b": 3}'), ToolCall("2", "find", '{"title": "Emma"}'))
    assert results(agent) == [5, {"title": "Emma", "shelf": 7}]


def test_model_sees_names_descriptions_and_schemas() -> None:
    tools = started(only=["add"], prefix="shelves-")

    async def discover() -> list[tuple[str, str, list[str]]]:
        return [(each.name, each.description, list(each.parameters["properties"])) for each in await tools.discover()]

    assert call(discover) == [("shelves-add", "Add two numbers.", ["a", "b"])]


def test_session_is_opened_once_for_many_runs_and_closed_with_the_loop(tmp_path: Path) -> None:
    tools = started(env={"MARKS": str(tmp_path)})
    processes = {process for _ in range(3) for process in results(asking(tools, ToolCall("1", "process", "{}")))}
    assert len(processes) == len(list(tmp_path.glob("begun-*"))) == 1
    (process,) = processes
    assert isinstance(process, int)
    os.kill(process, 0)
    shutdown(5)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_agent_that_is_open_calls_its_tools_directly() -> None:
    with asking(started()) as agent:
        assert agent.execute_tool("add", a=1, b=1) == 2

    async def main() -> list[object]:
        async with asking(started()) as agent:
            return list(await asyncio.gather(*(agent.execute_tool("add", a=n, b=n) for n in range(3))))

    assert asyncio.run(main()) == [0, 2, 4]


def test_server_that_dies_during_a_call_is_an_error_for_the_model_and_started_anew() -> None:
    agent = asking(started(), ToolCall("1", "crash", "{}"), ToolCall("2", "add", '{"a": 2, "b": 2}'))
    crashed, added = results(agent)
    assert isinstance(crashed, ConnectionError)
    assert "has ended during the call" in str(crashed)
    assert added == 4


def test_server_that_died_between_runs_is_started_anew() -> None:
    tools = started()
    (first,) = results(asking(tools, ToolCall("1", "process", "{}")))
    assert isinstance(first, int)
    os.kill(first, 9)
    (second,) = results(asking(tools, ToolCall("1", "process", "{}")))
    assert second != first


def test_error_of_a_tool_and_wrong_arguments_go_back_to_the_model() -> None:
    agent = asking(
        started(),
        ToolCall("1", "burn", '{"title": "Emma"}'),
        ToolCall("2", "add", '{"a": "x", "b": 1}'),
        ToolCall("3", "add", "{"),
        ToolCall("4", "add", "[]"),
    )
    result = run(agent, "Go")
    texts = [message.text for message in result.messages if isinstance(message, ToolMessage)]
    assert result.content == "Done."
    assert "Emma doesn't burn" in texts[0]
    assert "valid integer" in texts[1]
    assert "Invalid JSON" in texts[2]
    assert "should be an object" in texts[3]


def test_only_the_environment_that_is_meant_for_it_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "hidden")
    agent = asking(
        started(env={"SHELF": "7"}),
        ToolCall("1", "environment", '{"name": "SECRET_OF_THE_HOST"}'),
        ToolCall("2", "environment", '{"name": "SHELF"}'),
    )
    assert results(agent) == ["", "7"]


def test_program_that_is_no_server_fails_the_run_and_says_so() -> None:
    missing = run(asking(McpTools(command="no-such-program --at-all")), "Go")
    assert isinstance(missing.error, ToolFailed)
    assert "McpTools(command='no-such-program') can't be opened: FileNotFoundError" in str(missing.error)
    silent = run(asking(McpTools(command=[sys.executable, "-c", "pass"])), "Go")
    assert (silent.status, isinstance(silent.error, ToolFailed)) == ("failed", True)


def test_tool_that_the_server_has_not_is_named() -> None:
    error = run(asking(started(only=["fly"])), "Go").error
    assert "has no tool fly; it has: add, find, burn" in str(error)


def test_tool_to_approve_pauses_the_run_which_goes_on_with_the_decision() -> None:
    agent = asking(started(approve=["add"]), ToolCall("1", "add", '{"a": 2, "b": 3}'))
    paused = run(agent, "Go")
    assert (paused.status, agent.pauses) == ("paused", True)
    assert paused.state is not None
    ended = resume(agent, paused.state, True)
    assert [message.value for message in ended.messages if isinstance(message, ToolMessage)] == [5]
    with pytest.raises(TypeError, match="needs approval, and can't be part of a tool"):
        agent.as_tool()
    missing = run(asking(started(approve=["fly"])), "Go")
    assert "has no tool fly" in str(missing.error)


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({}, TypeError, "takes a command, or a url: one of them"),
        ({"command": "x", "url": "http://x"}, TypeError, "takes a command, or a url: one of them"),
        ({"url": "localhost:8000"}, ValueError, "url must begin with http:// or https://, not 'localhost:8000'"),
        ({"command": "x", "only": "add"}, TypeError, "only is a list of names, not 'add'"),
        ({"command": "x", "timeout": 0}, ValueError, "timeout must be more than 0 seconds, not 0"),
    ],
)
def test_wrong_definition_is_named(options: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        McpTools(**options)


# ---- what a server may do --------------------------------------------------------------------------------------------
def test_model_reads_texts_and_a_note_of_what_is_none() -> None:
    assert results(asking(started(), ToolCall("1", "page", "{}"))) == [
        "Call me Ishmael.\n"
        "[image/png, 3 bytes, left out: only text is passed on]\n"
        "[audio/wav, 2 bytes, left out: only text is passed on]\n"
        "shelf://notes:\nRead twice.\n"
        "[application/pdf of shelf://scan, 4 bytes, left out: only text is passed on]\n"
        "[link: shelf://7 (shelf - Where it stands)]"
    ]


def test_result_or_error_that_is_too_long_is_cut_and_says_so() -> None:
    text, values, error = results(
        asking(
            started(),
            ToolCall("1", "repeat", f'{{"text": "ab", "times": {RESULT_CHARACTERS}}}'),
            ToolCall("2", "repeat_each", f'{{"text": "abc", "times": {RESULT_CHARACTERS}}}'),
            ToolCall("3", "complain", f'{{"times": {RESULT_CHARACTERS}}}'),
        )
    )
    note = "\n[cut: these are the first 100,000 of {} characters; ask for less]"
    assert text == "ab" * 50_000 + note.format("200,000")
    assert isinstance(values, str)
    assert values.startswith('{"said":["abc","abc",')
    assert values[RESULT_CHARACTERS:] == note.format("600,010")
    assert isinstance(error, RuntimeError)
    assert str(error).endswith(note.format("200,031"))


def test_result_of_the_most_characters_is_whole() -> None:
    whole = asking(started(), ToolCall("1", "repeat", f'{{"text": "a", "times": {RESULT_CHARACTERS}}}'))
    assert results(whole) == ["a" * RESULT_CHARACTERS]


LONG = "x" * 70
NAMING = """
import asyncio, sys
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp import types

async def list_tools(context, params):
    return types.ListToolsResult(
        tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in sys.argv[1:]]
    )

async def call_tool(context, params):
    return types.CallToolResult(content=[types.TextContent(text=params.name)])

async def main():
    server = Server("names", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("served", "offered"),
    [
        (["a.b", "a_b"], {"a_b_2": "a.b", "a_b": "a_b"}),
        (["a.b", "a/b", "a_b_2"], {"a_b": "a.b", "a_b_3": "a/b", "a_b_2": "a_b_2"}),
        (["a", "a", "b"], {"a": "a", "b": "b"}),
        (["", " ", "a"], {"a": "a"}),
        ([f"{LONG}1", f"{LONG}2"], {"x" * 64: f"{LONG}1", "x" * 62 + "_2": f"{LONG}2"}),
    ],
)
def test_each_tool_has_a_name_of_its_own_that_providers_take(served: list[str], offered: dict[str, str]) -> None:
    tools = McpTools(command=[sys.executable, "-c", NAMING, *served])

    async def main() -> dict[str, object]:
        async with asking(tools) as agent:
            names = [each.name for each in await tools.discover()]
            return {name: await agent.execute_tool(name) for name in names}

    assert call(main) == offered


# ---- over HTTP -------------------------------------------------------------------------------------------------------
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def serving(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([*SERVER, str(port)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the server never listened")


def test_tools_of_a_server_over_http_also_after_it_was_restarted() -> None:
    port = free_port()
    tools = McpTools(url=f"http://127.0.0.1:{port}/mcp", headers={"X-Reader": "ada"})
    add = ToolCall("1", "add", '{"a": 2, "b": 3}')
    process = serving(port)
    try:
        assert results(asking(tools, add)) == [5]
    finally:
        process.kill()
        process.wait()
    gone = run(asking(tools, add), "Go")
    assert (gone.status, isinstance(gone.error, ToolFailed)) == ("failed", True)
    process = serving(port)
    try:
        assert results(asking(tools, add)) == [5]
    finally:
        process.kill()
        process.wait()


def test_arguments_are_checked_by_shape_before_anything_is_sent() -> None:
    tools = started()
    with pytest.raises(ArgumentsInvalid, match="there is no tool named 'fly'; there are: add, find"):
        asking(tools).execute_tool("fly")
