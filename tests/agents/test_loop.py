"""The end of the managed loop's life; its start, its fork and its accidents are in test_bridge."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async

from agents import Cancelled, LoopStopped, Stream, call, loop_state, per_loop, shutdown
from agents.loop import green_threads

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_loop() -> Iterator[None]:
    shutdown(0)
    yield
    shutdown(0)


async def loop_thread() -> threading.Thread:
    return threading.current_thread()


class Caller(threading.Thread):
    """Waits for `call(function)`, and keeps how it ended."""

    def __init__(self, function: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self.function = function
        self.outcome: object = None
        self.running = threading.Event()
        self.start()
        assert self.running.wait(60)

    def run(self) -> None:
        async def function() -> object:
            self.running.set()
            return await self.function()

        try:
            self.outcome = call(function)
        except Exception as error:
            self.outcome = error

    def ended(self) -> object:
        self.join(60)
        assert not self.is_alive()
        return self.outcome


class Closing:
    """A thing bound to a loop, with either way to close it."""

    def __init__(self) -> None:
        self.closed_on: threading.Thread | None = None

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed_on = threading.current_thread()


class ClosingAtOnce(Closing):
    aclose = None  # type: ignore[assignment]

    def close(self) -> None:
        self.closed_on = threading.current_thread()


def test_shutdown_without_a_loop_does_nothing() -> None:
    shutdown()
    shutdown()
    assert loop_state()["alive"] is False


def test_shutdown_lets_work_in_flight_end() -> None:
    async def work() -> str:
        await asyncio.sleep(0.2)
        return await sync_to_async(lambda: "done")()

    caller = Caller(work)
    shutdown(5)
    assert caller.ended() == "done"


def test_shutdown_cancels_at_its_deadline_what_has_not_ended() -> None:
    caller = Caller(lambda: asyncio.sleep(600))
    began = time.monotonic()
    shutdown(0.1)
    assert isinstance(caller.ended(), Cancelled)
    assert 0.1 <= time.monotonic() - began < 60


def test_shutdown_ends_a_stream_with_what_its_function_makes_of_the_cancellation() -> None:
    async def function(emit: Callable[[object], Awaitable[None]]) -> str:
        await emit("begun")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return "cancelled"
        return "slept"

    stream = Stream(function, last=lambda result: result)
    assert next(stream) == "begun"
    threading.Thread(target=shutdown, args=(0.05,)).start()
    assert list(stream) == ["cancelled"]


def test_work_that_comes_during_the_shutdown_is_refused_but_not_a_part_of_other_work() -> None:
    go_on = threading.Event()

    def sync_tool() -> threading.Thread:
        assert go_on.wait(60)
        return call(loop_thread)

    caller = Caller(sync_to_async(sync_tool))
    loop = next(thread for thread in threading.enumerate() if thread.name == "agents-loop")
    ending = threading.Thread(target=shutdown, args=(5,))
    ending.start()
    while not loop_state()["draining"]:
        time.sleep(0.01)
    with pytest.raises(LoopStopped, match="shutting down"):
        call(loop_thread)
    go_on.set()
    assert caller.ended() is loop
    ending.join(60)
    assert not loop.is_alive()


def test_shutdown_closes_what_is_bound_to_the_loop_and_the_loop() -> None:
    broken = SimpleNamespace(close=lambda: 1 / 0)

    async def bind() -> tuple[asyncio.AbstractEventLoop, threading.Thread, list[Closing]]:
        per_loop("plain", object)
        per_loop("broken", lambda: broken)
        things = [per_loop("async", Closing), per_loop("sync", ClosingAtOnce)]
        return asyncio.get_running_loop(), threading.current_thread(), things

    loop, thread, things = call(bind)
    shutdown()
    assert [thing.closed_on for thing in things] == [thread, thread]
    assert loop.is_closed()
    assert not thread.is_alive()


def test_call_after_the_shutdown_starts_a_fresh_loop() -> None:
    before = call(loop_thread)
    shutdown()
    after = call(loop_thread)
    assert after is not before
    assert after.is_alive()


def test_two_shutdowns_at_once_both_return_and_the_earlier_deadline_counts() -> None:
    caller = Caller(lambda: asyncio.sleep(600))
    patient = threading.Thread(target=shutdown, args=(600,))
    patient.start()
    shutdown(0.1)
    patient.join(60)
    assert not patient.is_alive()
    assert isinstance(caller.ended(), Cancelled)


def test_shutdown_on_the_loop_itself_is_refused() -> None:
    async def suicidal() -> None:
        shutdown()

    with pytest.raises(RuntimeError, match="the very loop"):
        call(suicidal)


def test_work_that_ignores_its_cancellation_does_not_hold_the_shutdown_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agents.loop.GRACE_SECONDS", 0.1)

    async def blocks_the_loop() -> None:
        shut_down.wait(60)

    shut_down = threading.Event()
    caller = Caller(blocks_the_loop)
    with caplog.at_level(logging.ERROR, logger="agents"):
        shutdown(0.1)
    shut_down.set()
    assert "is left behind" in caplog.text
    assert caller.ended() is None


AT_EXIT = """
import asyncio
from agents import Stream, per_loop

class Client:
    async def aclose(self):
        print("closed", flush=True)

async def function(emit):
    per_loop("client", Client)
    await emit(1)
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise

stream = Stream(function, last=lambda result: result)
next(stream)
"""


def test_process_with_work_in_flight_exits_at_once_and_in_order() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "cancelled\nclosed\n")
    assert "Task was destroyed" not in done.stderr


@pytest.mark.parametrize(
    ("module", "library", "patched"),
    [
        ("gevent.monkey", "gevent", SimpleNamespace(is_module_patched=lambda name: name == "threading")),
        ("eventlet.patcher", "eventlet", SimpleNamespace(is_monkey_patched=lambda name: name == "thread")),
    ],
)
def test_green_threads_are_refused_with_the_reason_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, module: str, library: str, patched: object
) -> None:
    assert green_threads() == ""
    monkeypatch.setitem(sys.modules, module, patched)  # type: ignore[arg-type]
    assert green_threads() == library
    with pytest.raises(RuntimeError, match=rf"{library} has replaced .* gthread"):
        call(loop_thread)
