"""Many values from async code, read by sync code: an iterator whose thread also runs the ORM calls.

reading thread     next(stream) <── values, ORM calls, the end ── _Inbox
the managed loop   function(emit) ── emit(value), sync_to_async(orm) ──┘
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async

from agents.bridge import WATCH_SECONDS, Call, OwnThread, in_running_loop, with_executor
from agents.loop import GRACE_SECONDS, StartedJob, refuse_on_managed_loop

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")
R = TypeVar("R")
Emit = Callable[[E], Awaitable[None]]

READ_AHEAD = 64  # values a stream produces before anyone has taken them

logger = logging.getLogger(__name__)


class _Inbox(Executor):
    """Holds for the reading thread what comes from the loop: values to hand on, sync calls to run, and the end."""

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
        call = Call(partial(fn, *args, **kwargs), Future())
        self.flush()  # what was emitted before the call is read before it
        self.items.put(call)
        if self._refused:
            self.refuse()
        return call.outcome

    def refuse(self) -> None:
        """Cancel the calls that wait, and those to come: nobody reads any more."""
        self._refused = True
        while True:
            try:
                item = self.items.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, Call):
                item.outcome.cancel()


def _abandon(job: StartedJob[Any], inbox: _Inbox) -> None:
    inbox.refuse()
    job.cancel()


class Stream(Generic[E, R]):
    """Iterates, in sync and async code, over the values that `function(emit)` emits, as they come, then `last(result)`.

    It starts with the first `next()`. The thread that iterates also runs the function's thread-sensitive calls, so it
    must go on iterating, or `close()`. Inside a running loop, and in async iteration, a thread of the stream's own runs
    them. At most READ_AHEAD values wait to be taken. A stream that is dropped is cancelled.
    """

    def __init__(self, function: Callable[[Emit[E]], Awaitable[R]], *, last: Callable[[R], E]) -> None:
        self._function = function
        self._last = last
        self._context = contextvars.copy_context()
        self._inbox = _Inbox()
        self._job: StartedJob[R] | None = None
        self._reading = threading.Lock()
        self._taken = 0
        self._cancelled = self._ended = False
        self._own_thread: OwnThread | None = None

    def __iter__(self) -> Iterator[E]:
        return self

    def __aiter__(self) -> AsyncGenerator[E]:
        return iterate(self, cancel=self.cancel)

    def __next__(self) -> E:
        while (value := self._next(WATCH_SECONDS)) is _Inbox.SILENCE:
            pass
        return cast(E, value)

    def beating(self, seconds: float) -> Generator[E | None]:
        """Yield the same values, and None whenever none has come for `seconds`.

        A server that speaks WSGI finds out only by writing that its reader has left, so this gives it something to
        write while the function is silent.
        """
        try:
            while True:
                value = self._next(seconds)
                yield None if value is _Inbox.SILENCE else cast(E, value)
        except StopIteration:
            return

    @property
    def result(self) -> R:
        """Return what the function returned, once the stream has ended or is closed.

        Raises what the function raised, and RuntimeError before the end.
        """
        if self._job is None or not self._job.outcome.done():
            raise RuntimeError("the stream has no result before its end, and none at all if it was never read")
        return self._job.outcome.result()

    def cancel(self) -> None:
        """Cancel from any thread, also before the first value; the values end soon after."""
        self._cancelled = True
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

    def _start(self) -> StartedJob[R]:
        function = partial(self._function, self._inbox.emit)
        self._job = job = StartedJob(partial(with_executor, self._inbox, function), context=self._context)
        inbox = self._inbox  # neither the job nor its callbacks may refer to the stream, or it could not be dropped
        job.outcome.add_done_callback(inbox.end)
        weakref.finalize(self, _abandon, job, inbox).atexit = False
        if self._cancelled:  # by another thread, before it could find the job
            job.cancel()
        return job

    def _next(self, seconds: float) -> object:
        """Return the next value, or SILENCE after `seconds` without one; raise StopIteration behind the last."""
        refuse_on_managed_loop("Reading a stream")
        with self._reading:
            if self._ended:
                raise StopIteration
            job = self._job or self._start()
            if (value := self._pump(job, seconds)) is not _Inbox.END:
                return value
            self._end()
            return self._last(job.outcome.result())

    def _pump(self, job: StartedJob[R], seconds: float) -> object:
        """Run calls until a value comes, and return it; END behind the last, SILENCE when nothing came for `seconds`.

        Raises LoopStopped.
        """
        while True:
            try:
                item = self._inbox.items.get(timeout=seconds)
            except queue.Empty:
                job.check_alive()
                return _Inbox.SILENCE
            if item is _Inbox.END:
                return item
            if not isinstance(item, Call):
                self._give_credit(job)
                return item
            self._serve(item)

    def _serve(self, call: Call) -> None:
        """Run it here; but inside a running loop, where Django refuses the ORM, on a thread of the stream's own."""
        if not in_running_loop():
            return call.run()
        if self._own_thread is None:
            self._own_thread = OwnThread()
        return self._own_thread.run(call.run).result()

    def _end(self) -> None:
        self._ended = True
        self._inbox.refuse()
        if self._own_thread:
            self._own_thread.end().result()

    def _give_credit(self, job: StartedJob[R]) -> None:
        self._taken += 1
        if self._taken % (READ_AHEAD // 2) == 0:  # waking the loop once for many values costs less than once for each
            with suppress(RuntimeError):  # the loop has ended, and these values are what is left
                job.loop.call_soon_threadsafe(_release, self._inbox.credit)

    def _drain(self, job: StartedJob[R]) -> None:
        until = time.monotonic() + GRACE_SECONDS
        while (left := until - time.monotonic()) > 0:
            if self._pump(job, min(left, WATCH_SECONDS)) is _Inbox.END:
                if error := job.outcome.exception():
                    logger.warning("A stream was closed before its end, and failed", exc_info=error)
                return
        logger.error("A closed stream has not ended after %s s; it is abandoned", GRACE_SECONDS)
        _abandon(job, self._inbox)


def _release(credit: asyncio.Semaphore) -> None:
    for _ in range(READ_AHEAD // 2):
        credit.release()


async def iterate(values: Iterator[T], *, cancel: Callable[[], None]) -> AsyncGenerator[T]:
    """Iterate a sync iterator from async code, every `next()` on one thread of its own.

    When the consumer leaves, `cancel` is called from here, while a `next()` may still run there; then `values` and that
    thread's database connections are closed, on that thread.
    """
    thread, end = OwnThread(), object()
    following = sync_to_async(partial(next, values, end), thread_sensitive=False, executor=thread)
    try:
        while (value := await following()) is not end:
            yield cast(T, value)
    finally:
        cancel()
        closing = thread.end(values.close) if hasattr(values, "close") else thread.end()
        await asyncio.shield(asyncio.wrap_future(closing))
