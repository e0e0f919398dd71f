"""Keep the managed loop: one event loop per process, in a daemon thread of its own.

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
import re
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar, overload

from agents.errors import Cancelled, ExitRequested, LoopStopped

T = TypeVar("T")
R = TypeVar("R")

GRACE_SECONDS = 5.0  # how long cancelled work may take to end before its caller goes on without it
DRAIN_SECONDS = 10.0  # how long work in flight may take to end by itself, when the process does

logger = logging.getLogger(__name__)


class ManagedLoop:
    """An event loop and its thread. When the thread ends, for whatever reason, it first answers the jobs in flight."""

    def __init__(self) -> None:
        if library := green_threads():
            raise RuntimeError(NO_GREEN_THREADS.format(library))
        self.loop = asyncio.new_event_loop()
        _loops.add(self.loop)
        _refuse_stop_iteration(self.loop)
        self.jobs: set[Job[Any]] = set()  # also keeps them alive: a loop refers to its tasks weakly
        self.thread = threading.Thread(target=self._serve, name="agents-loop", daemon=True)
        self._drains: list[asyncio.Task[None]] = []
        self._stopped = False
        self.thread.start()

    @property
    def alive(self) -> bool:
        return not self._stopped and self.thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Return whether its thread has ended, or is about to."""
        return self._stopped

    @property
    def draining(self) -> bool:
        """Return whether it takes no new work any more."""
        return self._stopped or bool(self._drains)

    def end(self, seconds: float) -> None:
        """Give the jobs in flight `seconds`, then cancel them; return once the thread has ended, or won't."""
        with contextlib.suppress(RuntimeError):  # closed a moment ago: someone else ended it
            self.loop.call_soon_threadsafe(self._start_drain, seconds)
        self.thread.join(seconds + 4 * GRACE_SECONDS)
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
            if tasks := {job.task for job in tuple(self.jobs) if job.task}:
                await asyncio.wait(tasks, timeout=left)
            else:
                await asyncio.sleep(0.001)  # they are on their way here

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            while self._run_was_broken_by_exit():
                pass
        finally:
            with _lock:  # no job comes to it any more; whoever comes from now on starts another one
                self._stopped = True
            for job in tuple(self.jobs):
                job.fail()
            try:
                self.loop.run_until_complete(self._close())
            finally:
                self.loop.close()

    def _run_was_broken_by_exit(self) -> bool:
        """Run until something stops the loop. SystemExit in any task would do that, silently; it is no reason to."""
        try:
            self.loop.run_forever()
        except (SystemExit, KeyboardInterrupt):
            logger.critical("A task on the managed loop asked to exit; the loop goes on", exc_info=True)
            return True
        except (OSError, RuntimeError, ValueError):  # of its selector, or because it is closed
            logger.critical("The managed loop broke; the next run starts another", exc_info=True)
        return False

    async def _close(self) -> None:
        for job in tuple(self.jobs):
            job.cancel()
        await self._wait_for_jobs(GRACE_SECONDS)
        for job in tuple(self.jobs):
            job.abandon()
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for resource in _resources.pop(self.loop, {}).values():
            await _close_resource(resource)
        await self.loop.shutdown_asyncgens()


def _refuse_stop_iteration(loop: asyncio.AbstractEventLoop) -> None:
    """Make sync code's StopIteration a RuntimeError. Before Python 3.12, a future refuses it and is never done."""

    def guarded(function: Callable[..., T], *args: object) -> T:
        try:
            return function(*args)
        except StopIteration as error:
            raise RuntimeError(f"StopIteration was raised: {error!r}") from error

    def run_in_executor(executor: Executor | None, function: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return unguarded(executor, guarded, function, *args)

    unguarded = loop.run_in_executor
    if sys.version_info < (3, 12):
        loop.run_in_executor = run_in_executor  # type: ignore[method-assign, assignment]


# ---- one per process -------------------------------------------------------------------------------------------------
_lock = threading.Lock()
_managed: ManagedLoop | None = None
_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()  # managed ones, also those that have ended
_resources: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, object]] = weakref.WeakKeyDictionary()
_inherited: list[object] = []


