from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents import (
    Agent,
    AssistantMessage,
    ContextOverflow,
    Event,
    ExitRequested,
    LimitExceeded,
    Limits,
    Message,
    ModelAnswerInvalid,
    ModelInterrupted,
    ModelReplaced,
    ModelUnavailable,
    RunEnded,
    TextDelta,
    ToolCall,
    ToolCalled,
    ToolFailed,
    ToolMessage,
    ToolReturned,
    Usage,
    UserMessage,
    arun,
    run,
    stream,
    tool,
)
from agents.testing import FunctionModel, ScriptedModel, Step

ROOT = Path(__file__).parents[2]


@tool
def double(number: int) -> dict[str, object]:
    """Double a number."""
    return {"doubled": number * 2, "thread": threading.current_thread().name}


@tool
async def wait(seconds: float, answer: str) -> str:
    """Wait, then answer."""
    await asyncio.sleep(seconds)
    return answer


@tool
def fail(how: str) -> None:
    """Fail in one way or another."""
    raise {"error": ValueError("no such shelf"), "exit": SystemExit(), "end": ToolFailed("closed")}[how]


def asked(number: int = 2, *, call_id: str = "1") -> ToolCall:
    return ToolCall(call_id, "double", json.dumps({"number": number}))


def failing(how: str) -> ToolCall:
    return ToolCall("1", "fail", json.dumps({"how": how}))


def agent_of(*steps: Step, limits: Limits | None = None) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(steps)
    return Agent("clerk", "Count.", tools=[double, wait, fail], models=[model], limits=limits or Limits()), model


def tool_messages(messages: Sequence[Message]) -> list[ToolMessage]:
    return [message for message in messages if isinstance(message, ToolMessage)]


# ---- definition ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("limit", ["steps", "tool_calls", "seconds", "tokens"])
@pytest.mark.parametrize("value", [0, -1])
def test_limit_that_is_not_positive_is_named(limit: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"limit {limit} must be more than 0"):
        Limits(**{limit: value})


def test_two_tools_of_one_name_are_named() -> None:
    with pytest.raises(ValueError, match="agent clerk has two tools named double"):
        Agent("clerk", "", tools=[double, wait, double], models=[ScriptedModel([])])


def test_agent_without_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="agent clerk has no model"):
        Agent("clerk", "")


# ---- the loop --------------------------------------------------------------------------------------------------------
def test_run_calls_tools_on_this_thread_until_the_model_answers() -> None:
    agent, model = agent_of([asked(), Usage(10, 2)], ["It is ", "four.", Usage(20, 3)])
    result = run(agent, "Double 2")
    model.assert_finished()
    here = threading.current_thread().name
    assert (result.status, result.success, result.content, result.error) == ("completed", True, "It is four.", None)
    assert (result.steps, result.usage, result.model) == (2, Usage(30, 5), "scripted")
    text = json.dumps({"doubled": 4, "thread": here}, separators=(",", ":"))
    assert result.messages == (
        UserMessage("Double 2"),
        AssistantMessage("", (asked(),)),
        ToolMessage(asked(), text, {"doubled": 4, "thread": here}, failed=False),
        AssistantMessage("It is four."),
    )
    assert model.requests == [result.messages[:1], result.messages[:3]]


def test_history_comes_before_the_prompt() -> None:
    agent, model = agent_of("Again four.")
    history = (UserMessage("Double 2"), AssistantMessage("Four."))
    result = run(agent, "Once more", history=history)
    assert model.requests == [(*history, UserMessage("Once more"))]
    assert result.messages[:2] == history


def test_stream_tells_what_happens_in_order() -> None:
    agent, _ = agent_of(["Let me see.", asked()], ["Four", "."])
    events: list[Event] = list(stream(agent, "Double 2"))
    assert [type(event) for event in events] == [
        TextDelta,
        ToolCalled,
        ToolReturned,
        TextDelta,
        TextDelta,
        TextDelta,
        RunEnded,
    ]
    assert isinstance(events[-1], RunEnded)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == events[-1].result.content
    assert events[-1].result.content == "Let me see.\n\nFour."


