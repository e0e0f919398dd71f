"""Register what a workflow file may name. Its host does; a name in a file never imports anything.

registry = Registry()

@registry.function
def join(parts: list[str]) -> str:
    return " ".join(parts)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, overload

from agents.agent import Runnable, check_agent
from agents.models.model import Model
from agents.tools import Tool, Toolkit, invoke_on

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K", Tool, Toolkit)


@dataclass(frozen=True, slots=True)
class Function:
    """A step's own code, sync or async."""

    name: str
    function: Callable[..., Any]
    thread_sensitive: bool | None

    async def execute(self, arguments: dict[str, Any]) -> object:
        return await invoke_on(partial(self.function, **arguments), thread_sensitive=self.thread_sensitive)


class Registry:
    """Functions, tools, agents and models by name. It is cheap: make one for each request when its tools know the user.

    Each method gives back what it was given; a name that is taken raises ValueError.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self.tools: dict[str, Tool] = {}
        self.agents: dict[str, Runnable] = {}
        self.models: dict[str, Model] = {}

    @overload
    def function(self, function: F, /, *, name: str = "", thread_sensitive: bool | None = None) -> F: ...
    @overload
    def function(self, /, *, name: str = "", thread_sensitive: bool | None = None) -> Callable[[F], F]: ...
    def function(self, function: F | None = None, /, *, name: str = "", thread_sensitive: bool | None = None) -> Any:
        """Declare a function, also as a decorator. Replaying a run calls it again: it should compute, not act.

        Where Django is set up, a sync function runs on the thread that started the workflow, so that it may use the
        ORM, and several wait for each other; with `thread_sensitive=False`, or elsewhere, each has a thread of its own.
        """

        def declare(function: F) -> F:
            known = name or function.__name__
            _add(self.functions, "function", known, Function(known, function, thread_sensitive))
            return function

        return declare if function is None else declare(function)

    def tool(self, tool: K) -> K:
        """Declare a tool: what reaches out to the world. Replaying a run answers it from the record."""
        if not isinstance(tool, Tool | Toolkit):
            raise TypeError(f"{tool!r} is no tool; mark the function with @tool")
        for each in tool.tools if isinstance(tool, Toolkit) else (tool,):
            _add(self.tools, "tool", each.name, each)
        return tool

    def agent(self, agent: Runnable) -> Runnable:
        check_agent(agent, taker="Registry.agent()")
        return _add(self.agents, "agent", agent.name, agent)

    def model(self, model: Model, *, name: str = "") -> Model:
        """Declare a model, for the agents that a workflow file defines."""
        if not callable(getattr(model, "stream", None)):
            raise TypeError(f"{model!r} is no model; one is OpenAIModel(name)")
        return _add(self.models, "model", name or model.name, model)


def _add(known: dict[str, T], kind: str, name: str, thing: T) -> T:
    if name in known:
        raise ValueError(f"there are two {kind}s named {name!r}")
    known[name] = thing
    return thing


registry = Registry()  # used where none is given
