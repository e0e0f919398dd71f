"""The managed loop and its life: one event loop per process, in a daemon thread of its own.

It starts with the first job, outlives any error of one, is replaced when its thread dies, is forgotten by a forked
child, and ends with `shutdown`: refuse, drain, cancel, close, stop. What is bound to it (`per_loop`) ends with it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import inspect
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypedDict, TypeVar, cast

from agents.errors import Cancelled, ExitRequested, LoopStopped

T = TypeVar("T")
R = TypeVar("R")

GRACE_SECONDS = 5.0  # how long cancelled work may take to end before its caller goes on without it
DRAIN_SECONDS = 10.0  # how long work in flight may take to end by itself, when the process does

logger = logging.getLogger(__name__)


class ManagedLoop:
    """An event loop and its thread. When the thread ends, for whatever reason, the jobs in flight fail."""

    def __init__(self) -> None:
        if library := green_threads():
            raise RuntimeError(NO_GREEN_THREADS.format(library))
        self.loop = asyncio.new_event_loop()
        self.jobs: set[Job[Any]] = set()  # also keeps them alive: a loop refers to its tasks weakly
        self.thread = threading.Thread(target=self._serve, name="agents-loop", daemon=True)
        self._drains: list[asyncio.Task[None]] = []
        self._stopped = False
        self.thread.start()

    @property
    def alive(self) -> bool:
        return not self._stopped and self.thread.is_alive()

    @property
    def draining(self) -> bool:
        """It takes no new work any more."""
        return self._stopped or bool(self._drains)

    def end(self, seconds: float) -> None:
        """Give the jobs in flight `seconds`, then cancel them; return once the thread has ended, or won't."""
        with contextlib.suppress(RuntimeError):  # closed a moment ago: someone else ended it
            self.loop.call_soon_threadsafe(self._start_drain, seconds)
        self.thread.join(seconds + 3 * GRACE_SECONDS)
        if self.thread.is_alive():
            logger.error("The managed loop is blocked, and is left behind")

    def _start_drain(self, seconds: float) -> None:
        if not self._stopped:
            self._drains.append(self.loop.create_task(self._drain(seconds)))

    async def _drain(self, seconds: float) -> None:
        await self._wait_for_jobs(seconds)
        for job in tuple(self.jobs):
            job.cancel()
        await self._wait_for_jobs(GRACE_SECONDS)
        self.loop.stop()

    async def _wait_for_jobs(self, seconds: float) -> None:
        until = self.loop.time() + seconds
        while self.jobs and (left := until - self.loop.time()) > 0:  # those in flight may start others
            await asyncio.wait({job.task for job in self.jobs}, timeout=left)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            while self._run_was_broken_by_exit():
                pass
        finally:
            self._stopped = True  # whoever comes from now on starts another one
            for job in tuple(self.jobs):
                job.settle(error=LoopStopped("the managed loop's thread ended"))
            try:
                self.loop.run_until_complete(self._close())
            finally:
                self.loop.close()

    def _run_was_broken_by_exit(self) -> bool:
        """Run until something stops the loop. SystemExit in any task would do that, silently; it is no reason to."""
        try:
            self.loop.run_forever()
        except Exception:
            logger.critical("The managed loop broke; the next run starts another", exc_info=True)
        except BaseException:
            logger.critical("A task on the managed loop asked to exit; the loop goes on", exc_info=True)
            return True
        return False

    async def _close(self) -> None:
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for resource in _resources.pop(self.loop, {}).values():
            await _close_resource(resource)
        await self.loop.shutdown_asyncgens()


# ---- one per process -------------------------------------------------------------------------------------------------
_lock = threading.Lock()
_managed: ManagedLoop | None = None
_resources: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, object]] = weakref.WeakKeyDictionary()
_inherited: list[object] = []


def _managed_loop() -> ManagedLoop:
    global _managed
    with _lock:
        if _managed is None or not _managed.alive:
            _managed = ManagedLoop()
        return _managed


def shutdown(deadline: float = DRAIN_SECONDS) -> None:
    """End the managed loop of this process; without effect when there is none.

    From now on new work is refused with LoopStopped. Work in flight has `deadline` seconds to end, then it is
    cancelled. What `per_loop` made is closed, and the loop stopped, joined and closed. Safe to call more than once and
    from several threads: the earliest deadline counts. Work that comes after that starts a fresh loop.

    It runs by itself at the interpreter's exit; but as ever in Python that waits for all threads first, so also for
    their runs. A host that has to end sooner calls it where it learns that it has to: see docs/hosts.md.
    """
    refuse_on_managed_loop("shutdown()")
    if _managed is not None:
        _managed.end(deadline)


atexit.register(shutdown, 0.0)  # what still runs then is a stream that nobody reads any more


def _forget_after_fork() -> None:
    """In a forked child the loop says it is running, but its thread stayed behind. The child starts its own.

    The inherited one is kept, never collected: closing it would unregister the parent's sockets from the shared epoll.
    """
    global _lock, _managed, _resources
    _inherited.extend((_managed, _resources))
    _lock, _managed, _resources = threading.Lock(), None, weakref.WeakKeyDictionary()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def refuse_on_managed_loop(what: str) -> None:
    """Raises RuntimeError on the managed loop's thread."""
    if _managed is not None and threading.current_thread() is _managed.thread:
        raise RuntimeError(f"{what} would wait for the very loop it runs on; await its async form there")


