"""Describe what an agent asks: the protocol that every model follows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from agents.events import TextDelta
from agents.messages import Message, ToolCall, Usage
from agents.result import Output
from agents.tools import Tool

ModelEvent = TextDelta | ToolCall | Usage


class Model(Protocol):
    """A model. One turn is an async generator over what it says, which tools it wants, and what that cost.

    It raises a ModelError when the turn is not whole. With `output`, its text should be JSON of that schema; the run
    checks. A model may also have a `price` (Price) and `window_tokens`, how much it reads and writes at once.
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
    ) -> AsyncGenerator[ModelEvent]: ...
