"""Ask an OpenAI-compatible server, in the way that this one takes, and read the answer as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agents.budget import Price
from agents.errors import (
    AnswerTruncated,
    ContextOverflow,
    ModelError,
    ModelInterrupted,
    ModelRefused,
    ModelUnavailable,
)
from agents.events import TextDelta
from agents.loop import per_loop
from agents.messages import Message, ToolCall
from agents.models.learned import Learned, learned_of
from agents.models.model import MessageFields, ModelEvent
from agents.models.openai_client import breaks, forget_environment, said_by_server, settings_of, translate
from agents.models.refusals import needed_part, refused_part
from agents.models.requests import ANSWER_TOKENS_LEAST, Asked, visible_tokens, write_request
from agents.models.settings import NOTHING_SET, ModelSettings
from agents.models.thoughts import Said
from agents.models.timeouts import AttemptClock, Timeout
from agents.models.told import without_sent
from agents.models.turn import Turn, read_failed_generation, split_lines
from agents.models.windows import read_output_limit, read_overflow
from agents.output import Output
from agents.tools import Tool

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

OPENAI_URL = "https://api.openai.com/v1"
BACKOFF_SECONDS = 0.25  # before the first retry, twice as long before each next one
DRAIN_SECONDS = 0.5  # for a server to close the stream after its [DONE]
ADAPTATIONS_MOST = 12  # of one request, each of which the server has asked for
LONG_PROMPT = 1_000  # tokens, of which one without any answer is likely to have been too long
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "num_predict")  # of an answer
FEW_TOKENS = 16  # an answer of fewer was cut by what the window still held

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenAIModel:
    """A model behind streaming Chat Completions, at OpenAI or at any address that speaks its protocol.

    Without `base_url` and `client` it is at OPENAI_BASE_URL or OpenAI's own address, with OPENAI_API_KEY as its key
    where none is given. To an address of your own that key is not sent.

    What can be tried again is, up to `max_retries` times while the total time allows and nothing has been said: 408,
    409, 429 (after the seconds its Retry-After asks for), 5xx, and a connection refused or broken. What a server does
    not take (a parameter, tools, the system role, a prompt beyond its window) is left out, and remembered for the
    process.

    A `client` brings its own key and address. An async one is used with its connections, so use it nowhere but on the
    managed loop, and make it after a fork; a plain `OpenAI` lends its settings to a pooled async one, with its proxy
    and certificates. A sync client of any other class, or with a transport for sync code only, is a TypeError. `price`
    overrides the listed one, and `window_tokens` spares the refusal that would tell it.
    """

    name: str
    _: KW_ONLY
    api_key: str = field(default="", repr=False)
    base_url: str | None = None
    client: AsyncOpenAI | OpenAI | None = field(default=None, repr=False)
    timeout: Timeout = field(default_factory=Timeout)
    max_retries: int = 2
    price: Price | None = None
    window_tokens: int | None = None
    provider: str = "openai"
    settings: ModelSettings = NOTHING_SET

    def __post_init__(self) -> None:
        if self.client is None:
            self._read_environment()
            return
        from openai import AsyncOpenAI, OpenAI

        if not isinstance(self.client, AsyncOpenAI):
            if type(self.client) is not OpenAI:
                raise TypeError(f"hand in the async form of {type(self.client).__name__}")
            settings_of(self.client)
        object.__setattr__(self, "base_url", str(self.client.base_url))

    def _read_environment(self) -> None:
        if self.base_url:
            return
        object.__setattr__(self, "base_url", os.environ.get("OPENAI_BASE_URL") or None)  # not ours: openai's
        object.__setattr__(self, "api_key", self.api_key or os.environ.get("OPENAI_API_KEY", ""))  # not ours: openai's

    @property
    def _is_openai(self) -> bool:
        """Return whether it is at OpenAI's own address, or at that of the environment, for which its variables are."""
        if self.base_url in (None, os.environ.get("OPENAI_BASE_URL")):  # not ours: openai's
            return True
        host = urlsplit(str(self.base_url)).hostname or ""
        return host == "openai.com" or host.endswith(".openai.com")

    @property
    def learned(self) -> Learned:
        return learned_of(self.base_url or OPENAI_URL, self.name)

    @property
    def window_estimate(self) -> int | None:
        """How much it reads and writes at once, given or learned, as `estimate_tokens` counts."""
        return self._window and self.learned.estimate(self._window)

    @property
    def _window(self) -> int | None:
        """In the server's tokens. What it has refused is too much, whatever was given."""
        return min(filter(None, (self.window_tokens, self.learned.window)), default=None)

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
        now = asyncio.get_running_loop().time
        deadline = now() + self.timeout.total
        attempt, adaptations = 0, 0
        tried = Learned()  # what errors have told, and no answer has proved yet
        while True:
            asked = self._asked(instructions, messages, tools, output, chosen)
            request = write_request(self.name, asked, self.learned.with_(tried))
            spoken = False
            try:
                async with aclosing(self._attempt(asked, request, deadline)) as events:
                    async for event in events:
                        spoken = spoken or isinstance(event, TextDelta | ToolCall)
                        self.learned.prove(tried)
                        yield event
                self.learned.prove(tried)
                return
            except ModelError as error:
                if spoken:
                    raise
                if adaptations < ADAPTATIONS_MOST and self._adapt(error, asked, request, tried):
                    adaptations += 1
                    continue
                pause = self._pause(error, attempt)
                attempt += 1
                if pause is None or attempt > self.max_retries or now() + pause >= deadline:
                    raise
                logger.info("%s is asked again in %.2f s: %s", self.name, pause, error.code)
            await asyncio.sleep(pause)

    def _asked(
        self,
        instructions: str,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        output: Output | None,
        settings: ModelSettings,
    ) -> Asked:
        return Asked(instructions, messages, tools, output, settings, self._window)

    @staticmethod
    def _pause(error: ModelError, attempt: int) -> float | None:
        """Return after how many seconds to try again, or None where that would be in vain."""
        if not isinstance(error, ModelUnavailable | ModelInterrupted):
            return None
        if isinstance(error, ModelUnavailable) and error.retry_after is not None:
            return error.retry_after
        return BACKOFF_SECONDS * 2.0**attempt * random.uniform(0.75, 1.0)  # noqa: S311 - spreads clients, no secret

    # ---- a server's ways ----
    def _adapt(self, error: ModelError, asked: Asked, request: dict[str, Any], tried: Learned) -> bool:
        """Learn from an error how this server is to be asked; true when it is worth asking again."""
        known, said = self.learned.with_(tried), said_by_server(error, request)
        if isinstance(error, ContextOverflow):
            return self._adapt_to_window(error, said, asked, request, tried)
        if isinstance(error, AnswerTruncated) and error.reason == "length":  # all of it went into thoughts
            return self._differs(asked, request, tried)
        if not said:
            return False
        if limit := read_output_limit(said):
            tried.output_limit = limit
            return self._differs(asked, request, tried)
        if part := needed_part(said, known.needed):
            tried.needed.add(part)
            return True
        if part := refused_part(said, request, known.refused):
            logger.info("%s at %s is asked without %s", self.name, self.base_url or OPENAI_URL, part)
            tried.refused.add(part)
            return True
        return False

    def _adapt_to_window(
        self, error: ContextOverflow, said: str, asked: Asked, request: dict[str, Any], tried: Learned
    ) -> bool:
        """Remember the window. It is enough to ask for a shorter answer where the prompt alone fits."""
        learned, overflow = self.learned, read_overflow(said)
        if error.window:
            learned.window = error.window
        if overflow and overflow.prompt:
            learned.count(asked.tokens, overflow.prompt)
        window = self._window
        fits = window and learned.tokens(asked.tokens) + ANSWER_TOKENS_LEAST <= window
        return bool(fits) and self._differs(asked, request, tried)

    def _differs(self, asked: Asked, request: dict[str, Any], tried: Learned) -> bool:
        again = self._asked(asked.instructions, asked.messages, asked.tools, asked.output, asked.settings)
        return write_request(self.name, again, self.learned.with_(tried)) != request

    # ---- one attempt ----
    async def _attempt(self, asked: Asked, request: dict[str, Any], deadline: float) -> AsyncGenerator[ModelEvent]:
        import openai

        turn = Turn(
            self.name,
            tools=[tool.name for tool in asked.callable],
            learned=self.learned,
            visible_tokens=visible_tokens(asked, request),
            given=asked.given,
            clean=lambda said: without_sent(said, request),
            data=asked.output is not None,
        )
        timeout = self.timeout if "stream" in request else replace(self.timeout, first=self.timeout.total)
        clock = AttemptClock(timeout, deadline=deadline)
        opened = self._client().chat.completions.with_streaming_response.create(**request)
        try:
            response = await clock.wait(opened.__aenter__())
            try:
                async with aclosing(_read(response.http_response, turn, clock)) as said:
                    async for event in said:
                        yield event
            finally:
                await opened.__aexit__(None, None, None)
        except openai.APIStatusError as error:
            if calls := read_failed_generation(error.body, [tool.name for tool in asked.callable]):
                for call in calls:
                    yield call
                return
            raise translate(error, request) from error
        except openai.OpenAIError as error:
            raise translate(error, request) from error
        except breaks() as error:
            if not turn.whole:
                raise ModelInterrupted(f"{self.name}: the connection broke: {error!r}") from error
        except UnicodeEncodeError as error:
            raise ModelRefused(f"{self.name} can't be sent half a surrogate pair, as one message holds") from error
        for event in turn.end():
            yield event
        if turn.usage:
            yield turn.usage
            self.learned.count(asked.tokens, turn.usage.input_tokens)
            self.learned.has_read(turn.usage.input_tokens)
        self._check_window(turn, request)
        turn.check(response.headers.get("content-type", ""))
        if turn.attached:
            yield MessageFields(turn.attached)
        for call in turn.calls:
            yield call

    def _check_window(self, turn: Turn, request: dict[str, Any]) -> None:
        """Raise ContextOverflow for an answer that ended before it began, since the prompt filled the window."""
        sent = {**request, **request.get("extra_body", {})}
        limits = [sent[name] for name in LIMITS if isinstance(sent.get(name), int)]
        asked_for = min(limits, default=FEW_TOKENS + 1)
        if turn.thought or asked_for <= FEW_TOKENS:
            return
        # LM Studio says nothing at all, as if that were the answer.
        silent = turn.usage and not turn.usage.output_tokens and turn.usage.input_tokens > LONG_PROMPT
        if silent and turn.finish == "stop" and not turn.said and not turn.calls:
            raise ContextOverflow(f"{self.name}: a long prompt got an answer without a token")
        if not turn.cut or turn.said or turn.calls:  # what was said may have been cut for another reason
            return
        window = None
        if turn.usage and turn.usage.output_tokens < FEW_TOKENS:
            window = turn.usage.total_tokens
            self.learned.window = window
        if window or turn.usage is None:
            raise ContextOverflow(f"{self.name}: the prompt left no room for an answer", window=window)

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
            settings = settings_of(given) if given else {"api_key": self.api_key or "none"}
            client = AsyncOpenAI(base_url=self.base_url or OPENAI_URL, timeout=timeout, max_retries=0, **settings)
            if given is None and not self._is_openai:
                forget_environment(client)
            return client

        return per_loop((AsyncOpenAI, self.api_key, self.base_url, self.timeout, given), connect)


async def _read(response: Any, turn: Turn, clock: AttemptClock) -> AsyncGenerator[Said]:
    """Yield what a response says, line by line; or, from a server that doesn't stream, once it is whole."""
    whole = "json" in response.headers.get("content-type", "")
    async with aclosing(response.aiter_bytes()) as body:
        rest = b""
        while not turn.done and (received := await clock.wait(anext(body, None))) is not None:
            lines, rest = split_lines(rest + received, whole=whole)
            for line in lines:
                for event in turn.read(line):
                    yield event
            clock.tick(heard=turn.chunks > 0)
        for event in turn.read_whole(rest) if whole else turn.read(rest):
            yield event
        await _drain(body)


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read to the end of the response, so that its connection can be used again, if the server ends it soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
