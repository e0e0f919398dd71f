"""A run that waits for a person: what it has so far, as JSON, and the decision that lets it go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from agents.messages import Message, ToolCall, Usage, dump_message, load_message


@dataclass(frozen=True, slots=True)
class RunState:
    """A paused run. `pending` are the calls of the turn that waits: those that need approval, and those beside them.

    Keep its JSON where no reader can write: it is taken at its word.
    """

    agent: str
    messages: tuple[Message, ...]
    prompt_at: int  # before it, `messages` are history
    text: str  # what the model said with its calls
    pending: tuple[ToolCall, ...]
    steps: int
    tool_calls: int
    usage: Usage
    cost: Decimal | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values. Of a tool's result only the text that the model reads survives."""
        return {
            **asdict(self),
            "messages": [dump_message(message) for message in self.messages],
            "cost": None if self.cost is None else str(self.cost),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunState:
        """Return the state. Raises TypeError, KeyError or ValueError for what `to_json` did not write."""
        return cls(
            **{
                **value,
                "messages": tuple(map(load_message, value["messages"])),
                "pending": tuple(ToolCall(**call) for call in value["pending"]),
                "usage": Usage(**value["usage"]),
                "cost": None if value["cost"] is None else Decimal(value["cost"]),
            }
        )

    def decide(self, approved: bool | Mapping[str, bool], *, reason: str = "") -> Decision:
        """Return what to `run`, `arun` or `stream` in place of a prompt. `approved` is for all calls, or for each
        by its id; a call that is left out is refused. The model is told the `reason`.
        """
        return Decision(self, approved, reason)


@dataclass(frozen=True, slots=True)
class Decision:
    state: RunState
    approved: bool | Mapping[str, bool]
    reason: str = ""

    def refuses(self, call: ToolCall) -> bool:
        return not (self.approved if isinstance(self.approved, bool) else self.approved.get(call.id, False))


class CallRefused(Exception):
    """A person refused a tool call; the message is for the model."""
