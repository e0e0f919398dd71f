"""Isolation: an agent in a process of its own, which can be killed.

Cancellation reaches what awaits. It does not reach a tool that blocks in C or holds the interpreter in a busy loop;
only a signal ends that. So a warm worker process makes the agent itself, from a `Recipe`, and runs it; at the deadline
it is terminated, then killed, and another one takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import os
import pickle
import signal
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any, BinaryIO, Literal

from asgiref.sync import sync_to_async

from agents.agent import Runnable, arun, run
from agents.bridge import acall, call, close_connections
from agents.errors import AgentError, LimitExceeded, WorkerLost
from agents.loop import per_loop
from agents.messages import Message, ToolCall, ToolMessage, Usage, UserMessage
from agents.result import RunResult, Status

Isolation = Literal["inline", "process"]

WORKERS = os.cpu_count() or 2  # at once; whoever comes then waits, within its deadline
TERMINATE_SECONDS = 0.5  # from SIGTERM to SIGKILL

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How to make an agent anywhere: call `factory` ("package.module:function") with `configuration` by name.

    The configuration is made of what JSON has. The module is imported in a bare process: if it needs Django, it calls
    `django.setup()` itself. Raises ValueError or TypeError for what can't be passed on.
    """

    factory: str
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        module, colon, function = self.factory.partition(":")
        if not (module and colon and function):
            raise ValueError(f'a factory is named like "package.module:function", not {self.factory!r}')
        try:
            json.dumps(self.configuration, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise type(error)(f"the configuration of {self.factory} is not made of JSON values: {error}") from error

    def build(self) -> Runnable:
        module, _, function = self.factory.partition(":")
        agent = getattr(importlib.import_module(module), function)(**self.configuration)
        if not isinstance(agent, Runnable):
            raise TypeError(f"{self.factory} made {agent!r}, which is no agent")
        return agent


@dataclass(frozen=True, slots=True)
class _Order:
    """A run that a worker is asked for; without a prompt, it only gets ready for it."""

    recipe: Recipe
    prompt: str | UserMessage | None
    history: tuple[Message, ...] = ()
    opening: tuple[ToolCall, ...] = ()


# ---- the doors -------------------------------------------------------------------------------------------------------
def run_isolated(
    recipe: Recipe,
    prompt: str | UserMessage,
    *,
    history: Sequence[Message] = (),
    opening: Sequence[ToolCall] = (),
    isolation: Isolation = "process",
    deadline: float = 60.0,
    fallback: Recipe | None = None,
) -> RunResult:
    """Run the agent that `recipe` makes, and kill it `deadline` seconds from now if it has not ended.

    When it ends without a word of an answer (killed, crashed, failed), `fallback` answers, in the same isolation and
    with a deadline as long. `result.tier` says who answered: "process", "inline" or "fallback". Without a fallback a
    killed run is `limited`, and one whose process died is `failed` with WorkerLost.

    In a process of its own, tools have their own database connections. "inline" can only cancel at the deadline.
    """
    order = _Order(recipe, prompt, tuple(history), tuple(opening))
    return call(_with_fallback, order, isolation=isolation, deadline=deadline, fallback=fallback)


async def arun_isolated(
    recipe: Recipe,
    prompt: str | UserMessage,
    *,
    history: Sequence[Message] = (),
    opening: Sequence[ToolCall] = (),
    isolation: Isolation = "process",
    deadline: float = 60.0,
    fallback: Recipe | None = None,
) -> RunResult:
    """`run_isolated` for async code; cancelling it kills the process."""
    order = _Order(recipe, prompt, tuple(history), tuple(opening))
    return await acall(_with_fallback, order, isolation=isolation, deadline=deadline, fallback=fallback)


async def _with_fallback(order: _Order, *, isolation: Isolation, deadline: float, fallback: Recipe | None) -> RunResult:
    result = await _within(deadline, order, isolation)
    if fallback is None or result.status not in ("failed", "limited") or result.content.strip():
        return replace(result, tier=isolation)
    logger.warning("%s gave no answer, its fallback does: %r", order.recipe.factory, result.error)
    return replace(await _within(deadline, replace(order, recipe=fallback), isolation), tier="fallback")


async def _within(seconds: float, order: _Order, isolation: Isolation) -> RunResult:
    try:
        async with asyncio.timeout(seconds) as timer:
            if isolation == "process":
                return await per_loop(_Pool, _Pool).run(order)
            return await _run_inline(order)
    except TimeoutError:
        if not timer.expired():
            raise
        return _ended(order, "limited", LimitExceeded(f"the run was ended at its deadline of {seconds:g} seconds"))
    except WorkerLost as error:
        return _ended(order, "failed", error)


async def _run_inline(order: _Order) -> RunResult:
    agent = await sync_to_async(order.recipe.build)()
    assert order.prompt is not None
    return await arun(agent, order.prompt, history=order.history, opening=order.opening)


def _ended(order: _Order, status: Status, error: AgentError) -> RunResult:
    """Return the result of a run of which nothing is left."""
    prompt = order.prompt if isinstance(order.prompt, UserMessage) else UserMessage(order.prompt or "")
    return RunResult(
        status=status,
        content="",
        messages=(*order.history, prompt),
        steps=0,
        usage=Usage(),
        model="",
        error=error,
        model_seconds=0.0,
        tool_seconds=0.0,
        total_seconds=0.0,
    )


# ---- workers, seen from the managed loop -----------------------------------------------------------------------------
class _Pool:
    """Worker processes of one loop. They end with it."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(WORKERS)
        self._idle: list[_Worker] = []
        self._warming: set[asyncio.Task[None]] = set()

    async def run(self, order: _Order) -> RunResult:
        async with self._room:
            self._idle = [worker for worker in self._idle if worker.alive]
            worker = self._idle.pop() if self._idle else await _Worker.start()
            async with contextlib.AsyncExitStack() as on_error:  # killed, cancelled, dead: it is fit for no other run
                on_error.push_async_callback(worker.end)
                on_error.callback(self._replace, order)
                result = await worker.ask(order)
                on_error.pop_all()
            self._idle.append(worker)
        if isinstance(result, RunResult):
            return result
        raise WorkerLost(str(result))

    def _replace(self, order: _Order) -> None:
        task = asyncio.ensure_future(self._warm_up(replace(order, prompt=None, history=(), opening=())))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    async def _warm_up(self, order: _Order) -> None:
        worker = await _Worker.start()
        try:
            await worker.ask(order)
        except WorkerLost:
            await worker.end()
        except asyncio.CancelledError:
            await worker.end()
            raise
        else:
            self._idle.append(worker)

    async def aclose(self) -> None:
        await asyncio.gather(*(worker.end() for worker in self._idle))


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        self._process, self._orders, self._replies = process, process.stdin, process.stdout

    @classmethod
    async def start(cls) -> _Worker:
        program = f"import sys; sys.path[:] = {sys.path!r}; from agents.isolation import work; work()"
        pipe = asyncio.subprocess.PIPE
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, stdin=pipe, stdout=pipe, start_new_session=True
            )
        )

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, order: _Order) -> object:
        """Return what the worker replies: a RunResult, or a text that says why there is none. Raises WorkerLost."""
        try:
            self._orders.write(_frame(pickle.dumps(order)))
            await self._orders.drain()
            (size,) = _SIZE.unpack(await self._replies.readexactly(_SIZE.size))
            return pickle.loads(await self._replies.readexactly(size))  # noqa: S301 - from our own child
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerLost(f"the worker process ended with {await self._process.wait()}") from error

    async def end(self) -> None:
        """Terminate it and all that it started, and kill what has not ended soon."""
        try:
            self._signal(signal.SIGTERM)
            async with asyncio.timeout(TERMINATE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


_SIZE = struct.Struct("!Q")


def _frame(content: bytes) -> bytes:
    return _SIZE.pack(len(content)) + content


# ---- in the worker ---------------------------------------------------------------------------------------------------
def work() -> None:
    """Follow orders from standard input until it closes. What tools print goes to standard error."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders: SimpleQueue[_Order] = SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, orders), daemon=True).start()
    while True:
        replies.write(_frame(pickle.dumps(_follow(orders.get()))))
        replies.flush()
        close_connections()


def _receive(stream: BinaryIO, orders: SimpleQueue[_Order]) -> None:
    while head := stream.read(_SIZE.size):
        orders.put(pickle.loads(stream.read(*_SIZE.unpack(head))))  # noqa: S301 - from our own parent
    os._exit(0)  # the parent has gone, and nobody waits for what may still be running


def _follow(order: _Order) -> RunResult | str:
    try:
        agent = order.recipe.build()
    except Exception as error:  # whatever a factory may raise; its caller is in another process
        logger.exception("%s made no agent", order.recipe.factory)
        return f"{order.recipe.factory} made no agent: {type(error).__name__}: {error}"
    if order.prompt is None:
        return "ready"
    return _portable(run(agent, order.prompt, history=order.history, opening=order.opening))


def _portable(result: RunResult) -> RunResult:
    """With texts for tools' values and errors, and without its output, where those can't leave the process."""
    try:
        pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
    except Exception:  # they may be anything of anyone's
        logger.warning("What the agent's tools returned can't leave its process, and is replaced", exc_info=True)
        messages = tuple(replace(m, value=m.text) if isinstance(m, ToolMessage) else m for m in result.messages)
        error = AgentError(str(result.error)) if result.error else None
        if error and result.error:
            error.code = result.error.code
        return replace(result, messages=messages, error=error, output=None)
    return result
