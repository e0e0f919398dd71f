"""Work as a worker process of an environment that need not have this package: the standard library alone, Python 3.9.

It is started by its path. Over what were standard input and output it speaks frames: a length of four bytes,
big-endian, and a JSON object in UTF-8.

    it hears   {"factory": …, "configuration": {…}, "seconds": …}   with "prompt", "history" and "stream": a run;
                                                                  without: make the agent, for later
    it says    {"kind": "hello", "python": …}                     first of all
               {"kind": "refused", "error": …, "traceback": …}    no agent was made, and nothing has run
               {"kind": "ready"}                                  the agent is made, and there was no prompt
               {"kind": "text", "text": …}                        of a run that is streamed
               {"kind": "ended", "content": …, "output": …, "usage": {…} or null, "model": …, "steps": …}
               {"kind": "failed", "error": …, "traceback": …}

A factory, sync or async, returns one of these, and is called once in each worker:

- a function, sync or async, of a prompt and a history (a list of {"role", "content"}). It returns a text, or an
  iterator of texts, sync or async. A mapping with "content", "usage" ({"input_tokens", "output_tokens"}) and "model" in
  place of a text, or behind the last one, says more about the answer.
- an agent of any-agent
- an agent of openai-agents
- an agent of this package
"""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import inspect
import json
import os
import platform
import select
import signal
import struct
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

FRAME_BYTES = 64 * 1024 * 1024
TEXT_CHARACTERS = 256 * 1024  # in one frame
TRACEBACK_CHARACTERS = 20_000
AGENTS_KEPT = 8
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
PARENT_SECONDS = 1.0  # how often a worker looks whether its parent lives; a forked child may keep the pipe open
OVERDUE_SECONDS = 30.0  # behind its deadline, a worker that nobody has killed ends itself
SIZE = struct.Struct("!I")
GREETING = b"\0agents worker\0"  # stands before the first frame; an interpreter may print something while it starts

Say = Callable[[str], None]


