"""Tool calls that models write as text."""

from __future__ import annotations

import json

import pytest

from agents.models.written_calls import CallScanner, new_call_id, read_calls

TOOLS = frozenset({"search", "look"})


def scan(text: str, size: int = 1) -> tuple[str, str, list[tuple[str, object]]]:
    """What was shown while it came, what at the end, and the calls."""
    scanner = CallScanner(TOOLS)
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


def test_text_beside_calls_is_shown_and_two_calls_are_two() -> None:
    call = '<tool_call>{"name": "%s", "arguments": {}}</tool_call>'
    assert scan(f"Let me look.\n{call % 'search'}\n{call % 'look'}") == (
        "Let me look.\n",
        "",
        [("search", {}), ("look", {})],
    )


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_bare_call_on_a_line_of_its_own_is_understood_after_text(size: int) -> None:
    call = '{"name": "search", "parameters": {"query": "a b"}}'
    assert scan(f"Let me look.\n\n{call}", size) == ("Let me look.\n\n", "", ONE)


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
