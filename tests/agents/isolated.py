"""Agents that a worker process makes of a name and a configuration, with tools that misbehave in every way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from agents import Agent, Message, ToolCall, ToolMessage, tool
from agents.testing import FunctionModel


@tool
def pid() -> str:
    """The process."""
    print("a tool that prints breaks nothing")
    return str(os.getpid())


@tool
def sleep() -> None:
    """Block in C."""
    time.sleep(60)


@tool
def spin() -> int:
    """Hold the interpreter's lock: no other thread of this process runs, and no signal handler."""
    return sum(range(10**15))


@tool(thread_sensitive=True)  # a signal's handler is set by the main thread alone
def ignore_sigterm() -> None:
    """Block, and be stubborn."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


@tool
def crash() -> None:
    """End the process, as a fault in a C library does."""
    os._exit(7)


@tool
def local() -> dict[str, str]:
    """Give something that JSON has room for, and pickle has not."""

    class Local(dict[str, str]):
        pass

    return Local(kettle="blue")


TOOLS = [pid, sleep, spin, ignore_sigterm, crash, local]


def agent(*, calls: str, pid_file: str = "") -> Agent:
    """Calls one tool, and answers with what it said."""
    if pid_file:
        Path(pid_file).write_text(str(os.getpid()))

    def speak(messages: Sequence[Message]) -> str | ToolCall:
        last = messages[-1]
        return last.text if isinstance(last, ToolMessage) else ToolCall("1", calls, "{}")

    return Agent("isolated", "", tools=TOOLS, models=[FunctionModel(speak)])


def broken() -> Agent:
    raise LookupError("the shelf is empty")


def no_agent() -> str:
    return "agent"
