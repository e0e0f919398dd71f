"""How much of a request has come: judged from its first bytes, without a thread that waits for the rest.

Whether what has come is well-formed is for the server's own parser to say; this only finds where a request ends.
"""

from __future__ import annotations

import re
from enum import Enum

HEAD_BYTES = 64 * 1024  # of a request line with all headers, at most
BODY_BYTES = 128 * 1024  # of a body that is waited for; the longest question has 96 KiB
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d+)[ \t]*\r$")
_LENGTH_DIGITS = 18  # no body has a length of more
_CHUNKED = re.compile(rb"(?im)^transfer-encoding:")
_ASKS_FIRST = re.compile(rb"(?im)^expect:")
_CHUNK_LINE = 1_024  # bytes of a line that tells a chunk's size


class Came(Enum):
    """What a connection has sent so far."""

    PART = "part"
    WHOLE = "whole"
    HEAD = "head"  # of a request whose body is long, or comes only when it is asked for
    TOO_MUCH = "too much"  # for a head, or for the lines behind the last chunk


class Incoming:
    """The bytes of one request, as they come."""

    def __init__(self, beginning: bytes = b"") -> None:
        self.received = bytearray(beginning)
        self._head_end = 0
        self._chunk_at: int | None = None  # where the line of the next chunk begins
        self._length = 0
        self._searched = 0

    def add(self, part: bytes) -> None:
        self.received += part

    @property
    def is_health(self) -> bool:
        """Say whether somebody asks if the site is well."""
        return self.received.startswith((b"GET /api/v1/health", b"HEAD /api/v1/health"))

    def judge(self) -> Came:
        """Return what has come by now."""
        if not self._head_end and not self._find_head():
            return Came.TOO_MUCH if len(self.received) > HEAD_BYTES else Came.PART
        if self._length > BODY_BYTES or self._length < 0:
            return Came.HEAD
        if self._chunk_at is not None:
            return self._judge_chunks()
        return Came.WHOLE if len(self.received) >= self._head_end + self._length else Came.PART

    def _find_head(self) -> bool:
        end = self.received.find(b"\r\n\r\n", max(0, self._searched - 3))
        self._searched = len(self.received)
        if end < 0 or end > HEAD_BYTES:
            return False
        self._head_end = end + 4
        head = bytes(self.received[: self._head_end])
        if _ASKS_FIRST.search(head):
            self._length = -1
        elif _CHUNKED.search(head):
            self._chunk_at = self._head_end
        elif found := _LENGTH.search(head):
            digits = found[1].lstrip(b"0") or b"0"
            self._length = int(digits) if len(digits) <= _LENGTH_DIGITS else -1
        return True

    def _judge_chunks(self) -> Came:
        """Go from chunk to chunk as far as they have come."""
        assert self._chunk_at is not None
        while (line_end := self.received.find(b"\r\n", self._chunk_at, self._chunk_at + _CHUNK_LINE)) >= 0:
            try:
                size = int(bytes(self.received[self._chunk_at : line_end]).partition(b";")[0], 16)
            except ValueError:
                return Came.HEAD  # the parser says what is wrong
            if size == 0:  # lines may follow it, which are counted as the body is
                if self.received.find(b"\r\n\r\n", line_end) >= 0:
                    return Came.WHOLE
                return Came.PART if len(self.received) <= self._head_end + BODY_BYTES else Came.TOO_MUCH
            if not 0 < size <= BODY_BYTES:
                return Came.HEAD
            self._chunk_at = line_end + 2 + size + 2
            if self._chunk_at > self._head_end + BODY_BYTES:
                return Came.HEAD
        return Came.HEAD if len(self.received) >= self._chunk_at + _CHUNK_LINE else Came.PART
