"""What toolkits open: for a run, for as long as an agent is open, or until the loop ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agents import Agent, ToolCall, ToolFailed, Toolkit, ToolMessage, call, per_loop, run, sequential, shutdown, tool
from agents.testing import ScriptedModel
from agents.tools import kept_open
from agents.tools.opened import Held, _Keeper


@pytest.fixture(autouse=True)
def no_loop() -> Iterator[None]:
    shutdown(0)
    yield
    shutdown(0)


class Shelf(Toolkit):
    """Opened by `open` and `close`; it keeps where that happened."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.loops: set[object] = set()

    def note(self, what: str) -> None:
        self.happened.append(what)
        self.loops.add(asyncio.get_running_loop())

    async def open(self) -> None:
        self.note("opened")

    async def close(self) -> None:
        self.note("closed")

    @tool
    async def read(self) -> str:
        """Read."""
        self.note("read")
        return "Emma"


class Session(Shelf):
    """An async context manager, which has to be left by the task that entered it."""

    open = None  # type: ignore[assignment]

    async def __aenter__(self) -> Session:
        self.note("opened")
        self.entered_by = asyncio.current_task()
        return self

    async def __aexit__(self, *error: object) -> None:
        assert asyncio.current_task() is self.entered_by
        self.note("closed")


def reader(*toolkits: Toolkit, runs: int = 1, name: str = "reader") -> Agent:
    return Agent(name, "", tools=toolkits, model=ScriptedModel([ToolCall("1", "read", ""), "Read."] * runs))


@pytest.mark.parametrize("kind", [Shelf, Session])
def test_run_opens_what_is_not_open_for_its_own_time(kind: type[Shelf]) -> None:
    shelf = kind()
    agent = reader(shelf, runs=2)
    for _ in range(2):
        assert run(agent, "Read").content == "Read."
    assert shelf.happened == ["opened", "read", "closed"] * 2


@pytest.mark.parametrize("kind", [Shelf, Session])
def test_with_agent_keeps_it_open_over_its_runs_in_sync_code(kind: type[Shelf]) -> None:
    shelf = kind()
    with reader(shelf, runs=2) as agent:
        run(agent, "Read")
        assert agent.execute_tool("read") == "Emma"
        run(agent, "Read")
    assert shelf.happened == ["opened", "read", "read", "read", "closed"]
    assert len(shelf.loops) == 1


@pytest.mark.parametrize("kind", [Shelf, Session])
def test_async_with_agent_opens_on_the_loop_its_runs_are_on(kind: type[Shelf]) -> None:
    shelf = kind()

    async def main() -> None:
        async with reader(shelf) as agent:
            assert (await agent.execute_tool("read")) == "Emma"
            await asyncio.gather(*(agent.execute_tool("read") for _ in range(2)))

    asyncio.run(main())
    assert shelf.happened == ["opened", "read", "read", "read", "closed"]

    async def here() -> object:
        return asyncio.get_running_loop()

    assert shelf.loops == {call(here)}


def test_agents_that_share_a_toolkit_open_it_once() -> None:
    shelf = Shelf()
    one, other = reader(shelf), reader(shelf, name="other")
    with one, other:
        run(sequential(one, other), "Read")
    assert shelf.happened == ["opened", "read", "read", "closed"]
    with sequential(one, other):
        assert one.execute_tool("read") == "Emma"
    assert shelf.happened[4:] == ["opened", "read", "closed"]


def test_runs_at_once_open_it_once_and_the_last_closes_it() -> None:
    shelf = Shelf()
    barrier = threading.Barrier(5, timeout=60)

    @tool(thread_sensitive=False)
    def meet() -> None:
        """Wait for the others, so that all are open."""
        barrier.wait()

    def one() -> None:
        calls = [ToolCall("1", "meet", ""), "Done."]
        assert run(Agent("a", "", tools=[shelf, meet], model=ScriptedModel(calls)), "Go").success

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert shelf.happened == ["opened", "closed"]


class Broken(Shelf):
    async def open(self) -> None:
        raise ConnectionError("the shelf is gone")


def test_toolkit_that_can_not_be_opened_fails_the_run_and_the_block() -> None:
    agent = reader(Shelf(), name="a"), reader(Broken(), name="b")
    result = run(agent[1], "Read")
    assert (result.status, isinstance(result.error, ToolFailed)) == ("failed", True)
    assert "can't be opened: ConnectionError: the shelf is gone" in str(result.error)
    with pytest.raises(ToolFailed, match="the shelf is gone"):
        agent[1].__enter__()


def test_what_opened_before_a_failure_is_closed_again() -> None:
    shelf = Shelf()
    with pytest.raises(ToolFailed), Agent("a", "", tools=[shelf], model=ScriptedModel([]), handoffs=[reader(Broken())]):
        pass
    assert shelf.happened == ["opened", "closed"]


def test_many_who_come_and_go_leave_it_closed_and_nothing_behind() -> None:
    shelf = Shelf()

    async def main() -> None:
        async def one(turns: int) -> None:
            for _ in range(turns):
                async with kept_open([shelf]):
                    await asyncio.sleep(0)
                await asyncio.sleep(0)

        await asyncio.gather(*(one(turns) for turns in (5, 7, 11, 13)))
        assert per_loop(_Keeper, dict) == {}

    call(main)
    assert shelf.happened.count("opened") == shelf.happened.count("closed") > 0
    assert shelf.happened[-1] == "closed"


