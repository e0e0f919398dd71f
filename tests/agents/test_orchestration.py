from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents import (
    Agent,
    AssistantMessage,
    Limits,
    Message,
    ModelInterrupted,
    Passage,
    Run,
    TextDelta,
    ToolCall,
    Usage,
    UserMessage,
    collaborate,
    route,
    run,
    sequential,
    stream,
    tool,
)
from agents.testing import FunctionModel, ScriptedModel, Step


def agent(name: str, *steps: Step) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(steps)
    return Agent(name, "", model=model), model


@tool
async def nap(seconds: float) -> str:
    """Nap."""
    await asyncio.sleep(seconds)
    return "rested"


def napping(name: str, seconds: float) -> Agent:
    call = ToolCall("1", "nap", json.dumps({"seconds": seconds}))
    return Agent(name, "", tools=[nap], model=ScriptedModel([call, f"{name} rested"]))


def others(message: Message) -> list[dict[str, str]]:
    """Return the answers of other agents that a prompt brings."""
    said: list[dict[str, str]] = json.loads(message.text.split("\n")[1])["answers"]
    return said


def echo(name: str) -> Agent:
    return Agent(name, "", model=FunctionModel(lambda messages: f"{name} answers {len(messages)}"))


# ---- a conversation --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["sequential", "collaborate", "nested"])
def test_six_turns_grow_by_what_was_said_and_no_answer_becomes_the_users_words(kind: str) -> None:
    team = {
        "sequential": sequential(echo("a"), echo("b"), echo("c")),
        "collaborate": collaborate(echo("a"), echo("b"), coordinator=echo("c")),
        "nested": sequential(collaborate(echo("a"), coordinator=echo("b"), name="inner"), echo("c")),
    }[kind]
    history: Sequence[Message] = ()
    lengths = []
    for turn in range(1, 7):
        history = run(team, f"Question {turn}", history=history).messages
        lengths.append(len(history))
    assert lengths == [4, 8, 12, 16, 20, 24]  # a question and three answers each; it was 6, 24, 78, ... 2184
    users = [message.text for message in history if isinstance(message, UserMessage)]
    assert users == [f"Question {turn}" for turn in range(1, 7)]


@pytest.mark.parametrize("kind", ["sequential", "collaborate"])
def test_later_agents_see_the_conversation_the_question_and_what_others_said(kind: str) -> None:
    (first, _), (last, model) = agent("first", "It is blue."), agent("last", "Blue, then.")
    team = {"sequential": sequential(first, last), "collaborate": collaborate(first, coordinator=last)}[kind]
    history = [UserMessage("My car is blue."), AssistantMessage("Noted.")]
    run(team, "Which colour?", history=history)
    ((*earlier, asked),) = model.requests
    assert earlier == history
    assert others(asked) == [{"agent": "first", "answer": "It is blue."}]
    assert asked.text.endswith("\n\nWhich colour?")


def test_tool_calls_of_each_agent_stay_beside_their_results() -> None:
    result = run(sequential(napping("a", 0), napping("b", 0)), "Rest")
    assert [type(message).__name__ for message in result.messages] == [
        "UserMessage",
        *(["AssistantMessage", "ToolMessage", "AssistantMessage"] * 2),
    ]


# ---- at the door -----------------------------------------------------------------------------------------------------
def test_two_agents_of_one_name_are_refused_and_one_may_come_twice() -> None:
    with pytest.raises(ValueError, match="sequential has two agents named a"):
        sequential(echo("a"), echo("a"))
    with pytest.raises(ValueError, match="team has two agents named a"):
        collaborate(echo("a"), coordinator=echo("a"), name="team")
    one = echo("a")
    assert run(sequential(one, one), "Go").success


