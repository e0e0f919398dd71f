"""Models without a model, for tests of code that uses agents."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TypeAlias

from agents.budget import Price
from agents.events import TextDelta, ThinkingDelta
from agents.messages import Message, ToolCall, Usage
from agents.models.model import MessageFields, ModelEvent
from agents.models.settings import ModelSettings
from agents.output import Output
from agents.tools import Tool

Part: TypeAlias = str | ThinkingDelta | ToolCall | MessageFields | Usage | Exception
Step: TypeAlias = Part | Iterable[Part]
"""One turn: a text, a thought, a tool call, an exception to raise, or several of them in order."""


class FunctionModel:
    """Asks `function(messages)` what to say in each turn."""

    offline = True  # no mock has to answer in its place

    def __init__(
        self,
        function: Callable[[Sequence[Message]], Step],
        *,
        name: str = "function",
        price: Price | None = None,
        window_tokens: int | None = None,
    ) -> None:
        self.function = function
        self.name = name
        self.price = price
        self.window_tokens = window_tokens

    async def stream(
        self,
        *,
        instructions: str,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        output: Output | None = None,
        settings: ModelSettings | None = None,
    ) -> AsyncGenerator[ModelEvent]:
        step = self.function(messages)
        for part in [step] if isinstance(step, Part) else step:
            if isinstance(part, Exception):
                raise part
            yield TextDelta(part) if isinstance(part, str) else part


class ScriptedModel(FunctionModel):
    """Says what it was given, step by step; being asked once more is an error. `requests` are the messages it saw."""

    def __init__(
        self,
        steps: Iterable[Step],
        *,
        name: str = "scripted",
        price: Price | None = None,
        window_tokens: int | None = None,
    ) -> None:
        super().__init__(self._next_step, name=name, price=price, window_tokens=window_tokens)
        self.steps = list(steps)
        self.requests: list[tuple[Message, ...]] = []

    def assert_finished(self) -> None:
        """Raise AssertionError when steps are left over."""
        if self.steps:
            raise AssertionError(f"{self.name}: {len(self.steps)} steps were not used: {self.steps!r}")

    def _next_step(self, messages: Sequence[Message]) -> Step:
        self.requests.append(tuple(messages))
        if not self.steps:
            raise AssertionError(f"{self.name} was asked once more than its script goes; last: {messages[-1]!r}")
        return self.steps.pop(0)
