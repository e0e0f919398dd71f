"""Agents that a worker process makes of a name and a configuration, with tools that misbehave in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agents import Agent, Message, ToolCall, ToolMessage, tool
from agents.testing import FunctionModel

WAIT_SECONDS = 20.0


@tool
def pid() -> str:
    """The process."""
    print("a tool that prints breaks nothing")
    return str(os.getpid())


@tool
def read() -> str:
    """Read what a person would type."""
    return sys.stdin.read()


@tool
def sleep() -> None:
    """Block in C."""
    time.sleep(600)


@tool
def spin() -> int:
    """Hold the interpreter's lock: no other thread of this process runs, and no signal handler."""
    return sum(range(10**15))


@tool(thread_sensitive=True)  # a signal's handler is set by the main thread alone
def ignore_sigterm() -> None:
    """Block, and be stubborn."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


@tool
def crash() -> None:
    """End the process, as a fault in a C library does."""
    os._exit(7)


@tool
def leave_child() -> None:
    """End the process, and leave one behind that has inherited its pipes."""
    if os.fork():
        os._exit(7)
    time.sleep(600)


@tool
def start_program() -> str:
    """Start a program that outlasts the run."""
    return str(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)


@tool
def local() -> dict[str, str]:
    """Give something that JSON has room for, and pickle has not."""

    class Local(dict[str, str]):
        pass

    return Local(kettle="blue")


@tool
def large() -> str:
    """Give more than may leave a worker."""
    return "x" * (65 * 1024 * 1024)


TOOLS = [pid, read, sleep, spin, ignore_sigterm, crash, leave_child, start_program, local, large]


def agent(*, calls: str, pid_file: str = "", says_first: str = "") -> Agent:
    """Calls one tool, and answers with what it said."""
    if pid_file:
        Path(pid_file).write_text(str(os.getpid()))

    def speak(messages: Sequence[Message]) -> list[str | ToolCall]:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            return [last.text[:100]]
        return [*([says_first] if says_first else []), ToolCall("1", calls, "{}")]

    return Agent("isolated", "", tools=TOOLS, models=[FunctionModel(speak)])


def words(*, count: int, pid_file: str = "") -> Agent:
    """Says so many words, and goes on for as long as it is read."""
    if pid_file:
        Path(pid_file).write_text(str(os.getpid()))
    return Agent("words", "", models=[FunctionModel(lambda messages: ("word " for _ in range(count)))])


def waiting(*, file: str, says_first: str = "", crashes: bool = False) -> Agent:
    """Calls a tool that blocks until `file` is there, and then returns or ends the process."""

    @tool
    def wait() -> str:
        """Wait for a file."""
        until = time.monotonic() + WAIT_SECONDS
        while not Path(file).exists() and time.monotonic() < until:
            time.sleep(0.01)
        if crashes:
            os._exit(7)
        return "done"

    def speak(messages: Sequence[Message]) -> list[str | ToolCall]:
        if isinstance(messages[-1], ToolMessage):
            return ["done"]
        return [*([says_first] if says_first else []), ToolCall("1", "wait", "{}")]

    return Agent("waiting", "", tools=[wait], models=[FunctionModel(speak)])


def slow_to_import(*, file: str) -> Agent:
    """Takes its time to be made."""
    until = time.monotonic() + WAIT_SECONDS
    while not Path(file).exists() and time.monotonic() < until:
        time.sleep(0.01)
    return Agent("slow", "", models=[FunctionModel(lambda messages: "Made at last.")])


def builder() -> Agent:
    """Builds a workflow."""
    return Agent("builder", "", models=[FunctionModel(lambda messages: f"A workflow for {messages[-1].text}")])


def builder_here(*, pid: int) -> Agent:
    """Builds one in the process that was meant, and can't be made in any other."""
    if os.getpid() != pid:
        raise RuntimeError("the licence is for another process")
    return builder()


def suggestions() -> Agent:
    """Gives canned suggestions."""
    return Agent("suggestions", "", models=[FunctionModel(lambda messages: "Try a template.")])


def broken() -> Agent:
    raise LookupError("the shelf is empty")


def no_agent() -> str:
    return "agent"
