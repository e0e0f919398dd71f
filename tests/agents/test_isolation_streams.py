"""Isolated runs as iterators of events: as they come, in sync and async code, and killed when nobody reads on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from agents import (
    AssistantMessage,
    Event,
    LimitExceeded,
    Recipe,
    RunEnded,
    RunStream,
    TextDelta,
    ToolCalled,
    ToolReturned,
    UserMessage,
    WorkerLost,
    shutdown,
    stream,
    stream_isolated,
)
from tests.agents.test_isolation import gone, recipe


@pytest.fixture(scope="module", autouse=True)
def workers_end() -> Iterator[None]:
    yield
    shutdown(0)


def words(count: int, **configuration: Any) -> Recipe:
    return Recipe("tests.agents.isolated:words", {"count": count, **configuration})


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


@pytest.mark.parametrize("isolation", ["process", "thread", "inline"])
def test_events_are_those_of_a_run_here(isolation: Any) -> None:
    told = recipe("local", says_first="Let me look. ")
    here, isolated = list(stream(told.build(), "Go.")), list(stream_isolated(told, "Go.", isolation=isolation))
    assert kinds(isolated) == kinds(here)
    assert kinds(here)[:3] == [TextDelta, ToolCalled, ToolReturned]
    assert isolated[:2] == here[:2]
    assert isolated[2].message.text == here[2].message.text  # type: ignore[union-attr]
    assert isolated[-1].result.content == here[-1].result.content  # type: ignore[union-attr]
    assert isolated[-1].result.tier == isolation  # type: ignore[union-attr]


def test_async_code_iterates_the_same() -> None:
    async def main() -> list[Event]:
        return [event async for event in stream_isolated(recipe("local"), "Go.")]

    assert kinds(asyncio.run(main())) == [ToolCalled, ToolReturned, TextDelta, RunEnded]


def test_history_reaches_the_agent_and_stands_in_the_result() -> None:
    history = (UserMessage("Hi."), AssistantMessage("Hello."))
    *_, last = stream_isolated(Recipe("tests.agents.isolated:builder"), "invoices", history=history)
    assert isinstance(last, RunEnded)
    assert last.result.messages == (*history, UserMessage("invoices"), AssistantMessage("A workflow for invoices"))


def test_text_comes_while_the_agent_still_writes_and_closing_kills_it(tmp_path: Path) -> None:
    """It writes more than any pipe or queue holds, so its first words are read before its last ones are written."""
    pid_file = tmp_path / "pid"
    with closing(stream_isolated(words(10**9, pid_file=str(pid_file)), "Go.")) as events:
        first = list(itertools.islice(events, 3))
    assert first == [TextDelta("word ")] * 3
    assert gone(int(pid_file.read_text()))
    assert_cancelled(events)


def test_leaving_an_async_iteration_kills_the_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async def main() -> None:
        async with aclosing(aiter(stream_isolated(words(10**9, pid_file=str(pid_file)), "Go."))) as events:
            assert await anext(events) == TextDelta("word ")

    asyncio.run(main())
    assert gone(int(pid_file.read_text()))


def assert_cancelled(events: RunStream) -> None:
    with pytest.raises(Exception, match="cancelled"):
        _ = events.result


def test_deadline_keeps_what_was_said_and_no_fallback_answers() -> None:
    list(stream_isolated(recipe("pid"), "Go."))  # a worker is there
    told = recipe("sleep", says_first="Let me look. ")
    events = list(stream_isolated(told, "Go.", deadline=5, fallback=recipe("pid")))
    assert kinds(events) == [TextDelta, ToolCalled, RunEnded]
    result = events[-1].result  # type: ignore[union-attr]
    assert (result.status, result.content, result.tier) == ("limited", "Let me look. ", "process")
    assert isinstance(result.error, LimitExceeded)
    assert str(result.error) == "the run was ended at its deadline of 5 seconds: its process was killed"
    assert result.messages == (UserMessage("Go."), AssistantMessage("Let me look. "))


def test_crash_keeps_what_was_said(tmp_path: Path) -> None:
    configuration = {"file": str(tmp_path / "go"), "says_first": "Let me look. ", "crashes": True}
    events = stream_isolated(Recipe("tests.agents.isolated:waiting", configuration), "Go.", fallback=recipe("pid"))
    assert next(events) == TextDelta("Let me look. ")
    (tmp_path / "go").touch()
    *_, last = events
    assert isinstance(last, RunEnded)
    assert (last.result.status, last.result.content) == ("failed", "Let me look. ")
    assert isinstance(last.result.error, WorkerLost)


def test_fallback_streams_when_nothing_was_said() -> None:
    *_, text, last = stream_isolated(recipe("crash"), "Go.", fallback=Recipe("tests.agents.isolated:suggestions"))
    assert text == TextDelta("Try a template.")
    assert isinstance(last, RunEnded)
    assert last.result.tier == "fallback"
