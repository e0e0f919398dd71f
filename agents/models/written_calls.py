"""Understand tool calls that a model wrote as text, in the forms that models were trained on.

Hermes and Qwen: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`. Mistral: `[TOOL_CALLS][{…}]` and
`[TOOL_CALLS]name[ARGS]{…}`. Llama: `<|python_tag|>{…}`, `<function=name>{…}</function>`, or only the JSON. Qwen Coder:
`<function=name><parameter=key>value</parameter></function>`. Others: a block of JSON. They count only when they name
a tool that the model was offered.
"""

from __future__ import annotations

import ast
import json
import random
import re
import string
from collections.abc import Collection, Iterator
from typing import Any, Literal

from agents.messages import ToolCall

ID_LENGTH = 9  # letters and digits: Mistral takes no other id
MARKERS = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=", "<|tool_call|>", "<function_call>")
FENCE = "```"
BARE = re.compile(r"(?:\A|\n)\s*[{\[]")
SUSPICIOUS = frozenset("<[`{")  # how all of these begin
LANGUAGES = ("", "json", "tool_call", "tool_code")  # of a block that may hold a call
NAME_KEYS = ("name", "function", "tool", "tool_name", "function_name")
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "tool_input")
KEYS = (*NAME_KEYS, *ARGUMENT_KEYS, "type", "id", "tool_calls")
JUDGED_CHARACTERS = 500  # of a JSON value: by then it has named a tool, or is an answer
JSON_VALUES_MOST = 50  # that are looked at in one text
MARKS = re.compile(
    r"</?tool_calls?>|</?function_call>|</?tool-use>|\[/?TOOL_CALLS\]|<\|python_tag\|>|<\|/?tool_call\|>|</?function[^>]*>"
    r"|<\|(?:eom_id|eot_id|im_end)\|>|```(?:json|tool_call|tool_code)?"
)

Verdict = Literal["call", "maybe", "no"]


def new_call_id() -> str:
    """Return an id for a call that came without one."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=ID_LENGTH))  # noqa: S311 - no secret


# ---- while it is written ---------------------------------------------------------------------------------------------
class CallScanner:
    """Passes an answer's text on as it comes, but holds back what may turn out to be a call of one of the `tools`."""

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = tools
        self._held = ""
        self._holding = False  # all the rest
        self._begun = False  # the answer
        self._in_code = False
        self._last = ""

    def feed(self, text: str) -> str:
        """Return what is certainly text by now."""
        if not self._tools or (self._begun and not self._held and SUSPICIOUS.isdisjoint(text)):
            self._last = text[-1:] or self._last
            return text
        self._held += text
        certain: list[str] = []
        while self._held and not self._holding and (passed := self._step()):
            certain.append(passed)
        return "".join(certain)

    def end(self) -> tuple[str, list[ToolCall]]:
        """Return the text and the calls that were still held back."""
        held, self._held = self._held, ""
        return read_calls(held, self._tools) if held else ("", [])

    def _step(self) -> str:
        """Return the next text that is certain; nothing when there is none yet."""
        at, kind = self._suspect()
        if at:
            return self._pass(at)
        if kind == "nothing":
            return ""
        if kind == "marker":
            self._holding = True
            return ""
        if self._in_code:
            self._in_code = False
            return self._pass(len(FENCE))
        verdict = judge(self._held[:JUDGED_CHARACTERS], self._tools)
        if verdict == "no":
            self._in_code = kind == "fence"
            return self._pass(len(FENCE) if kind == "fence" else 1)
        self._holding = verdict == "call"
        return ""

    def _pass(self, count: int) -> str:
        text, self._held = self._held[:count], self._held[count:]
        self._begun = self._begun or not text.isspace()
        self._last = text[-1]
        return text

    def _suspect(self) -> tuple[int, str]:
        """Return how much is text before the next thing to look at, and what that is, or may become."""
        held = self._held
        found = [(at, "fence")] if (at := held.find(FENCE)) >= 0 else []
        if not self._in_code:
            found += [(at, "marker") for marker in MARKERS if (at := held.find(marker)) >= 0 and not self._quoted(at)]
            found += [(at, "json") for at in self._bare(held)]
        found.append((len(held) - _beginning(held), "nothing"))
        return min(found, key=lambda suspect: suspect[0])

    def _bare(self, held: str) -> Iterator[int]:
        """Yield where lines begin with JSON."""
        for line in BARE.finditer(held):
            at = line.end() - 1
            begins = line.start() > 0 or not self._begun or self._last == "\n" or held[0] == "\n"
            if begins and not any(mark.startswith(held[at:]) for mark in MARKERS):
                yield at

    def _quoted(self, at: int) -> bool:
        return (self._held[at - 1] if at else self._last) == "`"


def _beginning(text: str) -> int:
    """Return how many characters at the end may be the beginning of a marker or a fence."""
    for length in range(min(15, len(text)), 0, -1):
        tail = text[-length:]
        if tail[0] in "<[`" and any(mark.startswith(tail) and mark != tail for mark in (*MARKERS, FENCE)):
            return length
    return 0


def judge(text: str, tools: Collection[str]) -> Verdict:
    """Say whether JSON, in a fence or bare, is a call of a known tool, as far as the text goes."""
    if text.startswith(FENCE):
        language, _, text = text[len(FENCE) :].partition("\n")
        if language.strip() not in LANGUAGES and not (
            text == "" and any(known.startswith(language) for known in LANGUAGES)
        ):
            return "no"
    text = re.sub(r"^\s*\[?\s*", "", text)
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
def read_calls(text: str, tools: Collection[str]) -> tuple[str, list[ToolCall]]:
    """Return the text without the calls in it, and the calls. Without a known tool's name all of it is text."""
    found = [*_tagged(text, tools), *_named_before(text, tools)]
    if not found:
        found = [*_as_json(text, tools)]
    if not found and any(marker in text for marker in MARKERS):
        found = [*_broken(text, tools)]
    if not found:
        return text, []
    rest, at = [], 0
    for begin, end, _ in sorted(found, key=lambda each: each[0]):
        rest.append(text[at:begin])
        at = max(at, end)
    rest.append(text[at:])
    left = MARKS.sub("", "".join(rest)).strip(" \n\t;,[]")
    return left, [ToolCall(new_call_id(), name, arguments) for _, _, (name, arguments) in found]


def calls_in_thoughts(thoughts: str, tools: Collection[str]) -> list[ToolCall]:
    """Return the calls in a text that is no answer; only those that are marked as such."""
    begins = [at for marker in MARKERS if (at := thoughts.find(marker)) >= 0]
    return read_calls(thoughts[min(begins) :], tools)[1] if begins and tools else []


Found = tuple[int, int, tuple[str, str]]


def _tagged(text: str, tools: Collection[str]) -> Iterator[Found]:
    """`<function=name>…</function>`, with JSON or with tags for each parameter inside."""
    for tag in re.finditer(r"<function=([\w.-]+)>(.*?)(?:</function>|\Z)", text, re.DOTALL):
        name, body = tag[1], tag[2].strip()
        if name not in tools:
            continue
        given = re.findall(r"<parameter=([\w.-]+)>\n?(.*?)\n?</parameter>", body, re.DOTALL)
        arguments = json.dumps({key: _value(value) for key, value in given}) if given else body or "{}"
        yield tag.start(), tag.end(), (name, arguments)


def _named_before(text: str, tools: Collection[str]) -> Iterator[Found]:
    """`[TOOL_CALLS]name[ARGS]{…}`, `name{…}</function>` and `<|python_tag|>name.call(key="value")`."""
    begin = r"(?:\[TOOL_CALLS\]|<\|python_tag\|>|\A)\s*([\w.-]+?)"
    for head in re.finditer(rf"{begin}(?:\[CALL_ID\]\w+)?\s*(?:\[ARGS\])?\s*(?=\{{)", text):
        if head[1] in tools and (value := _decode(text, head.end())) is not None:
            yield head.start(), value[1], (head[1], json.dumps(value[0]))
    for head in re.finditer(rf"{begin}\.call(\(.*\))", text):
        if head[1] in tools and (arguments := _keywords(f"call{head[2]}")) is not None:
            yield head.start(), head.end(), (head[1], json.dumps(arguments))


def _as_json(text: str, tools: Collection[str]) -> Iterator[Found]:
    at = 0
    for _ in range(JSON_VALUES_MOST):
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
    if isinstance(value, list):
        for each in value:
            yield from _calls_in(each, tools)
    if not isinstance(value, dict):
        return
    if isinstance(value.get("tool_calls"), list):
        yield from _calls_in(value["tool_calls"], tools)
        return
    inner = value["function"] if isinstance(value.get("function"), dict) else value
    name = next((inner[key] for key in NAME_KEYS if isinstance(inner.get(key), str)), "")
    if name in tools:
        arguments: Any = next((part[key] for part in (inner, value) for key in ARGUMENT_KEYS if key in part), {})
        yield name, arguments if isinstance(arguments, str) else json.dumps(arguments)


def _broken(text: str, tools: Collection[str]) -> Iterator[Found]:
    """A call after a marker that is no valid JSON: the model is to be told so, like of any other."""
    named = re.search(r"""["'](?:name|function)["']\s*:\s*["']([\w.-]+)["']""", text)
    if named is None or named[1] not in tools:
        return
    given = re.search(r"""["'](?:arguments|parameters)["']\s*:\s*(.*)""", MARKS.sub("", text), re.DOTALL)
    yield 0, len(text), (named[1], given[1].strip() if given else "{")


def _decode(text: str, at: int) -> tuple[Any, int] | None:
    """Return the JSON value, or Python literal, that begins there, and where it ends."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, at)
    except (ValueError, RecursionError):
        pass
    end = text.rfind("}") + 1
    try:
        return (ast.literal_eval(text[at:end]), end) if "'" in text[at : at + 20] else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


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
    except ValueError:
        return text
