from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from agents import (
    Agent,
    AssistantMessage,
    Limits,
    MessageFields,
    Passage,
    RunState,
    ToolCall,
    ToolCalled,
    ToolMessage,
    Usage,
    UserMessage,
    resume,
    run,
    sequential,
    stream,
    tool,
)
from agents.testing import ScriptedModel

sent: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_sent() -> None:
    sent.clear()


@tool(approve=True)
def send(to: str) -> str:
    """Send a letter."""
    sent.append(to)
    return "sent"


@tool
def look() -> dict[str, int]:
    """Look."""
    return {"letters": 2}


def to(name: str) -> ToolCall:
    return ToolCall(name, "send", json.dumps({"to": name}))


LOOK = ToolCall("look", "look", "{}")
STEPS = [LOOK, ["I will.", to("ada"), to("bob"), Usage(5, 1)], "Done."]


def secretary(*steps: object, limits: Limits | None = None) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(steps)  # type: ignore[arg-type]
    return Agent("secretary", "", tools=[send, look], model=model, limits=limits or Limits()), model


def paused() -> RunState:
    """As another process would read it."""
    agent, _ = secretary(*STEPS[:2])
    prompt = UserMessage("Write to them", (Passage(1, "Ada and Bob."),))
    events = list(stream(agent, prompt, history=[UserMessage("Hi"), AssistantMessage("Hello")]))
    result = events[-1].result
    assert (result.status, result.success, result.error, sent) == ("paused", False, None, [])
    assert [event.call.name for event in events if isinstance(event, ToolCalled)] == ["look"]
    assert result.state is not None
    state = RunState.from_json(json.loads(json.dumps(result.state.to_json())))
    assert (state.agent, state.pending, state.text) == ("secretary", (to("ada"), to("bob")), "I will.")
    return state


def results(state: RunState, approved: bool | Mapping[str, bool]) -> list[tuple[bool, str]]:
    agent, model = secretary(STEPS[2])
    result = resume(agent, state, approved, reason="too many")
    model.assert_finished()
    assert (result.status, result.content, result.steps, result.usage) == ("completed", "Done.", 3, Usage(5, 1))
    assert result.messages[:3] == state.messages[:3]
    assert result.messages[5] == AssistantMessage("I will.", (to("ada"), to("bob")))
    return [(m.failed, m.text) for m in result.messages[6:] if isinstance(m, ToolMessage)]


REFUSED = (True, '{"error":"a person refused this call: too many"}')


@pytest.mark.parametrize(
    ("approved", "told", "letters"),
    [
        (True, [(False, "sent"), (False, "sent")], ["ada", "bob"]),
        (False, [REFUSED, REFUSED], []),
        ({"bob": True}, [REFUSED, (False, "sent")], ["bob"]),
    ],
)
def test_paused_run_goes_on_as_decided(
    approved: bool | Mapping[str, bool], told: list[tuple[bool, str]], letters: list[str]
) -> None:
    assert results(paused(), approved) == told
    assert sent == letters


def test_decision_can_be_streamed() -> None:
    agent, _ = secretary(STEPS[2])
    assert [type(event).__name__ for event in stream(agent, paused().decide(True))] == [
        "ToolCalled",
        "ToolCalled",
        "ToolReturned",
        "ToolReturned",
        "TextDelta",
        "RunEnded",
    ]


def test_resumed_run_may_pause_again() -> None:
    agent, _ = secretary(to("eve"))
    again = resume(agent, paused(), {"ada": True})
    assert (again.status, sent) == ("paused", ["ada"])
    assert again.state is not None
    assert resume(secretary("Done.")[0], again.state, True).messages[2:3] == (
        UserMessage("Write to them", (Passage(1, "Ada and Bob."),)),
    )
    assert sent == ["ada", "eve"]


def test_resumed_run_keeps_to_the_limits_of_the_whole() -> None:
    agent, _ = secretary(STEPS[2], limits=Limits(steps=2))
    result = resume(agent, paused(), True)
    assert (result.status, result.steps, sent) == ("limited", 2, ["ada", "bob"])


def test_state_of_another_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="the state is not of agent clerk"):
        resume(Agent("clerk", "", model=ScriptedModel([])), paused(), True)


def test_run_that_may_pause_can_be_no_part_of_another() -> None:
    agent, _ = secretary()
    with pytest.raises(TypeError, match="agent secretary has a tool that needs approval, and can't be part of a tool"):
        agent.as_tool()
    with pytest.raises(TypeError, match="can't be part of sequential"):
        sequential(agent)


def test_pending_call_of_an_agent_that_took_over_is_resumed_there() -> None:
    def reception(*steps: object) -> Agent:
        agent, _ = secretary(*steps)
        return Agent(
            "reception", "", model=ScriptedModel([ToolCall("1", "hand_over_to_secretary", "")]), handoffs=[agent]
        )

    result = run(reception(to("ada")), "Write")
    assert result.state is not None
    assert (result.status, result.state.agent) == ("paused", "secretary")
    assert resume(reception("Done."), result.state, True).content == "Done."
    assert sent == ["ada"]


def test_paused_run_keeps_what_the_provider_wants_back() -> None:
    signed = ToolCall("1", "send", json.dumps({"to": "ada"}), {"extra_content": {"signature": "x"}})
    agent, model = secretary([MessageFields({"reasoning_content": "Hm."}), signed, Usage(5, 1, 2, 1)], "Done.")
    paused = run(agent, "Write to Ada")
    assert paused.state is not None
    state = RunState.from_json(json.loads(json.dumps(paused.state.to_json())))
    assert state == paused.state
    assert resume(agent, state, True).usage == Usage(5, 1, 2, 1)
    assert model.requests[1][1] == AssistantMessage("", (signed,), {"reasoning_content": "Hm."})


def test_state_written_before_there_were_attachments_is_read() -> None:
    agent, _ = secretary(to("ada"))
    paused = run(agent, "Write to Ada")
    assert paused.state is not None
    value = paused.state.to_json()
    del value["attached"]
    assert RunState.from_json(value) == paused.state
