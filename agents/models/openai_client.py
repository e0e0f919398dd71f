"""Make the client that asks, from a plain one too, and turn its errors into ours."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agents.errors import (
    ContextOverflow,
    ModelAnswerInvalid,
    ModelError,
    ModelInterrupted,
    ModelRefused,
    ModelUnavailable,
)
from agents.models.told import told_in, without_sent
from agents.models.turn import SHOWN_CHARACTERS, StreamError
from agents.models.windows import read_output_limit, read_overflow

if TYPE_CHECKING:
    import openai
    from openai import AsyncOpenAI, OpenAI

SPEAKING_STATUSES = frozenset({400, 404, 405, 413, 415, 422, 500, 501})  # whose text may say what was wrong

# A server that failed says nothing of what it takes; but llama.cpp and LM Studio say so what a template refuses.
TEMPLATE = re.compile(r"\bjinja\b|unsupported param\b|roles must alternate|role not supported", re.IGNORECASE)

# llama.cpp and Ollama say with status 500 that a model can't see, which asking again doesn't change.
SEES_NOTHING = re.compile(r"image input\b.{0,20}not support|required for image input", re.IGNORECASE)


# ---- a plain client's settings, for an async one ---------------------------------------------------------------------
def settings_of(client: OpenAI) -> dict[str, Any]:
    """Return what a plain client was made with, as arguments for an async one: key, headers, transport, proxy, CA.

    Raises TypeError for a transport or a hook that only works in sync code, by its name.
    """
    headers = {name: value for name, value in client.default_headers.items() if isinstance(value, str)}
    settings = {
        "api_key": client.api_key,
        "organization": client.organization,
        "project": client.project,
        "default_headers": headers,
        "default_query": client.default_query,
    }
    http = client._client
    if type(http).__name__ != "SyncHttpxClientWrapper":  # its own, made of nothing but defaults
        settings["http_client"] = _async_form(http)
    return settings


def forget_environment(client: AsyncOpenAI) -> None:
    """Take out of a new client what it read from OpenAI's variables: organization, project and headers."""
    client.organization = client.project = None
    client._custom_headers = {}


def _async_form(http: Any) -> Any:
    """Return the async form of an HTTP client of httpx2, or of httpx."""
    vendor = import_module(next(kind.__module__ for kind in type(http).__mro__ if kind.__name__ == "Client"))
    vendor = import_module(vendor.__name__.partition(".")[0])
    if http.event_hooks["response"]:
        raise TypeError("the client's response hooks only work in sync code: hand in an AsyncOpenAI with async ones")
    try:
        mounts = {
            pattern.pattern: None if transport is None else _async_transport(transport, vendor)
            for pattern, transport in http._mounts.items()
        }
        return vendor.AsyncClient(
            transport=_async_transport(http._transport, vendor),
            mounts=mounts,
            headers=http.headers,
            cookies=http.cookies,
            params=http.params,
            auth=http.auth,
            follow_redirects=http.follow_redirects,
            max_redirects=http.max_redirects,
            trust_env=http.trust_env,
            event_hooks={"request": [_async_hook(hook) for hook in http.event_hooks["request"]]},
        )
    except AttributeError as error:
        raise TypeError(
            f"the settings of this {vendor.__name__} client can't be read: hand in an AsyncOpenAI"
        ) from error


def _async_hook(hook: Any) -> Any:
    async def call(request: Any) -> None:
        hook(request)

    return call


def _async_transport(transport: Any, vendor: Any) -> Any:
    if hasattr(transport, "handle_async_request"):
        return transport
    if type(transport) is not vendor.HTTPTransport:
        raise TypeError(
            f"the client's transport {type(transport).__name__} only works in sync code: "
            "hand in an AsyncOpenAI whose http_client has an async one"
        )
    # What a transport was made with is only kept by its pool, under names that are not documented.
    pool = transport._pool
    limits = vendor.Limits(
        max_connections=_unless_endless(pool._max_connections),
        max_keepalive_connections=_unless_endless(pool._max_keepalive_connections),
        keepalive_expiry=pool._keepalive_expiry,
    )
    return vendor.AsyncHTTPTransport(
        verify=pool._ssl_context,
        http1=pool._http1,
        http2=pool._http2,
        limits=limits,
        retries=pool._retries,
        uds=pool._uds,
        local_address=pool._local_address,
        socket_options=pool._socket_options,
        proxy=_proxy_of(pool, vendor),
    )


