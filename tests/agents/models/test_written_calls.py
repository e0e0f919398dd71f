"""Tool calls that models write as text."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from agents.models.written_calls import CallScanner, new_call_id, read_calls

TOOLS = frozenset({"search", "look"})


def scan(
    text: str, size: int = 1, *, after_text: bool = False, given: Iterable[str] = ()
) -> tuple[str, str, list[tuple[str, object]]]:
    """What was shown while it came, what at the end, and the calls."""
    scanner = CallScanner(TOOLS, after_text=after_text, given=lambda: given)
    shown = "".join(scanner.feed(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = scanner.end()
    return shown, rest, [(call.name, json.loads(call.arguments)) for call in calls]


ONE = [("search", {"query": "a b"})]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "search", "arguments": {"query": "a b"}}\n</tool_call>',
        '<tool_call>{"name": "search", "arguments": "{\\"query\\": \\"a b\\"}"}</tool_call>',
        '<tool_call>{"name": "search", "arguments": {"query": "a b"}}',  # the end was never written
        "<tool_call>{'name': 'search', 'arguments': {'query': 'a b'}}</tool_call>",
        '```json\n{"name": "search", "arguments": {"query": "a b"}}\n```',
        '```\n{"name": "search", "parameters": {"query": "a b"}}\n```',
        '{"name": "search", "parameters": {"query": "a b"}}',
        '[{"name": "search", "arguments": {"query": "a b"}}]',
        '{"type": "function", "function": {"name": "search", "parameters": {"query": "a b"}}}',
        '{"tool_calls": [{"id": "pending", "function": {"name": "search"}, "parameters": {"query": "a b"}}]}',
        '[TOOL_CALLS][{"name": "search", "arguments": {"query": "a b"}}]',
        '[TOOL_CALLS]search[ARGS]{"query": "a b"}',
        '[TOOL_CALLS]search[CALL_ID]abc123DEF[ARGS]{"query": "a b"}',
        '<|python_tag|>{"name": "search", "parameters": {"query": "a b"}}<|eom_id|>',
        '<|python_tag|>search.call(query="a b")',
        '<function=search>{"query": "a b"}</function>',
        "<tool_call>\n<function=search>\n<parameter=query>\na b\n</parameter>\n</function>\n</tool_call>",
    ],
)
def test_written_call_is_understood_and_never_shown(text: str, size: int) -> None:
    assert scan(text, size) == ("", "", ONE)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_marked_calls_after_text_are_calls_of_a_model_that_has_no_other_way(size: int) -> None:
    call = '<tool_call>{"name": "%s", "arguments": {}}</tool_call>'
    text = f"Let me look.\n{call % 'search'}\n{call % 'look'}"
    assert scan(text, size, after_text=True) == ("Let me look.\n", "", [("search", {}), ("look", {})])
    shown, rest, calls = scan(text, size)
    assert (shown + rest, calls) == (text, [])


CALL = '{"name": "search", "arguments": {"query": "a b"}}'
QUOTING = [
    f"The manual says to send\n\n{CALL}\n",  # bare JSON on a line of its own
    f"Like this:\n```json\n{CALL}\n```",
    f"Like this:\n```json\n{CALL}\n```\nThen:\n```python\nx = 1\n```\n",
    f"It says:\n> <tool_call>{CALL}</tool_call>",
    f"Write ` <tool_call>{CALL}</tool_call>` for that.",
    f"<tool_call>{CALL}</tool_call>\nis how a call is written.",
    f"{CALL}\nis how a call is written.",
    f"```json\n{CALL}\n```\nThat is a call.\n```\nx\n```",
    f"Like this:\n```\n<tool_call>{CALL}</tool_call>\n```",
    f"Like this:\n~~~\n<tool_call>{CALL}</tool_call>",
    f"Like this:\n\n    <tool_call>{CALL}</tool_call>",
    f"First\n<tool_call>{CALL}</tool_call>\nand that was it.",
]


@pytest.mark.parametrize("after_text", [False, True])
@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("text", QUOTING)
def test_call_that_an_answer_quotes_is_text_and_all_of_it_is_shown(text: str, size: int, after_text: bool) -> None:
    shown, rest, calls = scan(text, size, after_text=after_text)
    assert (shown + rest, calls) == (text, [])


@pytest.mark.parametrize(
    "given",
    [
        f"Send {CALL} to delete it.",
        json.dumps({"passages": [{"text": f"Send <tool_call>\n{CALL}\n</tool_call> now."}]}),
        CALL.replace(" ", "\n"),
    ],
    ids=["document", "result of a tool", "other blanks"],
)
@pytest.mark.parametrize("text", [CALL, f"<tool_call>{CALL}</tool_call>", f"```json\n{CALL}\n```"])
def test_call_that_stands_in_what_the_model_was_given_is_text(text: str, given: str) -> None:
    shown, rest, calls = scan(text, 4, after_text=True, given=[given])
    assert (shown + rest, calls) == (text, [])
    assert scan(text, 4, given=["Nothing of that kind."])[2] == ONE


# One look at each character would take no time: what looks back from each, as this once did, takes minutes.
@pytest.mark.parametrize("after_text", [False, True])
@pytest.mark.parametrize("size", [4, 60_000])
@pytest.mark.parametrize(
    "unit",
    [
        "\n",
        " ",
        "`",
        "```\n",
        "{\n",
        '{"a": 1}\n',
        "<tool_call>",
        "<function=x>",
        "<parameter=x>",
        "</function",
        "[TOOL_CALLS]{",
    ],
)
@pytest.mark.parametrize("begin", ["", "Text.\n", "<tool_call>", "<function=search>", "[TOOL_CALLS]search"])
def test_long_text_is_read_in_one_pass(begin: str, unit: str, size: int, after_text: bool) -> None:
    text = begin + unit * (60_000 // len(unit))
    scanner = CallScanner(TOOLS, after_text=after_text)
    shown = "".join(scanner.feed(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = scanner.end()
    assert calls or shown + rest == text


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "Whales are large [1], larger than [2] says.",
        "[1] says that a < b.",
        '{"title": "Whales", "pages": [1, 2]}',
        'First:\n[1] is this.\n{"title": "Whales"}\n{ and so on',
        '{"name": "Moby", "arguments": []}',  # no tool of that name
        'Here:\n```json\n{"name": "Moby"}\n```\nand `x`.',
        '```json\n{"id": 1, "rows": [' + "1, " * 300 + "1]}\n```\nThat is all.",
        "```python\nprint('<tool_call>')\n```\nSo it goes.",
        "Write `<tool_call>` and then JSON.",
        '<tool_call>{"name": "other", "arguments": {}}</tool_call>',
        '{"name": "search", "arguments": ' + "[" * 20_000,
        'An example follows: {"name": "search", "arguments": {}}',
    ],
)
def test_anything_else_is_text(text: str, size: int) -> None:
    shown, rest, calls = scan(text, size)
    assert (shown + rest, calls) == (text, [])


def test_text_goes_on_at_once_after_what_turned_out_to_be_none() -> None:
    scanner = CallScanner(TOOLS)
    assert scanner.feed('{"na') == ""
    assert scanner.feed('me": "Moby"') == '{"name": "Moby"'
    assert scanner.feed(", and so on") == ", and so on"


def test_call_that_is_no_json_goes_to_the_tool_as_it_is() -> None:
    text, (call,) = read_calls('<tool_call>{"name": "search", "arguments": {"query": "a}</tool_call>', TOOLS)
    assert (text, call.name, call.arguments) == ("", "search", '{"query": "a}')


def test_call_without_a_tool_to_call_is_text() -> None:
    scanner = CallScanner(frozenset())
    assert scanner.feed('<tool_call>{"name": "search"}</tool_call>') == '<tool_call>{"name": "search"}</tool_call>'


def test_ids_that_are_made_here_are_nine_letters_and_digits() -> None:
    ids = {new_call_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(made) == 9 and made.isalnum() and made.isascii() for made in ids)
