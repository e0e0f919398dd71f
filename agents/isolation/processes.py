"""Keep worker processes, seen from the managed loop: warm ones are used again, killed ones are replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from pickle import UnpicklingError
from subprocess import PIPE

from agents.errors import WorkerLost, WorkerNotStarted
from agents.events import Event
from agents.isolation.foreign_worker import FRAME_BYTES, GREETING, SIZE
from agents.isolation.interpreters import check_interpreter, why_not_started
from agents.isolation.protocols import Hello, Ready, Refusal, WorkerProtocol, protocol_for
from agents.isolation.recipe import Order
from agents.loop import per_loop
from agents.result import RunResult
from agents.streams import Emit

WORKERS = max(4, os.cpu_count() or 1)  # at once, of each environment; whoever comes then waits, within its deadline
TERMINATE_SECONDS = 0.5  # from SIGTERM to SIGKILL
READ_BYTES = 64 * 1024  # ahead of what is taken
_GONE = (asyncio.IncompleteReadError, ConnectionError)
_UNREADABLE = (  # what is raised for a frame that is none, or is nested too deeply
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    EOFError,
    RecursionError,
    UnpicklingError,
)


class ProcessAttempt:
    """One run in a process of its own."""

    def __init__(self, order: Order, emit: Emit[Event]) -> None:
        self._order = order
        self._emit = emit
        self._running = False

    @property
    def fate(self) -> str:
        if self._running:
            return "its process was killed"
        return f"it had not begun, since none of {WORKERS} worker processes was ready"

    async def run(self) -> RunResult:
        pool = per_loop((Pool, self._order.recipe.environment), Pool)
        async with pool.worker(self._order) as worker:
            self._running = True
            return await worker.run(self._order, self._emit)


class Pool:
    """Worker processes of one loop, one interpreter and one `env`. They end with the loop."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(WORKERS)
        self._idle: list[WorkerProcess] = []
        self._lent = 0
        self._warming: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def worker(self, order: Order) -> AsyncIterator[WorkerProcess]:
        """Lend a worker; one whose run was killed, cancelled or lost is fit for no other, and is replaced."""
        async with self._room:
            self._lent += 1
            try:
                self._idle = [worker for worker in self._idle if worker.alive]
                worker = self._idle.pop() if self._idle else await WorkerProcess.start(order)
                try:
                    yield worker
                except WorkerNotStarted:  # its factory raised, and the worker is as good as before
                    self._idle.append(worker)
                    raise
                except BaseException:
                    self._replace(order)
                    await worker.end()
                    raise
                self._idle.append(worker)
            finally:
                self._lent -= 1

    def _replace(self, order: Order) -> None:
        if self._lent + len(self._idle) + len(self._warming) > WORKERS:
            return
        task = asyncio.ensure_future(self._warm_up(order.preparation))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    async def _warm_up(self, preparation: Order) -> None:
        with contextlib.suppress(WorkerLost, TimeoutError):  # the next run finds out, and is told
            async with asyncio.timeout(preparation.seconds):
                worker = await WorkerProcess.start(preparation)
                try:
                    await worker.prepare(preparation)
                except BaseException:
                    await worker.end()
                    raise
            if self._lent + len(self._idle) < WORKERS:
                self._idle.append(worker)
            else:
                await worker.end()

    async def aclose(self) -> None:
        await asyncio.gather(*(worker.end() for worker in self._idle))