def _proxy_of(pool: Any, vendor: Any) -> Any:
    if not hasattr(pool, "_proxy_url"):
        return None
    url = pool._proxy_url
    port = "" if url.port is None else f":{url.port}"
    auth = getattr(pool, "_proxy_auth", None)  # of SOCKS; an HTTP proxy has it among its headers
    return vendor.Proxy(
        f"{url.scheme.decode()}://{url.host.decode()}{port}",
        ssl_context=getattr(pool, "_proxy_ssl_context", None),
        auth=auth and (auth[0].decode(), auth[1].decode()),
        headers=list(getattr(pool, "_proxy_headers", None) or ()),
    )


def _unless_endless(count: int) -> int | None:
    return None if count == sys.maxsize else count


# ---- errors ----------------------------------------------------------------------------------------------------------
def translate(error: openai.OpenAIError, request: Mapping[str, Any]) -> ModelError:
    import openai

    if isinstance(error, openai.APIStatusError):
        return _translate_status(error, request)
    if isinstance(error, openai.APIConnectionError):
        return ModelUnavailable(f"no connection to the model: {error.__cause__!r}")
    return ModelAnswerInvalid(f"the model's client failed: {type(error).__name__}")


def breaks() -> tuple[type[Exception], ...]:
    """Return the errors of a connection that breaks: those of httpx2, and of httpx where a client of it was given."""
    vendors = [vendor for name in ("httpx2", "httpx") if (vendor := sys.modules.get(name))]
    return (OSError, *(vendor.RequestError for vendor in vendors))


def said_by_server(error: ModelError, request: Mapping[str, Any]) -> str:
    """Return what the server said of the request, with a status or inside a stream; nothing for any other error."""
    import openai

    cause = error.__cause__
    if isinstance(cause, StreamError):
        said, refuses = cause.said, cause.refuses
    elif isinstance(cause, openai.APIStatusError) and cause.status_code in SPEAKING_STATUSES:
        said, refuses = _text_of(cause), cause.status_code < 500
    else:
        return ""
    said = without_sent(said, request)
    return said if refuses or isinstance(error, ContextOverflow) or TEMPLATE.search(said) else ""


def _translate_status(error: openai.APIStatusError, request: Mapping[str, Any]) -> ModelError:
    status, code, said = error.status_code, str(error.code or error.type), error.message[:SHOWN_CHARACTERS]
    if status in (401, 403):
        return ModelRefused(f"the model's server answered {status}: check the key")  # what it said may quote the key
    if status in SPEAKING_STATUSES:
        text = without_sent(_text_of(error), request)
        if read_output_limit(text) is None and (overflow := read_overflow(text, code)):
            return ContextOverflow(said, window=overflow.window)
    if code == "tool_use_failed":  # Groq: a call that it could not read, and might the next time
        return ModelInterrupted(f"the model's server could not read a call: {said}")
    final = code == "insufficient_quota" or (status >= 500 and SEES_NOTHING.search(error.message))
    if final or (status < 500 and status not in (408, 409, 429)):
        return ModelRefused(f"the model's server answered {status}: {said}")
    return ModelUnavailable(f"the model's server answered {status}: {said}", retry_after=_retry_after(error))


def _text_of(error: openai.APIStatusError) -> str:
    """What the body tells, without the backslashes that JSON inside of JSON brings."""
    try:
        body = error.response.text
    except RuntimeError:  # it was not read
        body = error.message
    return told_in(body)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds, from a Retry-After header in either of its forms."""
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
