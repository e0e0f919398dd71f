"""Run an agent: step -> query the model -> execute its tool calls -> step."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Protocol, TypeAlias

from agents.budget import Limits, spending
from agents.calls import execute_call
from agents.errors import (
    AgentError,
    AnswerTruncated,
    ContextOverflow,
    LimitExceeded,
    LoopMismatch,
    ModelAnswerInvalid,
    ModelError,
    OutputInvalid,
    ToolFailed,
)
from agents.events import Event, ModelReplaced, OutputDelta, TextDelta, TextWithdrawn, ThinkingDelta, ToolCalled
from agents.guardrails import Decision, Guardrails, RunState
from agents.loop import REMEDY, is_foreign
from agents.messages import (
    AssistantMessage,
    Message,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agents.models.fitting import Room, estimate_tokens
from agents.models.model import MessageFields, Model
from agents.models.settings import NOTHING_SET, ModelSettings
from agents.offline import in_use
from agents.output import Partial, output_of
from agents.result import RunResult, Status
from agents.streams import Emit
from agents.tools import Tool, ToolSource, find_tool, invoke, kept_open
from agents.tracing import describe, log_end, span

OUTPUT_REPAIRS = 1  # how often a model is told that its answer does not fit the output type
BETWEEN_TURNS = "\n\n"  # in the content, where a model has spoken before and after its tools

Instructions: TypeAlias = "str | Callable[[Run], str | Awaitable[str]]"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A question to a run. With a `decision` a paused run goes on; `since` is what was said after the prompt."""

    prompt: UserMessage
    history: tuple[Message, ...] = ()
    since: tuple[Message, ...] = ()
    decision: Decision | None = None
    settings: ModelSettings | None = None  # over those of the agents
    limits: Limits | None = None  # in place of the agent's
    deps: Any = None  # for tools with a Context


class AgentDefinition(Protocol):
    """An agent, as far as a run has to know it."""

    @property
    def name(self) -> str: ...
    @property
    def instructions(self) -> Instructions: ...
    @property
    def models(self) -> Sequence[Model]: ...
    @property
    def output(self) -> Any: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def guardrails(self) -> Guardrails: ...
    @property
    def toolbox(self) -> Mapping[str, Tool]: ...
    @property
    def toolkits(self) -> Sequence[ToolSource]: ...
    @property
    def successors(self) -> Mapping[str, AgentDefinition]: ...


class _Paused(Exception):
    pass


_running: ContextVar[Run | None] = ContextVar("agents_run", default=None)


