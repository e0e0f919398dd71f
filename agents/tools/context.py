"""Say what a tool is told beside the arguments that the model writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from agents.messages import ToolCall
    from agents.steps import Run

Deps = TypeVar("Deps")


@dataclass(frozen=True, slots=True)
class Context(Generic[Deps]):
    """What a tool with a parameter of this type is given in it; the model doesn't see that parameter.

    `deps` is what the host handed to `run(agent, …, deps=)`, its request's user, say. `run` is the run that calls the
    tool, and `call` the model's call; both are None when the tool is called without a run.
    """

    deps: Deps
    run: Run | None = None
    call: ToolCall | None = None

    @property
    def caller(self) -> Run | None:
        """Return the run whose model called this run's agent as a tool, if one did."""
        return self.run.caller if self.run else None
