"""Events -> `text/event-stream`, under WSGI and ASGI alike.

WSGI servers iterate a response in the thread of its view. ASGI ones iterate on the event loop, where a sync iterator
would arrive all at once, at the end; there every `next()` runs on one thread of the stream's own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import closing

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from agents import iterate
from chatsite.answering import BEAT, Answering, Event


def event_stream(request: HttpRequest, answering: Answering) -> StreamingHttpResponse:
    """The response that sends what happens as it happens. When the reader leaves, the run ends as cancelled."""
    body: AsyncIterable[bytes] | Iterable[bytes] = (
        _AsyncBody(answering) if isinstance(request, ASGIRequest) else _Body(answering)
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx passes each event on at once
    return response


def encode(event: Event) -> bytes:
    """One event on the wire. JSON escapes line breaks, so no text can end the event or forge another."""
    if event is BEAT:
        return b": beat\n\n"
    return f"event: {event.name}\ndata: {json.dumps(event.body, ensure_ascii=False)}\n\n".encode()


def _encoded(events: Generator[Event, None, None]) -> Generator[bytes, None, None]:
    with closing(events):
        for event in events:
            yield encode(event)


class _Body:
    """For WSGI: a server that stops sending closes it, and that ends the run."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._lines = _encoded(answering.stream())

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        self._lines.close()
        self._answering.close()


class _AsyncBody:
    """For ASGI: leaving the iteration ends the run; `close` is for one that never began."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def __aiter__(self) -> AsyncIterator[bytes]:
        return iterate(_encoded(self._answering.stream()), cancel=self._answering.cancel)

    def close(self) -> None:
        self._answering.close()
