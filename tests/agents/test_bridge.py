"""The seam: every kind of caller, cancellation both ways, and what may not kill the loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import asgiref
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.utils import translation

from agents import Cancelled, ExitRequested, LoopStopped, Stream, acall, call, iterate, loop_state, per_loop, shutdown

ROOT = Path(__file__).parents[2]
name = contextvars.ContextVar("name", default="nobody")


async def loop_thread() -> threading.Thread:
    return threading.current_thread()


async def sync_thread() -> threading.Thread:
    """The thread that thread-sensitive code, like the ORM, runs on."""
    return await sync_to_async(threading.current_thread)()


def until(condition: Callable[[], object], *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(condition())


class Block:
    """A function that runs until it is cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self) -> None:
        self.started.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled.set()


def in_thread(function: Callable[[], object]) -> tuple[threading.Thread, object]:
    outcome: list[object] = []
    thread = threading.Thread(target=lambda: outcome.append(function()))
    thread.start()
    thread.join(60)
    return thread, outcome[0]


# ---- call and acall --------------------------------------------------------------------------------------------------
def test_call_from_a_plain_thread_runs_sync_code_on_that_thread() -> None:
    thread, ran_on = in_thread(lambda: call(sync_thread))
    assert ran_on is thread


def test_every_call_runs_on_the_one_loop() -> None:
    threads = {call(loop_thread), in_thread(lambda: call(loop_thread))[1], asyncio.run(acall(loop_thread))}
    assert len(threads) == 1


def test_call_inside_a_running_loop_returns_the_result() -> None:
    async def main() -> tuple[threading.Thread, str]:
        name.set("Ada")
        return call(sync_thread), call(read_name)

    async def read_name() -> str:
        return name.get()

    thread, seen = asyncio.run(main())
    assert thread is not threading.current_thread()
    assert seen == "Ada"


def test_call_nested_in_a_sync_function_runs_on_the_first_caller() -> None:
    def orm() -> threading.Thread:
        return call(sync_thread)

    async def outer() -> threading.Thread:
        return await sync_to_async(orm)()

    assert call(outer) is threading.current_thread()


def test_acall_nested_on_the_managed_loop_runs_sync_code_on_the_first_caller() -> None:
    async def outer() -> threading.Thread:
        return await acall(sync_thread)

    assert call(outer) is threading.current_thread()


def test_call_nested_under_an_async_caller_runs_on_the_thread_of_its_sync_code() -> None:
    def orm() -> tuple[threading.Thread, threading.Thread]:
        return threading.current_thread(), call(sync_thread)

    here, nested = asyncio.run(acall(sync_to_async(orm)))
    assert here is nested


def test_call_on_the_managed_loop_is_refused() -> None:
    async def outer() -> None:
        call(loop_thread)

    with pytest.raises(RuntimeError, match="await its async form"):
        call(outer)


def test_acall_under_a_sync_view_of_an_async_server() -> None:
    """A sync view runs in a thread that the server's loop waits for; sync code must come back to that thread."""

    def view() -> tuple[threading.Thread, threading.Thread]:
        return threading.current_thread(), call(sync_thread)

    view_thread, ran_on = asyncio.run(sync_to_async(view)())
    assert ran_on is view_thread


def test_call_sees_the_context_of_the_caller() -> None:
    async def read() -> str:
        return name.get()

    name.set("Grace")
    assert call(read) == "Grace"


def test_later_async_to_sync_does_not_land_on_the_managed_loop() -> None:
    def work() -> object:
        call(sync_thread)
        return async_to_sync(loop_thread)()

    assert in_thread(work)[1] is not call(loop_thread)


def test_call_raises_what_the_function_raises() -> None:
    async def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        call(fail)


def test_error_of_the_function_has_no_foreign_cause() -> None:
    async def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError) as raised:
        call(fail)
    assert raised.value.__context__ is None


def test_call_passes_arguments() -> None:
    async def divide(a: float, *, by: float) -> float:
        return a / by

    assert call(divide, 6, by=3) == 2


def test_timeout_cancels_the_function() -> None:
    block = Block()
    with pytest.raises(TimeoutError):
        call(block, timeout=0.05)
    assert block.cancelled.wait(60)


