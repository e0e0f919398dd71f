"""Understand tool calls that a model wrote as text, in the forms that models were trained on.

Hermes and Qwen: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`. Mistral: `[TOOL_CALLS][{…}]` and
`[TOOL_CALLS]name[ARGS]{…}`. Llama: `<|python_tag|>{…}`, `<function=name>{…}</function>`, or only the JSON. Qwen Coder:
`<function=name><parameter=key>value</parameter></function>`. Others: a block of JSON.

An answer may quote such a text without meaning it. So it is a call only where it names a tool that the model was
offered, where nothing follows it, and where no text that the model was given says the same. Before it there may be
text only for a model that was never seen calling in the protocol's own way, and only before a marker that begins a
line.
"""

from __future__ import annotations

import ast
import json
import random
import re
import string
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Literal

from agents.messages import ToolCall

ID_LENGTH = 9  # letters and digits: Mistral takes no other id
MARKERS = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=", "<|tool_call|>", "<function_call>")
FENCE = "```"
FENCES = (FENCE, "~~~")
INDENT_MOST = 3  # blanks before a marker or a fence: a line with more of them is code
LANGUAGES = ("", "json", "tool_call", "tool_code")  # of a block that may hold a call
NAME_KEYS = ("name", "function", "tool", "tool_name", "function_name")
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "tool_input")
KEYS = (*NAME_KEYS, *ARGUMENT_KEYS, "type", "id", "tool_calls")
JUDGED_CHARACTERS = 500  # of a JSON value: by then it has named a tool, or is an answer
VALUES_MOST = 50  # that are looked at in one text
LITERAL_CHARACTERS = 4_000  # of a Python literal or call, whose parser is slow
MARKS = re.compile(
    r"</?tool_calls?>|</?function_call>|</?tool-use>|\[/?TOOL_CALLS\]|<\|python_tag\|>|<\|/?tool_call\|>"
    r"|</?function[^<>\n]{0,80}>|<\|(?:eom_id|eot_id|im_end)\|>|```(?:json|tool_call|tool_code)?"
)
UNTOLD = re.compile(r"""[\s\\"'`]+""")  # what changes when a text is quoted

Verdict = Literal["call", "maybe", "no"]


