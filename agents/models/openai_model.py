"""Ask an OpenAI-compatible server. The only place that imports `openai` for chat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import KW_ONLY, dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from agents.budget import Price
from agents.errors import (
    ContextOverflow,
    DeadlineExceeded,
    ModelAnswerInvalid,
    ModelError,
    ModelInterrupted,
    ModelRefused,
    ModelUnavailable,
)
from agents.events import TextDelta
from agents.loop import per_loop
from agents.messages import Message
from agents.models.model import ModelEvent
from agents.models.settings import NOTHING_SET, ModelSettings
from agents.models.turn import SHOWN_CHARACTERS, Turn, split_lines
from agents.models.wire import message_to_wire, settings_to_wire
from agents.result import Output
from agents.tools import Tool

if TYPE_CHECKING:
    import openai
    from openai import AsyncOpenAI, OpenAI

T = TypeVar("T")

OPENAI_URL = "https://api.openai.com/v1"
BACKOFF_SECONDS = 0.25  # before the first retry, twice as long before each next one
DRAIN_SECONDS = 0.5  # for a server to close the stream after its [DONE]


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds: to connect, to the first text or tool call, between two lines, and for a whole turn with its retries."""

    connect: float = 5.0
    first: float = 45.0
    between: float = 20.0
    total: float = 110.0


