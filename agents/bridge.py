"""Call async code from sync code: the seam.

All async code runs on the managed loop (`agents.loop`). All sync code that it calls with `sync_to_async` (the ORM) runs
on the thread that asked. `call` gets there through asgiref's `async_to_sync`, in one of two situations:

    a thread that works for a loop       call(f) ── async_to_sync ──┐                          ┌─> runs ORM calls
    the loop, which may cancel it                                acall(f) ──┐      ┌─ _Relay ──┘
    the managed loop                                                        └─> f() ── sync_to_async(orm)

    any other thread                     call(f) ── async_to_sync ──┐              ┌─────────────> runs ORM calls
    the managed loop                                                └─────────> f() ── sync_to_async(orm)

The first is a sync view under ASGI. The second is a view under WSGI, a command or a task: there the managed loop is
noted as the one that the thread works for, or else `async_to_sync` would start a loop and a thread in each call.

Many values instead of one are a `Stream` (`agents.streams`). Nothing here knows what an agent is.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async

from agents.loop import GRACE_SECONDS, Job, StartedJob, is_managed, refuse_on_managed_loop

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

WATCH_SECONDS = 2.0  # how often a waiting caller looks whether the loop's thread still lives


# ---- what asgiref doesn't document -----------------------------------------------------------------------------------
# Its names are read here alone. If they are gone, async_to_sync starts a loop of its own in each call: right, but slow.
def _notes() -> dict[str, Any]:
    """Return what asgiref has noted for this thread, and goes by when this thread calls `async_to_sync`."""
    return vars(getattr(SyncToAsync, "threadlocal", threading.local()))


def _note(loop: asyncio.AbstractEventLoop) -> None:
    """Make `async_to_sync` on this thread run on `loop`."""
    _notes().update(main_event_loop=loop, main_event_loop_pid=os.getpid())


def _restore(before: dict[str, Any]) -> None:
    """Forget what has been noted since `before`, or a later `async_to_sync` on this thread would run on our loop."""
    notes = _notes()
    notes.clear()
    notes.update(before)


def _works_for_a_loop() -> bool:
    """Return whether a loop other than the managed one waits for this thread, as a server does for a sync view."""
    notes = _notes()
    loop = notes.get("main_event_loop")
    if loop is None or notes.get("main_event_loop_pid") != os.getpid():
        return False
    return bool(loop.is_running()) and not is_managed(loop)


def _waiting_thread() -> Any:
    """Return asgiref's executor of the thread that waits for the running code in `async_to_sync`, if one does."""
    return getattr(getattr(AsyncToSync, "executors", None), "current", None)


# ---- sync code that goes back to its thread --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Call:
    function: Callable[[], Any]
    outcome: Future[Any]

    def run(self) -> None:
        """Settle the outcome, and never raise: what the function raises, SystemExit too, is for the one who asked."""
        if not self.outcome.set_running_or_notify_cancel():
            return
        before = _notes().copy()
        try:
            self.outcome.set_result(self.function())
        except BaseException as error:
            self.outcome.set_exception(error)
        finally:
            _restore(before)

    def end(self, running: Future[None]) -> None:
        """Settle the outcome of a call that came to its end without being run."""
        error = None if running.cancelled() else running.exception()
        if error is not None and not self.outcome.done():
            self.outcome.set_exception(error)
        self.outcome.cancel()  # no effect on a call that ran or runs


class _Relay(Executor):
    """Runs thread-sensitive calls where the loop they came from would run them."""

    def __init__(self, origin: asyncio.AbstractEventLoop, *, context: contextvars.Context) -> None:
        self._origin = origin
        self._context = context

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        call = Call(partial(fn, *args, **kwargs), Future())
        running = sync_to_async(call.run)()
        self._context.copy().run(asyncio.run_coroutine_threadsafe, running, self._origin).add_done_callback(call.end)
        return call.outcome


async def with_executor(executor: Executor, function: Callable[[], Awaitable[R]]) -> R:
    async with ThreadSensitiveContext(executor=executor):
        return await function()


# ---- threads of our own ----------------------------------------------------------------------------------------------
def in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class OwnThread(ThreadPoolExecutor):
    """One thread, for a caller whose own has a running loop."""

    def __init__(self) -> None:
        super().__init__(1, thread_name_prefix="agents-caller")

    def run(self, function: Callable[[], T]) -> Future[T]:
        return self.submit(contextvars.copy_context().run, function)

    def end(self, close: Callable[[], object] = lambda: None) -> Future[None]:
        """Call `close` and close the database connections there, and let the thread end; returns at once."""
        ending = self.run(partial(_close, close))
        self.shutdown(wait=False)
        return ending


