"""What may hold a run up: checks on what is asked, on what is answered and on what the answer cites, and a person.

A check is a function, sync or async, that returns None to allow, or the reason why it blocks. A blocked run ends as
`blocked`, with `Blocked` as its error. Text of an agent with checks on its answers is held back until they allow it.

A run that waits for a person is `paused`. Its RunState is what it has so far, as JSON; a Decision lets it go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from agents.errors import Blocked
from agents.messages import Message, ToolCall, Usage, UserMessage, dump_call, dump_message, load_message
from agents.tools import invoke

Verdict: TypeAlias = str | Awaitable[str | None] | None


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Each is called with what it checks: the question; the answer; the answer and all messages, sources among them."""

    input: Sequence[Callable[[UserMessage], Verdict]] = ()
    output: Sequence[Callable[[str], Verdict]] = ()
    citations: Sequence[Callable[[str, Sequence[Message]], Verdict]] = ()

    @property
    def hold_answers(self) -> bool:
        return bool(self.output or self.citations)

    async def check_input(self, prompt: UserMessage) -> None:
        """Raises Blocked."""
        await _check("input", self.input, prompt)

    async def check_answer(self, content: str, *, messages: Sequence[Message]) -> None:
        """Raises Blocked."""
        await _check("output", self.output, content)
        await _check("citations", self.citations, content, messages)


async def _check(stage: str, checks: Sequence[Callable[..., Verdict]], *subject: Any) -> None:
    for check in checks:
        if (reason := await invoke(check, *subject)) is not None:
            raise Blocked(str(reason), stage)


# ---- a person's approval ---------------------------------------------------------------------------------------------
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
    attached: Mapping[str, Any] = field(default_factory=dict, hash=False)  # to the message of that turn

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values. Of a tool's result only the text that the model reads survives."""
        return {
            **asdict(self),
            "messages": [dump_message(message) for message in self.messages],
            "pending": [dump_call(call) for call in self.pending],
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
