"""What the seam costs: one question to a model from sync code, in ours and in the usual ways, side by side.

    python -m benchmarks.agents

First the seam alone: microseconds of a call that does nothing, or makes one ORM-like sync call, beside asgiref's plain
`async_to_sync`. `--seam` measures no more than that. Then what runs of agents cost: twenty sync tools that block for a
tenth of a second each, called in one turn, and the messages that six turns with three agents leave behind; `--runs`
measures no more than that.

A model server in a process of its own answers at once. Callers are threads, as under a threaded WSGI server; each asks
its questions one after another. `pooled client` is the floor: the same client on one loop, with no seam to cross. The
usual ways make a client in each call, because a client bound to one loop fails in the next. The process pool is given
a warm forkserver that has imported everything, which is more than it usually gets; the CPU
time of its processes is not counted. `ours is` so many times as fast, in calls a second.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from asgiref.sync import async_to_sync, sync_to_async
from openai import AsyncOpenAI

from agents import (
    Agent,
    Limits,
    Message,
    OpenAIModel,
    ToolCall,
    call,
    collaborate,
    per_loop,
    run,
    sequential,
    tool,
)
from agents.testing import FunctionModel
from tests.servers import ROOT

CALLERS = (1, 50, 200)
SEAM_CALLERS = (1, 12, 50)
SEAM_CALLS = 1000  # in each round
ROUNDS = 4
MOST_POOLS = 50  # at one number of callers: they are slow
OURS = "ours: call(), pooled client"
QUESTION = "Which variable points the site at a Qdrant server?"
ANSWER = "I found no passage about that."


# ---- the seam alone --------------------------------------------------------------------------------------------------
async def nothing() -> None:
    pass


async def sync_call() -> None:
    await sync_to_async(nothing_sync)()


def nothing_sync() -> None:
    pass


SEAM: dict[str, Callable[[], object]] = {
    "call()": partial(call, nothing),
    "async_to_sync": async_to_sync(nothing),
    "call(), one sync call": partial(call, sync_call),
    "async_to_sync, one sync call": async_to_sync(sync_call),
}


def print_seam() -> None:
    """Print the median of the rounds, and in brackets the least."""
    rounds: dict[tuple[str, int], list[float]] = {}
    for _ in range(2 * ROUNDS):
        for name, ask in SEAM.items():
            for callers in SEAM_CALLERS:
                seconds = measure_threads(ask, callers, SEAM_CALLS).seconds
                calls = max(1, SEAM_CALLS // callers) * callers
                rounds.setdefault((name, callers), []).append(seconds / calls * 1_000_000)
    print(f"{'microseconds a call':<32}" + "".join(f"{f'{callers} at once':>18}" for callers in SEAM_CALLERS))
    for name in SEAM:
        each = [rounds[name, callers] for callers in SEAM_CALLERS]
        print(
            f"{name:<32}" + "".join(f"{statistics.median(one):>10.0f} ({min(one):>4.0f})" for one in each), flush=True
        )


# ---- runs of agents --------------------------------------------------------------------------------------------------
TOOLS = 20
TOOL_SECONDS = 0.1
TURNS = 6


@tool
def block() -> None:
    """Block, as a client of the sync kind does."""
    time.sleep(TOOL_SECONDS)


def print_runs() -> None:
    calls = [ToolCall(str(number), "block", "") for number in range(TOOLS)]
    agent = Agent("a", "", tools=[block], model=FunctionModel(lambda seen: "Done." if len(seen) > 1 else calls))
    began = time.perf_counter()
    result = run(agent, "Go", limits=Limits(tool_calls=TOOLS))
    assert result.success
    print(f"{TOOLS} sync tools of {TOOL_SECONDS:g} s in one turn: {time.perf_counter() - began:.2f} s")
    one, two, three = (Agent(name, "", model=FunctionModel(lambda seen: "Yes.")) for name in "abc")
    for name, team in (
        ("sequential", sequential(one, two, three)),
        ("collaborate", collaborate(one, two, coordinator=three)),
    ):
        history: Sequence[Message] = ()
        lengths = []
        for turn in range(TURNS):
            history = run(team, f"Question {turn}", history=history).messages
            lengths.append(len(history))
        print(f"messages after each turn of {name}: {', '.join(map(str, lengths))}", flush=True)


# ---- one question, in every way --------------------------------------------------------------------------------------
async def ask(client: AsyncOpenAI) -> None:
    chunks = await client.chat.completions.create(
        model="fake", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    answer = ""
    async for chunk in chunks:
        answer += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert answer == ANSWER


async def ask_pooled(url: str) -> None:
    await ask(per_loop(url, partial(AsyncOpenAI, api_key="none", base_url=url)))


async def ask_with_new_client(url: str) -> None:
    async with AsyncOpenAI(api_key="none", base_url=url) as client:
        await ask(client)


def run_agent(url: str) -> None:
    assert run(Agent("asker", "Answer.", models=[OpenAIModel("fake", api_key="", base_url=url)]), QUESTION).success


def in_thread(url: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(in_own_loop, url).result()


def in_process_pool(url: str) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        pool.submit(in_own_loop, url).result()


def in_own_loop(url: str) -> None:
    asyncio.run(ask_with_new_client(url))


# ---- measuring -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Measured:
    times: list[float]  # milliseconds, of each call
    seconds: float
    cpu_seconds: float  # of this process

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds


@dataclass(frozen=True)
class Way:
    name: str
    measure: Callable[[int, int], Measured]  # of so many callers, and so many calls in all
    calls: int  # in each round, and at least one for each caller


def measure_threads(ask: Callable[[], object], callers: int, calls: int) -> Measured:
    times: list[float] = []
    ready = threading.Barrier(callers + 1)

    def caller() -> None:
        ready.wait()
        for _ in range(max(1, calls // callers)):
            began = time.perf_counter()
            ask()
            times.append((time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(callers) as threads:
        asking = [threads.submit(caller) for _ in range(callers)]
        ready.wait()
        began, cpu = time.perf_counter(), time.process_time()
        for each in asking:
            each.result()
        return Measured(times, time.perf_counter() - began, time.process_time() - cpu)


async def measure_tasks(ask: Callable[[], Awaitable[None]], callers: int, calls: int) -> Measured:
    times: list[float] = []

    async def caller() -> None:
        for _ in range(max(1, calls // callers)):
            began = time.perf_counter()
            await ask()
            times.append((time.perf_counter() - began) * 1000)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return Measured(times, time.perf_counter() - began, time.process_time() - cpu)


def ways(url: str, *, floor_loop: asyncio.Runner) -> list[Way]:
    def floor(callers: int, calls: int) -> Measured:
        return floor_loop.run(measure_tasks(partial(ask_pooled, url), callers, calls))

    def threads(ask: Callable[[str], object]) -> Callable[[int, int], Measured]:
        return partial(measure_threads, partial(ask, url))

    return [
        Way("pooled client, no seam", floor, 200),
        Way(OURS, threads(partial(call, ask_pooled)), 200),
        Way("ours: run(agent)", threads(run_agent), 200),
        Way("async_to_sync, client per call", threads(async_to_sync(ask_with_new_client)), 50),
        Way("thread + loop + client per call", threads(in_thread), 50),
        Way("process pool per call", threads(in_process_pool), 10),
    ]


@contextmanager
def model_server() -> Iterator[str]:
    """The address of a model server in a process of its own, which answers without delay."""
    command = [sys.executable, "-m", "tests.fakes.chat_server", "--delay=0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    multiprocessing.set_forkserver_preload(["__main__", "openai.resources.chat.completions"])
    began = time.monotonic()
    if "--runs" not in sys.argv:
        print_seam()
    if "--seam" in sys.argv:
        return
    print_runs()
    if "--runs" in sys.argv:
        return
    with model_server() as url, asyncio.Runner() as floor_loop:
        tried = ways(url, floor_loop=floor_loop)
        for way in tried:
            way.measure(1, 5)
        for callers in CALLERS:
            print_table(callers, measure(tried, callers=callers))
    print(f"\nMeasured in {time.monotonic() - began:.0f} s")


def measure(tried: list[Way], *, callers: int) -> dict[str, list[Measured]]:
    """Round by round, so that what else this machine does meets all ways alike."""
    rounds: dict[str, list[Measured]] = {way.name: [] for way in tried}
    for _ in range(ROUNDS):
        for way in tried:
            if len(rounds[way.name]) * callers < MOST_POOLS or "process" not in way.name:
                rounds[way.name].append(way.measure(callers, way.calls))
    return rounds


def print_table(callers: int, rounds: dict[str, list[Measured]]) -> None:
    print(f"\n{callers} at once\n{'':<32}{'median ms':>10}{'p95 ms':>9}{'CPU ms':>8}{'calls/s':>9}{'ours is':>9}")
    for name, measured in rounds.items():
        times = [each for one in measured for each in one.times]
        p95 = statistics.quantiles(times, n=20)[18]
        cpu = sum(one.cpu_seconds for one in measured) / len(times) * 1000
        rate = statistics.median(one.per_second for one in measured)
        ratio = statistics.median(
            ours.per_second / one.per_second for ours, one in zip(rounds[OURS], measured, strict=False)
        )
        print(
            f"{name:<32}{statistics.median(times):>10.1f}{p95:>9.1f}{cpu:>8.1f}{rate:>9.0f}{ratio:>8.1f}x", flush=True
        )


if __name__ == "__main__":
    main()
