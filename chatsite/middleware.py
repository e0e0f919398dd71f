"""What every request gets: an id that its errors and log lines carry, and headers that keep the browser strict."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]

current_request_id: ContextVar[str] = ContextVar("request_id", default="-")
_REQUEST_ID = "chatsite.request_id"  # in META; a request's own headers begin with HTTP_

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


def _around(
    get_response: GetResponse,
    before: Callable[[HttpRequest], None],
    after: Callable[[HttpRequest, HttpResponseBase], None],
) -> Callable[[HttpRequest], Any]:
    """Make a middleware of two plain functions that runs natively under WSGI and ASGI."""
    if iscoroutinefunction(get_response):
        aget = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def amiddleware(request: HttpRequest) -> HttpResponseBase:
            before(request)
            response = await aget(request)
            after(request, response)
            return response

        return amiddleware

    get = cast(Callable[[HttpRequest], HttpResponseBase], get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        before(request)
        response = get(request)
        after(request, response)
        return response

    return middleware


def name_request(request: HttpRequest) -> None:
    """Give the request an id, unless it has one."""
    current_request_id.set(request.META.setdefault(_REQUEST_ID, uuid.uuid4().hex))


def name_response(request: HttpRequest, response: HttpResponseBase) -> None:
    response["X-Request-ID"] = request.META[_REQUEST_ID]


def keep_strict(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set a strict Content-Security-Policy, and forbid caching of what only this reader may see, unless the view
    chose."""
    response.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.setdefault("Cache-Control", "no-store")


@sync_and_async_middleware
def request_id(get_response: GetResponse) -> Callable[[HttpRequest], Any]:
    """Name the request: `X-Request-ID` on the response, `request_id` in errors, and the same in its log lines."""
    return _around(get_response, name_request, name_response)


@sync_and_async_middleware
def security_headers(get_response: GetResponse) -> Callable[[HttpRequest], Any]:
    """Do what `keep_strict` does, on every page of the project."""
    return _around(get_response, lambda request: None, keep_strict)


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get()[:12]
        return True


class LineFormatter(logging.Formatter):
    """One record, one line per traceback line: what a user wrote can't forge a line or colour a terminal."""

    _CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name is logging's)
        return self._escape(super().formatMessage(record)).replace("\n", "\\n")

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return self._escape(super().formatException(ei)).replace("\n", "\n    ")

    def _escape(self, text: str) -> str:
        return self._CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