@pytest.mark.parametrize("wrong", ["writer", None, Agent])
def test_what_is_no_agent_is_refused_by_its_taker(wrong: Any) -> None:
    for make in (
        lambda: sequential(echo("a"), wrong),
        lambda: collaborate(echo("a"), coordinator=wrong),
        lambda: route({"x": echo("a")}, default=wrong),
    ):
        with pytest.raises(TypeError, match=r"^(sequential|collaborate|route) takes an agent, not"):
            make()
    with pytest.raises(TypeError, match="route: a condition is a function of the prompt, or words in it, not 3"):
        route({3: echo("a")}, default=echo("b"))  # type: ignore[dict-item]


# ---- sequential ------------------------------------------------------------------------------------------------------
def test_sequential_pipes_answers_and_shows_the_last_one() -> None:
    (draft, _), (edit, editor) = agent("draft", ["A draft.", Usage(5, 1)]), agent("edit", ["Better.", Usage(6, 1)])
    events = list(stream(sequential(draft, edit), UserMessage("Write", (Passage(1, "Facts"),))))
    result = events[-1].result
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Better."]
    assert (result.status, result.content, result.steps, result.usage) == ("completed", "Better.", 2, Usage(11, 2))
    ((asked,),) = editor.requests
    assert isinstance(asked, UserMessage)
    assert (others(asked), asked.passages) == ([{"agent": "draft", "answer": "A draft."}], (Passage(1, "Facts"),))
    assert asked.text.endswith("\n\nWrite")
    assert [m.text for m in result.messages] == ["Write", "A draft.", "Better."]
    assert [(s.kind, s.name) for s in result.trace.walk() if s.kind != "model"] == [
        ("workflow", "sequential"),
        ("agent", "draft"),
        ("agent", "edit"),
    ]


def test_sequential_ends_with_the_first_failure_and_without_its_text() -> None:
    (draft, _), (edit, editor) = agent("draft", ["A dra", ModelInterrupted("broke off")]), agent("edit", "never said")
    result = run(sequential(draft, edit), "Write")
    assert (result.status, result.content, editor.requests) == ("failed", "", [])


def test_limits_of_the_whole_hold_for_all_agents_together() -> None:
    (one, _), (two, second) = agent("one", "1"), agent("two", "2")
    result = run(sequential(one, two, limits=Limits(steps=1)), "Go")
    assert (result.status, result.content, result.steps, second.requests) == ("limited", "", 1, [])
    slow = run(sequential(napping("a", 0.01), napping("b", 30), limits=Limits(seconds=0.2)), "Go")
    assert (slow.status, str(slow.error)) == ("limited", "the run took longer than 0.2 seconds")


# ---- collaborate -----------------------------------------------------------------------------------------------------
def test_collaborators_work_at_once_and_the_coordinator_reads_them() -> None:
    lead, model = agent("lead", "Both rested.")
    both = asyncio.Barrier(2)

    @tool
    async def meet() -> str:
        """Meet the other."""
        await both.wait()
        return "met"

    def meeting(name: str) -> Agent:
        return Agent(name, "", tools=[meet], model=ScriptedModel([ToolCall("1", "meet", "{}"), f"{name} rested"]))

    events = list(stream(collaborate(meeting("a"), meeting("b"), coordinator=lead), "Rest"))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Both rested."]
    (request,) = model.requests[0]
    assert request.text.endswith("\n\nRest")
    assert others(request) == [{"agent": "a", "answer": "a rested"}, {"agent": "b", "answer": "b rested"}]
    assert events[-1].result.steps == 5


def test_coordinator_is_told_who_failed_and_not_what_the_error_said() -> None:
    (good, _), (bad, _), (lead, model) = agent("good", "Yes."), agent("bad", ""), agent("lead", "One says yes.")
    assert run(collaborate(good, bad, coordinator=lead), "Well?").content == "One says yes."
    (request,) = model.requests[0]
    assert '{"agent": "bad", "error": "failed"}' in request.text


