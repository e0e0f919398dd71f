from __future__ import annotations

import json

import pytest

from agents import (
    Agent,
    AssistantMessage,
    ContextOverflow,
    Message,
    Passage,
    ToolCall,
    ToolMessage,
    UserMessage,
    dump_message,
    load_message,
    run,
    tool,
)
from agents.models.fitting import estimate_tokens, fit_messages
from agents.testing import ScriptedModel

CALL = ToolCall("1", "look", "{}")


def exchange(name: str) -> list[Message]:
    return [
        UserMessage(f"{name}?" * 8),
        AssistantMessage("", (CALL,)),
        ToolMessage(CALL, f"{name} " * 10, None, failed=False),
        AssistantMessage(f"{name}." * 8),
    ]


OLD, OLDER = exchange("old"), exchange("older")
PROMPT = UserMessage("new")
FIRST, LAST = exchange("first")[1:3], exchange("last")[1:3]


@pytest.mark.parametrize(
    "message",
    [
        UserMessage("a", (Passage(1, "text", "title", 3), Passage(2, "other"))),
        AssistantMessage("b", (CALL,)),
        AssistantMessage("", (ToolCall("1", "look", "{}", {"extra_content": {"google": 1}}),), {"reasoning": "so"}),
        ToolMessage(CALL, "read", "read", failed=True),
    ],
)
def test_message_survives_json(message: Message) -> None:
    assert load_message(json.loads(json.dumps(dump_message(message)))) == message


def test_message_written_before_there_were_attachments_is_read() -> None:
    row = {"role": "assistant", "text": "b", "tool_calls": [{"id": "1", "name": "look", "arguments": "{}"}]}
    assert load_message(row) == AssistantMessage("b", (CALL,))


def test_message_of_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="no message has the role 'system'"):
        load_message({"role": "system"})


# ---- what fits -------------------------------------------------------------------------------------------------------
ALL = [*OLDER, *OLD, PROMPT, *FIRST, *LAST]


@pytest.mark.parametrize(
    ("without", "kept"),
    [
        (0, ALL),
        (1, [*OLD, PROMPT, *FIRST, *LAST]),  # one token too few, and a whole exchange goes
        (estimate_tokens(*OLDER), [*OLD, PROMPT, *FIRST, *LAST]),
        (estimate_tokens(*OLDER, *OLD), [PROMPT, *FIRST, *LAST]),
        (estimate_tokens(*OLDER, *OLD) + 1, [PROMPT, *LAST]),
        (10_000, [PROMPT, *LAST]),
    ],
)
def test_oldest_go_first_and_no_call_loses_its_result(without: int, kept: list[Message]) -> None:
    tokens = estimate_tokens(*ALL) - without
    assert fit_messages(ALL, prompt_at=8, tokens=tokens) == tuple(kept)


def test_estimate_counts_all_that_is_sent() -> None:
    assert estimate_tokens("x" * 400) == 104
    assert estimate_tokens(UserMessage("x" * 40, (Passage(1, "y" * 40),))) == 24
    assert estimate_tokens(AssistantMessage("", (ToolCall("1", "look", "z" * 36),))) == 14


# ---- in a run --------------------------------------------------------------------------------------------------------
def test_model_is_sent_no_more_than_its_window_holds() -> None:
    model = ScriptedModel(["ok"], window_tokens=120)
    result = run(Agent("a", "", model=model), "new", history=[*OLDER, *OLD])
    assert model.requests == [(*OLD, PROMPT)]
    assert result.messages == (*OLDER, *OLD, PROMPT, AssistantMessage("ok"))


def test_case_68_overflow_within_a_run_drops_its_older_turns() -> None:
    @tool
    def look() -> str:
        """Look."""
        return "much " * 50

    model = ScriptedModel([CALL, CALL, ContextOverflow("too long"), "ok"])
    result = run(Agent("a", "", tools=[look], model=model), "new")
    assert result.content == "ok"
    assert [len(request) for request in model.requests] == [1, 3, 5, 3]
    assert model.requests[3] == (PROMPT, *result.messages[3:5])