NO_GREEN_THREADS = (
    "{} has replaced Python's threads with green ones, which all share one real thread, so that the managed loop can't "
    "run beside its callers; serve with threads instead (gunicorn -k gthread --threads 16) or under ASGI (uvicorn)"
)


def green_threads() -> str:
    """The library that has replaced Python's threads with its own, if one has."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent and gevent.is_module_patched("threading"):
        return "gevent"
    return "eventlet" if eventlet and eventlet.is_monkey_patched("thread") else ""


# ---- what is bound to a loop -----------------------------------------------------------------------------------------
def per_loop(key: Hashable, factory: Callable[[], T]) -> T:
    """What is bound to the running loop (an HTTP client), made once per loop and process.

    When the managed loop ends, the thing's `aclose()` or `close()` is called there, if it has one.
    """
    kept = _resources.setdefault(asyncio.get_running_loop(), {})
    if key not in kept:
        kept[key] = factory()
    return cast(T, kept[key])


async def _close_resource(resource: object) -> None:
    close = getattr(resource, "aclose", None) or getattr(resource, "close", None)
    if close is None:
        return
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            closing = close()
            if inspect.isawaitable(closing):
                await closing
    except Exception:  # it may be anything of anyone's, and the others still have to be closed
        logger.warning("%r could not be closed", resource, exc_info=True)


class LoopState(TypedDict):
    pid: int
    started: bool  # the loop starts with the first run
    alive: bool
    draining: bool  # the process is ending: runs in flight may end, new ones are refused
    runs: int  # in flight
    lag_ms: float | None  # how long a callback waits for its turn; None when it waited longer than half a second


def loop_state() -> LoopState:
    """The managed loop of this process, for a health check; it neither starts nor replaces it."""
    managed, pid = _managed, os.getpid()
    if managed is None or not managed.alive:
        return LoopState(pid=pid, started=managed is not None, alive=False, draining=False, runs=0, lag_ms=None)
    tick, begun = threading.Event(), time.perf_counter()
    with contextlib.suppress(RuntimeError):  # closed a moment ago
        managed.loop.call_soon_threadsafe(tick.set)
    lag_ms = (time.perf_counter() - begun) * 1000 if tick.wait(0.5) else None
    return LoopState(
        pid=pid, started=True, alive=True, draining=managed.draining, runs=len(managed.jobs), lag_ms=lag_ms
    )


# ---- a coroutine on it, seen from other threads ----------------------------------------------------------------------
_in_job = contextvars.ContextVar("in_job", default=False)  # also in the sync code that a job calls, on any thread


class Job(Generic[R]):
    """`function` on the managed loop, in `context`; its `outcome` may be waited for anywhere.

    The outcome is LoopStopped when the loop's thread ends under it, or when it comes while that drains: unless it is a
    part of another job, which could not end without it.
    """

    def __init__(self, function: Callable[[], Awaitable[R]], *, context: contextvars.Context) -> None:
        self.outcome: Future[R] = Future()
        self.task: asyncio.Task[None]
        self._function = function
        self._entered = False
        self._nested = _in_job.get()
        self._managed = _managed_loop()
        self.loop = self._managed.loop
        self._post(self._start, context=context)

    def cancel(self) -> None:
        """Thread-safe; without effect once the job has ended."""
        if not self.outcome.done():
            self._post(self._cancel)

    def settle(self, *, result: R | None = None, error: BaseException | None = None) -> None:
        """Only on the loop's thread."""
        self._managed.jobs.discard(self)
        if self.outcome.done():
            return
        if error is None:
            self.outcome.set_result(cast(R, result))
        else:
            self.outcome.set_exception(error)

    def check_alive(self) -> None:
        if not self._managed.alive and not self.outcome.done():
            raise LoopStopped("the managed loop's thread ended")

    def _post(self, callback: Callable[[], None], *, context: contextvars.Context | None = None) -> None:
        try:
            self.loop.call_soon_threadsafe(callback, context=context)
        except RuntimeError as error:  # the loop was closed a moment ago
            raise LoopStopped("the managed loop's thread ended") from error

    def _start(self) -> None:
        if self._managed.draining and not self._nested:
            self.settle(error=LoopStopped("the managed loop is shutting down"))
            return
        _in_job.set(True)
        self._managed.jobs.add(self)
        self.task = self.loop.create_task(self._run())

    async def _run(self) -> None:
        self._entered = True
        try:
            result = await self._function()
        except asyncio.CancelledError:
            self.settle(error=Cancelled("the work was cancelled"))
        except Exception as error:
            self.settle(error=error)
        except BaseException as error:
            self.settle(error=_exit_requested(error))
        else:
            self.settle(result=result)

    def _cancel(self) -> None:
        if self._entered:
            self.task.cancel()
        elif not self.outcome.done():  # a task cancelled before its first step never takes it, and could not settle
            self.loop.call_soon(self._cancel)


def _exit_requested(error: BaseException) -> ExitRequested:
    requested = ExitRequested(f"{type(error).__name__} was raised under the managed loop")
    requested.__cause__ = error
    return requested