def test_collaboration_fails_when_all_do() -> None:
    (bad, _), (lead, model) = agent("bad", ""), agent("lead", "never said")
    result = run(collaborate(bad, coordinator=lead), "Well?")
    assert (result.status, result.content, model.requests) == ("failed", "", [])


# ---- route -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("prompt", "answer"), [("My INVOICE?", "billing"), ("x" * 50, "reader"), ("now", "clock"), ("Hello", "desk")]
)
def test_route_takes_the_first_condition_that_holds(prompt: str, answer: str) -> None:
    async def about_time(prompt: UserMessage) -> bool:
        return prompt.text == "now"

    desk = route(
        {
            "invoice": agent("a", "billing")[0],
            lambda prompt: len(prompt.text) > 40: agent("b", "reader")[0],
            about_time: agent("c", "clock")[0],
        },
        default=agent("d", "desk")[0],
    )
    events = list(stream(desk, prompt))
    assert events[0] == TextDelta(answer)
    assert events[-1].result.content == answer


# ---- together --------------------------------------------------------------------------------------------------------
def test_orchestrations_nest_and_are_tools() -> None:
    inner = sequential(agent("one", "1")[0], agent("two", "2")[0], name="inner")
    outer = collaborate(inner, agent("three", "3")[0], coordinator=agent("lead", "6")[0], name="outer")
    model = ScriptedModel([ToolCall("1", "outer", '{"prompt": "Add"}'), "It is 6."])
    result = run(Agent("clerk", "", tools=[outer.as_tool()], model=model), "Add them")
    assert (result.content, result.steps) == ("It is 6.", 6)
    assert [(s.name, s.error) for s in result.trace.walk() if s.kind == "workflow"] == [
        ("outer", None),
        ("inner", None),
    ]


@pytest.mark.parametrize("kind", ["sequential", "collaborate", "tool"])
def test_cancelling_reaches_every_agent(kind: str) -> None:
    sleeper = napping("sleeper", 30)
    runnable = {
        "sequential": sequential(sleeper, agent("next", "never said")[0]),
        "collaborate": collaborate(sleeper, napping("other", 30), coordinator=agent("lead", "never said")[0]),
        "tool": Agent(
            "caller", "", tools=[sleeper.as_tool()], model=ScriptedModel([ToolCall("1", "sleeper", '{"prompt": ""}')])
        ),
    }[kind]
    events = stream(runnable, "Go")
    next(events)
    events.close()
    assert (events.result.status, events.result.content, events.result.success) == ("cancelled", "", False)


def test_handoff_goes_on_with_the_same_messages_and_limits() -> None:
    expert = Agent("tax expert", "Know taxes.", tools=[nap], model=ScriptedModel(["Pay 10."], name="expert"))
    model = ScriptedModel([ToolCall("1", "hand_over_to_tax_expert", "")])
    result = run(Agent("desk", "", model=model, handoffs=[expert]), "Taxes?")
    assert (result.content, result.model, result.steps) == ("Pay 10.", "expert", 2)
    assert [m.text for m in result.messages if not isinstance(m, AssistantMessage)] == ["Taxes?", "tax expert goes on."]


def test_two_agents_of_one_name_to_hand_over_to_are_refused() -> None:
    twins = [agent("desk", "a")[0], agent("desk", "b")[0]]
    with pytest.raises(ValueError, match="agent a has two tools named hand_over_to_desk"):
        Agent("a", "", model=ScriptedModel([]), handoffs=twins)


def test_instructions_may_be_a_function_of_the_run() -> None:
    seen: list[tuple[str, int]] = []

    async def instruct(run: Run) -> str:
        seen.append((run.prompt.text, run.budget.steps))
        return "Be brief."

    model = FunctionModel(lambda messages: "ok" if len(messages) > 1 else ToolCall("1", "nap", '{"seconds": 0}'))
    assert run(Agent("a", instruct, tools=[nap], model=model), "Hello").success
    assert seen == [("Hello", 1), ("Hello", 2)]