class WorkerProcess:
    """A worker process and what it starts: once it has exited, whatever it left behind is killed.

    asyncio's own processes hang when their start is cancelled, and while a child of theirs holds a pipe.
    """

    def __init__(self, process: subprocess.Popen[bytes], protocol: WorkerProtocol) -> None:
        self._process = process
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._replies = asyncio.StreamReader(limit=READ_BYTES)
        self._transports: list[asyncio.ReadTransport | asyncio.WriteTransport] = []
        threading.Thread(target=self._watch, name="agents-worker", daemon=True).start()

    @classmethod
    async def start(cls, order: Order) -> WorkerProcess:
        """Start one that `order` could be given to. Raises WorkerNotStarted, which says what to do."""
        protocol = protocol_for(order.recipe)
        check_interpreter(protocol.python)
        command = [protocol.python, *protocol.command()]
        try:
            process = subprocess.Popen(  # noqa: S603, ASYNC220 - as asyncio starts one
                command, env=protocol.environment(), stdin=PIPE, stdout=PIPE, start_new_session=True
            )
        except OSError as error:
            raise WorkerNotStarted(f"no process of {protocol.python} could be started: {error}") from error
        try:
            worker = cls(process, protocol)
        except RuntimeError as error:  # there is no thread left to watch it
            process.kill()
            process.communicate()
            raise WorkerNotStarted(f"no process of {protocol.python} could be watched: {error}") from error
        try:
            await worker._connect()
            await worker._greet(order)
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def run(self, order: Order, emit: Emit[Event]) -> RunResult:
        """Raises WorkerLost when the process ends first, and WorkerNotStarted when it makes no agent."""
        await self._send(order)
        while not isinstance(reply := await self._reply(order), RunResult):
            if isinstance(reply, Hello | Ready):
                raise WorkerLost("the worker answered another question than the one it was asked")
            await emit(reply)
        return reply

    async def prepare(self, order: Order) -> None:
        """Raises as `run` does."""
        await self._send(order)
        await self._reply(order)

    async def end(self) -> None:
        """Terminate it and all that it started, and kill what has not ended soon."""
        try:
            self._signal(signal.SIGTERM)
            async with asyncio.timeout(TERMINATE_SECONDS):
                await self._exited.wait()
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)
        await self._exited.wait()
        for transport in self._transports:
            if not transport.is_closing():
                transport.abort() if isinstance(transport, asyncio.WriteTransport) else transport.close()
        await asyncio.sleep(0)  # they close their pipes in the loop's next turn
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    async def _connect(self) -> None:
        def replies() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(self._replies)

        def orders() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(asyncio.StreamReader())

        reading, _ = await self._loop.connect_read_pipe(replies, self._process.stdout)
        self._transports.append(reading)
        writing, protocol = await self._loop.connect_write_pipe(orders, self._process.stdin)
        self._transports.append(writing)
        self._orders = asyncio.StreamWriter(writing, protocol, None, self._loop)

    def _watch(self) -> None:
        """Wait for its exit, on a thread."""
        self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._exited.set)

    async def _greet(self, order: Order) -> None:
        """Wait until it is there. What its interpreter prints while it starts is skipped."""
        try:
            await self._replies.readuntil(GREETING)
            said = await self._reply(order)
        except (WorkerLost, asyncio.LimitOverrunError, *_GONE):
            said = None
        if not isinstance(said, Hello):
            raise WorkerNotStarted(await why_not_started(self._protocol.python, self._protocol.environment()))

    async def _send(self, order: Order) -> None:
        frame = self._protocol.encode(order)
        try:
            self._orders.write(SIZE.pack(len(frame)) + frame)
            await self._orders.drain()
        except _GONE as error:
            raise await self._lost() from error

    async def _reply(self, order: Order) -> Hello | Ready | Event | RunResult:
        try:
            (size,) = SIZE.unpack(await self._replies.readexactly(SIZE.size))
            if size > FRAME_BYTES:
                raise WorkerLost(f"the worker sends {size:,} bytes at once, and {FRAME_BYTES:,} may come")
            reply = self._protocol.decode(await self._replies.readexactly(size), order)
        except _GONE as error:
            raise await self._lost() from error
        except _UNREADABLE as error:
            raise WorkerLost(f"what the worker said can't be read: {type(error).__name__}: {error}") from error
        if isinstance(reply, Refusal):
            raise WorkerNotStarted(f"{order.recipe.factory} made no agent: {reply.reason}")
        return reply

    async def _lost(self) -> WorkerLost:
        await self._exited.wait()
        return WorkerLost(f"the worker process ended with {self._process.returncode}")

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
