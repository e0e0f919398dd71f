"""Tell what happens during a run, as values that `stream()` yields as it happens.

The texts of all TextDeltas, joined, are the content of the result, less what a TextWithdrawn takes back.
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
class ThinkingDelta:
    """What a model thinks before it answers: no part of the content, and not sent back to it as text."""

    text: str


@dataclass(frozen=True, slots=True)
class TextWithdrawn:
    """The last characters shown were no answer but a thought: take `text` from the end of what TextDeltas have said.

    Comes from a model whose thoughts end with a tag that nothing opened. As long as it goes on so, it is known from
    then on, and comes no more.
    """

    text: str


@dataclass(frozen=True, slots=True)
class OutputDelta:
    """What the answer of an agent with `output` holds so far, as plain JSON; the last one need not be the whole."""

    value: object


@dataclass(frozen=True, slots=True)
class ToolCalled:
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolReturned:
    message: ToolMessage


@dataclass(frozen=True, slots=True)
class ModelReplaced:
    """`model` is asked, since the one before failed and had said nothing; `reason` is the code of its error."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Always the last one."""

    result: RunResult


Event = TextDelta | ThinkingDelta | TextWithdrawn | OutputDelta | ToolCalled | ToolReturned | ModelReplaced | RunEnded
