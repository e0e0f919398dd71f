"""Agents of no framework, for a worker of another environment: the standard library alone."""

from __future__ import annotations

import asyncio
import collections
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

History = "list[dict[str, str]]"
made: collections.Counter[str] = collections.Counter()


def echo(*, greeting: str = "Hello") -> Callable[..., str]:
    """A function."""
    made["echo"] += 1
    print("a factory that prints breaks nothing")

    def answer(prompt: str, history: list[dict[str, str]]) -> str:
        print("an agent that prints breaks nothing", flush=True)
        os.write(1, b"not even past Python\n")
        before = "".join(f"{message['role']}: {message['content']}\n" for message in history)
        return f"{before}{greeting}, {prompt}"

    return answer


async def echo_async() -> Callable[..., Any]:
    """An async factory of an async function, on one loop for good."""
    loop = asyncio.get_running_loop()

    async def answer(prompt: str, history: list[dict[str, str]]) -> str:
        await asyncio.sleep(0)
        return f"{prompt} {loop is asyncio.get_running_loop()}"

    return answer


def about() -> Callable[..., str]:
    """What the worker is like."""

    def answer(prompt: str, history: list[dict[str, str]]) -> str:
        names = {"agents", "django", "asgiref"} & {name.split(".")[0] for name in sys.modules}
        return f"{os.getpid()} {made['echo']} {sorted(names)} {sys.version_info[:2]} {sys.stdin.read()!r}"

    return answer


def environment() -> Callable[..., str]:
    """Says which variables there are, and their values."""
    return lambda prompt, history: json.dumps(dict(os.environ))


def words() -> Callable[..., Iterator[object]]:
    def answer(prompt: str, history: list[dict[str, str]]) -> Iterator[object]:
        for word in prompt.split():
            yield f"{word} "
        yield {"usage": {"input_tokens": 3, "output_tokens": 4}, "model": "mine"}

    return answer


def words_async(*, count: int = 3, pid_file: str = "") -> Callable[..., AsyncIterator[str]]:
    if pid_file:
        Path(pid_file).write_text(str(os.getpid()))

    async def answer(prompt: str, history: list[dict[str, str]]) -> AsyncIterator[str]:
        for number in range(count):
            yield f"{number} "

    return answer


def whole() -> Callable[..., dict[str, Any]]:
    return lambda prompt, history: {"content": "All of it.", "usage": {"input_tokens": 1, "output_tokens": 2}}


def odd(*, value: str) -> Callable[..., Any]:
    """Answers with what is no text, or with a text that is none in UTF-8."""
    values: dict[str, Any] = {"number": 5, "nothing": None, "surrogate": "a\ud800b", "large": "x" * (65 * 1024 * 1024)}
    return lambda prompt, history: values[value]


def misbehaving(*, how: str, pid_file: str = "") -> Callable[..., Any]:
    if pid_file:
        Path(pid_file).write_text(str(os.getpid()))

    def answer(prompt: str, history: list[dict[str, str]]) -> Iterator[str]:
        yield "Let me look. "
        if how == "raise":
            raise LookupError("the shelf is empty")
        if how == "exit":
            sys.exit("enough")
        if how == "crash":
            os._exit(7)
        time.sleep(60)

    return answer


def broken() -> None:
    raise LookupError("the shelf is empty")


def no_agent() -> int:
    return 5
