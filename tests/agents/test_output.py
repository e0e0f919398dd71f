from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from agents import (
    Agent,
    AssistantMessage,
    Event,
    OpenAIModel,
    OutputInvalid,
    TextDelta,
    ToolCall,
    UserMessage,
    run,
    stream,
    tool,
)
from agents.testing import ScriptedModel
from tests.fakes.chat_server import ChatServer, failure, text


class Book(BaseModel):
    title: str
    pages: int


@dataclass
class Shelf:
    name: str
    books: list[Book]


class Place(TypedDict):
    row: int


GOOD = '{"title": "Emma", "pages": 400}'


@pytest.mark.parametrize(
    ("output", "said", "read"),
    [
        (Book, GOOD, Book(title="Emma", pages=400)),
        (Book, f"```json\n{GOOD}\n```", Book(title="Emma", pages=400)),
        (Shelf, f'{{"name": "A", "books": [{GOOD}]}}', Shelf("A", [Book(title="Emma", pages=400)])),
        (Place, '{"row": 3}', {"row": 3}),
    ],
)
def test_answer_is_read_as_the_output_type(output: Any, said: str, read: object) -> None:
    result = run(Agent("a", "", model=ScriptedModel([said]), output=output), "Go")
    assert (result.status, result.output, result.content) == ("completed", read, said)


def test_answer_that_does_not_fit_is_repaired_once_and_never_shown() -> None:
    model = ScriptedModel(['{"title": "Emma"}', GOOD])
    events: list[Event] = list(stream(Agent("a", "", model=model, output=Book), "Go"))
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta(GOOD)]
    _, wrong, repair = model.requests[1]
    assert wrong == AssistantMessage('{"title": "Emma"}')
    assert isinstance(repair, UserMessage)
    assert repair.text.startswith("the answer is no Book: pages: Field required\n")


def test_answer_that_never_fits_fails_without_content() -> None:
    model = ScriptedModel(["Emma!", "Emma!!"])
    result = run(Agent("a", "", model=model, output=Book), "Go")
    assert (result.status, result.content, result.output) == ("failed", "", None)
    assert isinstance(result.error, OutputInvalid)
    assert [m.text for m in result.messages if isinstance(m, AssistantMessage)] == ["Emma!", "Emma!!"]


class Opaque:
    pass


@pytest.mark.parametrize(
    ("output", "problem"),
    [(Opaque, "output Opaque has no JSON schema"), (Callable, "output Callable has no"), (int, "output int is no obj")],
)
def test_output_without_a_schema_is_an_error_at_definition(output: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        Agent("a", "", model=ScriptedModel([]), output=output)


def test_tool_that_terminates_gives_the_output() -> None:
    @tool(terminates=True)
    def file(title: str) -> Book:
        """File a book."""
        if not title:
            raise ValueError("it needs a title")
        return Book(title=title, pages=1)

    calls = [ToolCall("1", "file", '{"title": ""}'), ["So.", ToolCall("2", "file", '{"title": "Emma"}')]]
    events = list(stream(Agent("a", "", tools=[file], model=ScriptedModel(calls)), "Go"))
    result = events[-1].result
    assert (result.status, result.output, result.steps) == ("completed", Book(title="Emma", pages=1), 2)
    assert result.content == 'So.\n\n{"title":"Emma","pages":1}'
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == result.content


# ---- on the wire -----------------------------------------------------------------------------------------------------
def test_schema_goes_out_as_response_format() -> None:
    with ChatServer() as server:
        server.script(text(GOOD))
        model = OpenAIModel("fake-model", base_url=server.url)
        assert run(Agent("a", "", model=model, output=Book), "Go").output == Book(title="Emma", pages=400)
        sent = server.requests[0].body["response_format"]
    assert sent == {"type": "json_schema", "json_schema": {"name": "answer", "schema": Book.model_json_schema()}}


def test_server_that_knows_no_response_format_is_told_in_words() -> None:
    with ChatServer() as server:
        server.script(failure(400, message="response_format is not supported"), text(GOOD))
        model = OpenAIModel("fake-model", base_url=server.url)
        assert run(Agent("a", "Be exact.", model=model, output=Book), "Go").success
        body = server.requests[1].body
    assert "response_format" not in body
    assert body["messages"][0]["content"].startswith("Be exact.\n\nAnswer with JSON of this schema and nothing else: {")
