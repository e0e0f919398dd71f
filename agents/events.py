"""What happens during a run, as values; `stream()` yields them as they happen.

The texts of all TextDeltas, joined, are the content of the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.messages import ToolCall, ToolMessage

if TYPE_CHECKING:
    from agents.result import RunResult


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolReturned:
    message: ToolMessage


@dataclass(frozen=True, slots=True)
class ModelReplaced:
    """The model before `model` failed before it had said anything; `reason` is the code of its error."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Always the last one."""

    result: RunResult


Event = TextDelta | ToolCalled | ToolReturned | ModelReplaced | RunEnded