def new_call_id() -> str:
    """Return an id for a call that came without one."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=ID_LENGTH))  # noqa: S311 - no secret


# ---- while it is written ---------------------------------------------------------------------------------------------
class CallScanner:
    """Passes an answer's text on as it comes, but holds back what may turn out to be a call of one of the `tools`.

    With `after_text`, a marker counts after text too. `given` returns the texts that the model may quote from. Each
    character is looked at a bounded number of times, however the text is cut.
    """

    def __init__(
        self, tools: Collection[str], *, after_text: bool = False, given: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._tools = tools
        self._after_text = after_text
        self._given = given
        self._held: list[str] = []
        self._state: Literal["begin", "text", "holding"] = "begin" if tools else "text"
        self._in_code = False
        self._in_line = False  # whether the line that comes has begun already

    def feed(self, text: str) -> str:
        """Return what is certainly text by now."""
        match self._state:
            case "holding":
                self._held.append(text)
                return ""
            case "begin":
                return self._begin(self._take() + text)
            case _:
                return self._go_on(self._take() + text)

    def end(self) -> tuple[str, list[ToolCall]]:
        """Return the text and the calls that were still held back."""
        held = self._take()
        left, calls = read_calls(held, self._tools, given=self._given) if held else ("", [])
        return (held, []) if left else ("", calls)

    def _take(self) -> str:
        held, self._held = "".join(self._held), []
        return held

    def _begin(self, text: str) -> str:
        begun = text.lstrip()
        blanks = text[: len(text) - len(begun)]
        if not begun:
            return blanks
        verdict = judge(begun[:JUDGED_CHARACTERS], self._tools)
        if verdict == "no":
            self._state = "text"
            return blanks + self._go_on(begun)
        if verdict == "call" or len(begun) >= JUDGED_CHARACTERS:
            self._state = "holding"
        self._held = [begun]
        return blanks

    def _go_on(self, text: str) -> str:
        """Pass text on up to a line that begins with a marker."""
        if not self._tools or not self._after_text:
            return text
        at = 0
        while at < len(text):
            end = text.find("\n", at) + 1 or len(text)
            if not self._in_line:
                verdict = self._judge_line(text[at : min(end, at + JUDGED_CHARACTERS)])
                if verdict != "no":
                    self._state = "holding" if verdict == "call" else "text"
                    self._held = [text[at:]]
                    return text[:at]
            self._in_line = text[end - 1] != "\n"
            at = end
        return text

    def _judge_line(self, line: str) -> Verdict:
        """Say whether a line begins with a marker, as far as it goes, and take note of code."""
        begun = line.lstrip(" \t")
        if len(line) - len(begun) > INDENT_MOST:
            return "no"
        if begun.startswith(FENCES):
            self._in_code = not self._in_code
            return "no"
        if not self._in_code and begun.startswith(MARKERS):
            return "call"
        marks = FENCES if self._in_code else (*FENCES, *MARKERS)
        return "maybe" if any(mark.startswith(begun) for mark in marks) else "no"


def judge(text: str, tools: Collection[str]) -> Verdict:
    """Say whether an answer that begins so is a call of a known tool, as far as the text goes."""
    if text.startswith(MARKERS):
        return "call"
    if any(mark.startswith(text) for mark in (*MARKERS, FENCE)):
        return "maybe"
    if text.startswith(FENCE):
        language, _, text = text[len(FENCE) :].partition("\n")
        if language.strip() not in LANGUAGES and not (
            text == "" and any(known.startswith(language) for known in LANGUAGES)
        ):
            return "no"
    elif text[0] not in "[{":
        return "no"
    return _judge_json(re.sub(r"^\s*\[?\s*", "", text), tools)


def _judge_json(text: str, tools: Collection[str]) -> Verdict:
    if not text or text == "{":
        return "maybe"
    named = re.match(r'\{\s*(?:"(\w*)(?:("\s*)(?:(:\s*)(.+)?)?)?)?$', text, re.DOTALL)
    if named is None:
        return "no"
    key, closed, _, value = named.groups()
    if key is None or not closed:
        return "maybe" if any(known.startswith(key or "") for known in KEYS) else "no"
    if key not in KEYS:
        return "no"
    if key in NAME_KEYS and value and value[0] == '"':
        name, whole, _ = value[1:].partition('"')
        if whole:
            return "call" if name in tools else "no"
        return "maybe" if any(known.startswith(name) for known in tools) else "no"
    named_later = len(text) < JUDGED_CHARACTERS - 20 or any(f'"{name}"' in text for name in tools)
    return "maybe" if named_later else "no"


# ---- once it is whole ------------------------------------------------------------------------------------------------
def read_calls(
    text: str, tools: Collection[str], *, given: Callable[[], Iterable[str]] = tuple
) -> tuple[str, list[ToolCall]]:
    """Return the text without the calls in it, and the calls. Without a known tool's name all of it is text, and so it
    is where one of the texts that were `given` says the same.
    """
    found = [*_tagged(text, tools), *_named_before(text, tools)]
    if not found:
        found = [*_as_json(text, tools)]
    if not found and any(marker in text for marker in MARKERS):
        found = [*_broken(text, tools)]
    if not found or _is_quoted([(text[begin:end], call[0]) for begin, end, call in found], given()):
        return text, []
    rest, at = [], 0
    for begin, end, _ in sorted(found, key=lambda each: each[0]):
        rest.append(text[at:begin])
        at = max(at, end)
    rest.append(text[at:])
    left = MARKS.sub("", "".join(rest)).strip(" \n\t;,[]")
    return left, [ToolCall(new_call_id(), name, arguments) for _, _, (name, arguments) in found]


def calls_in_thoughts(
    thoughts: str, tools: Collection[str], *, given: Callable[[], Iterable[str]] = tuple
) -> list[ToolCall]:
    """Return the calls in a text that is no answer; only those that are marked as such, and end it."""
    begins = [at for marker in MARKERS if (at := thoughts.find(marker)) >= 0]
    if not begins or not tools:
        return []
    left, calls = read_calls(thoughts[min(begins) :], tools, given=given)
    return [] if left else calls


def _is_quoted(calls: Iterable[tuple[str, str]], given: Iterable[str]) -> bool:
    """Return whether one of the calls stands in a text that was given, with or without its marker."""
    sought: set[str] = set()
    for written, name in calls:
        sought.add(UNTOLD.sub("", written))
        if name in (core := UNTOLD.sub("", MARKS.sub("", written))):
            sought.add(core)
    return any(each in told for told in (UNTOLD.sub("", text) for text in given) for each in sought)


Found = tuple[int, int, tuple[str, str]]


def _tagged(text: str, tools: Collection[str]) -> Iterator[Found]:
    """`<function=name>…</function>`, with JSON or with tags for each parameter inside."""
    for tag in re.finditer(r"<function=([\w.-]{1,64})>(.*?)(?:</function>|\Z)", text, re.DOTALL):
        name, body = tag[1], tag[2].strip()
        if name not in tools:
            continue
        given = dict(_parameters(body))
        arguments = _dumped(given) if given else body or "{}"
        yield tag.start(), tag.end(), (name, arguments)


def _parameters(body: str) -> Iterator[tuple[str, Any]]:
    opening, closing = re.compile(r"<parameter=([\w.-]{1,64})>\n?"), "</parameter>"
    at = 0
    while (begin := opening.search(body, at)) and (end := body.find(closing, begin.end())) >= 0:
        yield begin[1], _value(body[begin.end() : end].removesuffix("\n"))
        at = end + len(closing)


def _named_before(text: str, tools: Collection[str]) -> Iterator[Found]:
    """`[TOOL_CALLS]name[ARGS]{…}`, `name{…}</function>` and `<|python_tag|>name.call(key="value")`."""
    begin = r"(?:\[TOOL_CALLS\]|<\|python_tag\|>|\A)\s{0,8}([\w.-]{1,64}?)"
    arguments_follow = rf"{begin}(?:\[CALL_ID\]\w{{1,64}})?\s{{0,8}}(?:\[ARGS\])?\s{{0,8}}(?=\{{)"
    for head in islice(re.finditer(arguments_follow, text), VALUES_MOST):
        if head[1] in tools and (value := _decode(text, head.end())) is not None:
            yield head.start(), value[1], (head[1], _dumped(value[0]))
    called = rf"{begin}\.call(\(.{{0,{LITERAL_CHARACTERS}}}\))"
    for head in islice(re.finditer(called, text), VALUES_MOST):
        if head[1] in tools and (arguments := _keywords(f"call{head[2]}")) is not None:
            yield head.start(), head.end(), (head[1], _dumped(arguments))


def _as_json(text: str, tools: Collection[str]) -> Iterator[Found]:
    at = 0
    for _ in range(VALUES_MOST):
        start = re.compile(r"[\[{]").search(text, at)
        if start is None:
            return
        value = _decode(text, start.start())
        if value is None:
            at = start.end()
            continue
        at = value[1]
        for call in _calls_in(value[0], tools):
            yield start.start(), at, call


def _calls_in(value: Any, tools: Collection[str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield from _call_in(each, tools)


def _call_in(value: dict[str, Any], tools: Collection[str]) -> Iterator[tuple[str, str]]:
    inner = value["function"] if isinstance(value.get("function"), dict) else value
    name = next((inner[key] for key in NAME_KEYS if isinstance(inner.get(key), str)), "")
    if name in tools:
        arguments: Any = next((part[key] for part in (inner, value) for key in ARGUMENT_KEYS if key in part), {})
        yield name, arguments if isinstance(arguments, str) else _dumped(arguments)


def _broken(text: str, tools: Collection[str]) -> Iterator[Found]:
    """A call after a marker that is no valid JSON: the model is to be told so, like of any other."""
    named = re.search(r"""["'](?:name|function)["']\s{0,8}:\s{0,8}["']([\w.-]+)["']""", text)
    if named is None or named[1] not in tools:
        return
    given = re.search(r"""["'](?:arguments|parameters)["']\s{0,8}:\s{0,8}(.*)""", MARKS.sub("", text), re.DOTALL)
    yield 0, len(text), (named[1], given[1].strip() if given else "{")


def _decode(text: str, at: int) -> tuple[Any, int] | None:
    """Return the JSON value, or Python literal, that begins there, and where it ends."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, at)
    except (ValueError, RecursionError):
        pass
    end = text.rfind("}") + 1
    if end - at > LITERAL_CHARACTERS or "'" not in text[at : at + 20]:
        return None
    try:
        return ast.literal_eval(text[at:end]), end
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):  # a Python literal may be what JSON has no word for
        return str(value)


def _keywords(call: str) -> dict[str, Any] | None:
    try:
        parsed = ast.parse(call, mode="eval").body
        assert isinstance(parsed, ast.Call)
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in parsed.keywords if keyword.arg}
    except (ValueError, SyntaxError, AssertionError, MemoryError, RecursionError):
        return None


def _value(text: str) -> Any:
    """A parameter between tags is JSON where it can be read as such, and text otherwise."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
