from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from agents import Agent, ToolCall, Toolkit, call, run, tool
from agents.testing import ScriptedModel
from agents.tools import ArgumentsInvalid, to_model_text

if TYPE_CHECKING:
    from pathlib import Path


@tool
def search(query: str, limit: Annotated[int, Field(ge=1)] = 3, kind: Literal["pdf", "txt"] | None = None) -> Path:
    """Search the shelves.

    More about it.

    Args:
        query: what to look for,
            in words
        limit: how many at most

    Returns:
        What was found.
    """
    return f"{query} {limit} {kind}"  # type: ignore[return-value]


def test_schema_comes_from_signature_hints_and_docstring() -> None:
    assert search.name == "search"
    assert search.description == "Search the shelves.\n\nMore about it."
    parameters = search.parameters
    assert parameters["required"] == ["query"]
    assert parameters["additionalProperties"] is False
    assert parameters["properties"]["query"] == {
        "title": "Query",
        "type": "string",
        "description": "what to look for, in words",
    }
    assert parameters["properties"]["limit"]["minimum"] == 1
    assert parameters["properties"]["limit"]["default"] == 3


def test_execute_fills_in_defaults() -> None:
    assert call(search.execute, '{"query": "whales"}') == "whales 3 None"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"query": 1', "arguments: Invalid JSON"),
        ("[]", "arguments: Input should be an object"),
        ("{}", "query: Field required"),
        ('{"query": "x", "limit": 0}', "limit: Input should be greater than or equal to 1"),
        ('{"query": "x", "user": 7}', "user: Extra inputs are not permitted"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments: str, problem: str) -> None:
    with pytest.raises(ArgumentsInvalid, match=problem):
        asyncio.run(search.execute(arguments))


def test_tool_without_arguments_takes_an_empty_text() -> None:
    @tool
    async def now() -> str:
        """Tell the time."""
        return "noon"

    assert asyncio.run(now.execute("")) == "noon"


class Shelf(Toolkit):
    def __init__(self, title: str) -> None:
        self.title = title

    @tool
    def read(self, page: int) -> str:
        """Read a page."""
        return f"{self.title}, page {page}, {threading.current_thread().name}"


def test_method_binds_to_its_instance_and_shares_the_schema() -> None:
    one, other = Shelf("Emma"), Shelf("Dune")
    assert one.read.definition is other.read.definition
    assert list(one.read.parameters["properties"]) == ["page"]
    assert call(one.read.execute, '{"page": 4}') == f"Emma, page 4, {threading.current_thread().name}"
    assert other.read(2).startswith("Dune, page 2")


class Annex(Shelf):
    def plain(self) -> None: ...

    @tool
    async def count(self) -> int:
        """Count the pages."""
        return 9


def test_toolkit_gives_its_marked_methods_in_the_order_of_their_definition() -> None:
    agent = Agent("a", "", tools=[Annex("Emma"), search], model=ScriptedModel([]))
    assert list(agent.toolbox) == ["read", "count", "search"]
    assert agent.execute_tool("count") == 9
    assert agent.execute_tool("read", page=4).startswith("Emma, page 4")


def test_two_toolkits_with_a_tool_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="agent a has two tools named read"):
        Agent("a", "", tools=[Shelf("Emma"), Shelf("Dune")], model=ScriptedModel([]))


def test_function_that_is_not_marked_is_refused_by_name() -> None:
    def search(query: str) -> str:
        return query

    with pytest.raises(TypeError, match=r"agent a: <function .*search.*> is no tool; mark the function with @tool"):
        Agent("a", "", tools=[search], model=ScriptedModel([]))  # type: ignore[list-item]


# ---- called directly -------------------------------------------------------------------------------------------------
def test_execute_tool_validates_and_returns_what_the_tool_does() -> None:
    @tool
    def file(on: date, book: Book) -> Book:
        """File a book."""
        return Book(title=f"{book.title} {on:%Y}")

    agent = Agent("a", "", tools=[file], model=ScriptedModel([]))
    assert agent.execute_tool("file", on=date(2026, 1, 2), book={"title": "Emma"}) == Book(title="Emma 2026")
    with pytest.raises(ArgumentsInvalid, match="book: Field required"):
        agent.execute_tool("file", on=date(2026, 1, 2))
    with pytest.raises(ArgumentsInvalid, match="there is no tool named 'burn'; there are: file"):
        agent.execute_tool("burn")


