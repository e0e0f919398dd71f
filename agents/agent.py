"""An agent and its step loop: run -> step -> query the model -> execute its tool calls -> step."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Literal

from agents.bridge import Emit, Stream, acall, call
from agents.errors import (
    AgentError,
    AnswerTruncated,
    ContextOverflow,
    ExitRequested,
    LimitExceeded,
    ModelAnswerInvalid,
    ModelError,
)
from agents.events import Event, ModelReplaced, RunEnded, TextDelta, ToolCalled, ToolReturned
from agents.messages import AssistantMessage, Message, ToolCall, ToolMessage, Usage, UserMessage
from agents.model import Model
from agents.tools import ERROR_MAX_CHARACTERS, ArgumentsInvalid, Tool, to_model_text

Status = Literal["completed", "failed", "limited", "cancelled"]
RunStream = Stream[Event, "RunResult"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use; reaching a limit ends it as `limited`, with what it has."""

    steps: int = 8
    tool_calls: int = 16
    seconds: float = 120.0
    tokens: int | None = None

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is not None and not value > 0:
                raise ValueError(f"limit {limit.name} must be more than 0, not {value!r}")


@dataclass(frozen=True)
class Agent:
    """Instructions, tools, and the models to ask: the first, and when it can't be reached, the next."""

    name: str
    instructions: str
    tools: Sequence[Tool] = ()
    models: Sequence[Model] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError(f"agent {self.name} has no model")
        names = [tool.name for tool in self.tools]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"agent {self.name} has two tools named {', '.join(sorted(twice))}")


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `content` is all text the model gave, also when it was cut short; `error` says why it was.

    `messages` are the history, the prompt and what followed. `model` is the name of the one that answered last.
    """

    status: Status
    content: str
    messages: tuple[Message, ...]
    steps: int
    usage: Usage
    model: str
    error: AgentError | None
    model_seconds: float
    tool_seconds: float
    total_seconds: float
    tier: str = "inline"  # what answered: see agents.isolation

    @property
    def success(self) -> bool:
        return self.status == "completed"


# ---- the doors -------------------------------------------------------------------------------------------------------
def run(
    agent: Agent, prompt: str | UserMessage, *, history: Sequence[Message] = (), opening: Sequence[ToolCall] = ()
) -> RunResult:
    """Run `agent` from sync code anywhere. Sync tools run on this thread.

    `opening` are tool calls made on the model's behalf before its first step. A model that fails doesn't raise: it ends
    the run with a status and an error. Raises LoopStopped when the managed loop's thread ends.
    """
    return call(_Run(agent, prompt, history=history, opening=opening).to_end)


async def arun(
    agent: Agent, prompt: str | UserMessage, *, history: Sequence[Message] = (), opening: Sequence[ToolCall] = ()
) -> RunResult:
    """`run` for async code; cancelling it cancels the run."""
    return await acall(_Run(agent, prompt, history=history, opening=opening).to_end)


def stream(
    agent: Agent, prompt: str | UserMessage, *, history: Sequence[Message] = (), opening: Sequence[ToolCall] = ()
) -> RunStream:
    """`run` as an iterator of events, sync or async, which ends with RunEnded; `close()` it when you leave early."""
    return Stream(partial(_Run(agent, prompt, history=history, opening=opening).to_end), last=RunEnded)


# ---- one run ---------------------------------------------------------------------------------------------------------
async def _ignore(event: Event) -> None:
    pass


class _Run:
    """The state of one run, on the managed loop."""

    def __init__(
        self, agent: Agent, prompt: str | UserMessage, *, history: Sequence[Message], opening: Sequence[ToolCall]
    ) -> None:
        self.agent = agent
        self.tools = {tool.name: tool for tool in agent.tools}
        self.models = list(agent.models)  # the first one is asked
        self.opening = tuple(opening)
        self.messages: list[Message] = [*history, UserMessage(prompt) if isinstance(prompt, str) else prompt]
        self.forgotten = 0  # messages at the beginning that no longer fit the model's context window
        self.prompt_at = len(history)
        self.content: list[str] = []
        self.turn: list[str] = []
        self.steps = self.tool_calls = 0
        self.usage = Usage()
        self.model_seconds = self.tool_seconds = 0.0

    async def to_end(self, emit: Emit[Event] = _ignore) -> RunResult:
        self.emit = emit
        started = time.perf_counter()
        status, error = await self.outcome()
        return RunResult(
            status=status,
            content="".join(self.content),
            messages=tuple(self.messages),
            steps=self.steps,
            usage=self.usage,
            model=self.models[0].name,
            error=error,
            model_seconds=self.model_seconds,
            tool_seconds=self.tool_seconds,
            total_seconds=time.perf_counter() - started,
        )

    async def outcome(self) -> tuple[Status, AgentError | None]:
        seconds = self.agent.limits.seconds
        try:
            async with asyncio.timeout(seconds) as deadline:
                if self.opening:
                    await self.turn_to_tools("", self.opening)
                while not await self.step():
                    pass
            status: Status = "completed"
            error: AgentError | None = None
        except (LimitExceeded, AnswerTruncated) as limit:
            status, error = "limited", limit
        except AgentError as failure:
            status, error = "failed", failure
        except TimeoutError:
            if not deadline.expired():
                raise
            status, error = "limited", LimitExceeded(f"the run took longer than {seconds:g} seconds")
        except asyncio.CancelledError:  # whoever cancelled knows; what there is can still be kept
            status, error = "cancelled", None
        if self.turn:
            self.messages.append(AssistantMessage("".join(self.turn)))
        return status, error

    async def step(self) -> bool:
        """One model turn and its tools; true when the model asked for none, which makes its text the answer."""
        self.check_limits()
        self.steps += 1
        calls = await self.query()
        if calls:
            await self.turn_to_tools("".join(self.turn), calls)
        return not calls

    def check_limits(self) -> None:
        limits = self.agent.limits
        if self.steps >= limits.steps:
            raise LimitExceeded(f"the run took {limits.steps} steps")
        if limits.tokens is not None and self.usage.total_tokens >= limits.tokens:
            raise LimitExceeded(f"the run used {self.usage.total_tokens} of {limits.tokens} tokens")

    # ---- the model ----
    async def query(self) -> tuple[ToolCall, ...]:
        """Ask until a model has given a whole turn; another one is asked only while nothing has been shown."""
        while True:
            self.turn = []
            try:
                calls = await self.ask(self.models[0])
                if calls or "".join(self.turn).strip():
                    return calls
                raise ModelAnswerInvalid(f"{self.models[0].name} gave an empty answer")
            except ModelError as error:
                if self.content:
                    raise
                if isinstance(error, ContextOverflow) and self.forgotten < self.prompt_at:
                    self.forgotten = self.prompt_at
                elif len(self.models) > 1:
                    logger.warning("%s is replaced: %s", self.models[0].name, error)
                    del self.models[0]
                    await self.emit(ModelReplaced(self.models[0].name, error.code))
                else:
                    raise

    async def ask(self, model: Model) -> tuple[ToolCall, ...]:
        calls: list[ToolCall] = []
        turn = model.stream(
            instructions=self.agent.instructions,
            messages=self.messages[self.forgotten :],
            tools=self.agent.tools,
        )
        mark = time.perf_counter()
        try:
            async with aclosing(turn):
                async for event in turn:
                    self.model_seconds += time.perf_counter() - mark
                    match event:
                        case TextDelta():
                            await self.say(event)
                        case ToolCall():
                            calls.append(event)
                        case Usage():
                            self.usage += event
                    mark = time.perf_counter()
        finally:
            self.model_seconds += time.perf_counter() - mark
        return tuple(calls)

    async def say(self, delta: TextDelta) -> None:
        if not delta.text:
            return
        if self.content and not self.turn:
            self.content.append("\n\n")
            await self.emit(TextDelta("\n\n"))
        self.turn.append(delta.text)
        self.content.append(delta.text)
        await self.emit(delta)

    # ---- the tools ----
    async def turn_to_tools(self, text: str, calls: tuple[ToolCall, ...]) -> None:
        """Run all calls at once; their results follow in the order of the calls."""
        limit = self.agent.limits.tool_calls
        self.tool_calls += len(calls)
        if self.tool_calls > limit:
            raise LimitExceeded(f"the run asked for more than {limit} tool calls")
        started = time.perf_counter()
        for tool_call in calls:
            await self.emit(ToolCalled(tool_call))
        results = await asyncio.gather(*map(self.execute, calls))
        self.tool_seconds += time.perf_counter() - started
        self.messages += [AssistantMessage(text, calls), *results]
        self.turn = []
        for result in results:
            if isinstance(result.value, AgentError):
                raise result.value

    async def execute(self, tool_call: ToolCall) -> ToolMessage:
        """A tool's error goes back to the model; only an AgentError ends the run, once all tools have returned."""
        try:
            value = await self.tool(tool_call.name).execute(tool_call.arguments)
            message = ToolMessage(tool_call, to_model_text(value), value, failed=False)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            message = _failure(tool_call, error)
        except ArgumentsInvalid as error:
            message = _failure(tool_call, error)
        except Exception as error:
            logger.warning("Tool %s failed", tool_call.name, exc_info=True)
            message = _failure(tool_call, error)
        except BaseException as error:
            message = _failure(tool_call, error)
        await self.emit(ToolReturned(message))
        return message

    def tool(self, name: str) -> Tool:
        try:
            return self.tools[name]
        except KeyError:
            known = ", ".join(self.tools) or "none"
            raise ArgumentsInvalid(f"there is no tool named {name!r}; there are: {known}") from None


def _failure(tool_call: ToolCall, error: BaseException) -> ToolMessage:
    if not isinstance(error, Exception):
        requested = ExitRequested(f"tool {tool_call.name} raised {type(error).__name__}")
        requested.__cause__ = error
        error = requested
    told = str(error) if isinstance(error, ArgumentsInvalid) else f"{type(error).__name__}: {error}"
    text = to_model_text({"error": told[:ERROR_MAX_CHARACTERS]})
    return ToolMessage(tool_call, text, error, failed=True)
