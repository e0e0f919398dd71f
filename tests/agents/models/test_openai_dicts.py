"""Prompts and histories as Chat Completions has them: what becomes of them on the wire, and what is refused."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage

from agents import (
    Agent,
    AssistantMessage,
    FilePart,
    ImagePart,
    OpenAIModel,
    Recipe,
    ToolCall,
    ToolMessage,
    UserMessage,
    arun,
    dump_message,
    run,
    run_isolated,
    stream,
)
from agents.models.openai_dicts import read_history, read_prompt
from agents.testing import ScriptedModel
from tests.fakes.chat_server import ChatServer, text

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PDF_URL = f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.7').decode()}"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def called(id_: str = "call_1", **more: Any) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": "look", "arguments": '{"at": "shelf"}'}, **more}


ASKS = {"role": "assistant", "content": None, "tool_calls": [called()]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "three books"}


def test_history_of_dicts_goes_out_as_it_came(server: ChatServer) -> None:
    server.script(text("Three."))
    history = [
        {"role": "user", "content": "What is there?"},
        {**ASKS, "reasoning_content": "Look first."},
        RESULT,
        {"role": "assistant", "content": "Books."},
    ]
    agent = Agent("clerk", "You sell books.", model=OpenAIModel("fake", base_url=server.url))
    result = run(agent, {"role": "user", "content": "How many?"}, history=history)
    assert result.content == "Three."
    assert server.requests[0].body["messages"] == [
        {"role": "system", "content": "You sell books."},
        *history,
        {"role": "user", "content": "How many?"},
    ]


def test_history_of_dicts_becomes_messages() -> None:
    call = called(extra_content={"google": {"thought_signature": "x"}}, index=0)
    call["function"]["strict"] = True
    read = read_history(
        [
            UserMessage("What is there?"),
            {"role": "assistant", "content": "I look.", "tool_calls": [call], "reasoning": "Hm.", "refusal": None},
            {**RESULT, "name": "look"},
            {"role": "assistant", "content": [{"type": "text", "text": "Books."}, {"type": "text", "text": "Three."}]},
            {"role": "assistant", "content": None, "refusal": "I'd rather not.", "tool_calls": None},
            {"role": "user", "content": [{"type": "text", "text": "Which?"}, {"type": "text", "text": "Where?"}]},
        ]
    )
    attached = {"extra_content": {"google": {"thought_signature": "x"}}, "function": {"strict": True}}
    asked = ToolCall("call_1", "look", '{"at": "shelf"}', attached)
    assert read == (
        UserMessage("What is there?"),
        AssistantMessage("I look.", (asked,), {"reasoning": "Hm."}),
        ToolMessage(asked, "three books", "three books", failed=False),
        AssistantMessage("Books.\nThree."),
        AssistantMessage("I'd rather not."),
        UserMessage("Which?\nWhere?"),
    )


def test_dicts_and_messages_answer_each_other() -> None:
    ours = ToolCall("call_1", "look", "{}")
    read = read_history([AssistantMessage("", (ours,)), RESULT, {"role": "user", "content": "Go on"}])
    assert read[1] == ToolMessage(ours, "three books", "three books", failed=False)
    answered = ToolMessage(ToolCall("call_1", "look", '{"at": "shelf"}'), "none", None, failed=False)
    assert read_history([ASKS, answered])[1] is answered


def test_id_of_a_call_may_come_again_in_a_later_turn() -> None:
    read = read_history([ASKS, RESULT, ASKS, {**RESULT, "content": "four books"}])
    assert [message.text for message in read] == ["", "three books", "", "four books"]


def test_run_that_was_cut_between_calls_and_results_is_still_taken() -> None:
    cut = AssistantMessage("", (ToolCall("call_1", "look", "{}"),))
    assert read_history([cut, UserMessage("Go on")]) == (cut, UserMessage("Go on"))


@pytest.mark.parametrize("door", [run, lambda *given: asyncio.run(arun(*given)), lambda *given: list(stream(*given))])
def test_prompt_may_be_a_list_of_parts(door: Callable[..., Any]) -> None:
    model = ScriptedModel(["A shelf."])
    photo = ImagePart(data=PNG)
    parts = [
        {"type": "text", "text": "What is on these?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": PNG_URL},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
        photo,
        "In one word.",
    ]
    door(Agent("a", "", model=model), parts)
    expected = UserMessage(
        "What is on these?\nIn one word.",
        parts=(
            ImagePart(url="https://example.com/a.png", detail="low"),
            photo,
            FilePart(data=b"%PDF-1.7", name="a.pdf", media_type="application/pdf"),
            photo,
        ),
    )
    assert model.requests == [(expected,)]
    assert read_prompt({"role": "user", "content": parts}) == expected


def test_isolated_run_takes_dicts() -> None:
    result = run_isolated(
        Recipe("tests.agents.isolated:builder"),
        {"role": "user", "content": "invoices"},
        history=[{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}],
        isolation="thread",
    )
    assert result.content == "A workflow for invoices"
    assert result.messages[:2] == (UserMessage("Hi."), AssistantMessage("Hello."))


# ---- what is refused -------------------------------------------------------------------------------------------------
HI = {"role": "user", "content": "Hi."}


@pytest.mark.parametrize(
    ("history", "error", "problem"),
    [
        (HI, TypeError, "history must be a list of messages, as RunResult.messages is, not {'role'"),
        ([None], TypeError, "history must be made of messages, and None is none"),
        (
            [HI, ChatCompletionMessage(role="assistant", content="Hello.")],
            TypeError,
            r"is none; say history\[1\]\.model_dump\(\)",
        ),
        ([{"content": "Hi."}], ValueError, r"history\[0\]\.role is missing: it must be 'user', 'assistant' or 'tool'"),
        ([HI, {**HI, "role": "bot"}], ValueError, r"history\[1\]\.role is 'bot': it must be"),
        ([{**HI, "role": ["user"]}], ValueError, r"history\[0\]\.role is \['user'\]"),
        (
            [{**HI, "role": "system"}],
            ValueError,
            r"history\[0\]\.role is 'system': .*Agent\(name, instructions\); leave this",
        ),
        ([HI, {**HI, "role": "developer"}], ValueError, r"history\[1\]\.role is 'developer'"),
        ([dump_message(UserMessage("Hi."))], ValueError, r"history\[0\]\.content is missing: .*read it with load_mess"),
        ([{"role": "user"}], ValueError, r"history\[0\]\.content is missing: give text or a list of parts"),
        ([{"role": "user", "content": None}], TypeError, r"history\[0\]\.content must be text or a list of parts, not"),
        ([{"role": "user", "content": {"text": "Hi."}}], TypeError, r"history\[0\]\.content must be text or a list"),
        ([{"role": "user", "content": []}], ValueError, r"history\[0\]\.content is an empty list"),
        ([{"role": "user", "content": [3]}], TypeError, r"history\[0\]\.content\[0\] must be a dict of the type text"),
        ([{**HI, "name": "Ann"}], ValueError, r"history\[0\]\.name would not be sent: leave it out"),
        ([{"role": "assistant"}], ValueError, r"history\[0\]\.content is missing, and there are no tool_calls"),
        ([{"role": "assistant", "content": 5}], TypeError, r"history\[0\]\.content must be text or a list of parts"),
        (
            [{"role": "assistant", "content": [{"type": "image_url"}]}],
            ValueError,
            r"history\[0\]\.content\[0\]\.type is 'image_url': here it must be 'text'",
        ),
        (
            [{**ASKS, "function_call": {"name": "look"}}],
            ValueError,
            r"history\[0\]\.function_call is the older form of a call: give tool_calls",
        ),
        ([{**ASKS, "tool_calls": "look"}], TypeError, r"history\[0\]\.tool_calls must be a list, not 'look'"),
        ([{**ASKS, "tool_calls": ["look"]}], TypeError, r"history\[0\]\.tool_calls\[0\] must be a dict, not 'look'"),
        ([{**ASKS, "tool_calls": [{"id": "1"}]}], ValueError, r"tool_calls\[0\]\.function is missing: give a dict"),
        ([{**ASKS, "tool_calls": [called(type="custom")]}], ValueError, r"tool_calls\[0\]\.type is 'custom': only"),
        (
            [{**ASKS, "tool_calls": [called(), called()]}],
            ValueError,
            r"history\[0\]\.tool_calls\[1\]\.id is 'call_1', as of another call",
        ),
        (
            [{**ASKS, "tool_calls": [called(function={"name": "look", "arguments": {"at": 1}})]}],
            TypeError,
            r"tool_calls\[0\]\.function\.arguments must be JSON as text, not a dict: say json\.dumps",
        ),
        (
            [HI, ASKS, HI],
            ValueError,
            r"history\[1\]\.tool_calls: look \('call_1'\) has no result; add {'role': 'tool', 'tool_call_id': 'call_1'",
        ),
        ([ASKS], ValueError, r"history\[0\]\.tool_calls: look \('call_1'\) has no result"),
        ([HI, RESULT], ValueError, r"history\[1\]\.tool_call_id is 'call_1': .* the ids are: none"),
        (
            [ASKS, {**RESULT, "tool_call_id": "call_2"}],
            ValueError,
            r"history\[1\]\.tool_call_id is 'call_2': .* the ids are: 'call_1'",
        ),
        ([ASKS, RESULT, RESULT], ValueError, r"history\[2\]\.tool_call_id is 'call_1'"),
        ([ASKS, {"role": "tool", "content": "x"}], ValueError, r"history\[1\]\.tool_call_id is missing: give text"),
        ([ASKS, {**RESULT, "content": {"n": 3}}], TypeError, r"history\[1\]\.content must be text or a list of parts"),
        (
            [{"role": "assistant", "content": "Hi.", "at": datetime(2026, 1, 1, tzinfo=UTC)}],
            TypeError,
            r"history\[0\]\.at is kept for the provider, and must be JSON",
        ),
    ],
)
def test_wrong_history_is_refused_by_place_field_and_fix(history: Any, error: type[Exception], problem: str) -> None:
    model = ScriptedModel(["never said"])
    with pytest.raises(error, match=problem):
        run(Agent("a", "", model=model), "Hello", history=history)
    assert model.requests == []


def image(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("prompt", "error", "problem"),
    [
        ({"role": "user"}, ValueError, "prompt.content is missing"),
        ({"role": "system", "content": "Be brief."}, ValueError, "prompt.role is 'system': it must be 'user'"),
        ({"content": "Hi."}, ValueError, "prompt.role is missing: it must be 'user'"),
        ([], ValueError, "prompt is an empty list"),
        ([HI], ValueError, r"prompt\[0\] is a message: what was said before goes into history="),
        ([{"type": "input_audio"}], ValueError, r"prompt\[0\]\.type is 'input_audio': it must be 'text', 'image_url'"),
        ([{"type": "text"}], ValueError, r"prompt\[0\]\.text is missing: give text"),
        ([{"type": "text", "text": 5}], TypeError, r"prompt\[0\]\.text must be text, not 5"),
        ([image(None)], ValueError, r"prompt\[0\]\.image_url\.url is missing"),
        ([image("a.png")], ValueError, r"prompt\[0\]\.image_url: url is 'a.png': it must begin with https://"),
        ([image("data:image/png,abc")], ValueError, r"prompt\[0\]\.image_url: url is .*a data: URL is data:<media"),
        ([image("data:image/png;base64,a")], ValueError, r"prompt\[0\]\.image_url: url is no valid base64"),
        ([image(PDF_URL)], ValueError, r"prompt\[0\]\.image_url: data is no image of the types image/png, image/jpeg"),
        (
            [image(PNG_URL.replace("png", "gif"))],
            ValueError,
            r"prompt\[0\]\.image_url: media_type is 'image/gif', but the data is image/png",
        ),
        ([{"type": "file", "file": {"file_id": "f1"}}], ValueError, r"prompt\[0\]\.file\.file_id is known to one"),
        ([{"type": "file", "file": {"file_data": PDF_URL}}], ValueError, r"prompt\[0\]\.file\.filename is missing"),
    ],
)
def test_wrong_prompt_is_refused_by_place_field_and_fix(prompt: Any, error: type[Exception], problem: str) -> None:
    model = ScriptedModel(["never said"])
    with pytest.raises(error, match=problem):
        run(Agent("a", "", model=model), prompt)
    assert model.requests == []
