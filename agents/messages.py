"""What a model is told and what it says: pure values, in one linear list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered text that may be quoted, and cited as [marker]."""

    marker: int
    text: str
    title: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model wants to be called; `arguments` is JSON as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A question. When it brings `passages`, the answer must rest on them."""

    text: str
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    text: str
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """A tool's result: `text` is what the model reads, `value` what the tool returned or the exception it raised."""

    call: ToolCall
    text: str
    value: object
    failed: bool


Message = UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens
