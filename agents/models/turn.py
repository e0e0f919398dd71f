"""Put one turn of a model together from the lines that a server streams."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agents.errors import (
    AnswerTruncated,
    ContextOverflow,
    ModelAnswerInvalid,
    ModelInterrupted,
    ModelRefused,
)
from agents.events import TextDelta, TextWithdrawn, ThinkingDelta
from agents.messages import ToolCall, Usage
from agents.models.attached import CALL_FIELDS, FUNCTION_FIELDS, MESSAGE_FIELDS, attach, unknown_fields
from agents.models.fitting import BYTES_PER_TOKEN, weigh
from agents.models.learned import Learned
from agents.models.repetition import RepetitionGuard
from agents.models.thoughts import Said, ThoughtSplitter
from agents.models.windows import read_overflow
from agents.models.wire import is_object
from agents.models.written_calls import CallScanner, calls_in_thoughts, new_call_id, read_calls

LINE_MAX_BYTES = 4_000_000
UNSEEN_CHARACTERS = 400_000  # of all calls of a turn, and of what may become one
SHOWN_CHARACTERS = 300  # of what a server said, in an error
CUT = frozenset({"length", "model_length", "max_tokens", "max_output_tokens"})  # ends of an answer that was cut
REFUSING_CODE = re.compile(r"4(?!08|09|29)\d\d\Z|invalid_request_error\Z|BadRequest")  # of an error inside a stream
BROKEN = frozenset({"error", "abort", "insufficient_system_resource"})  # and of one that the server gave up
THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")


class StreamError(Exception):
    """What a server said in an error inside a stream that had begun well; the cause of the ModelError."""

    def __init__(self, said: str, *, refuses: bool) -> None:
        super().__init__(said)
        self.said = said
        self.refuses = refuses  # whether it is about the request, as a status of 4xx is


@dataclass(slots=True)
class PartialCall:
    id: str
    name: str = ""
    arguments: str = ""
    attached: dict[str, Any] = field(default_factory=dict)

    def whole(self) -> ToolCall:
        return ToolCall(self.id or new_call_id(), self.name, self.arguments, self.attached)


class Turn:
    """Puts a turn together from its lines, as servers really write them.

    `tools` are the names of those that it may call, `visible_tokens` how much text may be shown, by our estimate, and
    `given` returns the texts that it may quote; `clean` takes what was sent out of an error. Where `data` is
    asked for, rows may be alike.
    """

    def __init__(
        self,
        name: str,
        *,
        tools: Iterable[str] = (),
        learned: Learned,
        visible_tokens: int | None = None,
        given: Callable[[], Iterable[str]] = tuple,
        clean: Callable[[str], str] = str,
        data: bool = False,
    ) -> None:
        self.name = name
        self.chunks = 0
        self.done = False
        self.finish = ""
        self.usage: Usage | None = None
        self.attached: dict[str, Any] = {}
        self.thought = self.said = False
        self._thoughts: list[str] = []
        self._learned = learned
        self._tools = frozenset(tools)
        self._calls: list[PartialCall] = []
        self._written: list[ToolCall] = []
        self._by_index: dict[int, PartialCall] = {}
        self._mend_text, self._mend_thought = SurrogateMender(), SurrogateMender()
        self._splitter = ThoughtSplitter(closes_only=learned.closes_only)
        self._given, self._clean = given, clean
        self._scanner = CallScanner(self._tools, after_text=not learned.calls, given=given)
        self._data = data
        self._unseen, self._unseen_guard = 0, RepetitionGuard(data=True)
        self._text_guard, self._thought_guard = RepetitionGuard(data=data), RepetitionGuard()
        self._bytes_left = None if visible_tokens is None else visible_tokens * BYTES_PER_TOKEN

    @property
    def whole(self) -> bool:
        """Return whether one of the protocol's own ends was read; without, the connection was closed early."""
        return self.done or bool(self.finish)

    @property
    def cut(self) -> bool:
        return self.finish in CUT

    @property
    def calls(self) -> list[ToolCall]:
        return [call.whole() for call in self._called] + self._written

    @property
    def _called(self) -> list[PartialCall]:
        return [call for call in self._calls if call.name or call.arguments]

    def read(self, line: bytes) -> Iterator[Said]:
        """Take in one line, and yield what it adds. Raises ModelAnswerInvalid for what is no chunk, and
        AnswerTruncated when the answer repeats itself or is longer than it may be.
        """
        if self.done or not line.startswith(b"data:"):
            return
        body = line[5:].strip()
        self.chunks += 1
        if body == b"[DONE]":
            self.done = True
            return
        try:
            thought, text = self._read_chunk(json.loads(body))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            shown = body[:SHOWN_CHARACTERS].decode(errors="replace")
            raise ModelAnswerInvalid(f"{self.name} sent a chunk that is none: {shown!r}") from error
        if thought:
            yield from self._think(thought)
        if text:
            yield from self._show(self._splitter.feed(text))

    def read_whole(self, body: bytes) -> Iterator[Said]:
        """Take in an answer that came in one piece, as a server sends it that doesn't stream."""
        try:
            answer = json.loads(body)
            choices = [{**choice, "delta": choice["message"]} for choice in answer.get("choices") or ()]
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            return  # `check` says what came instead
        if choices or answer.get("error"):
            yield from self.read(b"data: " + json.dumps({**answer, "choices": choices}).encode())
            self.done = True

    def end(self) -> Iterator[Said]:
        """Yield what was held back until the end, and take note of the calls in it."""
        yield from self._show(self._splitter.end(cut=self.cut))
        text, self._written = self._scanner.end()
        if text and not (self._written and text.isspace()):
            yield from self._say(text)
        if not self.said and not self.calls:  # a model may call a tool in the midst of its thoughts, and stop
            self._written = calls_in_thoughts("".join(self._thoughts), self._tools, given=self._given)
        if self._called:
            self._learned.calls = True
        if self._splitter.closed_unopened is not None:
            self._learned.closings = self._learned.closings + 1 if self._splitter.closed_unopened else 0
        if self.thought or (self.usage and self.usage.reasoning_tokens):
            self._learned.thinks = True

    def check(self, content_type: str) -> None:
        """Raise unless the turn is whole."""
        if not self.chunks and "event-stream" not in content_type:
            raise ModelAnswerInvalid(f"{self.name} answered with {content_type or 'nothing'}, not with an event stream")
        if not self.whole:
            raise ModelInterrupted(f"{self.name}: the stream ended before the answer did")
        if self.finish in BROKEN:
            raise ModelInterrupted(f"{self.name}: the server gave the answer up: {self.finish}")
        if self.cut:
            raise AnswerTruncated(f"{self.name} reached its limit on the length of an answer")
        if self.finish == "content_filter":
            raise ModelRefused(f"{self.name}: the server's content filter stopped the answer")

    # ---- chunks ----
    def _read_chunk(self, chunk: Any) -> tuple[str, str]:
        """Return the thought and the text that a chunk adds."""
        if error := chunk.get("error"):
            self._read_error(error)
        if usage := chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage"):
            self.usage = read_usage(usage)
        if not (choices := chunk.get("choices")):
            return "", ""
        self.finish = choices[0].get("finish_reason") or self.finish
        delta = choices[0].get("delta") or {}
        for part in delta.get("tool_calls") or ():
            self._read_call(part)
        if old := delta.get("function_call"):  # as servers sent it before there were tools
            self._read_call({"index": 0, "function": old})
        more = unknown_fields(delta, MESSAGE_FIELDS)
        attach(self.attached, more)
        thoughts, texts = read_content(delta.get("content"))
        thought = next((more[key] for key in THOUGHT_FIELDS if isinstance(more.get(key), str) and more[key]), "")
        text = texts + str(delta.get("refusal") or "")
        return self._mend_thought.mend(thought + thoughts), self._mend_text.mend(text)

    def _read_error(self, error: Any) -> None:
        """Raise for an error inside a stream. A call that the server could not read (Groq) may still be readable."""
        said = error.get("message") if isinstance(error, dict) else error
        code = str(error.get("code") or error.get("type")) if isinstance(error, dict) else ""
        if calls := read_failed_generation(error, self._tools):
            self._written_by_error(calls)
            return
        shown = f"{self.name}: {str(said)[:SHOWN_CHARACTERS]}"
        cause = StreamError(str(said), refuses=bool(REFUSING_CODE.match(code)))
        if overflow := read_overflow(self._clean(str(said)), code):
            raise ContextOverflow(shown, window=overflow.window) from cause
        raise ModelInterrupted(shown) from cause

    def _written_by_error(self, calls: list[ToolCall]) -> None:
        self._calls += [PartialCall(call.id, call.name, call.arguments) for call in calls]
        self.finish, self.done = "tool_calls", True

    def _read_call(self, part: Any) -> None:
        function = part.get("function") or {}
        call = self._call_of(part.get("index"), part.get("id") or "", function.get("name") or "")
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments") or ""
        arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call.arguments += arguments
        self._count_unseen(arguments)
        attach(call.attached, unknown_fields(part, CALL_FIELDS))
        if more := unknown_fields(function, FUNCTION_FIELDS):
            attach(call.attached, {"function": more})

    def _call_of(self, index: int | None, id: str, name: str) -> PartialCall:  # noqa: A002 - the protocol's word
        """Return the call a part belongs to: by index, but servers leave that out, or give every call the same one."""
        call = self._by_index.get(index) if index is not None else self._calls[-1] if self._calls else None
        another = call is None or (id and call.id and id != call.id) or (index is None and name and not id)
        if (
            call is None
            or another
            or (name and not id and call.arguments.rstrip()[-1:] == "}" and is_object(call.arguments))
        ):
            call = PartialCall(id)
            self._calls.append(call)
            if index is not None:
                self._by_index[index] = call
        call.id = call.id or id
        return call

    # ---- what is shown ----
    def _show(self, said: Iterator[Said]) -> Iterator[Said]:
        for event in said:
            match event:
                case TextDelta(text):
                    shown = self._scanner.feed(text)
                    if shown:
                        yield from self._say(shown)
                    self._count_unseen(text[len(shown) :])
                case ThinkingDelta(text):
                    yield from self._think(text)
                case TextWithdrawn():
                    self.said, self._text_guard = False, RepetitionGuard(data=self._data)
                    yield event

    def _count_unseen(self, text: str) -> None:
        """Raise AnswerTruncated for a call without end, which nobody sees."""
        self._unseen += len(text)
        if self._unseen > UNSEEN_CHARACTERS:
            raise AnswerTruncated(f"{self.name} wrote a call of more than {UNSEEN_CHARACTERS} characters")
        if text and self._unseen_guard.feed(text):
            raise AnswerTruncated(f"{self.name} repeats itself in a call, and was stopped", reason="repetition")

    def _think(self, text: str) -> Iterator[Said]:
        self.thought = True
        self._thoughts.append(text)
        yield ThinkingDelta(text)
        if self._thought_guard.feed(text):
            self._learned.thinks = True
            raise AnswerTruncated(f"{self.name} repeats itself in its thoughts, and was stopped", reason="repetition")

    def _say(self, text: str) -> Iterator[Said]:
        if self._bytes_left is not None:
            self._bytes_left -= weigh(text)
        self.said = self.said or not text.isspace()
        yield TextDelta(text)
        if self._text_guard.feed(text):
            raise AnswerTruncated(f"{self.name} repeats itself, and was stopped", reason="repetition")
        if self._bytes_left is not None and self._bytes_left < 0:
            raise AnswerTruncated(f"{self.name} said as much as it may (max_tokens)")


