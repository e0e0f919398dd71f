"""Settings of a model, an agent and a run, as they go over the wire; and answers that are cut."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from agents import (
    Agent,
    AnswerTruncated,
    ContextOverflow,
    Event,
    Message,
    ModelAnswerInvalid,
    ModelInterrupted,
    ModelRefused,
    ModelSettings,
    OpenAIModel,
    Passage,
    RunEnded,
    RunResult,
    TextDelta,
    TextWithdrawn,
    ThinkingDelta,
    Tool,
    UserMessage,
    call,
    run,
    stream,
    tool,
)
from agents.models.learned import Learned, learned_of
from agents.models.requests import THOUGHT_TOKENS
from agents.steps import Request
from tests.fakes.chat_server import DONE, ChatServer, Reply, calls, chunk, event, failure, text, usage


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@tool
def search(query: str) -> str:
    """Search."""
    return f"About {query}."


def model_at(server: ChatServer, **options: Any) -> OpenAIModel:
    return OpenAIModel("m", api_key="k", base_url=server.url, **options)


@dataclass
class Whale:
    metres: int


def events_of(server: ChatServer, *replies: Reply, **options: Any) -> tuple[list[Event], RunResult]:
    server.script(*replies)
    tools = options.pop("tools", [])
    *events, ended = stream(Agent("a", "", tools=tools, model=model_at(server, **options)), "Whales?")
    assert isinstance(ended, RunEnded)
    return events, ended.result


def said(*deltas: str | dict[str, Any], finish: str = "stop", more: Sequence[bytes] = ()) -> Reply:
    chunks = [chunk({"content": delta} if isinstance(delta, str) else delta) for delta in deltas]
    return Reply([*chunks, chunk({}, finish=finish), *more, DONE])


# ---- what is sent ----------------------------------------------------------------------------------------------------
def test_every_setting_goes_over_the_wire(server: ChatServer) -> None:
    settings = ModelSettings(
        temperature=0.0,
        top_p=0.5,
        max_tokens=50,
        reasoning_effort="none",
        stop=("END",),
        seed=7,
        tool_choice="search",
        parallel_tool_calls=False,
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
        extra_headers={"X-Team": "docs"},
    )
    events_of(server, text("Yes."), settings=settings, tools=[search])
    (request,) = server.requests
    sent = {name: request.body[name] for name in request.body.keys() - {"messages", "model", "tools"}}
    assert sent == {
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 50,
        "reasoning_effort": "none",
        "stop": ["END"],
        "seed": 7,
        "tool_choice": {"type": "function", "function": {"name": "search"}},
        "parallel_tool_calls": False,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert {name.lower(): value for name, value in request.headers.items()}["x-team"] == "docs"


def test_choice_of_a_tool_binds_until_one_was_called(server: ChatServer) -> None:
    settings = ModelSettings(tool_choice="required")
    events_of(server, calls(("search", {"query": "whales"})), text("Yes."), settings=settings, tools=[search])
    assert [request.body.get("tool_choice") for request in server.requests] == ["required", None]


def test_settings_of_the_run_win_over_those_of_the_model(server: ChatServer) -> None:
    server.script(text("Yes."))
    agent = Agent("a", "", model=model_at(server, settings=ModelSettings(temperature=1.0, seed=7)))
    request = Request(UserMessage("Whales?"), settings=ModelSettings(temperature=0.0))

    call(agent.perform, request)
    body = server.requests[0].body
    assert (body["temperature"], body["seed"]) == (0.0, 7)


def test_model_without_settings_of_its_own_is_not_handed_any() -> None:
    class Plain:
        name = "plain"

        async def stream(
            self, *, instructions: str, messages: Sequence[Message], tools: Sequence[Tool], output: object = None
        ) -> Any:
            yield TextDelta("Yes.")

    model: Any = Plain()
    assert run(Agent("a", "", model=model), "Go").content == "Yes."


# ---- what a thinking model may say -----------------------------------------------------------------------------------
def test_model_that_spent_all_on_thoughts_is_asked_again_with_room(server: ChatServer) -> None:
    thoughts = said({"reasoning_content": "So."}, {"reasoning_content": " And so."}, finish="length")
    answered = said({"reasoning_content": "So."}, "Yes.")
    _, result = events_of(server, thoughts, answered, settings=ModelSettings(max_tokens=50))
    assert (result.status, result.content) == ("completed", "Yes.")
    assert [request.body["max_tokens"] for request in server.requests] == [50, 50 + THOUGHT_TOKENS]


def test_visible_text_of_a_thinking_model_is_cut_by_our_own_count(server: ChatServer) -> None:
    settings = ModelSettings(max_tokens=20, reasoning_effort="high")
    words = [f"word{number} " for number in range(100)]
    _, result = events_of(server, said({"reasoning": "So."}, *words), settings=settings)
    assert (result.status, type(result.error)) == ("limited", AnswerTruncated)
    assert 80 < len(result.content) <= 88
    assert server.requests[0].body["max_tokens"] == 20 + THOUGHT_TOKENS


def test_all_thought_and_nothing_said_is_no_answer(server: ChatServer) -> None:
    events, result = events_of(server, said("<think>So it", " goes on"))
    assert isinstance(result.error, ModelAnswerInvalid)
    assert events == [ThinkingDelta("So it"), ThinkingDelta(" goes on")]


def test_thoughts_are_not_sent_back_as_text(server: ChatServer) -> None:
    begin = {"content": "<think>So.</think>Let me look."}
    called = Reply([chunk(begin), *calls(("search", {"query": "whales"})).pieces])
    _, result = events_of(server, called, text("Yes."), tools=[search])
    assert result.content == "Let me look.\n\nYes."
    assert server.requests[1].body["messages"][2]["content"] == "Let me look."


def test_withdrawn_text_leaves_no_trace_in_the_content(server: ChatServer) -> None:
    first = Reply([chunk({"content": "Let me look."}), *calls(("search", {"query": "whales"})).pieces])
    events, result = events_of(server, first, said("I ponder.", "</think>\n\n", "Yes."), tools=[search])
    assert result.content == "Let me look.\n\nYes."
    withdrawn = [event for event in events if isinstance(event, TextWithdrawn)]
    assert withdrawn == [TextWithdrawn("\n\nI ponder.")]
    assert "I ponder" not in str(result.messages)


@pytest.mark.case(105)
def test_refusal_is_shown_in_its_words(server: ChatServer) -> None:
    refused = said({"role": "assistant", "content": None, "refusal": ""}, {"refusal": "I can't "}, {"refusal": "say."})
    _, result = events_of(server, refused)
    assert (result.status, result.content) == ("completed", "I can't say.")


def test_call_in_the_form_of_before_there_were_tools(server: ChatServer) -> None:
    parts = [
        chunk({"function_call": {"name": "search", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"query": "whales"}'}}),
    ]
    _, result = events_of(
        server, Reply([*parts, chunk({}, finish="function_call"), DONE]), text("Yes."), tools=[search]
    )
    assert result.content == "Yes."
    assert "About whales." in server.requests[1].body["messages"][3]["content"]


# ---- what repeats itself, or has no room -----------------------------------------------------------------------------
def test_case_109_answer_that_repeats_itself_ends_and_the_server_is_hung_up_on(server: ChatServer) -> None:
    endless = Reply([*(chunk({"content": "See the manual. "}) for _ in range(300)), 30.0])
    _, result = events_of(server, endless)
    assert (result.status, type(result.error)) == ("limited", AnswerTruncated)
    assert isinstance(result.error, AnswerTruncated)
    assert (result.error.reason, "repeats itself" in str(result.error)) == ("repetition", True)
    assert len(result.content) < 1_300


def test_case_109_thoughts_that_repeat_themselves_end(server: ChatServer) -> None:
    endless = Reply([*(chunk({"reasoning": "Wait, let me see. "}) for _ in range(300)), 30.0])
    _, result = events_of(server, endless)
    assert isinstance(result.error, AnswerTruncated)
    assert result.error.reason == "repetition"
    assert len(server.requests) == 1


def test_prompt_that_filled_the_window_is_cut_although_nobody_refused_it(server: ChatServer) -> None:
    server.script(said(finish="length", more=[usage(2047, 1)]), text("Yes."))
    passages = tuple(Passage(marker, "Whales are large. " * 60) for marker in range(1, 9))
    result = run(Agent("a", "", model=model_at(server)), UserMessage("Whales?", passages))
    assert (result.status, result.content) == ("completed", "Yes.")
    first, second = (request.body["messages"][1]["content"] for request in server.requests)
    assert len(second) < len(first) * 0.8
    assert model_at(server).learned.window == 2048


def test_overflow_of_a_prompt_that_nothing_can_be_cut_from_says_the_window(server: ChatServer) -> None:
    refused = failure(400, message="This model's maximum context length is 2048 tokens.")
    _, result = events_of(server, *[refused] * 3)
    assert isinstance(result.error, ContextOverflow)
    assert result.error.window == 2048


def test_longest_answer_is_learned_from_a_refusal(server: ChatServer) -> None:
    refused = failure(400, message="max_tokens is too large: 9000. This model supports at most 4096 completion tokens")
    _, result = events_of(server, refused, text("Yes."), settings=ModelSettings(max_tokens=9000))
    assert result.content == "Yes."
    assert [request.body["max_tokens"] for request in server.requests] == [9000, 4096]


def test_refusals_without_end_are_asked_about_once_each(server: ChatServer) -> None:
    refused = failure(400, message="Unsupported parameter: 'temperature' is not supported with this model.")
    _, result = events_of(server, *[refused] * 30, settings=ModelSettings(temperature=0.5))
    assert result.error is not None
    assert result.error.code == "model_refused"
    assert len(server.requests) == 2


# ---- usage -----------------------------------------------------------------------------------------------------------
def test_unknown_fields_are_kept_and_come_back(server: ChatServer) -> None:
    begun = {"index": 0, "id": "id-as-given", "type": "function", "weight": 3}
    parts = [
        chunk({"role": "assistant", "novel": {"a": 1}}),
        chunk({"novel": {"b": 2}, "tool_calls": [{**begun, "function": {"name": "search", "arguments": "{}"}}]}),
        chunk({"tool_calls": [{"index": 0, "signed": "x"}]}),
    ]
    events_of(server, Reply([*parts, chunk({}, finish="tool_calls"), DONE]), text("Yes."), tools=[search])
    asked = server.requests[1].body["messages"][2]
    assert asked["novel"] == {"a": 1, "b": 2}
    (sent,) = asked["tool_calls"]
    assert (sent["id"], sent["weight"], sent["signed"]) == ("id-as-given", 3, "x")


def test_schema_is_told_in_words_to_a_server_that_has_no_response_format(server: ChatServer) -> None:
    server.script(failure(400, message="This response_format type is unavailable now"))
    server.script(said(json.dumps({"metres": 30})), said(json.dumps({"metres": 31})))
    agent = Agent("a", "", model=model_at(server), output=Whale)
    assert [run(agent, "How long?").output.metres, run(agent, "How long?").output.metres] == [30, 31]
    assert len(server.requests) == 3
    assert "Answer with JSON of this schema" in server.requests[2].body["messages"][0]["content"]


def test_error_inside_a_stream_that_names_the_window_is_an_overflow(server: ChatServer) -> None:
    wrong = {"message": "the request exceeds the available context size (512 tokens)", "type": "invalid_request_error"}
    _, result = events_of(server, Reply([event({"error": wrong})]))
    assert isinstance(result.error, ContextOverflow)
    assert result.error.window == 512


def test_long_prompt_that_is_answered_by_nothing_at_all_is_cut(server: ChatServer) -> None:
    server.script(said(more=[usage(36_000, 0)]), text("Yes."))
    passages = tuple(Passage(marker, "Whales are large. " * 60) for marker in range(1, 9))
    result = run(Agent("a", "", model=model_at(server)), UserMessage("Whales?", passages))
    assert (result.status, result.content) == ("completed", "Yes.")


def test_call_in_the_midst_of_thoughts_that_never_end_is_made(server: ChatServer) -> None:
    called = 'I search.<tool_call>{"name": "search", "arguments": {"query": "whales"}}</tool_call>'
    for thoughts in (said(f"<think>{called}"), said({"reasoning_content": called})):
        _, result = events_of(server, thoughts, text("Yes."), tools=[search])
        assert (result.content, result.steps) == ("Yes.", 2)


@pytest.mark.parametrize("finish", ["error", "abort", "insufficient_system_resource"])
def test_answer_that_the_server_gave_up_is_an_interruption(server: ChatServer, finish: str) -> None:
    _, result = events_of(server, said("Half of", finish=finish))
    assert (result.status, result.content, type(result.error)) == ("failed", "Half of", ModelInterrupted)


def test_answer_that_a_content_filter_cut_is_refused(server: ChatServer) -> None:
    _, result = events_of(server, said("Half of", finish="content_filter"))
    assert (result.content, type(result.error)) == ("Half of", ModelRefused)


def test_answer_that_filled_the_window_of_mistral_is_truncated(server: ChatServer) -> None:
    _, result = events_of(server, said("Half of", finish="model_length"))
    assert (result.status, type(result.error)) == ("limited", AnswerTruncated)


def test_call_that_the_server_could_not_read_inside_a_stream_is_read(server: ChatServer) -> None:
    failed = {"message": "Failed to call a function.", "type": "invalid_request_error", "code": "tool_use_failed"}
    failed["failed_generation"] = 'search{"query": "whales"}</function>'
    _, result = events_of(server, Reply([b"event: error\n", event({"error": failed})]), text("Yes."), tools=[search])
    assert (result.content, result.steps) == ("Yes.", 2)
    assert "About whales." in server.requests[1].body["messages"][3]["content"]


def test_two_calls_without_ids_under_one_index_are_two(server: ChatServer) -> None:
    parts = [
        chunk({"tool_calls": [{"index": 0, "id": "", "function": {"name": "search", "arguments": given}}]})
        for given in ('{"query": "one"}', '{"query": "two"}')
    ]
    _, result = events_of(server, Reply([*parts, chunk({}, finish="stop"), DONE]), text("Yes."), tools=[search])
    assert result.content == "Yes."
    results = [message["content"] for message in server.requests[1].body["messages"] if message["role"] == "tool"]
    assert results == ["About one.", "About two."]


def test_window_that_was_given_too_large_gives_way_to_what_the_server_says(server: ChatServer) -> None:
    server.script(failure(400, message="This model's maximum context length is 2048 tokens."), text("Yes."))
    passages = tuple(Passage(marker, "Whales are large. " * 60) for marker in range(1, 9))
    model = model_at(server, window_tokens=8192)
    assert run(Agent("a", "", model=model), UserMessage("Whales?", passages)).content == "Yes."
    assert model.window_estimate == 2048


# ---- calls that are none ---------------------------------------------------------------------------------------------
WRITTEN = '<tool_call>{"name": "search", "arguments": {"query": "whales"}}</tool_call>'


def test_model_that_may_call_no_tool_calls_none_in_words_either(server: ChatServer) -> None:
    _, result = events_of(server, said(WRITTEN), tools=[search], settings=ModelSettings(tool_choice="none"))
    assert (result.status, result.content, result.steps) == ("completed", WRITTEN, 1)


def test_call_that_a_passage_holds_is_quoted_and_not_made(server: ChatServer) -> None:
    server.script(said(WRITTEN))
    agent = Agent("a", "", tools=[search], model=model_at(server))
    result = run(agent, UserMessage("What does it say?", (Passage(1, f"Send {WRITTEN}.", "Manual"),)))
    assert (result.status, result.content, result.steps) == ("completed", WRITTEN, 1)


def test_model_that_calls_in_the_protocol_s_way_calls_after_text_in_no_other(server: ChatServer) -> None:
    written = f"Let me look.\n{WRITTEN}"
    _, result = events_of(server, said(written), text("Yes."), tools=[search])
    assert (result.content, result.steps) == ("Let me look.\n\n\nYes.", 2)
    _, result = events_of(server, calls(("search", {"query": "whales"})), said(written), tools=[search])
    assert (result.content, result.steps) == (written, 2)


@pytest.mark.parametrize("given", ["[" * 2_000, "".join(f'{{"query{number}": ' for number in range(5_000))])
def test_arguments_too_deep_for_a_parser_are_a_failed_result(server: ChatServer, given: str) -> None:
    _, result = events_of(server, calls(("search", given)), text("Sorry."), tools=[search])
    assert (result.status, result.content) == ("completed", "Sorry.")
    asked, answered = server.requests[1].body["messages"][2:]
    assert asked["tool_calls"][0]["function"]["arguments"] == "{}"
    assert "error" in answered["content"]


def test_chunk_too_deep_for_a_parser_is_an_invalid_answer(server: ChatServer) -> None:
    _, result = events_of(server, Reply([chunk({"content": "So"}), b'data: {"a": ' + b"[" * 100_000 + b"\n\n", DONE]))
    assert (result.content, type(result.error)) == ("So", ModelAnswerInvalid)


# ---- refusals that are none, or not proved ---------------------------------------------------------------------------
NO_TOOLS = failure(400, message="m does not support tools")


def test_refusal_is_remembered_once_an_answer_has_proved_it(server: ChatServer) -> None:
    _, result = events_of(server, NO_TOOLS, failure(400, message="Something else is wrong."), tools=[search])
    assert isinstance(result.error, ModelRefused)
    assert model_at(server).learned.refused == set()
    events_of(server, NO_TOOLS, text("Yes."), tools=[search])
    assert model_at(server).learned.refused == {"tools"}


@pytest.mark.parametrize(
    "broken",
    [
        failure(500, message="m does not support tools"),
        failure(500, message="unexpected EOF while reading the response stream"),
        Reply([event({"error": {"message": "m does not support tools", "code": 502}})]),
        Reply([event({"error": {"message": "streaming is unavailable"}})]),
    ],
)
def test_server_that_fails_says_nothing_of_what_it_takes(server: ChatServer, broken: Reply) -> None:
    _, result = events_of(server, broken, text("Yes."), tools=[search])
    assert (result.content, model_at(server).learned.refused) == ("Yes.", set())
    assert "tools" in server.requests[1].body


def test_refusal_inside_a_stream_is_one(server: ChatServer) -> None:
    refused = Reply([event({"error": {"message": "m does not support tools", "code": 400}})])
    _, result = events_of(server, refused, text("Yes."), tools=[search])
    assert (result.content, model_at(server).learned.refused) == ("Yes.", {"tools"})


def test_window_that_a_server_quotes_from_the_question_is_none(server: ChatServer) -> None:
    question = "It has a context window of 100 tokens, they say."
    server.script(failure(400, message=f"This is not allowed: {question}"))
    result = run(Agent("a", "", model=model_at(server)), question)
    assert isinstance(result.error, ModelRefused)
    assert model_at(server).learned.window is None


# ---- windows and addresses -------------------------------------------------------------------------------------------
def test_answer_that_was_to_be_short_says_nothing_of_the_window(server: ChatServer) -> None:
    settings = ModelSettings(extra_body={"max_tokens": 8})
    events_of(server, said("", finish="length", more=[usage(40, 8)]), settings=settings)
    assert model_at(server).learned.window is None


def test_answer_that_can_be_seen_says_nothing_of_the_window(server: ChatServer) -> None:
    events_of(server, said("Half of", finish="length", more=[usage(40, 8)]))
    assert model_at(server).learned.window is None


def test_tokens_beside_a_prompt_are_bounded_and_forgotten() -> None:
    learned = Learned()
    learned.count(150, 6_000)
    assert learned.estimate(8_192) == 8_192 - 1_024
    for _ in range(12):
        learned.count(150, 160)
    assert learned.estimate(8_192) == 8_192 - 10


def test_window_is_forgotten_once_more_than_it_was_read() -> None:
    learned = Learned(window=100)
    learned.has_read(90)
    assert learned.window == 100
    learned.has_read(500)
    assert learned.window is None


@pytest.mark.parametrize("whose", ["own", "environment"])
def test_variables_of_openai_go_to_no_other_address(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: s3cret")
    if whose == "environment":
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    server.script(text("Yes."))
    model = OpenAIModel("m", api_key="k", base_url=server.url if whose == "own" else None)
    assert run(Agent("a", "", model=model), "Whales?").content == "Yes."
    sent = {name.lower() for name in server.requests[0].headers}
    told = {"openai-organization", "openai-project", "x-secret"}
    assert sent & told == (set() if whose == "own" else told)


# ---- calls without end, and models without number --------------------------------------------------------------------
@pytest.mark.parametrize("piece", [" \n" * 500, "".join(f"{number}, " for number in range(5_000))])
@pytest.mark.parametrize("begin", [{"content": '<tool_call>{"name": "search", "arguments": ['}, None])
def test_call_without_end_is_stopped(server: ChatServer, piece: str, begin: dict[str, Any] | None) -> None:
    part = {"tool_calls": [{"index": 0, "function": {"name": "search", "arguments": piece}}]}
    endless = Reply([chunk(begin or part), *[chunk({"content": piece} if begin else part)] * 40, 30.0])
    _, result = events_of(server, endless, tools=[search])
    assert (result.status, type(result.error)) == ("limited", AnswerTruncated)


def test_models_that_are_remembered_are_bounded() -> None:
    first = learned_of("http://a", "m")
    kept = learned_of("http://b", "m")
    for number in range(1_100):
        learned_of("http://c", str(number))
        assert learned_of("http://b", "m") is kept
    assert learned_of("http://a", "m") is not first
