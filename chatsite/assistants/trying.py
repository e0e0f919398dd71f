"""What a workflow runs while it is only tried: it searches, writes and computes, and does nothing.

A function computes, as it does when a run is replayed. What reaches out of the site, the project's tools and agents
that have any, is not run: the step, or the agent that calls it, is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agents import Agent, Registry, RunResult
from agents.agent import Runnable, ignore
from agents.events import Event
from agents.steps import Request
from agents.streams import Emit
from agents.tools import Definition, Tool

Note = Callable[[str], None]


class NotTried(RuntimeError):
    """It is not run in a trial; the message names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not run in a trial")


class _UntriedDefinition(Definition):
    """A tool as a model sees it, without its function."""

    def __init__(self, tool: Tool, note: Note) -> None:
        vars(self).update(vars(tool.definition), function=self._refuse)
        self._note = note

    def _refuse(self, **given: Any) -> object:
        """Raises NotTried."""
        self._note(self.name)
        raise NotTried(self.name)


class UntriedAgent(Runnable):
    """An agent that may act, and is not run."""

    pauses = False
    all_toolkits: Sequence[object] = ()

    def __init__(self, name: str, note: Note) -> None:
        self.name = name
        self._note = note

    async def perform(self, request: Request, emit: Emit[Event] = ignore) -> RunResult:
        """Raises NotTried."""
        self._note(self.name)
        raise NotTried(self.name)


def without_deeds(registry: Registry, note: Note) -> None:
    """Have what acts in a registry refuse to. `note` is called with the name of each that was to be run."""
    for name, tool in registry.tools.items():
        registry.tools[name] = replace(tool, definition=_UntriedDefinition(tool, note), instance=None)
    for name, agent in registry.agents.items():
        if not _only_writes(agent):
            registry.agents[name] = UntriedAgent(name, note)


def _only_writes(agent: Runnable) -> bool:
    """Say whether an agent asks its models, and has nothing to call."""
    return type(agent) is Agent and not (agent.toolbox or agent.toolkits or agent.handoffs)