class Slow(Shelf):
    """Opening, or closing, takes until `go` is set; `begun` says that it has begun."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def open(self) -> None:
        await self.pass_through("open")

    async def close(self) -> None:
        await self.pass_through("close")

    async def pass_through(self, step: str) -> None:
        if step == self.step:
            self.begun.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)  # cleaning up takes a while
                self.note("given up")
                raise
        self.note({"open": "opened", "close": "closed"}[step])


async def wait_for_it(shelf: Slow, held: Held) -> asyncio.Future[Any]:
    """Return one who waits for its turn to open."""
    await shelf.begun.wait()
    waiting = asyncio.ensure_future(held.open())
    await asyncio.sleep(0)
    return waiting


def test_who_waits_for_an_opener_that_is_cancelled_opens_it_itself() -> None:
    async def main() -> None:
        shelf = Slow("open")
        held = Held(lambda: entered(shelf), name="shelf")
        first = asyncio.ensure_future(held.open())
        waiting = await wait_for_it(shelf, held)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        shelf.go.set()
        assert await waiting is shelf
        assert (held.is_open, shelf.happened) == (True, ["given up", "opened"])
        await held.close()
        assert (held.busy, shelf.happened[2:]) == (False, ["closed"])

    asyncio.run(main())


def test_toolkit_is_not_opened_again_before_it_is_closed_also_when_the_closer_is_cancelled() -> None:
    async def main() -> None:
        shelf = Slow("close")
        held = Held(lambda: entered(shelf), name="shelf")
        assert await held.open() is shelf
        closer = asyncio.ensure_future(held.close())
        waiting = await wait_for_it(shelf, held)
        closer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closer
        assert (held.is_open, held.busy) == (False, True)
        shelf.go.set()
        assert await waiting is shelf
        assert shelf.happened == ["opened", "closed", "opened"]

    asyncio.run(main())


@asynccontextmanager
async def entered(shelf: Slow) -> AsyncIterator[Slow]:
    await shelf.open()
    try:
        yield shelf
    finally:
        await shelf.close()


def test_run_whose_predecessor_was_cancelled_while_it_opened_has_its_toolkit_open() -> None:
    async def main() -> None:
        shelf = Slow("open")

        async def use() -> None:
            async with kept_open([shelf]):
                await shelf.read()

        first = asyncio.ensure_future(use())
        await shelf.begun.wait()
        second = asyncio.ensure_future(use())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        shelf.go.set()
        await second
        assert shelf.happened == ["given up", "opened", "read", "closed"]
        assert per_loop(_Keeper, dict) == {}

    call(main)


class Lasting(Shelf):
    stays_open = True


def test_toolkit_that_stays_open_is_closed_with_the_loop() -> None:
    shelf = Lasting()
    agent = reader(shelf, runs=2)
    run(agent, "Read")
    run(agent, "Read")
    assert shelf.happened == ["opened", "read", "read"]
    shutdown(5)
    assert shelf.happened == ["opened", "read", "read", "closed"]


class Discovering(Shelf):
    async def discover(self) -> list[Any]:
        @tool
        async def found() -> str:
            """Be found."""
            return "found"

        return [found]


def test_tools_that_are_known_only_then_are_offered_and_called() -> None:
    model = ScriptedModel([ToolCall("1", "found", ""), "Done."])
    agent = Agent("a", "", tools=[Discovering()], model=model)
    result = run(agent, "Find")
    assert [m.text for m in result.messages if isinstance(m, ToolMessage)] == ["found"]
    assert agent.execute_tool("found") == "found"
    clash = Agent("a", "", tools=[Discovering(), Found()], model=ScriptedModel(["Never."]))
    assert str(run(clash, "Find").error) == "agent a has two tools named found"


class Found(Toolkit):
    @tool
    def found(self) -> str:
        """Be found twice."""
        return ""


class Desk(Agent):
    """An agent that has to be opened itself."""

    happened: list[str]

    def __init__(self) -> None:
        super().__init__("desk", "", model=ScriptedModel(["Open."] * 2))
        self.happened = []

    async def open(self) -> None:
        self.happened.append("opened")

    async def close(self) -> None:
        self.happened.append("closed")


def test_subclass_with_open_and_close_is_opened_like_a_toolkit() -> None:
    desk = Desk()
    run(desk, "Go")
    assert desk.happened == ["opened", "closed"]
    with desk:
        run(desk, "Go")
    assert desk.happened == ["opened", "closed"] * 2


class Grouped(Toolkit):
    """Built on a task group, as the sessions of many libraries are."""

    @asynccontextmanager
    async def _group(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.Event().wait())
            yield
            task.cancel()

    async def __aenter__(self) -> Grouped:
        self.group = self._group()
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.group.__aexit__(None, None, None)


def test_task_group_of_a_toolkit_is_left_where_it_was_entered() -> None:
    with Agent("a", "", tools=[Grouped()], model=ScriptedModel(["Yes."])) as agent:
        assert run(agent, "Go").content == "Yes."
