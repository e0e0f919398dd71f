"""Define agents, and run them from sync and async code."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from functools import partial
from typing import Any, TypeAlias

from agents.bridge import acall, call
from agents.budget import Limits
from agents.events import Event, RunEnded
from agents.guardrails import Decision, Guardrails, RunState
from agents.messages import Message, ToolCall, UserMessage
from agents.models.model import Model
from agents.result import RunResult, output_of
from agents.steps import Instructions, Request, Run
from agents.streams import Emit, Stream
from agents.tools import ArgumentsInvalid, Definition, Tool, Toolkit

RunStream = Stream[Event, RunResult]
Prompt: TypeAlias = str | UserMessage | Decision


async def ignore(event: Event) -> None:
    pass


class Runnable(ABC):
    """An agent, or several put together as one: `run`, `arun` and `stream` take it."""

    name: str

    @abstractmethod
    async def perform(self, request: Request, emit: Emit[Event] = ignore) -> RunResult:
        """Run once, on the managed loop. Raises only what is a bug in the caller's own functions."""

    @property
    @abstractmethod
    def pauses(self) -> bool:
        """Return whether a run of it can end as `paused`, to wait for approval."""

    def as_tool(self, *, name: str = "", description: str = "") -> Tool:
        """Return a tool that asks this agent; what it uses counts towards the limits of the run that calls it.

        Raises TypeError for an agent whose runs may pause: the run that calls it could not be resumed.
        """
        refuse_pauses([self], inside="a tool")

        async def ask(prompt: str) -> object:
            result = await self.perform(Request(UserMessage(prompt)))
            if result.status == "cancelled":
                raise asyncio.CancelledError
            if not result.success:
                raise RuntimeError(f"{self.name} gave no whole answer: {result.status}, {result.error}")
            return result.content if result.output is None else result.output

        description = description or f"Ask the agent {self.name}, which knows nothing but what the prompt says."
        return Tool(Definition(ask, name=name or _identifier(self.name), description=description))


def refuse_pauses(agents: Iterable[Runnable], *, inside: str) -> None:
    """Raises TypeError."""
    for agent in agents:
        if agent.pauses:
            raise TypeError(f"agent {agent.name} has a tool that needs approval, and can't be part of {inside}")


