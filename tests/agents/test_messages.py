from __future__ import annotations

import json

import pytest

from agents import (
    Agent,
    AssistantMessage,
    ContextOverflow,
    Guardrails,
    Message,
    MessageFields,
    Passage,
    RunEnded,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolMessage,
    UserMessage,
    dump_message,
    load_message,
    run,
    stream,
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


def test_passages_go_first_from_the_last_one_on_but_never_all() -> None:
    passages = tuple(Passage(marker, "p" * 400) for marker in (1, 2, 3))
    asked = UserMessage("new", passages)
    everything = [*OLD, asked]
    for room, markers, history in [(0, [1, 2, 3], 4), (1, [1, 2], 4), (101, [1], 4), (201, [1], 0), (10_000, [1], 0)]:
        fitted = fit_messages(everything, prompt_at=4, tokens=estimate_tokens(*everything) - room)
        *before, prompt = fitted
        assert isinstance(prompt, UserMessage)
        assert [passage.marker for passage in prompt.passages] == markers
        assert len(before) == history


def test_what_alone_is_too_long_is_cut_only_where_that_is_wanted() -> None:
    long = ToolMessage(CALL, "word " * 2000, None, failed=False)
    asked = UserMessage("new", (Passage(1, "p" * 4000),))
    everything = [asked, AssistantMessage("", (CALL,)), long]
    assert fit_messages(everything, prompt_at=0, tokens=500) == tuple(everything)
    fitted = fit_messages(everything, prompt_at=0, tokens=500, cut=True)
    assert estimate_tokens(*fitted) <= 500
    assert len(fitted) == 3
    assert isinstance(fitted[2], ToolMessage)
    assert fitted[2].text.endswith(" […]")


def test_scripts_without_spaces_have_a_token_to_a_character() -> None:
    assert estimate_tokens("鲸鱼很大") == 8
    assert estimate_tokens("鲸鱼 whale") == 4 + 2 + 6 // 4
    assert estimate_tokens("кит") == 4 + 6 // 4


def test_estimate_counts_all_that_is_sent() -> None:
    assert estimate_tokens("x" * 400) == 104
    assert estimate_tokens(UserMessage("x" * 40, (Passage(1, "y" * 40),))) == 24
    assert estimate_tokens(AssistantMessage("", (ToolCall("1", "look", "z" * 36),))) == 14


def test_estimate_counts_what_a_provider_wants_back_with_calls() -> None:
    signed = ToolCall("1", "look", "{}", {"signature": "s" * 400})
    assert estimate_tokens(AssistantMessage("", (signed,))) > 100
    assert estimate_tokens(AssistantMessage("yes", (), {"reasoning": "s" * 400})) == 4


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


def test_overflow_after_text_of_an_earlier_turn_still_drops_what_it_can() -> None:
    @tool
    def look() -> str:
        """Look."""
        return "much " * 50

    turn = ("Let me look.", CALL)
    model = ScriptedModel([turn, turn, ContextOverflow("too long"), "ok"])
    result = run(Agent("a", "", tools=[look], model=model), "new")
    assert (result.status, result.content) == ("completed", "Let me look.\n\nLet me look.\n\nok")
    assert [len(request) for request in model.requests] == [1, 3, 5, 3]


def test_overflow_that_nothing_can_be_done_about_is_asked_about_once() -> None:
    model = ScriptedModel([ContextOverflow("too long")])
    result = run(Agent("a", "", model=model), "new")
    assert isinstance(result.error, ContextOverflow)
    assert len(model.requests) == 1


def test_thoughts_and_attachments_of_a_turn_are_kept_apart_from_its_text() -> None:
    @tool
    def look() -> str:
        """Look."""
        return "seen"

    signed = ToolCall("1", "look", "{}", {"signature": "x"})
    model = ScriptedModel([(ThinkingDelta("Hm."), "Let me look.", MessageFields({"reasoning": "Hm."}), signed), "ok"])
    *events, ended = stream(Agent("a", "", tools=[look], model=model), "new")
    assert events[0] == ThinkingDelta("Hm.")
    assert isinstance(ended, RunEnded)
    assert ended.result.messages[1] == AssistantMessage("Let me look.", (signed,), {"reasoning": "Hm."})
    assert ended.result.messages[3] == AssistantMessage("ok")


def test_thoughts_behind_a_check_on_answers_are_shown_to_nobody() -> None:
    guarded = Guardrails(output=[lambda text: None])
    model = ScriptedModel([(ThinkingDelta("Secret."), "ok")])
    events = list(stream(Agent("a", "", model=model, guardrails=guarded), "new"))
    assert ThinkingDelta("Secret.") not in events
    assert TextDelta("ok") in events
