"""Define agents, and run them from sync and async code."""

from __future__ import annotations

import asyncio
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from functools import partial
from typing import Any, Self, TypeAlias

from agents.bridge import acall, call, in_running_loop
from agents.budget import Limits
from agents.events import Event, RunEnded
from agents.guardrails import Decision, Guardrails, RunState
from agents.messages import Message, UserMessage
from agents.models.model import Model
from agents.models.settings import ModelSettings
from agents.output import output_of
from agents.result import RunResult
from agents.steps import Instructions, Request, Run
from agents.streams import Emit, Stream
from agents.tools import (
    Context,
    Definition,
    Tool,
    Toolkit,
    ToolSource,
    close_all,
    find_tool,
    kept_open,
    marked_tools,
    open_all,
)

RunStream = Stream[Event, RunResult]
Prompt: TypeAlias = str | UserMessage | Decision


async def ignore(event: Event) -> None:
    pass


class Runnable(ABC):
    """An agent, or several put together as one: `run`, `arun` and `stream` take it.

    `with agent:`, or `async with agent:`, keeps open what its toolkits declare, on the loop they run on; a run alone
    opens it for its own time.
    """

    name: str

    @abstractmethod
    async def perform(self, request: Request, emit: Emit[Event] = ignore) -> RunResult:
        """Run once, on the managed loop. Raises only what is a bug in the caller's own functions."""

    @property
    @abstractmethod
    def pauses(self) -> bool:
        """Return whether a run of it can end as `paused`, to wait for approval."""

    @property
    @abstractmethod
    def all_toolkits(self) -> Sequence[object]:
        """Return the toolkits of all agents in it."""

    def __enter__(self) -> Self:
        call(open_all, self.all_toolkits)
        return self

    def __exit__(self, *error: object) -> None:
        call(close_all, self.all_toolkits)

    async def __aenter__(self) -> Self:
        await acall(open_all, self.all_toolkits)
        return self

    async def __aexit__(self, *error: object) -> None:
        await acall(close_all, self.all_toolkits)

    def as_tool(self, *, name: str = "", description: str = "") -> Tool:
        """Return a tool that asks this agent; what it uses counts towards the limits of the run that calls it.

        Raises TypeError for an agent whose runs may pause: the run that calls it could not be resumed.
        """
        refuse_pauses([self], inside="a tool")

        async def ask(prompt: str, context: Context[Any]) -> object:
            result = await self.perform(Request(UserMessage(prompt), deps=context.deps))
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


def check_agent(agent: object, *, taker: str) -> None:
    """Raise TypeError for what is no agent, which says what it is and what to do."""
    if isinstance(agent, Runnable):
        return
    if inspect.iscoroutine(agent):
        agent.close()  # or Python would warn that nobody has awaited it
        name = agent.__qualname__
        raise TypeError(f"{taker} takes an agent, not a coroutine of {name}(); await it, or call({name}, ...)")
    if isinstance(agent, type) and issubclass(agent, Runnable):
        raise TypeError(f"{taker} takes an agent, not the class {agent.__name__}; make one of it first")
    raise TypeError(f"{taker} takes an agent, not {agent!r}; agents of other frameworks are run by call()")