def _managed_loop(*, job: Job[Any]) -> ManagedLoop:
    """Return the managed loop, which isn't closed before `job` has ended or is released."""
    global _managed
    with _lock:
        if _managed is None or not _managed.alive:
            _managed = ManagedLoop()
        _managed.jobs.add(job)
        return _managed


def is_managed(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether `loop` is a managed loop, or was one."""
    return loop in _loops


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
    """Return the library that has replaced Python's threads with its own; "" when none has."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent and gevent.is_module_patched("threading"):
        return "gevent"
    return "eventlet" if eventlet and eventlet.is_monkey_patched("thread") else ""


# ---- what is bound to a loop -----------------------------------------------------------------------------------------
@overload
def per_loop(key: Hashable, factory: Callable[[], Coroutine[Any, Any, T]]) -> Awaitable[T]: ...
@overload
def per_loop(key: Hashable, factory: Callable[[], T]) -> T: ...
def per_loop(key: Hashable, factory: Callable[[], Any]) -> Any:
    """Return what `factory` makes (an HTTP client, say), made once for each key, running loop and process.

    What an `async def` factory makes is awaited: `client = await per_loop("shop", connect)`; one that failed is made
    anew. When the managed loop ends, the thing's `aclose()` or `close()` is called there, if it has one.
    """
    kept = _resources.setdefault(asyncio.get_running_loop(), {})
    if key not in kept:
        made = factory()
        kept[key] = _Making(asyncio.ensure_future(made)) if inspect.iscoroutine(made) else made
    thing = kept[key]
    return thing.made(kept, key) if isinstance(thing, _Making) else thing


@dataclass(frozen=True)
class _Making:
    """What an `async def` factory makes, in a task of its own: one of those who wait for it may be cancelled."""

    task: asyncio.Task[object]

    @property
    def failed(self) -> bool:
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None)

    async def made(self, kept: dict[Hashable, object], key: Hashable) -> object:
        try:
            return await asyncio.shield(self.task)
        finally:
            if self.failed and kept.get(key) is self:
                del kept[key]


FOREIGN_LOOP = re.compile(
    r"attached to a different loop|bound to a different (event )?loop|Event loop is closed|different event loop"
)
CAUSES = 10  # of an error, that are looked at
REMEDY = (
    "it was made or used on another event loop than the one that agents run on; make it on the loop where it is used, "
    "with agents.per_loop(key, factory)"
)


def is_foreign(error: BaseException) -> bool:
    """Return whether an error, or one that led to it, comes from something bound to another loop, in asyncio's words or
    anyio's.
    """
    seen: list[BaseException] = []
    while error not in seen and len(seen) < CAUSES:
        if isinstance(error, RuntimeError | ValueError) and FOREIGN_LOOP.search(str(error)):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__ or error
    return False


async def _close_resource(resource: object) -> None:
    if isinstance(resource, _Making):
        if not resource.task.done() or resource.failed:
            return
        resource = resource.task.result()
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
    """Return how the managed loop of this process is, for a health check; this neither starts nor replaces it."""
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
THREAD_ENDED = "the managed loop's thread ended"

_in_job = contextvars.ContextVar("in_job", default=False)  # also in the sync code that a job calls, on any thread


