from __future__ import annotations

import pickle
import re
from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from agents import Agent, Blocked, Guardrails, Message, Passage, TextDelta, ToolCall, UserMessage, run, stream
from agents.testing import ScriptedModel


def no_secrets(prompt: UserMessage) -> str | None:
    return "asks for a password" if "password" in prompt.text else None


async def polite(content: str) -> str | None:
    return "is rude" if "fool" in content else None


def must_cite(content: str, messages: Sequence[Message]) -> str | None:
    known = {passage.marker for m in messages if isinstance(m, UserMessage) for passage in m.passages}
    cited = {int(marker) for marker in re.findall(r"\[(\d+)\]", content)}
    return None if cited and cited <= known else "cites nothing that was given"


RAILS = Guardrails(input=[no_secrets], output=[polite], citations=[must_cite])
ASKED = UserMessage("How big?", (Passage(1, "Whales are big."),))


def guarded(*said: str) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(said)
    return Agent("a", "", model=model, guardrails=RAILS), model


@pytest.mark.parametrize(
    ("prompt", "said", "stage", "reason"),
    [
        ("The password?", "never said", "input", "asks for a password"),
        (ASKED, "Big, you fool [1].", "output", "is rude"),
        (ASKED, "Big [2].", "citations", "cites nothing that was given"),
    ],
)
def test_blocked_run_ends_with_the_reason_and_no_content(
    prompt: str | UserMessage, said: str, stage: str, reason: str
) -> None:
    agent, model = guarded(said)
    events = list(stream(agent, prompt))
    result = events[-1].result
    assert (result.status, result.success, result.content, result.output) == ("blocked", False, "", None)
    assert isinstance(result.error, Blocked)
    assert (result.error.code, result.error.stage, result.error.reason) == ("blocked", stage, reason)
    assert not [event for event in events if isinstance(event, TextDelta)]
    assert len(model.requests) == (0 if stage == "input" else 1)


@pytest.mark.parametrize("guarded_one", ["first", "second"])
def test_handing_over_is_no_way_around_a_guardrail(guarded_one: str) -> None:
    rails = {guarded_one: Guardrails(output=[polite])}
    second = Agent("second", "", model=ScriptedModel(["You fool."]), guardrails=rails.get("second", Guardrails()))
    model = ScriptedModel([ToolCall("1", "hand_over_to_second", "")])
    first = Agent("first", "", model=model, handoffs=[second], guardrails=rails.get("first", Guardrails()))
    result = run(first, "Go")
    assert (result.status, result.content) == ("blocked", "")


def test_successor_checks_the_question_it_takes_over() -> None:
    second, model = guarded("never said")
    first = Agent("first", "", model=ScriptedModel([ToolCall("1", "hand_over_to_a", "")]), handoffs=[second])
    assert (run(first, "The password?").status, model.requests) == ("blocked", [])


def test_allowed_run_is_as_any_other() -> None:
    result = run(guarded("Big [1].")[0], ASKED)
    assert (result.status, result.content) == ("completed", "Big [1].")


def test_blocked_output_is_not_handed_out_either() -> None:
    class Answer(BaseModel):
        size: str

    model = ScriptedModel(['{"size": "fool"}'])
    result = run(Agent("a", "", model=model, output=Answer, guardrails=Guardrails(output=[polite])), "Go")
    assert (result.status, result.content, result.output) == ("blocked", "", None)


def test_result_can_be_pickled() -> None:
    result = run(guarded("Big [2].")[0], ASKED)
    copied = pickle.loads(pickle.dumps(result))
    assert (copied.status, str(copied.error), copied.trace.to_jsonl()) == (
        "blocked",
        "citations blocked: cites nothing that was given",
        result.trace.to_jsonl(),
    )


def test_guardrail_with_a_bug_lets_nothing_pass() -> None:
    agent = Agent("a", "", model=ScriptedModel(["x"]), guardrails=Guardrails(output=[lambda content: str(1 / 0)]))
    with pytest.raises(ZeroDivisionError):
        run(agent, "Go")