def test_async_callers_get_the_same() -> None:
    async def main() -> tuple[str, list[Event]]:
        first, second = agent_of(asked(), "Four.")[0], agent_of(asked(), "Four.")[0]
        return (await arun(first, "2")).content, [event async for event in stream(second, "2")]

    content, events = asyncio.run(main())
    assert content == "Four."
    assert [type(event) for event in events] == [ToolCalled, ToolReturned, TextDelta, RunEnded]


def test_calls_of_one_turn_run_at_once_and_their_results_keep_the_order() -> None:
    slow = ToolCall("a", "wait", '{"seconds": 0.3, "answer": "slow"}')
    fast = ToolCall("b", "wait", '{"seconds": 0.2, "answer": "fast"}')
    agent, _ = agent_of([slow, fast], "Done.")
    events = list(stream(agent, "Go"))
    assert [e.message.text for e in events if isinstance(e, ToolReturned)] == ["fast", "slow"]
    assert isinstance(events[-1], RunEnded)
    assert [message.text for message in tool_messages(events[-1].result.messages)] == ["slow", "fast"]
    assert 0.29 < events[-1].result.tool_seconds < 0.48


# ---- what tools do wrong ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (failing("error"), "ValueError: no such shelf"),
        (ToolCall("1", "triple", "{}"), "there is no tool named 'triple'; there are: double, wait, fail"),  # case 66
        (ToolCall("1", "double", '{"number": 1,'), "arguments: Invalid JSON"),  # case 65
        (ToolCall("1", "double", '{"number": "x"}'), "number: Input should be a valid integer"),
    ],
)
def test_case_65_66_a_tool_error_goes_back_to_the_model(wrong: ToolCall, told: str) -> None:
    agent, model = agent_of(wrong, "I see.")
    result = run(agent, "Go")
    (message,) = tool_messages(result.messages)
    assert message.failed
    assert json.loads(message.text)["error"].startswith(told)
    assert isinstance(message.value, Exception)
    assert model.requests[1][-1] == message
    assert (result.status, result.content) == ("completed", "I see.")


def test_long_tool_error_is_cut() -> None:
    agent, _ = agent_of(ToolCall("1", "x" * 5000, "{}"), "I see.")
    (message,) = tool_messages(run(agent, "Go").messages)
    assert len(message.text) < 600


@pytest.mark.parametrize(("how", "error"), [("exit", ExitRequested), ("end", ToolFailed)])
def test_exit_and_agent_errors_of_a_tool_end_the_run(how: str, error: type[Exception]) -> None:
    agent, _ = agent_of([failing(how), asked(call_id="2")], "never said")
    result = run(agent, "Go")
    assert result.status == "failed"
    assert isinstance(result.error, error)
    assert [message.failed for message in tool_messages(result.messages)] == [True, False]
    assert run(agent_of("Fine.")[0], "Go").success


def test_tool_result_that_is_no_json_is_the_tools_error() -> None:
    @tool
    def opaque() -> object:
        """Return what can't be written down."""
        return object()

    model = ScriptedModel([ToolCall("1", "opaque", ""), "Hm."])
    (message,) = tool_messages(run(Agent("a", "", tools=[opaque], models=[model]), "Go").messages)
    assert message.failed


# ---- limits ----------------------------------------------------------------------------------------------------------
def test_case_43_an_endless_tool_loop_reaches_the_step_limit() -> None:
    model = FunctionModel(lambda messages: asked())
    result = run(Agent("a", "", tools=[double], models=[model], limits=Limits(steps=3)), "Go")
    assert (result.status, result.steps) == ("limited", 3)
    assert isinstance(result.error, LimitExceeded)


def test_case_43_tool_calls_are_limited() -> None:
    agent, _ = agent_of(
        ["Many.", asked(call_id="1"), asked(call_id="2"), asked(call_id="3")], limits=Limits(tool_calls=2)
    )
    result = run(agent, "Go")
    assert (result.status, result.content) == ("limited", "Many.")
    assert result.messages[-1] == AssistantMessage("Many.")


