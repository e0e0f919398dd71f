"""Tell what happens during a workflow's run, as values that `on_event` is called with as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from agents.events import Event
from agents.workflows.checkpoints import State


@dataclass(frozen=True, slots=True)
class StepBegan:
    """A step begins, or one item of a step with foreach."""

    step: str
    item: int | None


@dataclass(frozen=True, slots=True)
class StepTold:
    """What happens in the run of a step's agent: its text, its thoughts, its tool calls."""

    step: str
    item: int | None
    event: Event


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step is completed, failed or skipped; its state is recorded by now."""

    state: State


@dataclass(frozen=True, slots=True)
class StepWaits:
    """A step waits for a person; what they are asked is in the `arguments` of its state."""

    state: State


WorkflowEvent: TypeAlias = StepBegan | StepTold | StepEnded | StepWaits
