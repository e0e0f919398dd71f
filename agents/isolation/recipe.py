"""Say how an agent is made elsewhere, and what it is asked there."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.agent import Runnable
from agents.errors import AgentError
from agents.messages import AssistantMessage, Message, Usage, UserMessage
from agents.result import RunResult, Status

PREPARATION_SECONDS = 60.0


@dataclass(frozen=True)
class Recipe:
    """How to make an agent anywhere: call `factory` ("package.module:function") with `configuration` by name.

    The configuration is made of what JSON has. The module is imported in a bare process: if it needs Django, it calls
    `django.setup()` itself. With `python`, the path of another environment's interpreter (Python 3.9 or later), the
    agent is made and run there; what the factory may return then stands in `agents/isolation/foreign_worker.py`.
    Raises ValueError or TypeError for what can't be passed on.
    """

    factory: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    python: str | Path = ""

    def __post_init__(self) -> None:
        module, colon, function = self.factory.partition(":")
        if not (module and colon and function):
            raise ValueError(f'a factory is named like "package.module:function", not {self.factory!r}')
        try:
            json.dumps(self.configuration, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise type(error)(f"the configuration of {self.factory} is not made of JSON values: {error}") from error
        if self.python:
            object.__setattr__(self, "python", _interpreter(self.python))

    def build(self) -> Runnable:
        """Make the agent here."""
        module, _, function = self.factory.partition(":")
        agent = getattr(importlib.import_module(module), function)(**self.configuration)
        if not isinstance(agent, Runnable):
            raise TypeError(f"{self.factory} made {agent!r}, which is no agent")
        return agent


def _interpreter(python: str | Path) -> str:
    """Return its full path. A link is not followed: by its own path an interpreter knows its environment."""
    path = Path(python).expanduser()
    found = shutil.which(path) if len(path.parts) == 1 else None
    return found or str(path.absolute())


@dataclass(frozen=True, slots=True)
class Order:
    """A run that is asked for; without a prompt, a worker only gets ready for it."""

    recipe: Recipe
    prompt: UserMessage | None
    history: tuple[Message, ...] = ()
    stream: bool = False
    seconds: float = 60.0

    @property
    def preparation(self) -> Order:
        """Return the order to make the agent only; however little time the run had, its worker gets enough for that."""
        return replace(self, prompt=None, history=(), seconds=max(self.seconds, PREPARATION_SECONDS))

    def ended(self, status: Status, error: AgentError | None, *, content: str = "", **more: Any) -> RunResult:
        """Return the result of a run of which nothing is known but its content, and `more` fields of the result."""
        assert self.prompt
        answer = (AssistantMessage(content),) if content else ()
        unknown: dict[str, Any] = {"steps": 0, "usage": Usage(), "model": "", "total_seconds": 0.0}
        return RunResult(
            status=status,
            content=content,
            messages=(*self.history, self.prompt, *answer),
            error=error,
            model_seconds=0.0,
            tool_seconds=0.0,
            **(unknown | more),
        )