class Run:
    """One run, on the managed loop. An agent's instructions may be a function of it, and a tool's Context holds it.

    `caller` is the run whose tool started this one, or None.
    """

    def __init__(
        self, agent: AgentDefinition, request: Request, *, emit: Emit[Event], successor: AgentDefinition | None = None
    ) -> None:
        self.caller = _running.get()
        self.prompt = request.prompt
        self.deps = request.deps
        self.messages = [*request.history, request.prompt, *request.since]
        self.emit = emit
        self.content: list[str] = []
        self.output: object = None
        self._request = request
        self._turn: list[str] = []
        self._attached: dict[str, Any] = {}  # to the message of this turn
        self._pending = AssistantMessage("")
        self._partial: Partial | None = None
        self._repairs = OUTPUT_REPAIRS
        self._model_seconds = self._tool_seconds = 0.0
        self._guardrails: list[Guardrails] = []
        self._become(agent)
        if successor:
            self._become(successor)

    def _become(self, agent: AgentDefinition) -> None:
        self.agent = agent
        self.toolbox = dict(agent.toolbox)
        self._models = in_use(agent.models)  # the first one is asked
        self._guardrails.append(agent.guardrails)  # handing over is no way around one's own
        self._output = None if agent.output is None else output_of(agent.output)
        # Text that no one may see before its end, and thoughts that no one may see at all:
        self._guarded = any(guardrails.hold_answers for guardrails in self._guardrails)
        self._held = self._guarded or self._output is not None
        self._room = Room(self._models[0])

    async def to_end(self) -> RunResult:
        started = time.perf_counter()
        name, limits = self.agent.name, self._request.limits or self.agent.limits
        logger.debug("run of %s begins with %d messages", name, len(self.messages))
        with span("agent", name=name) as trace, spending(limits) as budget, self._as_caller():
            self.budget = budget
            trace.set_content(prompt=self.prompt.text)
            status, error = await self._outcome()
            result = RunResult(
                status=status,
                content="".join(self.content),
                messages=tuple(self.messages),
                steps=budget.steps,
                usage=budget.usage,
                model=self._models[0].name,
                error=error,
                model_seconds=self._model_seconds,
                tool_seconds=self._tool_seconds,
                total_seconds=time.perf_counter() - started,
                output=self.output if status == "completed" else None,
                cost=budget.cost,
                passages_left_out=self._room.left_out,
                state=self._state() if status == "paused" else None,
                trace=trace,
            )
            describe(trace, result)
            if result.passages_left_out:
                trace.set(passages_left_out=result.passages_left_out)
        log_end(logger, f"run of {name}", result)
        return result

    @contextmanager
    def _as_caller(self) -> Iterator[None]:
        """Make this run the caller of those that its tools start."""
        token = _running.set(self)
        try:
            yield
        finally:
            _running.reset(token)

    async def _outcome(self) -> tuple[Status, AgentError | None]:
        status: Status = "completed"
        error: AgentError | None = None
        try:
            async with asyncio.timeout_at(self.budget.deadline) as deadline:
                async with AsyncExitStack() as self._opened:
                    await self._equip()
                    await self._answer()
        except _Paused:
            status = "paused"
        except (LimitExceeded, AnswerTruncated) as limit:
            status, error = "limited", limit
        except AgentError as failure:
            status, error = "blocked" if failure.code == "blocked" else "failed", failure
        except TimeoutError:
            if not deadline.expired():
                raise
            status, error = "limited", self.budget.timed_out()
        except asyncio.CancelledError:  # whoever cancelled knows; what there is can still be kept
            status = "cancelled"
        if self._turn:
            self.messages.append(self._message())
        return status, error

    async def _equip(self) -> None:
        """Open the agent's toolkits until the run ends, and add the tools that are known only then."""
        await self._opened.enter_async_context(kept_open(self.agent.toolkits))
        for toolkit in self.agent.toolkits:
            for tool in await toolkit.discover():
                if tool.name in self.toolbox:
                    raise ToolFailed(f"agent {self.agent.name} has two tools named {tool.name}")
                self.toolbox[tool.name] = tool

    def tool(self, name: str) -> Tool:
        """Raises ArgumentsInvalid for a name that no tool has."""
        return find_tool(self.toolbox, name)

    async def _answer(self) -> None:
        request, ended = self._request, False
        if request.decision:
            state = request.decision.state
            self.budget.resume(steps=state.steps, tool_calls=state.tool_calls, usage=state.usage, cost=state.cost)
            paused = AssistantMessage(state.text, state.pending, state.attached)
            ended = await self._turn_to_tools(paused, decision=request.decision)
        else:
            await self.agent.guardrails.check_input(request.prompt)
        while not ended:
            ended = await self._step()

    async def _step(self) -> bool:
        """One model turn and its tools; true when it has ended the run."""
        self.budget.begin_step(models=self._models)
        message = self._message(await self._query())
        if message.tool_calls:
            return await self._turn_to_tools(message)
        self.messages.append(message)
        self._turn = []
        if not self._fits(message.text):
            return False
        await self._finish(message.text, said=not self._held)
        return True

    def _message(self, calls: tuple[ToolCall, ...] = ()) -> AssistantMessage:
        return AssistantMessage("".join(self._turn), calls, self._attached)

    def _fits(self, text: str) -> bool:
        """Read the answer as the output type; when it is no such value, ask the model once more."""
        if self._output is None:
            return True
        try:
            self.output = self._output.read(text)
        except OutputInvalid as error:
            if not self._repairs:
                raise
            self._repairs -= 1
            logger.info("run of %s asks once more: the answer was no %s", self.agent.name, self._output.name)
            self.messages.append(UserMessage(f"{error}\nAnswer again, with JSON that fits and nothing else."))
            return False
        return True

    async def _finish(self, text: str, *, said: bool) -> None:
        for guardrails in self._guardrails:
            await guardrails.check_answer(text, messages=self.messages)
        if not said:
            await self._show(text)

    # ---- the model ----
    async def _query(self) -> tuple[ToolCall, ...]:
        """Ask until a model has given a whole turn; another one is asked only while nothing has been shown."""
        while True:
            self._turn, self._attached = [], {}
            instructions, messages = await self._prompt()
            try:
                calls = await self._ask(self._models[0], instructions, messages)
                if calls or "".join(self._turn).strip():
                    return calls
                raise ModelAnswerInvalid(f"{self._models[0].name} gave an empty answer")
            except ModelError as error:
                if isinstance(error, ContextOverflow) and not self._turn and self._shrink(messages, error):
                    continue
                if self.content or len(self._models) == 1:
                    raise
                logger.warning("%s is replaced: %s", self._models[0].name, error)
                del self._models[0]
                self._room = Room(self._models[0])
                await self.emit(ModelReplaced(self._models[0].name, error.code))

    async def _prompt(self) -> tuple[str, tuple[Message, ...]]:
        """Return the instructions, and those of the messages that fit the model's context window."""
        given = self.agent.instructions
        instructions = given if isinstance(given, str) else await invoke(given, self)
        tools = (f"{tool.name}{tool.description}{tool.parameters}" for tool in self.toolbox.values())
        self._room.set(self._merged_settings(), beside=estimate_tokens(instructions, *tools))
        return instructions, self._room.fit(self.messages, prompt_at=len(self._request.history))

    def _shrink(self, sent: tuple[Message, ...], error: ContextOverflow) -> bool:
        at = len(self._request.history)
        return self._room.shrink(self.messages, prompt_at=at, sent=sent, window=error.window)

    async def _ask(self, model: Model, instructions: str, messages: tuple[Message, ...]) -> tuple[ToolCall, ...]:
        calls: list[ToolCall] = []
        self._partial = None if self._output is None or self._guarded else Partial(self._output)
        turn = model.stream(
            instructions=instructions,
            messages=messages,
            tools=tuple(self.toolbox.values()),
            output=self._output,
            **self._settings(),
        )
        mark = time.perf_counter()
        with span("model", name=model.name, provider=getattr(model, "provider", model.name)) as trace:
            trace.set_content(instructions=instructions, messages=messages)
            try:
                async with aclosing(turn):
                    async for event in turn:
                        self._model_seconds += time.perf_counter() - mark
                        match event:
                            case TextDelta(text):
                                await self._say(text)
                            case ThinkingDelta() if not self._guarded:
                                await self.emit(event)
                            case TextWithdrawn(text):
                                await self._withdraw(text)
                            case ToolCall():
                                calls.append(event)
                            case MessageFields(fields):
                                self._attached |= fields
                            case Usage():
                                self.budget.spend(event, model=model)
                                trace.set(input_tokens=event.input_tokens, output_tokens=event.output_tokens)
                        mark = time.perf_counter()
            except (ModelError, RuntimeError, ValueError) as error:
                if is_foreign(error):
                    raise LoopMismatch(f"{model.name}: {error}: {REMEDY}") from error
                raise
            finally:
                self._model_seconds += time.perf_counter() - mark
                trace.set_content(answer="".join(self._turn))
        logger.debug("step %d: %s, %d calls, %.2f s", self.budget.steps, model.name, len(calls), trace.seconds)
        return tuple(calls)

    def _settings(self) -> dict[str, ModelSettings]:
        """Return the settings as an argument, if there are any: not every model takes it."""
        settings = self._merged_settings()
        return {"settings": settings} if settings else {}

    def _merged_settings(self) -> ModelSettings:
        """Return the run's settings over the agent's."""
        return (self._request.settings or NOTHING_SET).over(getattr(self.agent, "settings", None))

    async def _say(self, text: str) -> None:
        if not text:
            return
        if not self._held:
            await self._show(text)
        self._turn.append(text)
        if self._partial and (value := self._partial.add(text)) is not Partial.SAME:
            await self.emit(OutputDelta(value))

    async def _show(self, text: str) -> None:
        parts = (BETWEEN_TURNS, text) if self.content and not self._turn else (text,)
        for part in parts:
            self.content.append(part)
            await self.emit(TextDelta(part))

    async def _withdraw(self, text: str) -> None:
        """Take back what this turn has said last."""
        self._turn = [left] if (left := "".join(self._turn).removesuffix(text)) else []
        if self._held:
            return
        shown = "".join(self.content)
        kept = shown.removesuffix(text)
        if not self._turn:
            kept = kept.removesuffix(BETWEEN_TURNS)
        self.content = [kept] if kept else []
        if kept != shown:
            await self.emit(TextWithdrawn(shown[len(kept) :]))

    # ---- the tools ----
    async def _turn_to_tools(self, message: AssistantMessage, *, decision: Decision | None = None) -> bool:
        """Run the calls, all at once but for exclusive tools, and add their results in the order of the calls.

        True when one of them has ended the run. Without a decision, a call that needs one pauses the run instead.
        """
        calls = message.tool_calls
        if decision is None and any(map(self.needs_approval, calls)):
            self._pending, self._turn = message, []
            raise _Paused
        self.budget.begin_tool_calls(len(calls))
        started = time.perf_counter()
        for tool_call in calls:
            await self.emit(ToolCalled(tool_call))
        execute = partial(execute_call, self, decision=decision)
        results: list[ToolMessage] = []
        for alone, group in groupby(calls, key=self._is_exclusive):
            if alone:
                results += [await execute(tool_call) for tool_call in group]
            else:
                results += await asyncio.gather(*map(execute, group))
        self._tool_seconds += time.perf_counter() - started
        self.messages += [message, *results]
        self._turn = []
        return await self._take(results)

    async def _take(self, results: Sequence[ToolMessage]) -> bool:
        """Return whether results have ended the run, or let another agent go on. Raises the AgentError of a tool."""
        for result in results:
            if isinstance(result.value, AgentError):
                raise result.value
        for result in results:
            if not result.failed and self.toolbox[result.call.name].terminates:
                self.output = result.value
                await self._finish(result.text, said=False)
                return True
        for result in results:
            if not result.failed and (successor := self.agent.successors.get(result.call.name)):
                self._become(successor)
                await self._equip()
                await successor.guardrails.check_input(self.prompt)
                break
        return False

    def needs_approval(self, tool_call: ToolCall) -> bool:
        tool = self.toolbox.get(tool_call.name)
        return tool is not None and tool.approve

    def _is_exclusive(self, tool_call: ToolCall) -> bool:
        tool = self.toolbox.get(tool_call.name)
        return tool is not None and tool.exclusive

    def _state(self) -> RunState:
        pending = self._pending
        return RunState(
            agent=self.agent.name,
            messages=tuple(self.messages),
            prompt_at=len(self._request.history),
            text=pending.text,
            pending=pending.tool_calls,
            attached=pending.attached,
            steps=self.budget.steps,
            tool_calls=self.budget.tool_calls,
            usage=self.budget.usage,
            cost=self.budget.cost,
        )
