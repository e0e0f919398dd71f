from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from agents import (
    Agent,
    AssistantMessage,
    Event,
    Guardrails,
    OpenAIModel,
    OutputDelta,
    OutputInvalid,
    TextDelta,
    ToolCall,
    UserMessage,
    run,
    stream,
    tool,
)
from agents.output import found_in, output_of
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
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (list[Book], f'{{"value": [{GOOD}]}}', [Book(title="Emma", pages=400)]),
        (Book | Place, '{"value": {"row": 3}}', {"row": 3}),
        (Book | Place, GOOD, Book(title="Emma", pages=400)),
        (int, '{"value": 3}', 3),
        (int, "3", 3),
        (bool, 'It is so:\n\n```json\n{"value": true}\n```\nI hope this helps.', True),
        (Literal["bug", "feature"], '{"value": "bug"}', "bug"),
        (str, '{"value": "Emma"}', "Emma"),
        (str, '"Emma"', "Emma"),
        (str, "Emma, of course.", "Emma, of course."),
        (Literal["bug", "feature"], " bug\n", "bug"),
        (bool, "True", True),
        (int | None, "null", None),
        (dict[str, int], 'Here: {"a": 1}', {"a": 1}),
        (Annotated[list[int], Field(min_length=1)], "[1]", [1]),
        (Book, f"Sure! Of [all] {{of them}} it is {GOOD}, I think.", Book(title="Emma", pages=400)),
        (Book, f'First {{"title": "Emma"}}, no: {GOOD}', Book(title="Emma", pages=400)),
        (date, '{"value": "2026-01-02"}', date(2026, 1, 2)),
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
    [(Opaque, "output Opaque has no JSON schema"), (Callable, "output Callable has no")],
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


# ---- schemas ---------------------------------------------------------------------------------------------------------
@dataclass
class Loose:
    counts: dict[str, int]


class Draft(BaseModel):
    title: str = "none"
    default: str = ""
    places: list[Place] = []


@pytest.mark.parametrize(
    ("output", "strict"), [(Book, True), (list[Book], True), (Book | Place, True), (Loose, False), (Any, False)]
)
def test_schema_is_strict_where_every_object_names_its_fields(output: Any, strict: bool) -> None:
    assert output_of(output).strict is strict


def test_strict_schema_wants_all_fields_and_no_others() -> None:
    schema = output_of(Draft).schema
    assert schema["required"] == ["title", "default", "places"]
    assert "default" not in schema["properties"]["title"]
    assert schema["additionalProperties"] is schema["$defs"]["Place"]["additionalProperties"] is False
    whole = output_of(list[Book]).schema
    assert (whole["required"], whole["properties"]["value"]["items"]) == (["value"], {"$ref": "#/$defs/Book"})


def test_json_in_a_hostile_text_is_looked_for_in_bounded_time() -> None:
    for hostile in ("[" * 100_000, "{" * 100_000, '{"a":' * 50_000, "```json\n" * 20_000):
        with pytest.raises(OutputInvalid, match="the answer is no Book"):
            output_of(Book).read(hostile)


# ---- while it is written ---------------------------------------------------------------------------------------------
def partials(output: Any, *parts: str) -> list[object]:
    events = stream(Agent("a", "", model=ScriptedModel([list(parts)]), output=output), "Go")
    return [event.value for event in events if isinstance(event, OutputDelta)]


def test_output_is_told_while_it_is_written() -> None:
    assert partials(Book, "Well: ", '{"title": "Em', 'ma", ', '"pages": 4', "00}") == [
        {"title": "Em"},
        {"title": "Emma"},
        {"title": "Emma", "pages": 400},
    ]
    assert partials(list[int], '{"val', 'ue": [1,', " 2,", " 3]}") == [[1], [1, 2], [1, 2, 3]]


def test_guarded_output_is_not_told_before_it_is_checked() -> None:
    guarded = Agent("a", "", model=ScriptedModel([GOOD]), output=Book, guardrails=Guardrails(output=[lambda _: None]))
    assert [type(event).__name__ for event in stream(guarded, "Go")] == ["TextDelta", "RunEnded"]


# ---- on the wire -----------------------------------------------------------------------------------------------------
def test_schema_goes_out_as_response_format() -> None:
    with ChatServer() as server:
        server.script(text(GOOD))
        model = OpenAIModel("fake-model", base_url=server.url)
        assert run(Agent("a", "", model=model, output=Book), "Go").output == Book(title="Emma", pages=400)
        sent = server.requests[0].body["response_format"]
    assert sent["json_schema"]["schema"] == {**Book.model_json_schema(), "additionalProperties": False}


def test_server_that_knows_no_response_format_is_told_in_words() -> None:
    with ChatServer() as server:
        server.script(failure(400, message="response_format is not supported"), text(GOOD))
        model = OpenAIModel("fake-model", base_url=server.url)
        assert run(Agent("a", "Be exact.", model=model, output=Book), "Go").success
        body = server.requests[1].body
    assert "response_format" not in body
    assert body["messages"][0]["content"].startswith("Be exact.\n\nAnswer with JSON of this schema and nothing else: {")


@pytest.mark.parametrize("unit", ["\n", "```\n", " ", "x```\n", "```json ", "```\n\n"])
def test_long_text_without_json_is_searched_in_one_pass(unit: str) -> None:
    """What looks for the end of a block from each of its line ends takes minutes for this."""
    text = "```json\n" + unit * (200_000 // len(unit))
    assert all(block in text for block in found_in(text))
