from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from agents import call, tool
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


class Shelf:
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
        (None, "null"),
        ({"ä": [1, (2,)]}, '{"ä":[1,[2]]}'),
        ([Row(date(2026, 1, 2), float("nan"))], '[{"on":"2026-01-02","score":null}]'),
        (Book(title="Emma"), '{"title":"Emma"}'),
    ],
)
def test_model_reads_faithful_json(value: object, read: str) -> None:
    assert to_model_text(value) == read
