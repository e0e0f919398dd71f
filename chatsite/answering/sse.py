"""Events -> `text/event-stream`, under WSGI and ASGI alike.

WSGI servers iterate a response in the thread of its view. ASGI ones iterate on the event loop, where a sync iterator
would arrive all at once, at the end; there every `next()` runs on one thread of the stream's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from agents import iterate
from chatsite.answering.answer import Streamed
from chatsite.answering.telling import BEAT, WITHDRAWN, Event


def event_stream(
    request: HttpRequest, answer: Streamed, *, after: str | None = None, encode: Callable[[Event], bytes] | None = None
) -> StreamingHttpResponse:
    """Return the response that sends what happens as it happens; with ids, for a client that has been told all up to
    the event `after` (an id that `Told` reads), or nothing where that is empty. `encode` writes one event of another
    protocol, which has no ids."""
    written = _Written(answer, after, encode)
    body: AsyncIterable[bytes] | Iterable[bytes] = (
        _AsyncBody(written) if isinstance(request, ASGIRequest) else _Body(written)
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx passes each event on at once
    return response


def encode(event: Event, event_id: str = "") -> bytes:
    """Return one event on the wire. JSON escapes line breaks, so no text can end the event or forge another."""
    if event is BEAT:
        return b": beat\n\n"
    id_line = f"id: {event_id}\n" if event_id else ""
    return f"event: {event.name}\ndata: {_json(event.body)}\n{id_line}\n".encode()


_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder for each call


@dataclass(frozen=True, slots=True)
class _Written:
    """An answer, and how its events are written."""

    answer: Streamed
    after: str | None
    encode: Callable[[Event], bytes] | None

    def lines(self) -> Generator[bytes, None, None]:
        with closing(self.answer.stream()) as events:
            if self.after is None:
                yield from map(self.encode or encode, events)
            else:
                yield from (encode(event, told.id) for event, told in told_after(events, self.after))


class _Body:
    """For WSGI: a server that stops sending closes it."""

    def __init__(self, written: _Written) -> None:
        self._answer = written.answer
        self._lines = written.lines()

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        self._lines.close()
        self._answer.close()


class _AsyncBody:
    """For ASGI: leaving the iteration is leaving the answer; `close` is for one that never began."""

    def __init__(self, written: _Written) -> None:
        self._written = written

    def __aiter__(self) -> AsyncIterator[bytes]:
        return iterate(self._written.lines(), cancel=self._written.answer.cancel)

    def close(self) -> None:
        self._written.answer.close()


# ---- a client that comes back ----------------------------------------------------------------------------------------
EVENT_ID = r"([0-9]{1,6}\.){4}[0-9]{1,9}\.[0-9a-f]{8}"
_STEPS = {"small_talk", "tool_call", "tool_result"}
_ASIDES = {"reading", "queued", "waiting", "quoted", "thinking"}


@dataclass(frozen=True, slots=True)
class Told:
    """How far a client has been told: how many steps, passages and asides, and how many citations and characters of
    the text that stands. The same place has the same id whoever tells it, however its text is cut into events."""

    steps: int = 0
    passages: int = 0
    asides: int = 0
    citations: int = 0
    characters: int = 0
    digest: str = "e3b0c442"  # of the text

    @classmethod
    def of(cls, event_id: str) -> Told:
        """Return what an id says. Raises ValueError."""
        if not re.fullmatch(EVENT_ID, event_id):
            raise ValueError(event_id)
        *numbers, digest = event_id.split(".")
        steps, passages, asides, citations, characters = map(int, numbers)
        return cls(steps, passages, asides, citations, characters, digest)

    @property
    def id(self) -> str:
        counts = (self.steps, self.passages, self.asides, self.citations, self.characters, self.digest)
        return ".".join(map(str, counts))


def told_after(events: Iterable[Event], after: str) -> Iterator[tuple[Event, Told]]:
    """Yield each event that a client hasn't been told which has been told up to the id `after`, with how far it has
    been told with it. Where the text is another by now, it is withdrawn and told anew."""
    told, last = Told(), Told.of(after) if after else Told()
    text = hashlib.sha256()
    waiting: list[tuple[Event, Told]] | None = [] if last.characters else None  # until as much text has come
    for event in events:
        if event.name == "text":
            text.update(event.body["text"].encode(errors="surrogatepass"))
        elif event is WITHDRAWN:
            text = hashlib.sha256()
        told = _told_with(event, told, text.hexdigest()[:8])
        if waiting is not None and event.name in ("text", "citation", "withdrawn"):
            if event is WITHDRAWN:
                waiting.clear()
            else:
                waiting.append((event, told))
            if told.characters >= last.characters:
                new = list(_beyond(waiting, last))
                last = replace(last, citations=0) if new and new[0][0] is WITHDRAWN else last
                yield from new
                waiting = None
        elif not _is_known(event, told, last, resumed=bool(after)):
            last = replace(last, citations=0) if event is WITHDRAWN else last
            yield event, told


def _told_with(event: Event, told: Told, digest: str) -> Told:
    """Return how far a client is told with `event`."""
    if event.name == "text":
        return replace(told, characters=told.characters + len(event.body["text"]), digest=digest)
    if event.name == "citation":
        return replace(told, citations=told.citations + 1)
    if event is WITHDRAWN:
        return replace(told, citations=0, characters=0, digest=digest)
    if event.name == "sources":
        return replace(told, passages=len(event.body["sources"]))
    if event.name in _ASIDES:
        return replace(told, asides=told.asides + 1)
    return replace(told, steps=told.steps + (event.name in _STEPS))


def _is_known(event: Event, told: Told, last: Told, *, resumed: bool) -> bool:
    """Return whether a client that was told up to `last` knows this event, which is no text and takes none back."""
    if event.name == "run":
        return resumed
    if event.name in _STEPS:
        return told.steps <= last.steps
    if event.name in _ASIDES:
        return told.asides <= last.asides
    if event.name == "citation":
        return told.citations <= last.citations
    return event.name == "sources" and resumed and told.passages <= last.passages


def _beyond(waiting: list[tuple[Event, Told]], last: Told) -> Iterator[tuple[Event, Told]]:
    """Yield what of this text and these citations is new after `last`; all of it, where that told another text."""
    whole = "".join(event.body["text"] for event, _told in waiting if event.name == "text")
    told_before = whole[: last.characters].encode(errors="surrogatepass")
    if hashlib.sha256(told_before).hexdigest()[:8] != last.digest:
        yield WITHDRAWN, replace(waiting[0][1], citations=0, characters=0, digest=Told().digest)
        yield from waiting
        return
    for event, told in waiting:
        if event.name == "citation":
            if told.citations > last.citations:
                yield event, told
        elif told.characters > last.characters:
            known = max(0, len(event.body["text"]) - (told.characters - last.characters))
            yield Event("text", {"text": event.body["text"][known:]}), told