class Job(Generic[R]):
    """`function` on the managed loop, in the task that awaits `run`. The loop stays open until it is released."""

    def __init__(self, function: Callable[[], Awaitable[R]]) -> None:
        self.task: asyncio.Task[Any] | None = None  # once it runs
        self._function = function
        self._nested = _in_job.get()
        self._cancelled = False
        self._managed = _managed_loop(job=self)
        self.loop = self._managed.loop

    @property
    def released(self) -> bool:
        return self not in self._managed.jobs

    async def run(self) -> R:
        """Return what the function returns, or raise what it raises; on the loop.

        Raises Cancelled when the job is cancelled or the function cancels itself, CancelledError when another cancels
        this task, ExitRequested for a SystemExit, and LoopStopped when the loop's thread ends under it. Raises
        LoopStopped too when the loop drains already: unless this is a part of another job, which waits for it.
        """
        try:
            if self.released or (self._managed.draining and (self._managed.stopped or not self._nested)):
                raise LoopStopped("the managed loop is shutting down")
            self.task = asyncio.current_task()
            if self._cancelled:
                self._cancel()
            _in_job.set(True)
            result = await self._function()
        except asyncio.CancelledError as error:
            if self._cancelled or not self._is_being_cancelled():
                raise self._stopped() or Cancelled("the work was cancelled") from error
            raise
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            requested = ExitRequested(f"{type(error).__name__} was raised under the managed loop")
            raise self._stopped() or requested from error
        except (RuntimeError, ValueError) as error:
            if is_foreign(error) and REMEDY not in str(error) and not self._managed.stopped:
                raise RuntimeError(f"{error}: {REMEDY}") from error
            raise
        else:
            if self._managed.stopped:  # it was cancelled, and has returned something none the less
                raise LoopStopped(THREAD_ENDED)
            return result
        finally:
            self.release()

    def cancel(self) -> None:
        """Cancel the function from any thread, at its first await if it hasn't begun; no effect once it has ended."""
        if not self.released:
            self._cancelled = True
            self._post(self._cancel)

    def release(self) -> None:
        """Let the loop close without it, and never begin; from any thread."""
        self._managed.jobs.discard(self)

    def fail(self) -> None:
        """Answer whoever need not wait for the task: the loop's thread ends. Only on that thread."""

    def abandon(self) -> None:
        """End a function that doesn't heed its cancellation, since the loop closes. Only on the loop's thread."""
        self.release()
        if self.task:
            logger.error("%r doesn't end when it is cancelled, and is left behind", self._function)
            with contextlib.suppress(RuntimeError):  # nor does it heed this
                self.task.get_coro().close()

    def _cancel(self) -> None:
        if self.task and not self.released:
            self.task.cancel()

    def _is_being_cancelled(self) -> bool:
        return self.task is not None and self.task.cancelling() > 0

    def _stopped(self) -> LoopStopped | None:
        return LoopStopped(THREAD_ENDED) if self._managed.stopped else None

    def _post(self, callback: Callable[[], None], *, context: contextvars.Context | None = None) -> None:
        try:
            self.loop.call_soon_threadsafe(callback, context=context)
        except RuntimeError as error:  # the loop was closed a moment ago
            raise LoopStopped(THREAD_ENDED) from error


class StartedJob(Job[R]):
    """A job in a task of its own, in `context`, whose `outcome` may be waited for anywhere.

    The outcome is what `run` returns or raises, and LoopStopped as soon as the loop's thread ends.
    """

    def __init__(self, function: Callable[[], Awaitable[R]], *, context: contextvars.Context) -> None:
        super().__init__(function)
        self.outcome: Future[R] = Future()
        self._post(self._start, context=context)

    def check_alive(self) -> None:
        """Raises LoopStopped when the loop's thread has ended without a word."""
        if not self._managed.alive and not self.outcome.done():
            raise LoopStopped(THREAD_ENDED)

    def fail(self) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(LoopStopped(THREAD_ENDED))

    def _start(self) -> None:
        self.loop.create_task(self.run()).add_done_callback(self._settle)

    def _settle(self, task: asyncio.Task[R]) -> None:
        error = Cancelled("the work was cancelled") if task.cancelled() else task.exception()
        if self.outcome.done():
            return
        if error is None:
            self.outcome.set_result(task.result())
        else:
            self.outcome.set_exception(error)
