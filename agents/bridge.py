"""The seam between sync callers and async code.

All async code runs on the managed loop (`agents.loop`). Sync code that it calls with `sync_to_async` (the ORM) is sent
back to the thread that asked:

    caller's thread    call(f) ── async_to_sync ──┐                            ┌─> runs ORM calls on its own connection
    the caller's loop                          acall(f) ──┐      ┌─ _Relay ────┘
    the managed loop                                      └─> f() ── sync_to_async(orm)

    caller's thread    call(f) ───────────────────────────┐      ┌─ _Inbox ────> runs ORM calls on its own connection
    the managed loop                                      └─> f() ── sync_to_async(orm)

The first is for a caller whose loop may cancel it, as a view's under ASGI; the second for every other. `Stream` is the
second with values: its thread takes both them and the thread-sensitive calls out of one inbox. Nothing here knows what
an agent is.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import queue
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, cast

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async

from agents.loop import GRACE_SECONDS, Job, refuse_on_managed_loop

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")
R = TypeVar("R")
Emit = Callable[[E], Awaitable[None]]

WATCH_SECONDS = 2.0  # how often a waiting caller looks whether the loop's thread still lives
READ_AHEAD = 64  # values a stream produces before anyone has taken them

logger = logging.getLogger(__name__)


# ---- sync code that goes back to its thread --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], Any]
    outcome: Future[Any]

    def run(self) -> None:
        """Never raises: what the function raises, SystemExit too, travels back to the one who asked."""
        if not self.outcome.set_running_or_notify_cancel():
            return
        origin = vars(SyncToAsync.threadlocal).copy()
        try:
            self.outcome.set_result(self.function())
        except StopIteration as error:  # asyncio futures refuse it, and then whoever awaits one waits for ever
            self.outcome.set_exception(RuntimeError(f"StopIteration was raised: {error!r}"))
        except BaseException as error:
            self.outcome.set_exception(error)
        finally:  # asgiref noted the managed loop as this thread's; a later async_to_sync here would run on it
            vars(SyncToAsync.threadlocal).clear()
            vars(SyncToAsync.threadlocal).update(origin)


class _Relay(Executor):
    """Runs thread-sensitive calls where the loop they came from would run them."""

    def __init__(self, origin: asyncio.AbstractEventLoop, *, context: contextvars.Context) -> None:
        self._origin = origin
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        call = _Call(partial(fn, *args, **kwargs), Future())
        self._origin.call_soon_threadsafe(self._dispatch, call, context=self._context)
        return call.outcome

    def _dispatch(self, call: _Call) -> None:
        task = asyncio.ensure_future(sync_to_async(call.run)())
        self._tasks.add(task)
        task.add_done_callback(partial(self._end, call))

    def _end(self, call: _Call, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not call.outcome.done():
            call.outcome.set_exception(error)
        call.outcome.cancel()  # no effect on a call that ran or runs


async def _with_executor(executor: Executor, function: Callable[[], Awaitable[R]]) -> R:
    async with ThreadSensitiveContext(executor=executor):
        return await function()


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
    job = Job(partial(_with_executor, relay, partial(function, *args, **kwargs)), context=context.copy())
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
    call_and_serve = partial(_call_and_serve, partial(function, *args, **kwargs), timeout=timeout)
    if _in_running_loop():
        return _on_own_thread(call_and_serve)
    if _has_origin():  # its loop knows when the caller is cancelled, and this thread does not
        return async_to_sync(acall)(function, *args, timeout=timeout, **kwargs)
    return call_and_serve()


def _has_origin() -> bool:
    """Does this thread work for a loop that waits for it, as that of a sync view under ASGI does?"""
    noted = vars(SyncToAsync.threadlocal)
    loop = noted.get("main_event_loop")
    return loop is not None and noted.get("main_event_loop_pid") == os.getpid() and bool(loop.is_running())


def _call_and_serve(function: Callable[[], Awaitable[R]], *, timeout: float | None) -> R:
    """This thread waits, and runs the function's calls meanwhile.

    async_to_sync would start a loop and a thread for that, in each call: 0.6 ms instead of 0.04.
    """
    inbox = _Inbox()
    job = Job(partial(_with_executor, inbox, function), context=contextvars.copy_context())
    job.outcome.add_done_callback(inbox.end)
    try:
        if not inbox.serve(job, until=None if timeout is None else time.monotonic() + timeout):
            raise TimeoutError
    except BaseException:  # a timeout; Ctrl+C
        job.cancel()
        inbox.serve(job, until=time.monotonic() + GRACE_SECONDS)
        raise
    finally:
        inbox.refuse()
    return job.outcome.result()


def _in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _on_own_thread(function: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1, thread_name_prefix="agents-call") as executor:
        try:
            return executor.submit(contextvars.copy_context().run, function).result()
        finally:
            executor.submit(close_connections)


# ---- many values, then one result ------------------------------------------------------------------------------------
class _Inbox(Executor):
    """What the reading thread takes out: values to hand on, thread-sensitive calls to run, and the end."""

    END = object()
    SILENCE = object()  # what is taken out of it when nothing has come for a while

    def __init__(self) -> None:
        self.items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.credit = asyncio.Semaphore(READ_AHEAD)
        self._emitted: deque[object] = deque()
        self._refused = False

    async def emit(self, value: object) -> None:
        """Put `value` in once the loop has also read what came for other streams.

        Each read lets go of the interpreter's lock; a thread woken by then would take it. A fifth less CPU.
        """
        await self.credit.acquire()
        if not self._emitted:
            asyncio.get_running_loop().call_soon(self.flush)
        self._emitted.append(value)

    def flush(self) -> None:
        with suppress(IndexError):
            while True:
                self.items.put(self._emitted.popleft())

    def end(self, outcome: Future[Any]) -> None:
        self.flush()
        self.items.put(self.END)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        call = _Call(partial(fn, *args, **kwargs), Future())
        self.flush()  # what was emitted before the call is read before it
        self.items.put(call)
        if self._refused:
            self.refuse()
        return call.outcome

    def serve(self, job: Job[Any], *, until: float | None, run: Callable[[_Call], object] = _Call.run) -> bool:
        """Run calls on this thread and drop values until `job` has ended; false when it hasn't by `until`.

        `until` is in the time of `time.monotonic`. Raises LoopStopped.
        """
        while True:
            left = WATCH_SECONDS if until is None else until - time.monotonic()
            try:
                item = self.items.get(timeout=min(WATCH_SECONDS, max(0.0, left)))
            except queue.Empty:
                job.check_alive()
                if until is not None and left <= WATCH_SECONDS:
                    return False
            else:
                if item is self.END:
                    return True
                if isinstance(item, _Call):
                    run(item)

    def refuse(self) -> None:
        """Nobody reads any more: calls are cancelled, those waiting and those to come."""
        self._refused = True
        while True:
            try:
                item = self.items.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, _Call):
                item.outcome.cancel()


def _abandon(job: Job[Any], inbox: _Inbox) -> None:
    inbox.refuse()
    job.cancel()


class Stream(Generic[E, R]):
    """The values that `function(emit)` emits, as they come, then `last(result)`; an iterator, sync and async.

    It starts with the first `next()`. The thread that iterates also runs the function's thread-sensitive calls, so it
    must go on iterating, or `close()`. Inside a running loop, and in async iteration, a thread of the stream's own runs
    them. At most READ_AHEAD values wait to be taken. A stream that is dropped is cancelled.
    """

    def __init__(self, function: Callable[[Emit[E]], Awaitable[R]], *, last: Callable[[R], E]) -> None:
        self._function = function
        self._last = last
        self._context = contextvars.copy_context()
        self._inbox = _Inbox()
        self._job: Job[R] | None = None
        self._reading = threading.Lock()
        self._taken = 0
        self._ended = False
        self._own_thread: ThreadPoolExecutor | None = None

    def __iter__(self) -> Iterator[E]:
        return self

    def __aiter__(self) -> AsyncGenerator[E]:
        return iterate(self, cancel=self.cancel)

    def __next__(self) -> E:
        while (value := self._next(WATCH_SECONDS)) is _Inbox.SILENCE:
            pass
        return cast(E, value)

    def beating(self, seconds: float) -> Generator[E | None]:
        """The same values, and None whenever none has come for `seconds`. A server that speaks WSGI finds out that its
        reader has left only when it writes, so there is something to write while the function is silent.
        """
        try:
            while True:
                value = self._next(seconds)
                yield None if value is _Inbox.SILENCE else cast(E, value)
        except StopIteration:
            return

    @property
    def result(self) -> R:
        """Once the stream has ended or is closed; raises what the function raised, RuntimeError before that."""
        if self._job is None or not self._job.outcome.done():
            raise RuntimeError("the stream has no result before its end, and none at all if it was never read")
        return self._job.outcome.result()

    def cancel(self) -> None:
        """Cancel from any thread; the values end soon after."""
        if self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Cancel, and run the function's last calls on this thread until it has ended."""
        self.cancel()
        with self._reading:
            if self._ended:
                return
            if self._job is not None:
                self._drain(self._job)
            self._end()

    def _start(self) -> Job[R]:
        function = partial(self._function, self._inbox.emit)
        self._job = job = Job(partial(_with_executor, self._inbox, function), context=self._context)
        inbox = self._inbox  # neither the job nor its callbacks may refer to the stream, or it could not be dropped
        job.outcome.add_done_callback(inbox.end)
        weakref.finalize(self, _abandon, job, inbox).atexit = False
        return job

    def _next(self, seconds: float) -> object:
        """The next value, or SILENCE after `seconds` without one; raises StopIteration behind the last."""
        refuse_on_managed_loop("Reading a stream")
        with self._reading:
            if self._ended:
                raise StopIteration
            job = self._job or self._start()
            while (item := self._take(job, seconds)) is not _Inbox.END:
                if isinstance(item, _Call):
                    self._serve(item)
                    continue
                if item is not _Inbox.SILENCE:
                    self._give_credit(job)
                return item
            self._end()
            return self._last(job.outcome.result())

    def _take(self, job: Job[R], seconds: float) -> object:
        try:
            return self._inbox.items.get(timeout=seconds)
        except queue.Empty:
            job.check_alive()
            return _Inbox.SILENCE

    def _serve(self, call: _Call) -> None:
        """Run it here; but inside a running loop, where Django refuses the ORM, on a thread of the stream's own."""
        if not _in_running_loop():
            return call.run()
        if self._own_thread is None:
            self._own_thread = ThreadPoolExecutor(1, thread_name_prefix="agents-stream")
        return self._own_thread.submit(call.run).result()

    def _end(self) -> None:
        self._ended = True
        self._inbox.refuse()
        if self._own_thread:
            self._own_thread.submit(close_connections)
            self._own_thread.shutdown()

    def _give_credit(self, job: Job[R]) -> None:
        self._taken += 1
        if self._taken % (READ_AHEAD // 2) == 0:  # waking the loop once for many values costs less than once for each
            job.loop.call_soon_threadsafe(_release, self._inbox.credit)

    def _drain(self, job: Job[R]) -> None:
        if not self._inbox.serve(job, until=time.monotonic() + GRACE_SECONDS, run=self._serve):
            logger.error("A closed stream has not ended after %s s; it is abandoned", GRACE_SECONDS)
            _abandon(job, self._inbox)
        elif error := job.outcome.exception():
            logger.warning("A stream was closed before its end, and failed", exc_info=error)


def _release(credit: asyncio.Semaphore) -> None:
    for _ in range(READ_AHEAD // 2):
        credit.release()


async def iterate(values: Iterator[T], *, cancel: Callable[[], None]) -> AsyncGenerator[T]:
    """Iterate a sync iterator from async code, every `next()` on one thread of its own.

    When the consumer leaves, `cancel` is called from here, while a `next()` may still run there; then `values` and that
    thread's database connections are closed, on that thread.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix="agents-stream")
    end = object()
    following = sync_to_async(partial(next, values, end), thread_sensitive=False, executor=executor)
    try:
        while (value := await following()) is not end:
            yield cast(T, value)
    finally:
        cancel()
        closing = executor.submit(contextvars.copy_context().run, _close, values)
        executor.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))


def _close(values: Iterator[object]) -> None:
    try:
        if hasattr(values, "close"):
            values.close()
    finally:
        close_connections()


def close_connections() -> None:
    """The one place that knows Django: connections belong to a thread, and this one ends."""
    if "django.db" in sys.modules:
        from django.conf import settings
        from django.db import connections

        if settings.configured:
            connections.close_all()
