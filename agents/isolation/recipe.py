"""Say how an agent is made elsewhere, and what it is asked there."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Hashable, Mapping
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
    agent is made and run there; what the factory may return then stands in `agents/isolation/foreign_worker.py`. A
    worker there gets the environment variables that are harmless to pass on (PATH, HOME, LANG, ...) and `env`. Each
    `env` has workers of its own: what differs from run to run belongs into the configuration.
    Raises ValueError or TypeError for what can't be passed on.
    """

    factory: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    python: str | Path = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # it may hold keys

    def __post_init__(self) -> None:
        module, colon, function = self.factory.partition(":")
        if not (module and colon and function):
            raise ValueError(f'a factory is named like "package.module:function", not {self.factory!r}')
        try:
            json.dumps(self.configuration, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            kind = ValueError if isinstance(error, RecursionError) else type(error)
            raise kind(f"the configuration of {self.factory} is not made of JSON values: {error}") from error
        _check_env(self)
        if self.python:
            object.__setattr__(self, "python", _interpreter(self.python))

    @property
    def environment(self) -> Hashable:
        """Return what tells workers apart: a worker fits the recipes for which this is equal."""
        return str(self.python), frozenset(self.env.items())

    def build(self) -> Runnable:
        """Make the agent here."""
        module, _, function = self.factory.partition(":")
        agent = getattr(importlib.import_module(module), function)(**self.configuration)
        if not isinstance(agent, Runnable):
            raise TypeError(f"{self.factory} made {agent!r}, which is no agent")
        return agent


def _check_env(recipe: Recipe) -> None:
    """Raises ValueError or TypeError for what can't be the environment of a process; values may be secret."""
    env, factory = recipe.env, recipe.factory
    if not isinstance(env, Mapping):
        raise TypeError(f'env of {factory} is a {type(env).__name__}, and has to be a mapping: env={{"NAME": "value"}}')
    for name, value in env.items():
        if not isinstance(name, str) or not isinstance(value, str):
            kinds = f"{type(name).__name__} and {type(value).__name__}"
            raise TypeError(f"env of {factory}: {name!r} and its value are {kinds}, and have to be strings: str(...)")
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"env of {factory}: {name!r} is empty, or '=' or a null character is in it: leave it out")
        try:
            os.fsencode(name + value)
        except UnicodeEncodeError as error:
            raise ValueError(f"env of {factory}: {name!r} or its value is no text that can be encoded") from error
    if env and not recipe.python:
        raise ValueError(
            f"env of {factory} is for a worker of another interpreter: name it, python=..., or leave env out, since "
            "workers of this environment have all of this process's variables"
        )


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