def test_signal_that_interrupts_the_caller_cancels_the_function() -> None:
    """As Ctrl+C does, or the time limit of a task worker."""
    block = Block()

    def interrupt(number: int, frame: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(InterruptedError):
            call(block)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert block.cancelled.is_set()


def test_interrupted_caller_runs_the_last_sync_code_of_the_function_before_it_goes_on() -> None:
    began, interrupted, said_by = threading.Event(), threading.Event(), []

    def interrupt(number: int, frame: object) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    async def function() -> None:
        began.set()
        try:
            await asyncio.sleep(30)
        finally:
            said_by.append(await sync_thread())

    def send() -> None:
        began.wait(60)
        while not interrupted.is_set():  # the first may come while the thread is about to wait, and is noticed later
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.005)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        threading.Thread(target=send).start()
        with pytest.raises(KeyboardInterrupt):
            call(function)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert said_by == [threading.current_thread()]


def test_call_leaves_the_callers_context_as_it_was() -> None:
    async def rename() -> None:
        name.set("Emmy")
        await sync_to_async(name.set)("Emmy")

    name.set("Grace")
    call(rename)
    assert name.get() == "Grace"
    assert async_to_sync(acall)(rename) is None
    assert name.get() == "Grace"


def test_cancelling_the_outer_function_cancels_the_one_that_its_sync_code_calls() -> None:
    block, caught = Block(), []

    async def inner() -> None:
        await block()
        raise asyncio.CancelledError  # Block says that it was cancelled, and swallows it

    def sync_tool() -> None:
        try:
            call(inner)
        except BaseException as error:
            caught.append(type(error))
            raise

    async def outer() -> None:
        task = asyncio.create_task(sync_to_async(sync_tool)())
        await asyncio.to_thread(block.started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    call(outer)
    assert block.cancelled.is_set()
    assert caught == [asyncio.CancelledError]


def test_timeout_of_a_function_that_does_not_end_returns_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.bridge.GRACE_SECONDS", 0.05)
    go_on = threading.Event()

    async def stuck() -> None:
        await asyncio.to_thread(go_on.wait, 10)

    with pytest.raises(TimeoutError):
        call(stuck, timeout=0.05)
    assert not go_on.is_set()
    go_on.set()


def test_call_from_a_plain_thread_starts_no_thread_and_no_loop() -> None:
    call(loop_thread)

    async def threads() -> int:
        return threading.active_count()

    before = threading.active_count()
    assert call(threads) == before


def test_cancelling_the_caller_cancels_the_function() -> None:
    block = Block()

    async def main() -> None:
        task = asyncio.create_task(acall(block))
        await asyncio.to_thread(block.started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert block.cancelled.is_set()


def test_work_that_cancels_itself_is_a_typed_error() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(Cancelled):
        call(give_up)


def test_stop_iteration_in_sync_code_does_not_hang() -> None:
    async def outer() -> object:
        return await sync_to_async(lambda: next(iter(())))()

    with pytest.raises(RuntimeError, match="StopIteration"):
        call(outer, timeout=5)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_exit_is_an_error_of_its_caller_and_the_loop_goes_on(error: type[BaseException]) -> None:
    async def leave() -> None:
        raise error

    async def leave_in_sync_code() -> None:
        def leave() -> None:
            raise error

        await sync_to_async(leave)()

    loop = call(loop_thread)
    for function in (leave, leave_in_sync_code):
        with pytest.raises(ExitRequested):
            call(function)
    assert call(loop_thread) is loop


def test_exit_in_sync_code_does_not_reach_the_loop_of_the_caller() -> None:
    def leave() -> None:
        raise SystemExit

    async def main() -> str:
        with pytest.raises(ExitRequested):
            await acall(sync_to_async(leave))
        return "alive"

    assert asyncio.run(main()) == "alive"


def test_exit_in_a_stray_task_does_not_stop_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def stray() -> None:
        raise SystemExit

    async def outer() -> threading.Thread:
        task = asyncio.create_task(stray())
        await asyncio.sleep(0.01)
        task.exception()
        return threading.current_thread()

    assert call(outer) is call(loop_thread)
    assert "asked to exit" in caplog.text


def test_case_90_the_loop_stops_under_a_call_and_the_next_one_works() -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(30)

    before = call(loop_thread)
    with pytest.raises(LoopStopped):
        call(stop)
    assert call(loop_thread) is not before


def test_case_90_the_next_call_does_not_wait_for_the_old_loop_to_close() -> None:
    called = threading.Event()

    async def linger() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            while not called.is_set():
                await asyncio.sleep(0.01)

    async def stop() -> None:
        lingering = asyncio.create_task(linger())
        await asyncio.sleep(0)
        asyncio.get_running_loop().stop()
        await lingering

    with pytest.raises(LoopStopped):
        call(stop)
    assert call(loop_thread).is_alive()
    called.set()


def test_the_loop_stops_under_a_function_that_ignores_its_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.loop.GRACE_SECONDS", 0.05)

    async def stop() -> None:
        asyncio.get_running_loop().stop()
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(30)

    with pytest.raises(LoopStopped):
        call(stop)
    assert call(loop_thread).is_alive()


def test_every_caller_is_answered_while_the_loop_stops_again_and_again() -> None:
    async def answer() -> str:
        await asyncio.sleep(0)
        return await sync_to_async(lambda: "answered")()

    async def stop() -> None:
        asyncio.get_running_loop().stop()

    def ask() -> list[str]:
        answers = []
        for number in range(40):
            try:
                answers.append(call(stop if number % 10 == 9 else answer) or "stopped")
            except LoopStopped:
                answers.append("stopped")
        return answers

    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(ask) for _ in range(8)]
        answers = [answer for each in asking for answer in each.result(30)]
    assert len(answers) == 320
    assert set(answers) == {"answered", "stopped"}


def test_case_90_the_loop_stops_under_a_stream() -> None:
    async def stop(emit: Callable[[int], Awaitable[None]]) -> None:
        await emit(1)
        asyncio.get_running_loop().stop()
        await asyncio.sleep(30)

    stream = Stream(stop, last=lambda _: 0)
    assert next(stream) == 1
    with pytest.raises(LoopStopped):
        next(stream)
    assert call(loop_thread).is_alive()


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_case_88_a_forked_child_starts_its_own_loop() -> None:
    async def where() -> tuple[int, object]:
        return os.getpid(), per_loop("key", object)

    call(where)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = call(where, timeout=5)[0] == os.getpid() and len(list(count_to(3))) == 4
            os.write(writing, b"own" if own else b"inherited")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"own"
    os.waitpid(child, 0)
    assert call(where)[0] == os.getpid()


def test_per_loop_makes_one_thing_per_loop() -> None:
    async def get(key: str) -> object:
        return per_loop(key, object)

    assert call(get, "a") is call(get, "a")
    assert call(get, "a") is not call(get, "b")
    assert asyncio.run(get("a")) is not call(get, "a")


def test_loop_state_tells_of_runs_and_lag() -> None:
    block = Block()
    stream = Stream(lambda emit: block(), last=lambda _: 0)
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    block.started.wait(60)
    state = loop_state()
    stream.cancel()
    reader.join()
    assert (state["pid"], state["alive"], state["runs"]) == (os.getpid(), True, 1)
    assert state["lag_ms"] is not None
    assert 0 < state["lag_ms"] < 500


# ---- what asgiref doesn't document -----------------------------------------------------------------------------------
WITHOUT_THE_NAMES = """
import asyncio, threading
from asgiref.sync import sync_to_async
from agents import call
from agents.loop import is_managed

async def where():
    assert is_managed(asyncio.get_running_loop())
    return await sync_to_async(threading.current_thread)()

def nested():
    return call(where)

def count(thread):
    started.append(thread)
    start(thread)

started, start = [], threading.Thread.start
threading.Thread.start = count
here = threading.current_thread()
print(call(where) is here, len(started), call(sync_to_async(nested)) is here)
"""


@pytest.mark.parametrize(
    ("names", "printed"),
    [
        ((), "True 1 True"),
        (("threadlocal",), "True 2 True"),
        (("main_event_loop",), "True 2 True"),
        (("executors",), "True 1 True"),
    ],
)
def test_call_does_without_the_names_that_asgiref_does_not_document(
    names: tuple[str, ...], printed: str, tmp_path: Path
) -> None:
    """An asgiref with other names stands before the installed one; then async_to_sync starts a thread, too."""
    shutil.copytree(Path(asgiref.__file__).parent, tmp_path / "asgiref")
    for file in (tmp_path / "asgiref").glob("*.py"):
        source = file.read_text()
        for each in names:
            source = re.sub(rf"\b{each}(_pid)?\b", rf"renamed_{each}\1", source)
        file.write_text(source)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_NAMES], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == (printed, "")


