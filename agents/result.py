"""Say how a run ended, and what it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from agents.errors import AgentError
from agents.messages import Message, Usage, dump_message

if TYPE_CHECKING:
    from agents.guardrails import RunState
    from agents.tracing import Span

Status = Literal["completed", "failed", "limited", "cancelled", "blocked", "paused"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, and what it has; `error` says why it did not complete, and is never part of `content`.

    `content` is all text the model gave, also when it was cut short, and `output` that text as the agent's output type,
    or what a tool returned that ends runs. `messages` are the history, the prompt and what followed; `model` is the
    name of the one that answered last. `steps`, `usage` and `cost` (US dollars; None when a price is unknown) include
    those of agents that this one called. `passages_left_out` counts those of the prompt that did not fit in the model's
    window. `tier` tells where it ran, `state` how to resume
    a paused run, and `trace` what happened.
    """

    status: Status
    content: str
    messages: tuple[Message, ...]
    steps: int
    usage: Usage
    model: str
    error: AgentError | None
    model_seconds: float
    tool_seconds: float
    total_seconds: float
    output: Any = None
    cost: Decimal | None = None
    passages_left_out: int = 0
    tier: str = "inline"
    state: RunState | None = None
    trace: Span | None = field(default=None, compare=False, repr=False)

    @property
    def success(self) -> bool:
        return self.status == "completed"

    @property
    def timings(self) -> dict[str, float]:
        """Seconds waited for models and for tools, and in all."""
        return {"model": self.model_seconds, "tools": self.tool_seconds, "total": self.total_seconds}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: all but the trace. Of a tool's result only the text that the model reads survives,
        and of an error its code and message. Raises ValueError for an output that has no JSON form.
        """
        from pydantic_core import to_jsonable_python

        return {
            "status": self.status,
            "content": self.content,
            "output": to_jsonable_python(self.output, inf_nan_mode="null", bytes_mode="base64"),
            "error": {"code": self.error.code, "message": str(self.error)} if self.error else None,
            "messages": [dump_message(message) for message in self.messages],
            "model": self.model,
            "steps": self.steps,
            "usage": asdict(self.usage),
            "cost": None if self.cost is None else str(self.cost),
            "passages_left_out": self.passages_left_out,
            "seconds": self.timings,
            "tier": self.tier,
            "state": self.state.to_json() if self.state else None,
        }
