"""What every host does: run an agent whose tool asks the ORM, stream one, and cancel one. Each gives its findings."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypedDict

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, connections, transaction

from agents import Agent, OpenAIModel, RunStream, TextDelta, ToolReturned, arun, call, run, stream, tool

PATIENCE = 0.4  # seconds; the slow model never ends


class Finding(TypedDict):
    ok: bool
    why: str  # when it is not
    pid: int
    loops: int  # managed loops in this process
    clients: int  # model clients in it


class Groups:
    """The ORM tool of one run, and where it was called."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.connection: object = None
        self.names: list[str] = []

    @tool
    def find(self, name: str) -> str:
        """Find a group by its name."""
        self.names = list(Group.objects.filter(name=name).values_list("name", flat=True))
        self.thread, self.connection = threading.get_ident(), connection.connection
        return ", ".join(self.names)


def agent(groups: Groups) -> Agent:
    """Asks the model server over the process's one async client."""
    model = OpenAIModel("fake-model", api_key="none", base_url=settings.MODEL_URL)
    return Agent("matrix", "Find the group.", tools=[groups.find], models=[model])


def finding(*, ok: bool, why: str = "") -> Finding:
    from openai import AsyncOpenAI

    loops = sum(thread.name == "agents-loop" for thread in threading.enumerate())
    clients = sum(type(held) is AsyncOpenAI for held in gc.get_objects())
    return Finding(ok=ok, why="" if ok else why, pid=os.getpid(), loops=loops, clients=clients)


# ---- the three scenarios ---------------------------------------------------------------------------------------------
def run_in_transaction() -> Finding:
    """The tool sees a row that is not committed, so it is on the caller's connection, in its transaction."""
    groups, name = Groups(), uuid.uuid4().hex
    with transaction.atomic():
        Group.objects.create(name=name)
        result = run(agent(groups), name)
        same = groups.connection is connection.connection and groups.thread == threading.get_ident()
        transaction.set_rollback(True)
    ok = result.success and groups.names == [name] and same and not Group.objects.filter(name=name).exists()
    return finding(ok=ok, why=f"{result.status}, {result.error!r}, found {groups.names}, same connection: {same}")


def open_stream(name: str = "stream") -> RunStream:
    return stream(agent(Groups()), name)


def read_stream() -> Finding:
    texts, groups = [], 0
    with closing(open_stream()) as events:
        for event in events:
            match event:
                case TextDelta(text):
                    texts.append(text)
                case ToolReturned(message):
                    groups += not message.failed
    ok = len(texts) > 1 and "".join(texts) == events.result.content and groups == 1
    return finding(ok=ok, why=f"{texts}, {events.result.status}, {groups} tool calls")


def cancel() -> Finding:
    """The model is slow, and its caller impatient."""
    began = time.monotonic()
    try:
        call(arun, agent(Groups()), "slow", timeout=PATIENCE)
    except TimeoutError:
        took = time.monotonic() - began
        return finding(ok=took < 60, why=f"the cancellation took {took:.1f} s")
    return finding(ok=False, why="it was not cancelled")


# ---- the same inside a running loop, where Django allows no ORM: its tools run on a thread all the same --------------
def run_inside_loop() -> Finding:
    groups = Groups()
    result = run(agent(groups), "nobody")
    ok = result.success and groups.connection is not None
    return finding(ok=ok, why=f"{result.status}, {result.error!r}")


async def arun_inside_loop() -> Finding:
    """The tool shares thread and connection with the caller's `sync_to_async`."""
    groups = Groups()
    result = await arun(agent(groups), "nobody")
    own = await sync_to_async(threading.get_ident)()
    same = groups.thread == own and groups.connection is not None
    return finding(ok=result.success and same, why=f"{result.status}, {result.error!r}, same thread: {same}")


async def aread_stream() -> Finding:
    events, groups = open_stream(), 0
    texts = []
    async for event in events:
        match event:
            case TextDelta(text):
                texts.append(text)
            case ToolReturned(message):
                groups += not message.failed
    ok = len(texts) > 1 and "".join(texts) == events.result.content and groups == 1
    return finding(ok=ok, why=f"{texts}, {events.result.status}, {groups} tool calls")


async def acancel() -> Finding:
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            await arun(agent(Groups()), "slow")
    except TimeoutError:
        took = time.monotonic() - began
        return finding(ok=took < 60, why=f"the cancellation took {took:.1f} s")
    return finding(ok=False, why="it was not cancelled")


SCENARIOS: dict[str, Callable[[], Finding]] = {"run": run_in_transaction, "stream": read_stream, "cancel": cancel}
ASYNC_SCENARIOS: dict[str, Callable[[], Awaitable[Finding]]] = {
    "run": arun_inside_loop,
    "stream": aread_stream,
    "cancel": acancel,
}
WITHOUT_AWAIT: dict[str, Callable[[], Finding]] = {"run": run_inside_loop, "stream": read_stream}


def repeat(scenario: str, *, requests: int, at_once: int) -> list[Finding]:
    """For hosts that are no servers: so many times, so many threads at once; on this thread if it is one."""

    def one(_: int) -> Finding:
        try:
            return SCENARIOS[scenario]()
        finally:
            if at_once > 1:
                connections.close_all()

    run(agent(Groups()), "nobody")  # imports and connects, which would else use up the first ones' patience
    if at_once == 1:
        return [one(i) for i in range(requests)]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, range(requests)))


async def arepeat(scenario: str, *, requests: int, at_once: int) -> list[Finding]:
    """For hosts with a running loop: so many times, so many tasks at once; a fourth of the work without `await`."""
    room = asyncio.Semaphore(at_once)

    async def one(number: int) -> Finding:
        async with room:
            if number % 4 == 0 and scenario in WITHOUT_AWAIT:
                return WITHOUT_AWAIT[scenario]()
            return await ASYNC_SCENARIOS[scenario]()

    await arun(agent(Groups()), "nobody")
    return await asyncio.gather(*map(one, range(requests)))
