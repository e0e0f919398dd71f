"""Keep toolkits open on the loop their tools run on: a connection, a process, a session.

Each is opened and closed in one task of its own, since what is built on task groups must be left where it was entered.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from agents.errors import AgentError, ToolFailed
from agents.loop import per_loop


def needs_opening(toolkit: object) -> bool:
    return _has_open(toolkit) or hasattr(type(toolkit), "__aenter__")


def _has_open(toolkit: object) -> bool:
    """Return whether it has an `async def open`; a tool of that name is none."""
    return inspect.iscoroutinefunction(inspect.getattr_static(type(toolkit), "open", None))


@asynccontextmanager
async def kept_open(toolkits: Iterable[object]) -> AsyncIterator[None]:
    """Have those toolkits open that need it while the block runs."""
    async with AsyncExitStack() as stack:
        for toolkit in toolkits:
            if needs_opening(toolkit):
                await open_all([toolkit])
                stack.push_async_callback(close_all, [toolkit])
        yield


async def open_all(toolkits: Iterable[object]) -> None:
    """Open those that need it and are not open on this loop yet. Whoever opens closes as often. Raises ToolFailed."""
    keepers = _keepers()
    opened: list[object] = []
    try:
        for toolkit in filter(needs_opening, toolkits):
            await keepers.setdefault(id(toolkit), _Keeper(toolkit)).enter()
            opened.append(toolkit)
    except BaseException:
        await close_all(opened)
        raise


async def close_all(toolkits: Iterable[object]) -> None:
    """Close those that nobody needs open any more, but for the ones that stay open."""
    keepers = _keepers()
    for toolkit in toolkits:
        if keeper := keepers.get(id(toolkit)):
            await keeper.leave()
            if not keeper.busy:
                keepers.pop(id(toolkit), None)


def _keepers() -> dict[int, _Keeper]:
    """By the identity of the toolkit, which its keeper holds."""
    return per_loop(_Keeper, dict)


class _Keeper:
    """Holds one toolkit open while it has users, in a task of its own."""

    def __init__(self, toolkit: object) -> None:
        self._toolkit = toolkit
        self._stays_open = bool(getattr(toolkit, "stays_open", False))
        self._users = 0
        self._turn = asyncio.Lock()  # one opens, or closes, at a time
        self._task: asyncio.Task[None] | None = None
        self._left = asyncio.Event()

    @property
    def busy(self) -> bool:
        return self._users > 0 or self._turn.locked() or (self._task is not None and not self._task.done())

    async def enter(self) -> None:
        async with self._turn:
            if self._task is None or self._task.done():
                await self._open()
            self._users += 1

    async def leave(self) -> None:
        async with self._turn:
            self._users -= 1
            if self._users == 0 and not self._stays_open and self._task:
                task, self._task = self._task, None
                self._left.set()
                await asyncio.shield(task)

    async def _open(self) -> None:
        self._left = asyncio.Event()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Not in the context of the run that happens to be the first: the toolkit outlives it.
        self._task = contextvars.Context().run(asyncio.ensure_future, self._keep(ready))
        try:
            await ready
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        except AgentError:
            raise
        except Exception as error:  # it may be anything of anyone's
            raise ToolFailed(f"{self._toolkit!r} can't be opened: {type(error).__name__}: {error}") from error

    async def _keep(self, ready: asyncio.Future[None]) -> None:
        try:
            async with _entered(self._toolkit):
                if not ready.done():
                    ready.set_result(None)
                await self._left.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)


def _entered(toolkit: Any) -> AbstractAsyncContextManager[Any]:
    # `open` first: an agent that has it is also a context manager, which asks for just this.
    return _opened(toolkit) if _has_open(toolkit) else toolkit


@asynccontextmanager
async def _opened(toolkit: Any) -> AsyncIterator[None]:
    await toolkit.open()
    try:
        yield
    finally:
        if close := getattr(toolkit, "close", None):
            await close()
