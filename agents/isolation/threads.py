"""Run an agent on a thread of its own, which nobody has to wait for when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from concurrent.futures import Future

from agents.agent import Runnable, RunStream, stream
from agents.bridge import close_connections
from agents.errors import Cancelled, WorkerNotStarted
from agents.events import Event, RunEnded
from agents.isolation.recipe import Order
from agents.loop import per_loop
from agents.result import RunResult
from agents.streams import Emit

THREADS = 16  # at once, with those that were left behind and still run; whoever comes then waits
END_SECONDS = 0.5  # how long a thread may take to end once its run is cancelled

logger = logging.getLogger(__name__)


class ThreadAttempt:
    """One run on a thread: the factory and the sync tools run there, what is async on the managed loop."""

    def __init__(self, order: Order, emit: Emit[Event]) -> None:
        self._order = order
        self._emit = emit
        self._thread: _RunThread | None = None

    @property
    def fate(self) -> str:
        if self._thread is None:
            return f"it still waited for one of {THREADS} threads"
        if self._thread.left_behind:
            return "its thread could not be ended: it was left behind, and runs on until its tool returns"
        return "it was cancelled"

    async def run(self) -> RunResult:
        """Raises WorkerNotStarted when no thread is to be had, or the factory makes no agent."""
        places = per_loop(_Places, _Places)
        if sum(thread.left_behind for thread in places.taken) >= THREADS:
            raise WorkerNotStarted(f"all {THREADS} threads are taken by runs that were left behind")
        await places.room.acquire()
        thread = _RunThread(self._order, self._emit, places)
        self._thread = thread
        return await thread.outcome()


class _Places:
    """Counts the threads of one loop."""

    def __init__(self) -> None:
        self.room = asyncio.Semaphore(THREADS)
        self.taken: set[_RunThread] = set()
        self._loop = asyncio.get_running_loop()

    def free(self, thread: _RunThread) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and its places with it
            self._loop.call_soon_threadsafe(self._free, thread)

    def _free(self, thread: _RunThread) -> None:
        self.taken.discard(thread)
        self.room.release()


class _RunThread:
    """A daemon thread, so that the interpreter can end without it."""

    def __init__(self, order: Order, emit: Emit[Event], places: _Places) -> None:
        self.left_behind = False
        self._order = order
        self._emit = emit
        self._places = places
        self._loop = asyncio.get_running_loop()
        self._outcome: Future[RunResult] = Future()
        self._outcome.set_running_or_notify_cancel()
        self._events: RunStream | None = None
        self._emitting: asyncio.Task[None] | None = None
        self._cancelled = False
        places.taken.add(self)

    async def outcome(self) -> RunResult:
        """Start, and return how the run ended. Cancelling it cancels the run, and leaves a thread behind that hangs."""
        work = contextvars.copy_context().run
        try:
            threading.Thread(target=work, args=(self._work,), name="agents-isolated", daemon=True).start()
        except RuntimeError as error:
            self._places.free(self)
            raise WorkerNotStarted(f"no thread could be started: {error}") from error
        ended = asyncio.wrap_future(self._outcome)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            await self._end(ended)
            raise

    async def _end(self, ended: asyncio.Future[RunResult]) -> None:
        self._cancelled = True
        if self._events:
            self._events.cancel()
        if self._emitting:
            self._emitting.cancel()
        await asyncio.wait({ended}, timeout=END_SECONDS)
        if ended.done():
            ended.exception()  # retrieved: nobody is left to be told
        else:
            self.left_behind = True
            ended.cancel()
            logger.error("A run of %s can't be ended, and its thread is left behind", self._order.recipe.factory)

    # ---- on the thread -----------------------------------------------------------------------------------------------
    def _work(self) -> None:
        try:
            self._outcome.set_result(self._perform(self._make()))
        except BaseException as error:  # it is for the one who waits, or for nobody
            self._outcome.set_exception(error)
        finally:
            close_connections()
            self._places.free(self)

    def _make(self) -> Runnable:
        try:
            return self._order.recipe.build()
        except (Exception, SystemExit) as error:  # whatever a factory may raise
            logger.exception("%s made no agent", self._order.recipe.factory)
            raise WorkerNotStarted(f"{self._order.recipe.factory} made no agent: {error!r}") from error

    def _perform(self, agent: Runnable) -> RunResult:
        assert self._order.prompt
        self._events = stream(agent, self._order.prompt, history=self._order.history)
        with contextlib.closing(self._events):
            if self._cancelled:  # while the agent was being made
                raise Cancelled("the run was ended before it began")
            for event in self._events:
                if not isinstance(event, RunEnded):
                    asyncio.run_coroutine_threadsafe(self._emit_there(event), self._loop).result()
        return self._events.result

    async def _emit_there(self, event: Event) -> None:
        """Hand an event on, on the loop; whoever takes them may be slow, or gone."""
        if self._cancelled:
            raise Cancelled("nobody waits for the run any more")
        self._emitting = asyncio.current_task()
        await self._emit(event)
        self._emitting = None