# ---- inside a Django site --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_database_calls_share_the_transaction_of_the_caller() -> None:
    def inside_transaction() -> tuple[bool, bool]:
        return connection.in_atomic_block, connection.connection is outer

    connection.ensure_connection()
    outer = connection.connection
    assert call(sync_to_async(inside_transaction)) == (True, True)
    assert list(count_to(1, work=inside_transaction)) == [(True, True), 0, "end"]


@pytest.mark.django_db
def test_language_of_the_caller_is_active_in_its_sync_code() -> None:
    async def main() -> str:
        with translation.override("de"):
            return call(sync_to_async(translation.get_language))

    with translation.override("fr"):
        assert call(sync_to_async(translation.get_language)) == "fr"
    assert asyncio.run(main()) == "de"


CLOSES_CONNECTIONS = """
import asyncio, sys
from asgiref.sync import sync_to_async
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}})
from django.db import connection, connections
from agents import Stream, call

def open_connection():
    connection.ensure_connection()
    return connections["default"]

async def function(emit):
    await emit(await sync_to_async(open_connection)())

async def read():
    return [value async for value in Stream(function, last=lambda result: result)][0]

async def nested():
    return call(sync_to_async(open_connection))

async def read_without_await():
    return list(Stream(function, last=lambda result: result))[0]

connection.ensure_connection()
print([asyncio.run(read()).connection, asyncio.run(nested()).connection,
       asyncio.run(read_without_await()).connection], connection.connection is not None)
"""


