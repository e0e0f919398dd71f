"""Events -> `text/event-stream`, under WSGI and ASGI alike.

WSGI servers iterate a response in the thread of its view. ASGI ones iterate on the event loop, where a sync iterator
would arrive all at once, at the end; there every `next()` runs on one thread of the stream's own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from agents.bridge import iterate
from chatsite.answering import Event


def event_stream(
    request: HttpRequest, events: Generator[Event, None, None], *, cancel: Callable[[], None]
) -> StreamingHttpResponse:
    """The response that sends `events` as they come. When the reader leaves, `cancel` is called and `events` closed."""
    lines = _Lines(events)
    body: Iterable[bytes] | AsyncIterable[bytes] = (
        iterate(lines, cancel=cancel) if isinstance(request, ASGIRequest) else lines
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx passes each event on at once
    return response


def encode(event: Event) -> bytes:
    """One event on the wire. JSON escapes line breaks, so no text can end the event or forge another."""
    return f"event: {event.name}\ndata: {json.dumps(event.body, ensure_ascii=False)}\n\n".encode()


class _Lines:
    """The encoded events; `close` reaches the events, so that a server that stops sending ends the run."""

    def __init__(self, events: Generator[Event, None, None]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return encode(next(self._events))

    def close(self) -> None:
        self._events.close()
