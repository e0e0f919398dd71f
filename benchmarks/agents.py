"""What the seam costs: one question to a model from sync code, in ours and in the usual ways, side by side.

    python -m benchmarks.agents

A model server in a process of its own answers at once. Callers are threads, as under a threaded WSGI server; each asks
its questions one after another. `pooled client` is the floor: the same client on one loop, with no seam to cross. The
usual ways make a client in each call, because a client bound to one loop fails in the next. The process pool is given
a warm forkserver that has imported everything, which is more than it usually gets.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from asgiref.sync import async_to_sync
from openai import AsyncOpenAI

from agents import Agent, OpenAIModel, call, per_loop, run
from tests.servers import ROOT

CALLERS = (1, 50, 200)
QUESTION = "Which variable points the site at a Qdrant server?"
ANSWER = "I found no passage about that."


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


@dataclass(frozen=True)
class Way:
    name: str
    ask: Callable[[str], object]
    calls: tuple[int, int, int]  # how many to measure, for each number of callers


FLOOR = "pooled client, no seam"
FAST, SLOW = (400, 1000, 1000), (40, 100, 200)
WAYS = (
    Way("ours: call(), pooled client", partial(call, ask_pooled), FAST),
    Way("ours: run(agent)", run_agent, FAST),
    Way("async_to_sync, client per call", async_to_sync(ask_with_new_client), SLOW),
    Way("thread + loop + client per call", in_thread, SLOW),
    Way("process pool per call", in_process_pool, SLOW),
)


# ---- measuring -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Measured:
    times: list[float]  # milliseconds
    seconds: float

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.times, n=20)[18]

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds


def measure_threads(ask: Callable[[], object], *, callers: int, calls: int) -> Measured:
    times: list[float] = []
    ready = threading.Barrier(callers + 1)

    def caller() -> None:
        ready.wait()
        for _ in range(calls // callers):
            began = time.perf_counter()
            ask()
            times.append((time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(callers) as threads:
        asking = [threads.submit(caller) for _ in range(callers)]
        ready.wait()
        began = time.perf_counter()
        for each in asking:
            each.result()
        return Measured(times, time.perf_counter() - began)


async def measure_tasks(ask: Callable[[], Awaitable[None]], *, callers: int, calls: int) -> Measured:
    times: list[float] = []

    async def caller() -> None:
        for _ in range(calls // callers):
            began = time.perf_counter()
            await ask()
            times.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return Measured(times, time.perf_counter() - began)


async def measure_floor(url: str) -> list[Measured]:
    for _ in range(20):
        await ask_pooled(url)
    return [
        await measure_tasks(partial(ask_pooled, url), callers=callers, calls=calls)
        for callers, calls in zip(CALLERS, FAST, strict=True)
    ]


def measure_way(way: Way, url: str) -> list[Measured]:
    for _ in range(3):
        way.ask(url)
    return [
        measure_threads(partial(way.ask, url), callers=callers, calls=calls)
        for callers, calls in zip(CALLERS, way.calls, strict=True)
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
    with model_server() as url:
        rows = {FLOOR: asyncio.run(measure_floor(url))}
        rows |= {way.name: measure_way(way, url) for way in WAYS}
    print_table(rows)
    print(f"\nMeasured in {time.monotonic() - began:.0f} s")


def print_table(rows: dict[str, list[Measured]]) -> None:
    floor, ours = rows[FLOOR], rows[WAYS[0].name]
    for at, callers in enumerate(CALLERS):
        print(f"\n{callers} at once\n{'':<34}{'median ms':>10}{'p95 ms':>9}{'+ floor':>9}{'calls/s':>9}{'ours is':>9}")
        for name, measured in rows.items():
            row = measured[at]
            beyond = row.median - floor[at].median
            times = ours[at].per_second / row.per_second
            print(f"{name:<34}{row.median:>10.1f}{row.p95:>9.1f}{beyond:>+9.1f}{row.per_second:>9.0f}{times:>8.1f}x")


if __name__ == "__main__":
    main()