# ---- frames ----------------------------------------------------------------------------------------------------------
class Channel:
    """Frames over what were standard input and output, until the parent closes them or ends.

    What the agent prints goes to standard error from now on, and what it reads is empty.
    """

    def __init__(self, *, parent: int) -> None:
        self._parent = parent
        self._from, self._to = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._write(GREETING)
        self._frames: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._receive, daemon=True).start()

    def receive(self) -> bytes:
        return self._frames.get()

    def send(self, frame: bytes) -> None:
        """Raises ValueError for a frame that is too large."""
        if len(frame) > FRAME_BYTES:
            raise ValueError(f"{len(frame):,} bytes are to leave the worker, and {FRAME_BYTES:,} may")
        self._write(SIZE.pack(len(frame)) + frame)

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._to, rest) :]

    def _receive(self) -> None:
        while True:
            (size,) = SIZE.unpack(self._read(SIZE.size))
            self._frames.put(self._read(size))

    def _read(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            while not select.select([self._from], [], [], PARENT_SECONDS)[0]:
                if os.getppid() != self._parent:
                    end()
            piece = os.read(self._from, min(size - len(read), 65536))
            if not piece:
                end()
            read += piece
        return bytes(read)


def end() -> None:
    """End this process at once, and what it has started: nobody waits for any of it."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def end_when_overdue(seconds: float) -> None:
    """End this process when `seconds` are long over, even if its interpreter is stuck, until `not_overdue`."""
    faulthandler.dump_traceback_later(min(seconds, 1e6) + OVERDUE_SECONDS, exit=True, file=2)


not_overdue = faulthandler.cancel_dump_traceback_later


# ---- one answer ------------------------------------------------------------------------------------------------------
class ForeignAnswer:
    """What an agent says, and what is known about it."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._texts: list[str] = []
        self.output: Any = None
        self.usage: dict[str, int] | None = None
        self.model = ""
        self.steps = 0  # calls of the model; 0 when unknown

    @property
    def content(self) -> str:
        return "".join(self._texts)

    def add(self, piece: object) -> None:
        """Take a text, or a mapping that says more about the answer. Raises TypeError for anything else."""
        if isinstance(piece, str):
            self._texts.append(piece)
            self._say(piece)
        elif isinstance(piece, Mapping):
            if isinstance(piece.get("content"), str) and not self._texts:
                self.add(piece["content"])
            self.count(piece.get("usage"))
            self.model = str(piece.get("model") or self.model)
        elif piece is not None:
            raise TypeError(f"the agent answered with a {type(piece).__name__}, {piece!r:.80}, and not with a text")

    def count(self, usage: Any) -> None:
        """Take the tokens from a mapping or an object that has `input_tokens` and `output_tokens`."""
        known = usage if isinstance(usage, Mapping) else vars(usage) if hasattr(usage, "__dict__") else {}
        counts = {name: known.get(name) for name in TOKENS}
        for name, details in (("cached_tokens", "input_tokens_details"), ("reasoning_tokens", "output_tokens_details")):
            counts[name] = counts[name] or getattr(known.get(details), name, None)  # as OpenAI nests them
        whole = {name: count for name, count in counts.items() if isinstance(count, int)}
        if {"input_tokens", "output_tokens"} <= set(whole):
            self.usage = whole
        self.steps = known.get("requests") or self.steps

    def conclude(self, output: Any) -> None:
        """Take what the agent returned in the end; it is the text unless there was one."""
        text = output
        if not isinstance(output, str) and output is not None:
            self.output = plain(output)
            text = json.dumps(self.output, ensure_ascii=False)
        if not self._texts and text:
            self.add(text)


def plain(value: Any) -> Any:
    """Return a pydantic model, or anything else, as JSON values."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    return json.loads(json.dumps(value, default=str))


# ---- how each kind of agent is asked ---------------------------------------------------------------------------------
def ask_function(agent: Any, task: dict[str, Any], answer: ForeignAnswer, loop: asyncio.AbstractEventLoop) -> None:
    given = agent(task["prompt"], task["history"])
    if inspect.isawaitable(given):
        given = loop.run_until_complete(awaited(given))
    if isinstance(given, AsyncIterator):
        loop.run_until_complete(add_all(given, answer))
    elif isinstance(given, Iterator):
        for piece in given:
            answer.add(piece)
    else:
        answer.add(given)


async def awaited(value: Any) -> Any:
    return await value


async def add_all(pieces: AsyncIterator[object], answer: ForeignAnswer) -> None:
    async for piece in pieces:
        answer.add(piece)


def ask_any_agent(agent: Any, task: dict[str, Any], answer: ForeignAnswer, loop: asyncio.AbstractEventLoop) -> None:
    """It takes a single text, whichever framework it runs: what was said before stands in it, as JSON."""
    prompt = task["prompt"]
    if task["history"]:
        said = json.dumps(task["history"], ensure_ascii=False)
        prompt = f"What was said before:\n{said}\n\nAnswer this:\n{prompt}"
    trace = loop.run_until_complete(agent.run_async(prompt))
    answer.conclude(trace.final_output)
    answer.count(trace.tokens)
    answer.model = str(agent.config.model_id)
    answer.steps = sum(span.is_llm_call() for span in trace.spans)


def ask_openai_agent(agent: Any, task: dict[str, Any], answer: ForeignAnswer, loop: asyncio.AbstractEventLoop) -> None:
    loop.run_until_complete(run_openai_agent(agent, task, answer))


async def run_openai_agent(agent: Any, task: dict[str, Any], answer: ForeignAnswer) -> None:
    runner = sys.modules["agents"].Runner
    question = [*task["history"], {"role": "user", "content": task["prompt"]}] if task["history"] else task["prompt"]
    if task["stream"]:
        result = runner.run_streamed(agent, question)
        async for event in result.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                answer.add(event.data.delta)
    else:
        result = await runner.run(agent, question)
    answer.conclude(result.final_output)
    answer.count(result.context_wrapper.usage)
    model = result.last_agent.model
    answer.model = str(getattr(model, "model", model) or "")


def ask_own_agent(agent: Any, task: dict[str, Any], answer: ForeignAnswer, loop: asyncio.AbstractEventLoop) -> None:
    package = sys.modules["agents"]
    history = [
        (package.UserMessage if message["role"] == "user" else package.AssistantMessage)(message["content"])
        for message in task["history"]
    ]
    events = package.stream(agent, task["prompt"], history=history)
    for event in events:
        if isinstance(event, package.TextDelta):
            answer.add(event.text)
    if events.result.error:
        raise events.result.error
    answer.output = plain(events.result.output)
    counts = events.result.usage
    answer.count({name: getattr(counts, name, None) for name in TOKENS})
    answer.model, answer.steps = events.result.model, events.result.steps


Ask = Callable[[Any, "dict[str, Any]", ForeignAnswer, asyncio.AbstractEventLoop], None]


def how_to_ask(agent: object) -> Ask:
    """Raises TypeError for what is no agent."""
    package: Any = sys.modules.get("agents")  # of openai-agents, or of this project
    if hasattr(agent, "run_async") and hasattr(agent, "config"):
        return ask_any_agent
    if hasattr(package, "Runner") and isinstance(agent, package.Agent):
        return ask_openai_agent
    if hasattr(package, "Runnable") and isinstance(agent, package.Runnable):
        return ask_own_agent
    if callable(agent):
        return ask_function
    raise TypeError(
        f"made {agent!r:.200}, which is no agent: let it return a function of a prompt and a history, or an agent of "
        "any-agent or openai-agents"
    )


# ---- the worker ------------------------------------------------------------------------------------------------------
class Agents:
    """The agents that this worker has made, each with how to ask it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._made: dict[str, tuple[Any, Ask]] = {}

    def get(self, factory: str, configuration: dict[str, Any]) -> tuple[Any, Ask]:
        key = json.dumps([factory, configuration], sort_keys=True)
        if key not in self._made:
            module, _, function = factory.partition(":")
            agent = getattr(importlib.import_module(module), function)(**configuration)
            if inspect.isawaitable(agent):
                agent = self._loop.run_until_complete(awaited(agent))
            self._made[key] = agent, how_to_ask(agent)
            if len(self._made) > AGENTS_KEPT:
                del self._made[next(iter(self._made))]
        return self._made[key]


class ForeignWorker:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._agents = Agents(self._loop)

    def work(self) -> None:
        self._send({"kind": "hello", "python": platform.python_version()})
        while True:
            task = json.loads(self._channel.receive())
            end_when_overdue(task["seconds"])
            self._follow(task)
            not_overdue()

    def _follow(self, task: dict[str, Any]) -> None:
        try:
            agent, ask = self._agents.get(task["factory"], task["configuration"])
        except (Exception, SystemExit) as error:  # whatever a factory may raise; its caller is in another process
            return self._send_error("refused", error)
        if "prompt" not in task:
            return self._send({"kind": "ready"})
        answer = ForeignAnswer(self._say if task["stream"] else lambda text: None)
        try:
            ask(agent, task, answer, self._loop)
            self._send({"kind": "ended", **about(answer)})
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # and whatever an agent may
            self._send_error("failed", error)
        return None

    def _say(self, text: str) -> None:
        for at in range(0, len(text), TEXT_CHARACTERS):
            self._send({"kind": "text", "text": text[at : at + TEXT_CHARACTERS]})

    def _send_error(self, kind: str, error: BaseException) -> None:
        told = traceback.format_exc()[-TRACEBACK_CHARACTERS:]
        cause = getattr(error, "original_exception", None) or error  # any-agent wraps what went wrong
        self._send({"kind": kind, "error": f"{type(cause).__name__}: {cause}"[:2000], "traceback": told})

    def _send(self, message: dict[str, Any]) -> None:
        self._channel.send(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))


def about(answer: ForeignAnswer) -> dict[str, Any]:
    names = ("content", "output", "usage", "model", "steps")
    return {name: getattr(answer, name) for name in names}


def look_last_where_the_host_works(folders: list[str]) -> None:
    """Find modules in this environment first, so that a package of the host never stands in for one of it."""
    if Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
        del sys.path[0]
    sys.path.extend(folder for folder in folders if folder not in sys.path)


if __name__ == "__main__":
    look_last_where_the_host_works(sys.argv[2:])
    ForeignWorker(Channel(parent=int(sys.argv[1]))).work()