@dataclass(frozen=True)
class OpenAIModel:
    """A model behind streaming Chat Completions, at OpenAI or at any address that speaks its protocol.

    What can be tried again is, up to `max_retries` times while the total time allows and nothing has been said: 408,
    409, 429 (after the seconds its Retry-After asks for), 5xx, and a connection refused or broken.

    A `client` brings its own key and address. An async one is used with its connections, so use it nowhere but on the
    managed loop, and make it after a fork; a plain `OpenAI` lends its settings to a pooled async one. A sync client of
    any other class is a TypeError: what that adds (Azure's signing) can't be carried over. `price` overrides the listed
    one.
    """

    name: str
    _: KW_ONLY
    api_key: str = field(default="", repr=False)
    base_url: str | None = None
    client: AsyncOpenAI | OpenAI | None = field(default=None, repr=False)
    timeout: Timeout = Timeout()
    max_retries: int = 2
    price: Price | None = None
    window_tokens: int | None = None
    provider: str = "openai"
    settings: ModelSettings = NOTHING_SET

    def __post_init__(self) -> None:
        if self.client is None:
            return
        from openai import AsyncOpenAI, OpenAI

        if not isinstance(self.client, AsyncOpenAI) and type(self.client) is not OpenAI:
            raise TypeError(f"hand in the async form of {type(self.client).__name__}")
        object.__setattr__(self, "base_url", str(self.client.base_url))

    async def stream(
        self,
        *,
        instructions: str,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        output: Output | None = None,
        settings: ModelSettings | None = None,
    ) -> AsyncGenerator[ModelEvent]:
        chosen = settings.over(self.settings) if settings else self.settings
        sent = settings_to_wire(chosen)
        for asked in self._requests(instructions, messages, tools, output):
            request = {**asked, **sent}
            try:
                async with aclosing(self._turn(request)) as events:
                    async for event in events:
                        yield event
                return
            except ModelRefused as error:
                if "response_format" not in request or "response_format" not in str(error):
                    raise

    async def _turn(self, request: dict[str, Any]) -> AsyncGenerator[ModelEvent]:
        now = asyncio.get_running_loop().time
        deadline = now() + self.timeout.total
        spoken, attempt = False, 0
        while True:
            try:
                async with aclosing(self._attempt(request, deadline)) as events:
                    async for event in events:
                        spoken = True
                        yield event
                return
            except (ModelUnavailable, ModelInterrupted) as error:
                pause = self._pause(error, attempt)
                attempt += 1
                if spoken or attempt > self.max_retries or now() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)

    @staticmethod
    def _pause(error: ModelError, attempt: int) -> float:
        if isinstance(error, ModelUnavailable) and error.retry_after is not None:
            return error.retry_after
        return BACKOFF_SECONDS * 2.0**attempt * random.uniform(0.75, 1.0)  # noqa: S311 - spreads clients, no secret

    async def _attempt(self, request: dict[str, Any], deadline: float) -> AsyncGenerator[ModelEvent]:
        import httpx2
        import openai

        turn = Turn(self.name)
        clock = _Clock(self.timeout, deadline=deadline)
        opened = self._client().chat.completions.with_streaming_response.create(**request)
        try:
            response = await clock.wait(opened.__aenter__())
            try:
                async with aclosing(response.http_response.aiter_bytes()) as body:
                    rest = b""
                    while not turn.done and (received := await clock.wait(anext(body, None))) is not None:
                        lines, rest = split_lines(rest + received)
                        for line in lines:
                            if text := turn.read(line):
                                yield TextDelta(text)
                        clock.tick(heard=turn.chunks > 0)
                    if text := turn.read(rest):
                        yield TextDelta(text)
                    await _drain(body)
            finally:
                await opened.__aexit__(None, None, None)
        except openai.OpenAIError as error:
            raise _translate(error) from error
        except (httpx2.RequestError, OSError) as error:
            if not turn.whole:
                raise ModelInterrupted(f"{self.name}: the connection broke: {error!r}") from error
        except UnicodeEncodeError as error:
            raise ModelRefused(f"{self.name} can't be sent half a surrogate pair, as one message holds") from error
        if turn.usage:
            yield turn.usage
        turn.check(response.headers.get("content-type", ""))
        for call in turn.calls:
            yield call.whole()

    def _client(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI
        from openai import Timeout as HttpTimeout

        # Retries are ours: they know whether anything has been said.
        timeout = HttpTimeout(None, connect=self.timeout.connect, pool=self.timeout.first)
        given = self.client

        def connect() -> AsyncOpenAI:
            if isinstance(given, AsyncOpenAI):
                return given.copy(timeout=timeout, max_retries=0)
            # An address of one's own may need no key, but the client insists on one.
            settings = _settings_of(given) if given else {"api_key": self.api_key or "none"}
            return AsyncOpenAI(base_url=self.base_url or OPENAI_URL, timeout=timeout, max_retries=0, **settings)

        return per_loop((AsyncOpenAI, self.api_key, self.base_url, self.timeout, given), connect)

    def _requests(
        self, instructions: str, messages: Sequence[Message], tools: Sequence[Tool], output: Output | None
    ) -> Iterator[dict[str, Any]]:
        """Yield the request; with an output, first in the API's way, then in words for servers that don't know that."""
        if output:
            schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": output.schema}}
            yield {**self._request(instructions, messages, tools), "response_format": schema}
            instructions += f"\n\nAnswer with JSON of this schema and nothing else: {json.dumps(output.schema)}"
        yield self._request(instructions, messages, tools)

    def _request(self, instructions: str, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": "system", "content": instructions}, *map(message_to_wire, messages)],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            request["tools"] = [
                {
                    "type": "function",
                    "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
                }
                for tool in tools
            ]
        return request


def _settings_of(client: OpenAI) -> dict[str, Any]:
    """Return what a plain client was made with, but for its transport, which can't be used from async code."""
    headers = {name: value for name, value in client.default_headers.items() if isinstance(value, str)}
    return {
        "api_key": client.api_key,
        "organization": client.organization,
        "project": client.project,
        "default_headers": headers,
        "default_query": client.default_query,
    }


# ---- what comes back -------------------------------------------------------------------------------------------------
class _Clock:
    """How long each thing that the server owes may take."""

    def __init__(self, timeout: Timeout, *, deadline: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._timeout = timeout
        self._deadline = deadline
        self._due = self._now() + timeout.first

    async def wait(self, awaitable: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(min(self._due, self._deadline)):
                return await awaitable
        except TimeoutError as error:
            over = self._now() >= self._deadline
            limit = f"{self._timeout.total:g} s for a whole turn" if over else "its time to say something"
            raise DeadlineExceeded(f"the model exceeded {limit}") from error

    def tick(self, *, heard: bool) -> None:
        """Something has come. Until the first chunk was `heard`, it is only a sign of life, and buys no time."""
        if heard:
            self._due = self._now() + self._timeout.between


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read to the end of the response, so that its connection can be used again, if the server ends it soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass


def _translate(error: openai.OpenAIError) -> ModelError:
    import openai

    if isinstance(error, openai.APIStatusError):
        return _translate_status(error)
    if isinstance(error, openai.APIConnectionError):
        return ModelUnavailable(f"no connection to the model: {error.__cause__!r}")
    return ModelAnswerInvalid(f"the model's client failed: {type(error).__name__}")


def _translate_status(error: openai.APIStatusError) -> ModelError:
    status, code, said = error.status_code, str(error.code), error.message[:SHOWN_CHARACTERS]
    if status in (401, 403):
        return ModelRefused(f"the model's server answered {status}: check the key")  # what it said may quote the key
    if status in (400, 413) and (code == "context_length_exceeded" or "context length" in said.lower()):
        return ContextOverflow(said)
    if code == "insufficient_quota" or (status < 500 and status not in (408, 409, 429)):
        return ModelRefused(f"the model's server answered {status}: {said}")
    return ModelUnavailable(f"the model's server answered {status}: {said}", retry_after=_retry_after(error))


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
