"""Write a whole request: what is asked, with the settings that count, as far as the server takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents.messages import Message, ToolMessage, UserMessage
from agents.models.fitting import estimate_tokens
from agents.models.learned import Learned
from agents.models.settings import ModelSettings
from agents.models.wire import choice_to_wire, messages_to_wire, tools_to_wire
from agents.output import Output
from agents.tools import Tool

THOUGHT_TOKENS = 8_192  # room that a model which thinks gets beside the text that it may say
ANSWER_TOKENS_LEAST = 128  # are asked for, however full the window is
MARGIN_TOKENS = 32  # of the window that are left, since an estimate is none too exact


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked in one turn, whoever serves it. `window` is that of the model, in its own tokens."""

    instructions: str
    messages: Sequence[Message]
    tools: Sequence[Tool]
    output: Output | None
    settings: ModelSettings
    window: int | None = None

    @property
    def tokens(self) -> int:
        """By our own estimate."""
        tools = (f"{tool.name}{tool.description}{tool.parameters}" for tool in self.tools)
        return estimate_tokens(self.instructions, *self.messages, *tools)

    @property
    def callable(self) -> Sequence[Tool]:
        """Return the tools that the model may call in this turn."""
        choice = self.settings.tool_choice
        if choice == "none":
            return ()
        chosen = [tool for tool in self.tools if tool.name == choice]
        return chosen if chosen and not self.has_called else self.tools

    def given(self) -> Iterator[str]:
        """Yield the texts that the model may quote: all that it was told, but not what it said itself."""
        for message in self.messages:
            match message:
                case UserMessage(text, passages):
                    yield text
                    yield from (passage.text for passage in passages)
                case ToolMessage():
                    yield message.text

    @property
    def has_called(self) -> bool:
        """Return whether a tool was called since the last question."""
        last = next((m for m in reversed(self.messages) if isinstance(m, UserMessage | ToolMessage)), None)
        return isinstance(last, ToolMessage)


def write_request(name: str, asked: Asked, learned: Learned) -> dict[str, Any]:
    """Return the arguments of the client's `create`."""
    request: dict[str, Any] = {
        "model": name,
        "messages": messages_to_wire(
            _instructions(asked, learned), asked.messages, tools=asked.callable, learned=learned
        ),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if asked.output:
        schema = {"name": "answer", "schema": asked.output.schema, "strict": asked.output.strict}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    if asked.tools and "tools" not in learned.refused:
        request |= _tools(asked, learned)
    request |= _settings(asked, learned)
    refused = learned.refused | ({"stream_options"} if "stream" in learned.refused else set())
    return {part: value for part, value in request.items() if part not in refused}


def answer_tokens(asked: Asked, learned: Learned) -> int | None:
    """Return how many tokens the model may write, thoughts among them, or None where nothing bounds it."""
    settings = asked.settings
    if settings.max_tokens is None:
        return None
    thinks = learned.thinks or settings.reasoning_effort not in (None, "none")
    tokens = settings.max_tokens + (THOUGHT_TOKENS if thinks else 0)
    if learned.output_limit:
        tokens = min(tokens, learned.output_limit)
    if asked.window:
        left = asked.window - MARGIN_TOKENS - learned.tokens(asked.tokens)
        tokens = min(tokens, max(ANSWER_TOKENS_LEAST, left))
    return tokens


def visible_tokens(asked: Asked, request: dict[str, Any]) -> int | None:
    """Return how much of an answer is shown, by our own count. A server that counts nothing but the answer does so
    itself, and better; what goes half beyond was not counted.
    """
    most = asked.settings.max_tokens
    if most is None:
        return None
    sent = request.get("max_tokens") or request.get("max_completion_tokens")
    return most if sent is None or sent > most else most + most // 2


def _instructions(asked: Asked, learned: Learned) -> str:
    if asked.output is None or "response_format" not in learned.refused:
        return asked.instructions
    schema = json.dumps(asked.output.schema)
    return f"{asked.instructions}\n\nAnswer with JSON of this schema and nothing else: {schema}"


def _tools(asked: Asked, learned: Learned) -> dict[str, Any]:
    request: dict[str, Any] = {"tools": tools_to_wire(asked.tools, learned)}
    if asked.settings.parallel_tool_calls is not None:
        request["parallel_tool_calls"] = asked.settings.parallel_tool_calls
    choice = asked.settings.tool_choice
    # A call that stays required would have the model call tools for ever.
    if choice in ("auto", "none") or (choice is not None and not asked.has_called):
        request["tool_choice"] = choice_to_wire(choice, {tool.name for tool in asked.tools})
    return request


def _settings(asked: Asked, learned: Learned) -> dict[str, Any]:
    settings = asked.settings
    limit = "max_completion_tokens" if "max_tokens" in learned.refused else "max_tokens"
    named = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        limit: answer_tokens(asked, learned),
        "reasoning_effort": settings.reasoning_effort,
        "stop": list(settings.stop) or None,
        "seed": settings.seed,
        "extra_body": dict(settings.extra_body) or None,
        "extra_headers": dict(settings.extra_headers) or None,
    }
    return {name: value for name, value in named.items() if value is not None}