class SurrogateMender:
    """Keeps half of a surrogate pair until the rest of it comes.

    Servers that escape what is not ASCII may cut a pair in two, and half of one can be sent to nobody.
    """

    def __init__(self) -> None:
        self._half = ""

    def mend(self, text: str) -> str:
        if (text.isascii() and not self._half) or not text:
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_content(content: Any) -> tuple[str, str]:
    """Return the thought and the text of a delta's content: a text, or a list of parts as Mistral sends them."""
    if not isinstance(content, list):
        return "", str(content or "")
    thoughts, texts = [], []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif part.get("type") in ("thinking", "reasoning"):
            inner = part.get("thinking") or part.get("reasoning") or part.get("text") or part.get("summary") or ""
            thoughts.append("".join(read_content(inner)))
        elif part.get("type") in ("text", "output_text", "summary_text", None):
            texts.append(str(part.get("text") or ""))
    return "".join(thoughts), "".join(texts)


def read_usage(usage: Any) -> Usage:
    """Return the tokens. Servers that count thoughts apart from the completion (Gemini, xAI) have a larger total."""
    read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    total = usage.get("total_tokens") or 0
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    if total > read + written and (thought or usage.get("completion_tokens_details") is None):
        written = total - read
    return Usage(read, written, min(cached or 0, read), min(thought, written))


def read_failed_generation(error: Any, tools: Iterable[str]) -> list[ToolCall]:
    """Return the calls in what Groq could not read as such, and sends with its refusal."""
    failed = error.get("failed_generation") if isinstance(error, dict) else None
    return read_calls(failed, frozenset(tools))[1] if isinstance(failed, str) else []


def split_lines(received: bytes, *, whole: bool = False) -> tuple[list[bytes], bytes]:
    """Return the whole lines, and the beginning of the next one; a `whole` text has one. Raises ModelAnswerInvalid for
    an endless line.

    Cut at line feeds alone: JSON text may hold U+2028 and others, at which str.splitlines would cut it.
    """
    *lines, rest = [received] if whole else received.split(b"\n")
    if len(rest) > LINE_MAX_BYTES:
        raise ModelAnswerInvalid(f"the server sent a line of more than {LINE_MAX_BYTES} bytes")
    return lines, rest