def test_case_43_tokens_are_limited() -> None:
    agent, _ = agent_of([asked(), Usage(90, 10)], "never said", limits=Limits(tokens=100))
    assert (run(agent, "Go").status, run(agent_of("x")[0], "Go").status) == ("limited", "completed")


def test_case_43_seconds_are_limited_also_inside_a_tool() -> None:
    slow = ToolCall("1", "wait", '{"seconds": 30, "answer": ""}')
    agent, _ = agent_of(["Wait.", slow], limits=Limits(seconds=0.1))
    result = run(agent, "Go")
    assert (result.status, result.content) == ("limited", "Wait.")
    assert result.total_seconds < 1


# ---- models that fail ------------------------------------------------------------------------------------------------
def test_failed_model_ends_the_run_with_what_it_said() -> None:
    agent, _ = agent_of(["Half of", ModelInterrupted("broke off")])
    result = run(agent, "Go")
    assert (result.status, result.content, result.messages[-1]) == ("failed", "Half of", AssistantMessage("Half of"))
    assert isinstance(result.error, ModelInterrupted)


def test_case_71_the_next_model_takes_over_before_visible_output() -> None:
    first = ScriptedModel([asked(), ModelUnavailable("down")], name="first")
    second = ScriptedModel(["Four."], name="second")
    events = list(stream(Agent("a", "", tools=[double], models=[first, second]), "Go"))
    assert ModelReplaced("second", "model_unavailable") in events
    assert isinstance(events[-1], RunEnded)
    result = events[-1].result
    assert (result.content, result.model, result.status) == ("Four.", "second", "completed")


def test_case_71_no_other_model_takes_over_after_visible_output() -> None:
    first = ScriptedModel([["So", ModelUnavailable("down")]], name="first")
    second = ScriptedModel(["never said"], name="second")
    result = run(Agent("a", "", models=[first, second]), "Go")
    assert (result.status, result.content, result.model) == ("failed", "So", "first")


def test_case_67_an_empty_answer_is_no_answer() -> None:
    result = run(agent_of(["", "  \n"])[0], "Go")
    assert result.status == "failed"
    assert isinstance(result.error, ModelAnswerInvalid)


def test_case_68_context_overflow_is_retried_once_without_the_history() -> None:
    history = (UserMessage("Old"), AssistantMessage("Older"))
    agent, model = agent_of(ContextOverflow("too long"), "Short.")
    result = run(agent, "New", history=history)
    assert model.requests == [(*history, UserMessage("New")), (UserMessage("New"),)]
    assert result.content == "Short."
    agent, _ = agent_of(ContextOverflow("too long"), ContextOverflow("too long"))
    assert run(agent, "New", history=history).status == "failed"


def test_error_in_a_model_of_our_own_is_raised() -> None:
    agent, _ = agent_of(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        run(agent, "Go")


# ---- cancellation ----------------------------------------------------------------------------------------------------
def test_closed_stream_keeps_a_cancelled_result() -> None:
    agent, _ = agent_of(["So far", ToolCall("1", "wait", '{"seconds": 30, "answer": ""}')])
    events = stream(agent, "Go")
    assert next(events) == TextDelta("So far")
    assert isinstance(next(events), ToolCalled)
    events.close()
    result = events.result
    assert (result.status, result.content, result.error) == ("cancelled", "So far", None)


def test_cancelled_caller_of_arun_is_cancelled() -> None:
    agent, _ = agent_of(ToolCall("1", "wait", '{"seconds": 30, "answer": ""}'))

    async def main() -> None:
        async with asyncio.timeout(0.1):
            await arun(agent, "Go")

    with pytest.raises(TimeoutError):
        asyncio.run(main())


# ---- the package -----------------------------------------------------------------------------------------------------
def test_import_needs_no_django_project_and_loads_no_vendor() -> None:
    vendors = "chatsite django genai_prices openai opentelemetry pydantic yaml"
    code = f"import sys, agents; print([m for m in {vendors.split()} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip() == "[]"
