"""Describe what an agent asks: the protocol that every model follows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.events import TextDelta, TextWithdrawn, ThinkingDelta
from agents.messages import Message, ToolCall, Usage
from agents.models.settings import ModelSettings
from agents.output import Output
from agents.tools import Tool


@dataclass(frozen=True, slots=True)
class MessageFields:
    """What a provider sent on a whole message and wants back with it; the run keeps it in the message's `attached`."""

    fields: Mapping[str, Any]


ModelEvent = TextDelta | ThinkingDelta | TextWithdrawn | ToolCall | MessageFields | Usage


class Model(Protocol):
    """A model. One turn is an async generator over what it thinks and says, which tools it wants, and what that cost.

    It raises a ModelError when the turn is not whole. With `output`, its text should be JSON of that schema; the run
    checks. `settings` are those of the agent and the run, and only passed when there are any. A model may also have a
    `price` (Price) and `window_tokens`, how much it reads and writes at once.
    """

    @property
    def name(self) -> str: ...

    def stream(
        self,
        *,
        instructions: str,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        output: Output | None = None,
        settings: ModelSettings | None = None,
    ) -> AsyncGenerator[ModelEvent]: ...