def test_threads_of_our_own_close_their_connections_and_no_others(tmp_path: Path) -> None:
    """In a process of its own: Django never closes the in-memory database that the tests use."""
    printed = subprocess.check_output(
        [sys.executable, "-c", CLOSES_CONNECTIONS, tmp_path / "db.sqlite3"], text=True, cwd=ROOT
    )
    assert printed.strip() == "[None, None, None] True"


# ---- streams ---------------------------------------------------------------------------------------------------------
def count_to(number: int, *, work: Callable[[], object] | None = None) -> Stream[object, str]:
    async def count(emit: Callable[[object], Awaitable[None]]) -> str:
        for i in range(number):
            if work:
                await emit(await sync_to_async(work)())
            await emit(i)
        return "end"

    return Stream(count, last=lambda result: result)


def test_stream_yields_values_then_the_last_one() -> None:
    stream = count_to(200)
    assert list(stream) == [*range(200), "end"]
    assert stream.result == "end"
    assert list(stream) == []


def test_stream_runs_sync_code_on_the_thread_that_iterates() -> None:
    stream = count_to(2, work=threading.current_thread)
    thread, values = in_thread(lambda: list(stream))
    assert values == [thread, 0, thread, 1, "end"]


def test_stream_read_inside_another_ones_sync_code_stays_on_that_thread() -> None:
    values = list(count_to(1, work=lambda: list(count_to(1, work=threading.current_thread))))
    assert values == [[threading.current_thread(), 0, "end"], 0, "end"]


def test_stream_read_inside_a_running_loop_runs_sync_code_on_one_thread_without_a_loop() -> None:
    def where() -> tuple[threading.Thread, object]:
        return threading.current_thread(), asyncio._get_running_loop()

    async def main() -> list[object]:
        return list(count_to(2, work=where))

    first, _, second, *_ = asyncio.run(main())
    assert first == second
    assert first[1] is None  # type: ignore[index]
    assert first[0] is not threading.current_thread()  # type: ignore[index]


def test_stream_yields_what_was_emitted_before_a_sync_call_before_it_runs() -> None:
    seen: list[str] = []

    async def work(emit: Callable[[str], Awaitable[None]]) -> None:
        await emit("calling")
        await sync_to_async(seen.append)("called")

    for value in Stream(work, last=lambda _: "ended"):
        seen += [value]
    assert seen == ["calling", "called", "ended"]


def test_values_that_wait_are_read_after_the_loop_has_ended() -> None:
    stream = count_to(60)
    assert next(stream) == 0
    shutdown(5)
    assert list(stream) == [*range(1, 60), "end"]


def test_stream_reads_ahead_no_further_than_its_credit() -> None:
    produced: list[int] = []

    async def produce(emit: Callable[[int], Awaitable[None]]) -> int:
        for i in range(1000):
            produced.append(i)
            await emit(i)
        return -1

    stream = Stream(produce, last=lambda result: result)
    next(stream)
    assert until(lambda: len(produced) == 65)
    time.sleep(0.05)
    assert len(produced) == 65
    stream.close()


class Endless:
    """Emits until it is cancelled, and says so on the thread of the one who reads."""

    def __init__(self, *, pause: float = 0.0) -> None:
        self.pause = pause
        self.cancelled = threading.Event()
        self.said_by: threading.Thread | None = None

    async def __call__(self, emit: Callable[[int], Awaitable[None]]) -> int:
        try:
            while True:
                await emit(1)
                await asyncio.sleep(self.pause)
        except asyncio.CancelledError:
            self.said_by = await sync_thread()
            self.cancelled.set()
            return -1


