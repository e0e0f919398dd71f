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
from agents.errors import WorkerNotStarted
from agents.events import Event, RunEnded
from agents.isolation.recipe import Order
from agents.loop import per_loop
from agents.result import RunResult
from agents.streams import Emit

THREADS = 16  # at once, with those that were left behind and still run
END_SECONDS = 0.5  # how long a thread may take to end once its run is cancelled

logger = logging.getLogger(__name__)


class ThreadAttempt:
    """One run on a thread: the factory and the sync tools run there, what is async on the managed loop."""

    def __init__(self, order: Order, emit: Emit[Event]) -> None:
        self._order = order
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._outcome: Future[RunResult] = Future()
        self._events: RunStream | None = None
        self._left_behind = False

    @property
    def fate(self) -> str:
        if self._left_behind:
            return "its thread could not be ended: it was left behind, and runs on until its tool returns"
        return "it was cancelled, and its thread has ended"

    async def run(self) -> RunResult:
        """Raises WorkerNotStarted when all threads are taken, or the factory makes no agent."""
        running = per_loop(ThreadAttempt, set[ThreadAttempt])
        if len(running) >= THREADS:
            left = sum(attempt._left_behind for attempt in running)
            raise WorkerNotStarted(f"all {THREADS} threads are taken, {left} of them by runs that were left behind")
        work = contextvars.copy_context().run
        thread = threading.Thread(target=work, args=(self._work,), name="agents-isolated", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise WorkerNotStarted(f"no thread could be started: {error}") from error
        running.add(self)
        ended = asyncio.wrap_future(self._outcome)
        ended.add_done_callback(lambda _: running.discard(self))
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            await self._cancel(ended)
            raise

    async def _cancel(self, ended: asyncio.Future[RunResult]) -> None:
        if self._events:
            self._events.cancel()
        await asyncio.wait({ended}, timeout=END_SECONDS)
        self._left_behind = not ended.done()
        if self._left_behind:
            logger.error("A run of %s can't be ended, and its thread is left behind", self._order.recipe.factory)
        elif not ended.cancelled():
            ended.exception()  # retrieved: nobody is left to be told

    def _work(self) -> None:
        try:
            self._outcome.set_result(self._perform(self._make()))
        except BaseException as error:  # it is for the one who waits, or for nobody
            self._outcome.set_exception(error)
        finally:
            close_connections()

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
            for event in self._events:
                if not isinstance(event, RunEnded):
                    asyncio.run_coroutine_threadsafe(self._emit_event(event), self._loop).result()
        return self._events.result

    async def _emit_event(self, event: Event) -> None:
        await self._emit(event)
