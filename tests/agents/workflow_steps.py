"""Steps for a workflow in a process of its own: each waits to be killed while its `hold` file is there, then counts."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from agents.agent import Agent
from agents.messages import Message
from agents.testing import FunctionModel
from agents.tools import tool
from agents.workflow_registry import Registry

FOLDER = Path(os.environ.get("WORKFLOW_MARKS", "."))
registry = Registry()

if "WORKFLOW_MARKS" in os.environ:  # the background jobs of a shell ignore Ctrl+C, and their children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


@registry.function
def mark(name: str, after: object = None) -> str:
    if (FOLDER / f"hold-{name}").exists():
        (FOLDER / "waiting.new").write_text(name)
        (FOLDER / "waiting.new").rename(FOLDER / "waiting")
        time.sleep(30)
    with (FOLDER / "marks").open("a") as marks:
        marks.write(f"{name}\n")
    return name


@registry.function
async def rest() -> None:
    (FOLDER / "resting").touch()
    await asyncio.sleep(30)


@tool
def touch(name: str, after: str) -> str:
    """Do what `mark` does, as a tool."""
    return mark(name)


def speak(messages: Sequence[Message]) -> str:
    return mark("ask")


registry.tool(touch)
registry.agent(Agent("scribe", "Write.", models=[FunctionModel(speak)]))