def _identifier(name: str) -> str:
    """Return the name as the servers want that of a tool."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:64]


@dataclass(frozen=True)
class Agent(Runnable):
    """Instructions, tools, and the models to ask: the first, and when it can't be reached, the next.

    `model` stands before `models`. With `output`, answers are values of that type. The model may hand the run over to
    one of `handoffs`, which goes on with the same messages and limits under its own instructions.
    Raises ValueError or TypeError for a definition that can't work, by the name of what is wrong.
    """

    name: str
    instructions: Instructions
    tools: Sequence[Tool | Toolkit] = ()
    _: KW_ONLY
    model: InitVar[Model | None] = None
    models: Sequence[Model] = ()
    output: Any = None
    limits: Limits = field(default_factory=Limits)
    guardrails: Guardrails = field(default_factory=Guardrails)
    handoffs: Sequence[Agent] = ()
    toolbox: Mapping[str, Tool] = field(init=False, repr=False, compare=False)
    successors: Mapping[str, Agent] = field(init=False, repr=False, compare=False)

    def __post_init__(self, model: Model | None) -> None:
        models = (model, *self.models) if model else tuple(self.models)
        if not models:
            raise ValueError(f"agent {self.name} has no model")
        if self.output is not None:
            output_of(self.output)
        handing_over = [_handing_over(agent) for agent in self.handoffs]
        tools = [*self._flat_tools(), *handing_over]
        names = [tool.name for tool in tools]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"agent {self.name} has two tools named {', '.join(sorted(twice))}")
        set_once = partial(object.__setattr__, self)
        set_once("models", models)
        set_once("toolbox", {tool.name: tool for tool in tools})
        set_once("successors", {tool.name: agent for tool, agent in zip(handing_over, self.handoffs, strict=True)})

    def _flat_tools(self) -> Iterator[Tool]:
        for given in self.tools:
            if isinstance(given, Toolkit):
                yield from given.tools
            elif isinstance(given, Tool):
                yield given
            else:
                raise TypeError(f"agent {self.name}: {given!r} is no tool; mark the function with @tool")

    @property
    def pauses(self) -> bool:
        return any(tool.approve for tool in self.toolbox.values()) or any(agent.pauses for agent in self.handoffs)

    def tool(self, name: str) -> Tool:
        """Raises ArgumentsInvalid for a name that no tool has; the message is for the model."""
        try:
            return self.toolbox[name]
        except KeyError:
            known = ", ".join(self.toolbox) or "none"
            raise ArgumentsInvalid(f"there is no tool named {name!r}; there are: {known}") from None

    def execute_tool(self, name: str, /, **arguments: object) -> Any:
        """Call a tool from sync code, as a model would; async code awaits `agent.tool(name).execute(arguments)`.

        Raises ArgumentsInvalid, and whatever the tool raises.
        """
        return call(self.tool(name).execute, arguments)

    async def perform(self, request: Request, emit: Emit[Event] = ignore) -> RunResult:
        if not request.decision or request.decision.state.agent == self.name:
            return await Run(self, request, emit=emit).to_end()
        if (successor := self._successor(request.decision.state.agent)) is None:
            raise ValueError(f"the state is not of agent {self.name}, nor of one that it hands over to")
        return await Run(self, request, emit=emit, successor=successor).to_end()

    def _successor(self, name: str) -> Agent | None:
        """Return the agent of that name among those that a run may be handed to, directly or by another, or None."""
        found = (agent if agent.name == name else agent._successor(name) for agent in self.handoffs)
        return next(filter(None, found), None)


def _handing_over(agent: Agent) -> Tool:
    async def hand_over() -> str:
        return f"{agent.name} goes on."

    name = f"hand_over_to_{_identifier(agent.name)}"[:64]
    return Tool(Definition(hand_over, name=name, description=f"Let the agent {agent.name} go on in your place."))


# ---- the doors -------------------------------------------------------------------------------------------------------
def run(
    agent: Runnable, prompt: Prompt, *, history: Sequence[Message] = (), opening: Sequence[ToolCall] = ()
) -> RunResult:
    """Run `agent` from sync code anywhere. Sync tools run on this thread.

    `opening` are tool calls made on the model's behalf before its first step. The prompt may be the decision on a
    paused run. A model that fails doesn't raise: it ends the run with a status and an error. Raises LoopStopped when
    the managed loop's thread ends.
    """
    return call(agent.perform, _request(prompt, history, opening))


async def arun(
    agent: Runnable, prompt: Prompt, *, history: Sequence[Message] = (), opening: Sequence[ToolCall] = ()
) -> RunResult:
    """`run` for async code; cancelling it cancels the run."""
    return await acall(agent.perform, _request(prompt, history, opening))


def stream(
    agent: Runnable, prompt: Prompt, *, history: Sequence[Message] = (), opening: Sequence[ToolCall] = ()
) -> RunStream:
    """`run` as an iterator of events, sync or async, which ends with RunEnded; `close()` it when you leave early."""
    return Stream(partial(agent.perform, _request(prompt, history, opening)), last=RunEnded)


def resume(agent: Runnable, state: RunState, approved: bool | Mapping[str, bool], *, reason: str = "") -> RunResult:
    """Go on with a paused run: `run(agent, state.decide(approved, reason=reason))`. The result's `content` is what is
    said from there on; its messages, steps and usage are those of the whole.
    """
    return run(agent, state.decide(approved, reason=reason))


def _request(prompt: Prompt, history: Sequence[Message], opening: Sequence[ToolCall]) -> Request:
    if not isinstance(prompt, Decision):
        return Request(UserMessage(prompt) if isinstance(prompt, str) else prompt, tuple(history), tuple(opening))
    state = prompt.state
    asked = state.messages[state.prompt_at]
    assert isinstance(asked, UserMessage)
    since = state.messages[state.prompt_at + 1 :]
    return Request(asked, state.messages[: state.prompt_at], since=since, decision=prompt)