# ---- options ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_async", [True, False])
def test_tool_that_takes_too_long_is_an_error_for_the_model(is_async: bool) -> None:
    @tool(timeout=0.05)
    async def slow() -> None:
        """Be slow."""
        await asyncio.sleep(30)

    @tool(timeout=0.05)
    def busy() -> None:
        """Be busy."""
        time.sleep(0.3)

    chosen = slow if is_async else busy
    result = run(Agent("a", "", tools=[chosen], model=ScriptedModel([ToolCall("1", chosen.name, ""), "Well."])), "Go")
    assert result.content == "Well."
    assert result.messages[2].text == f'{{"error":"TimeoutError: tool {chosen.name} took longer than 0.05 seconds"}}'


def test_timeout_of_a_tools_own_stays_its_own() -> None:
    @tool(timeout=5)
    async def ask() -> None:
        """Ask."""
        raise TimeoutError("the shelf is silent")

    with pytest.raises(TimeoutError, match="the shelf is silent"):
        call(ask.execute, "")


def test_timeout_that_is_not_positive_is_named() -> None:
    with pytest.raises(ValueError, match="tool ask: timeout must be more than 0, not 0"):

        @tool(timeout=0)
        def ask() -> None: ...


def test_exclusive_tool_runs_while_no_other_does() -> None:
    running: list[str] = []
    seen: dict[str, list[str]] = {}

    async def work(name: str) -> str:
        running.append(name)
        await asyncio.sleep(0.02)
        seen[name] = sorted(running)
        await asyncio.sleep(0.02)
        running.remove(name)
        return name

    @tool
    async def read(name: str) -> str:
        """Read."""
        return await work(name)

    @tool(exclusive=True)
    async def write(name: str) -> str:
        """Write."""
        return await work(name)

    names = ["read a", "read b", "write c", "write d", "read e"]
    calls = [ToolCall(name, name.split()[0], f'{{"name": "{name}"}}') for name in names]
    result = run(Agent("a", "", tools=[read, write], model=ScriptedModel([calls, "Done."])), "Go")
    assert seen == {
        "read a": ["read a", "read b"],
        "read b": ["read a", "read b"],
        "write c": ["write c"],
        "write d": ["write d"],
        "read e": ["read e"],
    }
    assert [message.text for message in result.messages[2:7]] == names


def test_python_object_stays_in_the_result() -> None:
    @tool
    def find() -> list[Book]:
        """Find."""
        return [Book(title="Emma")]

    message = run(Agent("a", "", tools=[find], model=ScriptedModel([ToolCall("1", "find", ""), "ok"])), "Go").messages[
        2
    ]
    assert (message.value, message.text) == ([Book(title="Emma")], '[{"title":"Emma"}]')


def test_parameter_without_a_type_is_an_error_at_definition() -> None:
    def bare(query) -> str:  # type: ignore[no-untyped-def]
        return str(query)

    with pytest.raises(TypeError, match="tool bare: parameter 'query' has no type annotation"):
        tool(bare)


def test_variable_arguments_are_an_error_at_definition() -> None:
    def many(*queries: str) -> str:
        return "".join(queries)

    with pytest.raises(TypeError, match="tool many: parameter"):
        tool(many)


def test_unknown_type_is_an_error_at_definition() -> None:
    def odd(path: Path) -> str:
        return str(path)

    with pytest.raises(TypeError, match="tool odd: name 'Path' is not defined"):
        tool(odd)


@dataclass(frozen=True, slots=True)
class Row:
    on: date
    score: float


class Book(BaseModel):
    title: str


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("as it is", "as it is"),
        ("half \ud83d", "half ?"),  # a lone surrogate can't be sent
        (b"\x00\xff", '"AP8="'),
        (None, "null"),
        ({"ä": [1, (2,)]}, '{"ä":[1,[2]]}'),
        ([Row(date(2026, 1, 2), float("nan"))], '[{"on":"2026-01-02","score":null}]'),
        (Book(title="Emma"), '{"title":"Emma"}'),
        ([Book(title="Emma")], '[{"title":"Emma"}]'),
    ],
)
def test_model_reads_faithful_json(value: object, read: str) -> None:
    assert to_model_text(value) == read