def _close(close: Callable[[], object]) -> None:
    try:
        close()
    finally:
        close_connections()


def in_django() -> bool:
    """Return whether this process has set Django up. Nothing else in this package knows Django."""
    if "django.db" not in sys.modules:
        return False
    from django.conf import settings

    return bool(settings.configured)


def close_connections() -> None:
    """Close the database connections of this thread, which ends."""
    if in_django():
        from django.db import connections

        connections.close_all()


# ---- one result ------------------------------------------------------------------------------------------------------
async def acall(
    function: Callable[..., Awaitable[R]],
    /,
    *args: Any,
    timeout: float | None = None,  # noqa: ASYNC109 - it bounds work on another loop, which has to be told of it
    **kwargs: Any,
) -> R:
    """Await `function(*args, **kwargs)` on the managed loop, in a copy of the caller's context.

    Cancelling the caller cancels the function. Raises TimeoutError after `timeout` seconds, LoopStopped when the loop's
    thread ends, ExitRequested for a SystemExit, and else what the function raises.
    """
    context = contextvars.copy_context()
    relay = _Relay(asyncio.get_running_loop(), context=context)
    job = StartedJob(partial(with_executor, relay, partial(function, *args, **kwargs)), context=context.copy())
    ended = asyncio.wrap_future(job.outcome)
    try:
        async with asyncio.timeout(timeout):
            while not (await asyncio.wait({ended}, timeout=WATCH_SECONDS))[0]:
                job.check_alive()
    except (asyncio.CancelledError, TimeoutError):
        job.cancel()
        await asyncio.wait({ended}, timeout=GRACE_SECONDS)  # this loop runs meanwhile, and so do the function's calls
        if ended.done():
            ended.exception()  # retrieved: nobody is left to be told
        raise
    return ended.result()


def call(function: Callable[..., Awaitable[R]], /, *args: Any, timeout: float | None = None, **kwargs: Any) -> R:
    """`acall` for sync code anywhere. Inside a running loop, a thread of its own does it while the caller waits."""
    refuse_on_managed_loop("call()")
    if in_running_loop():
        return _on_own_thread(lambda: call(function, *args, timeout=timeout, **kwargs))
    if _works_for_a_loop():
        return async_to_sync(acall)(function, *args, timeout=timeout, **kwargs)
    work = partial(function, *args, **kwargs)
    return _Waiting(work if timeout is None else partial(acall, work, timeout=timeout)).wait()


class _Waiting(Generic[R]):
    """A thread that waits in `async_to_sync` until the function has ended, or Ctrl+C or a worker's time limit comes."""

    def __init__(self, function: Callable[[], Awaitable[R]]) -> None:
        self._function = function
        self._job = Job(function)
        self._thread: Any = None  # asgiref's executor of it, once the function runs

    def wait(self) -> R:
        before = _notes().copy()
        _note(self._job.loop)
        try:
            return contextvars.copy_context().run(_run, self)  # in a copy, because asgiref brings changes back
        finally:
            self._leave()
            self._job.release()
            _restore(before)

    async def run(self) -> R:
        if asyncio.get_running_loop() is not self._job.loop:
            return await acall(self._function)
        self._thread = _waiting_thread()
        return await self._job.run()

    def _leave(self) -> None:
        """Cancel the function if it still runs, because something interrupts this thread; run its last calls here."""
        if self._job.released or self._thread is None:
            return
        ended = asyncio.run_coroutine_threadsafe(self._end(), self._job.loop)
        overdue = threading.Timer(2 * GRACE_SECONDS, ended.cancel)  # the loop is blocked
        overdue.start()
        self._thread.run_until_future(ended)
        overdue.cancel()

    async def _end(self) -> None:
        self._job.cancel()
        if self._job.task:
            await asyncio.wait({self._job.task}, timeout=GRACE_SECONDS)


_run: Callable[[_Waiting[R]], R] = async_to_sync(_Waiting.run)


def _on_own_thread(function: Callable[[], T]) -> T:
    thread = OwnThread()
    try:
        return thread.run(function).result()
    finally:
        thread.end().result()
