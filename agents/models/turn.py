"""Put one turn of a model together from the lines that a server streams."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from agents.errors import AnswerTruncated, ModelAnswerInvalid, ModelInterrupted, ModelRefused
from agents.messages import ToolCall, Usage

LINE_MAX_BYTES = 4_000_000
SHOWN_CHARACTERS = 300  # of what a server said, in an error


@dataclass(slots=True)
class _PartialCall:
    id: str
    name: str = ""
    arguments: str = ""

    def whole(self) -> ToolCall:
        return ToolCall(self.id or f"call_{uuid.uuid4().hex[:16]}", self.name, self.arguments)


class Turn:
    """Puts a turn together from its lines, as servers really write them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.chunks = 0
        self.done = False
        self.finish = ""
        self.usage: Usage | None = None
        self.calls: list[_PartialCall] = []
        self._by_index: dict[int, _PartialCall] = {}
        self._half = ""  # of a surrogate pair

    @property
    def whole(self) -> bool:
        """Return whether one of the protocol's own ends was read; without, the connection was closed early."""
        return self.done or bool(self.finish)

    def read(self, line: bytes) -> str:
        """Take in one line, and return the text it adds. Raises ModelAnswerInvalid for what is no chunk."""
        if self.done or not line.startswith(b"data:"):
            return ""
        body = line[5:].strip()
        self.chunks += 1
        if body == b"[DONE]":
            self.done = True
            return ""
        try:
            return self._read_chunk(json.loads(body))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            shown = body[:SHOWN_CHARACTERS].decode(errors="replace")
            raise ModelAnswerInvalid(f"{self.name} sent a chunk that is none: {shown!r}") from error

    def check(self, content_type: str) -> None:
        """Raise unless the turn is whole."""
        if not self.chunks and "event-stream" not in content_type:
            raise ModelAnswerInvalid(f"{self.name} answered with {content_type or 'nothing'}, not with an event stream")
        if not self.whole:
            raise ModelInterrupted(f"{self.name}: the stream ended before the answer did")
        if self.finish == "length":
            raise AnswerTruncated(f"{self.name} reached its limit on the length of an answer")
        if self.finish == "content_filter":
            raise ModelRefused(f"{self.name}: the server's content filter stopped the answer")

    def _read_chunk(self, chunk: Any) -> str:
        if error := chunk.get("error"):
            message = error.get("message") if isinstance(error, dict) else error
            raise ModelInterrupted(f"{self.name}: {str(message)[:SHOWN_CHARACTERS]}")
        if usage := chunk.get("usage"):
            self.usage = Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
        if not (choices := chunk.get("choices")):
            return ""
        self.finish = choices[0].get("finish_reason") or self.finish
        delta = choices[0].get("delta") or {}
        for part in delta.get("tool_calls") or ():
            self._read_call(part)
        return self._mend(str(delta.get("content") or ""))

    def _mend(self, text: str) -> str:
        """Return the text with whole surrogate pairs, and keep half of one until the rest of it comes.

        Servers that escape what is not ASCII may cut a pair in two, and half of one can be sent to nobody.
        """
        if text.isascii() and not self._half:
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _read_call(self, part: Any) -> None:
        function = part.get("function") or {}
        call = self._call_of(part.get("index"), part.get("id") or "", function.get("name") or "")
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments") or ""
        call.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def _call_of(self, index: int | None, id: str, name: str) -> _PartialCall:  # noqa: A002 - the protocol's word
        """Return the call a part belongs to: by index, but servers leave that out, or give every call the same one."""
        call = self._by_index.get(index) if index is not None else self.calls[-1] if self.calls else None
        another = call is None or (id and call.id and id != call.id) or (index is None and name and not id)
        if call is None or another:
            call = _PartialCall(id)
            self.calls.append(call)
            if index is not None:
                self._by_index[index] = call
        call.id = call.id or id
        return call


def split_lines(received: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines, and the beginning of the next one. Raises ModelAnswerInvalid for an endless line.

    Cut at line feeds alone: JSON text may hold U+2028 and others, at which str.splitlines would cut it.
    """
    *lines, rest = received.split(b"\n")
    if len(rest) > LINE_MAX_BYTES:
        raise ModelAnswerInvalid(f"the server sent a line of more than {LINE_MAX_BYTES} bytes")
    return lines, rest
