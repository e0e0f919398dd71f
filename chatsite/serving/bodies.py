"""Bodies that come without a Content-Length: counted while they come, and kept on disk, before Django sees them.

Under WSGI Django takes a body without a length for an empty one; under ASGI it keeps all of any body before a view, or
a middleware, is asked. What is longer than its address takes is not kept, and the request is marked: `TOO_LARGE` in its
environment or scope is the limit, and `chatsite.api.bodies` refuses it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve

from retrieval.sources.uploads import AROUND_FILES, declared_length

TOO_LARGE = "chatsite.body_too_large"
_IN_MEMORY = 1024**2
_PART = 64 * 1024

Receive = Callable[[], Awaitable[dict[str, Any]]]


def takes_files(view: Any) -> bool:
    """Say whether a view has a limit of its own for its bodies."""
    return bool(getattr(getattr(view, "cls", view), "takes_files", False))


def most_bytes(path: str, *, by_somebody: bool) -> int:
    """Return how long a body to this address may be. Files are taken from no one without a key or a session, so that
    whoever sends neither has nothing kept."""
    try:
        view = resolve(path).func if by_somebody else None
    except Resolver404:
        view = None
    return settings.UPLOAD_MAX_BYTES + AROUND_FILES if takes_files(view) else settings.DATA_UPLOAD_MAX_MEMORY_SIZE


# ---- WSGI ------------------------------------------------------------------------------------------------------------
def with_lengths(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return the application, to which each body comes with its length."""

    def counting(request: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (
            not request.get("wsgi.input_terminated")
            or "chunked" not in request.get("HTTP_TRANSFER_ENCODING", "").lower()
        ):
            return application(request, start_response)
        by_somebody = "HTTP_AUTHORIZATION" in request or "HTTP_COOKIE" in request
        limit = most_bytes(request.get("PATH_INFO", "/"), by_somebody=by_somebody)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
            try:
                length = _keep(request["wsgi.input"], kept, limit=limit)
            except OSError:  # it came too slowly, or not to its end
                start_response("408 Request Timeout", [("Content-Length", "0"), ("Connection", "close")])
                return [b""]
            if length > limit:
                request[TOO_LARGE], length = limit, 0
                kept.truncate(0)
            kept.seek(0)
            request |= {"wsgi.input": kept, "CONTENT_LENGTH": str(length)}
            del request["HTTP_TRANSFER_ENCODING"]
            return application(request, start_response)

    return counting


def _keep(body: Any, kept: Any, *, limit: int) -> int:
    """Return how many bytes have come: of more than the limit, not all."""
    length = 0
    while length <= limit and (part := body.read(_PART)):
        length += len(part)
        kept.write(part)
    return length


# ---- ASGI ------------------------------------------------------------------------------------------------------------
def bounded(scope: dict[str, Any], receive: Receive) -> Receive:
    """Return `receive` for a request whose body is kept only as far as its address takes one: of a longer one nothing
    is, if it says so beforehand."""
    headers = dict(scope.get("headers", ()))
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    limit = most_bytes(path, by_somebody=b"authorization" in headers or b"cookie" in headers)
    if declared_length(headers.get(b"content-length", b"").decode("latin-1")) > limit:
        return _empty(receive)  # the view, or the middleware, reads the same header
    length = 0

    async def counted() -> dict[str, Any]:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if message["type"] != "http.request" or length <= limit:
            return message
        if TOO_LARGE not in scope:
            scope[TOO_LARGE] = limit
            return {"type": "http.request", "body": b"", "more_body": False}
        return await _disconnect(receive)

    return counted


def _empty(receive: Receive) -> Receive:
    """Return a body that no view accepts, as an empty one."""
    begun = False

    async def received() -> dict[str, Any]:
        nonlocal begun
        if not begun:
            begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return await _disconnect(receive)

    return received


async def _disconnect(receive: Receive) -> dict[str, Any]:
    """Return the message that the client has left, past what still comes of its body."""
    while (message := await receive())["type"] == "http.request":
        pass
    return message
