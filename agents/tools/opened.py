"""Keep toolkits open on the loop their tools run on: a connection, a process, a session.

Each is opened and closed in one task of its own, since what is built on task groups must be left where it was entered.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from agents.errors import AgentError, ToolFailed
from agents.loop import per_loop

logger = logging.getLogger(__name__)


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
    opened: list[object] = []
    try:
        for toolkit in filter(needs_opening, toolkits):
            await _keepers().setdefault(id(toolkit), _Keeper(toolkit)).enter()
            opened.append(toolkit)
    except BaseException:
        await close_all(opened)
        _forget_idle()
        raise


async def close_all(toolkits: Iterable[object]) -> None:
    """Close those that nobody needs open any more, but for the ones that stay open."""
    for toolkit in toolkits:
        if keeper := _keepers().get(id(toolkit)):
            await keeper.leave()
    _forget_idle()


def _keepers() -> dict[int, _Keeper]:
    """By the identity of the toolkit, which its keeper holds."""
    return per_loop(_Keeper, dict)


def _forget_idle() -> None:
    keepers = _keepers()
    for key in [key for key, keeper in keepers.items() if not keeper.busy]:
        del keepers[key]


class _Keeper:
    """Keeps one toolkit open while it has users."""

    def __init__(self, toolkit: object) -> None:
        self._held = Held(lambda: _entered(toolkit), name=repr(toolkit))
        self._stays_open = bool(getattr(toolkit, "stays_open", False))
        self._toolkit = toolkit  # so that no other gets its identity
        self._users = 0

    @property
    def busy(self) -> bool:
        return self._users > 0 or self._held.busy

    async def enter(self) -> None:
        self._users += 1  # before it is open: whoever leaves meanwhile is not the last
        try:
            await self._held.open()
        except BaseException:
            self._users -= 1
            raise

    async def leave(self) -> None:
        self._users -= 1
        if self._users == 0 and not self._stays_open:
            await self._held.close(when=lambda: self._users == 0)


class Held:
    """Holds an async context manager open on this loop, in a task of its own, until it is closed or its task dies."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Any]], *, name: str) -> None:
        self._make = make
        self._name = name
        self._turn = asyncio.Lock()  # one opens, or closes, at a time
        self._task: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        self._value: Any = None

    def holds(self, value: object) -> bool:
        return self._value is value

    @property
    def is_open(self) -> bool:
        return self._lives and not self._left.is_set()

    @property
    def busy(self) -> bool:
        return self._lives or self._turn.locked()

    @property
    def _lives(self) -> bool:
        """Return whether there is a task, which may be on its way out."""
        return self._task is not None and not self._task.done()

    async def open(self) -> Any:
        """Return what entering it gave; entered once, and again when its task has died. Raises ToolFailed."""
        async with self._turn:
            if not self.is_open:
                await self._open()
            return self._value

    async def close(self, *, when: Callable[[], bool] = lambda: True) -> None:
        """Leave it, if it is its turn and `when` still holds: another may open it, or open it anew, before that."""
        async with self._turn:
            if when():
                await self._leave()

    async def _leave(self) -> None:
        """Have its task end, and wait for that; who is cancelled meanwhile leaves the waiting to the next."""
        self._left.set()
        if self._task is not None:
            await asyncio.wait({self._task})  # whatever it ends with is in the log
            self._task = None

    async def _open(self) -> None:
        await self._leave()  # one that was told to end, and may not have
        self._left = asyncio.Event()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Not in the context of the run that happens to be the first: what it opens outlives it.
        self._task = contextvars.Context().run(asyncio.ensure_future, self._hold(ready))
        try:
            await ready
        except asyncio.CancelledError:
            self._task.cancel()
            await self._leave()
            raise
        except AgentError:
            raise
        except Exception as error:  # it may be anything of anyone's
            raise ToolFailed(f"{self._name} can't be opened: {_told(error)}") from error

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        try:
            async with self._make() as self._value:
                if not ready.done():
                    ready.set_result(None)
                await self._left.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            elif isinstance(error, asyncio.CancelledError):
                raise
            else:
                logger.warning("%s has ended", self._name, exc_info=True)


def _told(error: BaseException) -> str:
    """Return the first error of a group: task groups raise those, and what went wrong is in them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


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
