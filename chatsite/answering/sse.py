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
from chatsite.answering.answer import Answer
from chatsite.answering.telling import BEAT, Event


def event_stream(request: HttpRequest, answer: Answer) -> StreamingHttpResponse:
    """Return the response that sends what happens as it happens."""
    body: AsyncIterable[bytes] | Iterable[bytes] = (
        _AsyncBody(answer) if isinstance(request, ASGIRequest) else _Body(answer)
    )
    response = StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx passes each event on at once
    return response


def encode(event: Event) -> bytes:
    """Return one event on the wire. JSON escapes line breaks, so no text can end the event or forge another."""
    if event is BEAT:
        return b": beat\n\n"
    return f"event: {event.name}\ndata: {_json(event.body)}\n\n".encode()


_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder for each call


def _encoded(events: Generator[Event, None, None]) -> Generator[bytes, None, None]:
    with closing(events):
        for event in events:
            yield encode(event)


class _Body:
    """For WSGI: a server that stops sending closes it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._lines = _encoded(answer.stream())

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        self._lines.close()
        self._answer.close()


class _AsyncBody:
    """For ASGI: leaving the iteration is leaving the answer; `close` is for one that never began."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return iterate(_encoded(self._answer.stream()), cancel=self._answer.cancel)

    def close(self) -> None:
        self._answer.close()
