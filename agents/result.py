"""How a run ended, and answers that are values: the schema a model is given, and its text read back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from agents.errors import AgentError, OutputInvalid
from agents.messages import Message, Usage

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from agents.guardrails import RunState
    from agents.tracing import Span

ERROR_MAX_CHARACTERS = 1000  # of what the model is told about an answer that doesn't fit

Status = Literal["completed", "failed", "limited", "cancelled", "blocked", "paused"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, and what it has; `error` says why it did not complete, and is never part of `content`.

    `content` is all text the model gave, also when it was cut short, and `output` that text as the agent's output type,
    or what a tool returned that ends runs. `messages` are the history, the prompt and what followed; `model` is the
    name of the one that answered last. `steps`, `usage` and `cost` (US dollars; None when a price is unknown) include
    those of agents that this one called. `tier` tells where it ran, `state` how to resume
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


class Output:
    """A type that answers must fit: a pydantic model, a dataclass, a TypedDict; anything whose schema is an object."""

    def __init__(self, type_: Any) -> None:
        """Raises TypeError for a type that has no such schema."""
        from pydantic import PydanticUserError, TypeAdapter

        self.name = getattr(type_, "__name__", str(type_))
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(type_)
            self.schema = self._adapter.json_schema()
        except (PydanticUserError, NameError) as error:
            raise TypeError(f"output {self.name} has no JSON schema: {error}") from error
        if self.schema.get("type") != "object" and "$ref" not in self.schema:
            raise TypeError(f"output {self.name} is no object; make it a field of one")

    def read(self, text: str) -> object:
        """Raises OutputInvalid, which says where the text does not fit."""
        from pydantic import ValidationError

        fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", text, flags=re.DOTALL)
        try:
            return self._adapter.validate_json(fenced[1] if fenced else text)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors())
            raise OutputInvalid(f"the answer is no {self.name}: {problems[:ERROR_MAX_CHARACTERS]}") from error


@cache
def output_of(type_: Any) -> Output:
    """One for each type, since its schema takes a while to make."""
    return Output(type_)