@pytest.mark.parametrize("pause", [0.0, 30.0])
def test_close_cancels_and_serves_the_last_calls_on_this_thread(pause: float) -> None:
    endless = Endless(pause=pause)
    stream = Stream(endless, last=lambda result: result)
    assert next(stream) == 1
    stream.close()
    assert endless.said_by is threading.current_thread()
    assert stream.result == -1
    assert list(stream) == []


def test_close_before_the_first_value_runs_nothing() -> None:
    stream = count_to(3)
    stream.close()
    assert list(stream) == []
    with pytest.raises(RuntimeError, match="no result"):
        _ = stream.result


def test_cancel_before_the_first_value_ends_the_iteration_soon() -> None:
    endless = Endless(pause=30.0)
    stream = Stream(endless, last=lambda result: result)
    stream.cancel()
    assert list(stream) in ([-1], [1, -1])
    assert endless.cancelled.is_set()


def test_cancel_from_another_thread_ends_the_iteration() -> None:
    endless = Endless(pause=30.0)
    stream = Stream(endless, last=lambda result: result)
    threading.Timer(0.05, stream.cancel).start()
    assert list(stream) == [1, -1]


def test_beating_says_when_nothing_has_come_and_leaves_nothing_out() -> None:
    async def produce(emit: Callable[[object], Awaitable[None]]) -> str:
        await asyncio.sleep(0.12)
        for value in (1, 2):
            await emit(value)
        await emit(await sync_thread())
        await asyncio.sleep(0.12)
        return "end"

    values = list(Stream(produce, last=lambda result: result).beating(0.05))
    assert [value for value in values if value is not None] == [1, 2, threading.current_thread(), "end"]
    assert values[:2] == [None, None]
    assert values[-3:] == [None, None, "end"]


def test_dropped_stream_cancels_its_function() -> None:
    block = Block()

    async def produce(emit: Callable[[int], Awaitable[None]]) -> None:
        await emit(1)
        await block()

    stream = Stream(produce, last=lambda _: 0)
    next(stream)
    assert block.started.wait(60)
    del stream
    gc.collect()
    assert block.cancelled.wait(60)


def test_stream_raises_what_its_function_raises() -> None:
    async def fail(emit: Callable[[int], Awaitable[None]]) -> int:
        await emit(1)
        raise KeyError("lost")

    stream = Stream(fail, last=lambda result: result)
    assert next(stream) == 1
    with pytest.raises(KeyError):
        next(stream)
    assert list(stream) == []


def test_stream_survives_exit_in_sync_code() -> None:
    def leave() -> None:
        raise SystemExit

    with pytest.raises(ExitRequested):
        list(count_to(1, work=leave))
    assert list(count_to(1)) == [0, "end"]


def test_async_iteration_keeps_to_one_thread_of_its_own() -> None:
    async def main() -> list[object]:
        return [value async for value in count_to(2, work=threading.current_thread)]

    values = asyncio.run(main())
    assert values[0] is values[2]
    assert values[0] not in (threading.current_thread(), call(loop_thread))
    assert values[1::2] == [0, 1]


def test_async_consumer_that_leaves_cancels_the_function() -> None:
    endless = Endless(pause=600.0)

    async def main() -> None:
        async def consume() -> None:
            async for _ in Stream(endless, last=lambda result: result):
                pass

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(endless.cancelled.wait, 60)

    asyncio.run(main())
    assert endless.cancelled.is_set()


def test_iterate_closes_the_iterator_on_the_thread_that_read_it() -> None:
    threads: list[threading.Thread] = []

    def values() -> Iterator[int]:
        try:
            threads.append(threading.current_thread())
            yield 1
            yield 2
        finally:
            threads.append(threading.current_thread())

    async def main() -> None:
        source = values()
        async for _ in (numbers := iterate(source, cancel=lambda: None)):
            break
        await numbers.aclose()

    asyncio.run(main())
    assert len(threads) == 2
    assert threads[0] is threads[1]


def test_fifty_streams_at_once_each_on_its_own_thread() -> None:
    async def count(emit: Callable[[object], Awaitable[None]]) -> str:
        for _ in range(5):
            await emit(await sync_thread())
            await asyncio.sleep(0.01)
        return "end"

    kept: list[bool] = []

    def read() -> None:
        *values, last = Stream(count, last=lambda result: result)
        kept.append(last == "end" and values == [threading.current_thread()] * 5)

    readers = [threading.Thread(target=read) for _ in range(50)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert kept == [True] * 50
    assert loop_state()["runs"] == 0