def _identifier(name: str) -> str:
    """Return the name as the servers want that of a tool."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:64]


@dataclass(frozen=True)
class Agent(Runnable):
    """Instructions, tools, and the models to ask: the first, and when it can't be reached, the next.

    `model` stands before `models`. With `output`, answers are values of that type. The model may hand the run over to
    one of `handoffs`, which goes on with the same messages and limits under its own instructions. `settings` are over
    those of its models. A subclass has its methods that `@tool` marks as tools, too, and may say `name`, `instructions`
    and `model` in its body; its name is else that of the class.
    Raises ValueError or TypeError for a definition that can't work, by the name of what is wrong.
    """

    name: str = ""
    instructions: Instructions = ""
    tools: Sequence[Tool | Toolkit] = ()
    _: KW_ONLY
    model: InitVar[Model | None] = None
    models: Sequence[Model] = ()
    output: Any = None
    settings: ModelSettings | None = None
    limits: Limits = field(default_factory=Limits)
    guardrails: Guardrails = field(default_factory=Guardrails)
    handoffs: Sequence[Agent] = ()
    toolbox: Mapping[str, Tool] = field(init=False, repr=False, compare=False)
    toolkits: Sequence[ToolSource] = field(init=False, repr=False, compare=False)
    successors: Mapping[str, Agent] = field(init=False, repr=False, compare=False)

    def __post_init__(self, model: Model | None) -> None:
        set_once = partial(object.__setattr__, self)
        if (kind := type(self)) is not Agent:
            set_once("name", self.name or kind.name or kind.__name__)
            set_once("instructions", self.instructions or kind.instructions)
        self._check_values()
        set_once("models", self._checked_models(model or getattr(kind, "model", None)))
        if self.output is not None:
            output_of(self.output)
        for agent in self.handoffs:
            check_agent(agent, taker=f"agent {self.name}: handoffs")
            if agent.name == self.name:
                raise ValueError(f"agent {self.name} hands over to another agent of its own name")
        handing_over = [_handing_over(agent) for agent in self.handoffs]
        tools = [*self._flat_tools(), *marked_tools(self), *handing_over]
        names = [tool.name for tool in tools]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"agent {self.name} has two tools named {', '.join(sorted(twice))}")
        toolkits: list[ToolSource] = [given for given in self.tools if isinstance(given, Toolkit)]
        if inspect.iscoroutinefunction(getattr(type(self), "open", None)):
            toolkits.append(self)
        set_once("toolbox", {tool.name: tool for tool in tools})
        set_once("toolkits", tuple(toolkits))
        set_once("successors", {tool.name: agent for tool, agent in zip(handing_over, self.handoffs, strict=True)})

    def _check_values(self) -> None:
        """Raises TypeError or ValueError."""
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"an agent's name is a text that isn't empty, not {self.name!r}")
        if not isinstance(self.instructions, str) and not callable(self.instructions):
            raise TypeError(f"agent {self.name}: instructions are text or a function, not {self.instructions!r}")
        wanted = {"limits": Limits, "guardrails": Guardrails, "settings": ModelSettings | None}
        for name, kind in wanted.items():
            if not isinstance(value := getattr(self, name), kind):
                raise TypeError(f"agent {self.name}: {name} must be {_named(kind)}, not {value!r}")
        for name in ("tools", "models", "handoffs"):
            if not isinstance(value := getattr(self, name), Sequence) or isinstance(value, str):
                raise TypeError(f"agent {self.name}: {name} must be a list, not {value!r}")

    def _checked_models(self, model: Model | None) -> tuple[Model, ...]:
        models = tuple(self.models) if model is None else (model, *self.models)
        if not models:
            raise ValueError(f"agent {self.name} has no model")
        for each in models:
            if isinstance(each, str):
                raise TypeError(f"agent {self.name}: {each!r} is only the name of a model; say OpenAIModel({each!r})")
            if not callable(getattr(each, "stream", None)) or isinstance(each, type):
                raise TypeError(f"agent {self.name}: {each!r} is no model; one is OpenAIModel(name)")
        return models

    def _flat_tools(self) -> Iterator[Tool]:
        for given in self.tools:
            if isinstance(given, Toolkit):
                yield from given.tools
            elif isinstance(given, Tool):
                yield given
            else:
                raise TypeError(f"agent {self.name}: {given!r} is no tool; {_tool_hint(given)}")

    async def discover(self) -> Sequence[Tool]:
        """Return no more tools than the agent is known to have; a subclass may."""
        return ()

    @property
    def pauses(self) -> bool:
        toolkits = (given for given in self.tools if isinstance(given, Toolkit))
        return (
            any(tool.approve for tool in self.toolbox.values())
            or any(toolkit.pauses for toolkit in toolkits)
            or any(agent.pauses for agent in self.handoffs)
        )

    @property
    def all_toolkits(self) -> Sequence[object]:
        return (*self.toolkits, *(toolkit for agent in self.handoffs for toolkit in agent.all_toolkits))

    def tool(self, name: str) -> Tool:
        """Raises ArgumentsInvalid for a name that no tool has; the message is for the model."""
        return find_tool(self.toolbox, name)

    def execute_tool(self, name: str, context: Context[Any] | None = None, /, **arguments: object) -> Any:
        """Call a tool as a model would. Sync code gets what it returns; code in a running loop awaits that:

            await asyncio.gather(agent.execute_tool("find", title="Emma"), agent.execute_tool("count"))

        Raises ArgumentsInvalid, and whatever the tool raises.
        """
        run = acall if in_running_loop() else call
        return run(self._execute_tool, name, context, arguments)

    async def _execute_tool(self, name: str, context: Context[Any] | None, arguments: Mapping[str, object]) -> object:
        async with kept_open(self.toolkits):
            known = dict(self.toolbox)
            for toolkit in self.toolkits:
                known |= {tool.name: tool for tool in await toolkit.discover()}
            return await find_tool(known, name).execute(arguments, context=context)

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


def _tool_hint(given: object) -> str:
    if isinstance(given, Runnable):
        return "say agent.as_tool()"
    if isinstance(given, type) and issubclass(given, Toolkit):
        return f"make a toolkit of it first: {given.__name__}(...)"
    return "mark the function with @tool"


def _named(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind)).replace("agents.models.settings.", "")


# ---- the doors -------------------------------------------------------------------------------------------------------
def run(
    agent: Runnable,
    prompt: Prompt,
    *,
    history: Sequence[Message] = (),
    settings: ModelSettings | None = None,
    limits: Limits | None = None,
    deps: object = None,
) -> RunResult:
    """Run `agent` from sync code anywhere.

    `settings` are over those of the agents, `limits` in place of the agent's own, and `deps` for tools with a Context.
    The prompt may be the decision on a paused run. A model that fails doesn't raise: it ends the run with a status and
    an error. Raises TypeError for what is no agent, prompt or option, and LoopStopped when the managed loop's thread
    ends.
    """
    check_agent(agent, taker="run()")
    return call(agent.perform, _request(prompt, history, settings, limits, deps))


async def arun(
    agent: Runnable,
    prompt: Prompt,
    *,
    history: Sequence[Message] = (),
    settings: ModelSettings | None = None,
    limits: Limits | None = None,
    deps: object = None,
) -> RunResult:
    """`run` for async code; cancelling it cancels the run."""
    check_agent(agent, taker="arun()")
    return await acall(agent.perform, _request(prompt, history, settings, limits, deps))


def stream(
    agent: Runnable,
    prompt: Prompt,
    *,
    history: Sequence[Message] = (),
    settings: ModelSettings | None = None,
    limits: Limits | None = None,
    deps: object = None,
) -> RunStream:
    """`run` as an iterator of events, sync or async, which ends with RunEnded; `close()` it when you leave early."""
    check_agent(agent, taker="stream()")
    return Stream(partial(agent.perform, _request(prompt, history, settings, limits, deps)), last=RunEnded)


def resume(
    agent: Runnable,
    state: RunState,
    approved: bool | Mapping[str, bool],
    *,
    reason: str = "",
    settings: ModelSettings | None = None,
    limits: Limits | None = None,
    deps: object = None,
) -> RunResult:
    """Go on with a paused run: `run(agent, state.decide(approved, reason=reason))`. The result's `content` is what is
    said from there on; its messages, steps and usage are those of the whole. `deps` are not in the state: hand them in
    again.
    """
    return run(agent, state.decide(approved, reason=reason), settings=settings, limits=limits, deps=deps)


def _request(
    prompt: Prompt,
    history: Sequence[Message],
    settings: ModelSettings | None,
    limits: Limits | None,
    deps: object,
) -> Request:
    """Raises TypeError for a prompt or an option of another type."""
    for name, value, kind in (("settings", settings, ModelSettings), ("limits", limits, Limits)):
        if not isinstance(value, kind | None):
            raise TypeError(f"{name} must be {kind.__name__}, not {value!r}")
    if isinstance(prompt, Decision):
        state = prompt.state
        asked = state.messages[state.prompt_at]
        assert isinstance(asked, UserMessage)
        since = state.messages[state.prompt_at + 1 :]
        earlier = state.messages[: state.prompt_at]
        return Request(asked, earlier, since=since, decision=prompt, settings=settings, limits=limits, deps=deps)
    if not isinstance(prompt, str | UserMessage):
        raise TypeError(f"a prompt is text, a UserMessage or a Decision, not {prompt!r}")
    asked = UserMessage(prompt) if isinstance(prompt, str) else prompt
    return Request(asked, _checked(history), settings=settings, limits=limits, deps=deps)


def _checked(history: Sequence[Message]) -> tuple[Message, ...]:
    """Raises TypeError."""
    if isinstance(history, str) or not isinstance(history, Iterable):
        raise TypeError(f"history must be a list of messages, as RunResult.messages is, not {history!r}")
    for message in (messages := tuple(history)):
        if not isinstance(message, Message):
            raise TypeError(f"history must be made of messages, and {message!r} is none")
    return messages
