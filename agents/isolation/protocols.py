"""Speak with workers: those of this environment in pickles, those of another in JSON."""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agents.errors import ForeignFailed
from agents.events import Event, TextDelta
from agents.isolation import foreign_worker
from agents.isolation.foreign_worker import FRAME_BYTES
from agents.isolation.recipe import Order, Recipe
from agents.messages import AssistantMessage, Message, ToolMessage, Usage
from agents.models.wire import message_to_wire
from agents.result import RunResult

logger = logging.getLogger(__name__)

HARMLESS = re.compile(
    r"""PATH | HOME | USER | LOGNAME | SHELL | TERM | LANG | LANGUAGE | LC_\w+ | TZ | TMPDIR | TMP | TEMP
    | XDG_(CACHE|CONFIG|DATA)_HOME | LD_LIBRARY_PATH | DYLD_LIBRARY_PATH
    | SSL_CERT_(FILE|DIR) | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE
    | ((HTTP|HTTPS|ALL|NO)_PROXY) | ((http|https|all|no)_proxy)
    | PYTHON(UTF8|IOENCODING|UNBUFFERED|DONTWRITEBYTECODE|PYCACHEPREFIX|HASHSEED|WARNINGS|FAULTHANDLER|NOUSERSITE)
    | USE_MOCK_EXECUTION""",  # the last is the offline switch, which holds there too
    flags=re.VERBOSE,
)
"""The variables that go to a worker of another environment; this process's keys and passwords stand in others."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker is there."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has made the agent, and wasn't asked for more."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker made no agent: nothing has run."""

    reason: str


Reply = Hello | Ready | Refusal | Event | RunResult


class WorkerProtocol(Protocol):
    python: str  # the interpreter

    def command(self) -> list[str]: ...
    def environment(self) -> dict[str, str] | None: ...
    def encode(self, order: Order) -> bytes: ...
    def decode(self, frame: bytes, order: Order) -> Reply: ...


def protocol_for(recipe: Recipe) -> WorkerProtocol:
    return ForeignProtocol(str(recipe.python), recipe.env) if recipe.python else OwnProtocol()


class OwnProtocol:
    """Pickles, with a worker that imports what this process can import."""

    def __init__(self) -> None:
        self.python = sys.executable or ""

    def command(self) -> list[str]:
        program = f"import sys; sys.path[:] = {sys.path!r}; from agents.isolation.own_worker import work; work()"
        return ["-c", program, str(os.getpid())]

    def environment(self) -> None:
        return None

    def encode(self, order: Order) -> bytes:
        return _within_limit(pickle.dumps(order), order)

    def decode(self, frame: bytes, order: Order) -> Reply:
        reply: Reply = pickle.loads(frame)  # noqa: S301 - from our own child  # nosec
        return reply


class ForeignProtocol:
    """JSON, with the one file that a foreign interpreter runs."""

    def __init__(self, python: str, env: Mapping[str, str]) -> None:
        self.python = python
        self._env = env
        self._began = time.monotonic()

    def command(self) -> list[str]:
        given = os.environ.get("PYTHONPATH", "")  # not ours: it leads to modules of this environment
        folders = [folder for folder in (str(Path.cwd()), *given.split(os.pathsep)) if folder]
        return [foreign_worker.__file__, str(os.getpid()), *folders]

    def environment(self) -> dict[str, str]:
        """Return the harmless ones of this process's variables, and those of the recipe."""
        passed_on = os.environ.items()  # not ours
        return {name: value for name, value in passed_on if HARMLESS.fullmatch(name)} | dict(self._env)

    def encode(self, order: Order) -> bytes:
        self._began = time.monotonic()
        recipe = order.recipe
        task = {"factory": recipe.factory, "configuration": recipe.configuration, "seconds": order.seconds}
        if order.prompt:
            said = [{"role": role, "content": text} for role, text in map(_as_text, order.history) if text]
            task |= {"prompt": _as_text(order.prompt)[1], "history": said, "stream": order.stream}
        return _within_limit(json.dumps(task).encode(), order)

    def decode(self, frame: bytes, order: Order) -> Reply:
        message = json.loads(frame)
        match message["kind"]:
            case "hello":
                return Hello()
            case "ready":
                return Ready()
            case "text":
                return TextDelta(message["text"])
            case "refused":
                logger.error("%s made no agent in %s:\n%s", order.recipe.factory, self.python, message["traceback"])
                return Refusal(message["error"])
            case "failed":
                logger.error("%s failed in %s:\n%s", order.recipe.factory, self.python, message["traceback"])
                return order.ended("failed", ForeignFailed(message["error"]), total_seconds=self._seconds)
            case "ended":
                return self._result(message, order)
        raise ValueError(f"no worker says {message['kind']!r}")

    def _result(self, message: dict[str, Any], order: Order) -> RunResult:
        return order.ended(
            "completed",
            None,
            content=message["content"],
            output=message["output"],
            usage=Usage(**message["usage"]) if message["usage"] else Usage(),
            model=message["model"],
            steps=message["steps"],
            total_seconds=self._seconds,
        )

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _as_text(message: Message) -> tuple[str, str]:
    """Return who spoke, and what: agents of other frameworks know other tools, so calls and results are left out."""
    if isinstance(message, ToolMessage):
        return "tool", ""
    if isinstance(message, AssistantMessage):
        return "assistant", message.text
    content = message_to_wire(message)["content"]
    if not isinstance(content, str):
        raise ValueError(f"an agent of another environment is given texts only, and this is more: {message!r:.80}")
    return "user", content


def _within_limit(frame: bytes, order: Order) -> bytes:
    """Raises ValueError for more than a worker takes."""
    if len(frame) > FRAME_BYTES:
        raise ValueError(
            f"the configuration, history and prompt for {order.recipe.factory} are {len(frame):,} bytes, and a worker "
            f"takes {FRAME_BYTES:,}: send less of the history, or have the factory read what is large"
        )
    return frame
