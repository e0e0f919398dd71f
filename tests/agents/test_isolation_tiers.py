"""S1's three tiers, a workflow builder that needs a process, or else a thread, or else canned suggestions: from every
kind of caller, with each of the tiers gone."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory
from nbclient import NotebookClient

from agents import (
    LimitExceeded,
    Recipe,
    RunEnded,
    RunResult,
    WorkerNotStarted,
    arun_isolated,
    run_isolated,
    shutdown,
    stream_isolated,
)
from agents.isolation import threads

BUILDER = Recipe("tests.agents.isolated:builder")
BUILDER_HERE = Recipe("tests.agents.isolated:builder_here", {"pid": os.getpid()})
BROKEN = Recipe("tests.agents.isolated:broken")
SUGGESTIONS = Recipe("tests.agents.isolated:suggestions")
TIERS = ("process", "thread")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def workers_end() -> Iterator[None]:
    yield
    shutdown(0)


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in a host whose interpreter is no program of its own, as under uWSGI."""
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")


def build(recipe: Recipe = BUILDER) -> RunResult:
    return run_isolated(recipe, "invoices", isolation=TIERS, fallback=SUGGESTIONS, deadline=30)


# ---- S1, from a sync view, a running loop, an ASGI endpoint, a cell and a thread -------------------------------------
def s1_from_a_plain_thread(recipe: Recipe) -> RunResult:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(build, recipe).result()


def s1_from_a_sync_view(recipe: Recipe) -> RunResult:
    results: list[RunResult] = []

    def view(request: HttpRequest) -> HttpResponse:
        results.append(build(recipe))
        return JsonResponse({"tier": results[0].tier})

    view(RequestFactory().get("/"))
    return results[0]


def s1_from_a_jupyter_cell(recipe: Recipe) -> RunResult:
    """A cell's code runs inside the kernel's loop, and doesn't await."""

    async def cell() -> RunResult:
        return build(recipe)

    return asyncio.run(cell())


def s1_from_a_running_loop(recipe: Recipe) -> RunResult:
    return asyncio.run(arun_isolated(recipe, "invoices", isolation=TIERS, fallback=SUGGESTIONS, deadline=30))


def s1_from_fastapi(recipe: Recipe) -> RunResult:
    """An `async def` endpoint of an ASGI application; one that is a `def` is called on a thread of a pool."""
    results: list[RunResult] = []

    async def application(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["path"] == "/sync":
            results.append(await asyncio.to_thread(build, recipe))
        else:
            results.append(await arun_isolated(recipe, "invoices", isolation=TIERS, fallback=SUGGESTIONS, deadline=30))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": results[-1].tier.encode()})

    async def ask(path: str) -> None:
        async def nothing(*message: Any) -> None:
            pass

        await application({"type": "http", "path": path}, nothing, nothing)

    async def both() -> None:
        await asyncio.gather(ask("/sync"), ask("/async"))

    asyncio.run(both())
    assert results[0].tier == results[1].tier
    return results[0]


CALLERS = [
    s1_from_a_plain_thread,
    s1_from_a_sync_view,
    s1_from_a_jupyter_cell,
    s1_from_a_running_loop,
    s1_from_fastapi,
]
callers = pytest.mark.parametrize("ask", CALLERS, ids=lambda ask: ask.__name__)


@callers
def test_s1_process_answers(ask: Callable[[Recipe], RunResult]) -> None:
    result = ask(BUILDER)
    assert (result.content, result.tier, result.status) == ("A workflow for invoices", "process", "completed")


@callers
def test_s1_thread_answers_where_no_process_starts(ask: Callable[[Recipe], RunResult], no_process: None) -> None:
    result = ask(BUILDER)
    assert (result.content, result.tier, result.status) == ("A workflow for invoices", "thread", "completed")


@callers
def test_s1_thread_answers_where_the_factory_raises_in_a_process(ask: Callable[[Recipe], RunResult]) -> None:
    result = ask(BUILDER_HERE)
    assert (result.content, result.tier, result.status) == ("A workflow for invoices", "thread", "completed")


@callers
def test_s1_canned_suggestions_answer_where_the_factory_raises_everywhere(ask: Callable[[Recipe], RunResult]) -> None:
    result = ask(BROKEN)
    assert (result.content, result.tier, result.status) == ("Try a template.", "fallback", "completed")


@callers
def test_s1_canned_suggestions_need_no_process(ask: Callable[[Recipe], RunResult], no_process: None) -> None:
    result = ask(BROKEN)
    assert (result.content, result.tier, result.status) == ("Try a template.", "fallback", "completed")


CELLS = [
    """
import sys
from agents import Recipe, arun_isolated, run_isolated

builder, broken, canned = (Recipe(f"tests.agents.isolated:{name}") for name in ("builder", "broken", "suggestions"))
how = {"isolation": ("process", "thread"), "fallback": canned}
print(run_isolated(builder, "invoices", **how).tier, (await arun_isolated(broken, "invoices", **how)).tier)
""",
    """
sys.executable = "/no/such/interpreter"
print(run_isolated(builder, "invoices", deadline=30, **how).tier)
""",
]


@pytest.mark.hosts
def test_s1_in_cells_of_a_real_notebook() -> None:
    """The second finds the warm worker of the first, so it needs no interpreter."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    executed = NotebookClient(notebook, timeout=60, kernel_name="python3").execute(cwd=str(ROOT))
    printed = [
        "".join(output.get("text", "") for output in cell.outputs if output.name == "stdout") for cell in executed.cells
    ]
    assert printed == ["process fallback\n", "process\n"]


# ---- one tier after the other ----------------------------------------------------------------------------------------
def test_fallback_answers_on_a_thread_when_only_a_process_was_asked_for(no_process: None) -> None:
    result = run_isolated(BUILDER, "invoices", fallback=SUGGESTIONS)
    assert (result.content, result.tier) == ("Try a template.", "fallback")


def test_no_tier_is_tried_that_was_not_asked_for(no_process: None) -> None:
    result = run_isolated(BUILDER, "invoices")
    assert (result.status, result.tier) == ("failed", "process")
    assert isinstance(result.error, WorkerNotStarted)
    assert "there is no interpreter /no/such/interpreter" in str(result.error)


def test_no_tier_left_says_what_each_one_said(no_process: None) -> None:
    result = run_isolated(BROKEN, "invoices", isolation=("process", "thread", "inline"))
    assert (result.status, result.tier) == ("failed", "inline")
    assert str(result.error).startswith("process: there is no interpreter")
    assert "; thread: tests.agents.isolated:broken made no agent: LookupError" in str(result.error)
    assert "; inline: tests.agents.isolated:broken made no agent: LookupError" in str(result.error)


def test_run_that_began_is_not_begun_again_in_the_next_tier() -> None:
    result = run_isolated(Recipe("tests.agents.isolated:agent", {"calls": "crash"}), "Go.", isolation=TIERS)
    assert (result.status, result.tier) == ("failed", "process")


def test_host_that_names_no_interpreter_is_told_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    assert "name one, Recipe(python=...)" in str(run_isolated(BUILDER, "invoices").error)


def test_program_that_is_no_interpreter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    assert "/bin/echo is no Python interpreter" in str(run_isolated(BUILDER, "invoices").error)


# ---- threads ---------------------------------------------------------------------------------------------------------
def test_tool_on_a_thread_runs_there_and_leaves_no_thread() -> None:
    result = run_isolated(Recipe("tests.agents.isolated:agent", {"calls": "pid"}), "Go.", isolation="thread")
    assert (result.content, result.tier) == (str(os.getpid()), "thread")
    assert "agents-isolated" not in [thread.name for thread in threading.enumerate()]


def test_thread_that_hangs_is_left_behind_at_the_deadline_and_says_so(tmp_path: Path) -> None:
    waiting = Recipe("tests.agents.isolated:waiting", {"file": str(tmp_path / "go")})
    result = run_isolated(waiting, "Go.", isolation="thread", deadline=0.2)
    assert (result.status, result.tier) == ("limited", "thread")
    assert isinstance(result.error, LimitExceeded)
    assert "its thread could not be ended: it was left behind" in str(result.error)
    left = [thread for thread in threading.enumerate() if thread.name == "agents-isolated"]
    assert [thread.daemon for thread in left] == [True]
    (tmp_path / "go").touch()
    left[0].join(60)
    assert not left[0].is_alive()


def test_threads_left_behind_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREADS", 2)
    waiting = Recipe("tests.agents.isolated:waiting", {"file": str(tmp_path / "go")})
    for _ in range(2):
        run_isolated(waiting, "Go.", isolation="thread", deadline=0.1)
    refused = run_isolated(waiting, "Go.", isolation="thread", deadline=0.1)
    assert str(refused.error) == "all 2 threads are taken by runs that were left behind"
    assert run_isolated(BUILDER, "invoices", isolation=("thread", "process")).tier == "process"
    (tmp_path / "go").touch()
    for thread in threading.enumerate():
        if thread.name == "agents-isolated":
            thread.join(60)
    assert run_isolated(BUILDER, "invoices", isolation="thread").tier == "thread"


def test_run_waits_for_a_thread_that_comes_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    waiting = Recipe("tests.agents.isolated:waiting", {"file": str(tmp_path / "go")})
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run_isolated, waiting, "Go.", isolation="thread")
        while "agents-isolated" not in [thread.name for thread in threading.enumerate()]:
            time.sleep(0.01)
        late = run_isolated(BUILDER, "invoices", isolation="thread", deadline=0.2)
        assert "it still waited for one of 1 threads" in str(late.error)
        second = pool.submit(run_isolated, BUILDER, "invoices", isolation="thread")
        (tmp_path / "go").touch()
        assert [first.result().content, second.result().content] == ["done", "A workflow for invoices"]


def test_closing_a_stream_ends_its_thread_while_nobody_reads() -> None:
    words = Recipe("tests.agents.isolated:words", {"count": 10**9})
    with closing(stream_isolated(words, "Go.", isolation="thread")) as events:
        next(events)
    left = [thread for thread in threading.enumerate() if thread.name == "agents-isolated"]
    for thread in left:
        thread.join(60)
    assert not any(thread.is_alive() for thread in left)


def test_thread_streams(tmp_path: Path) -> None:
    *said, last = list(stream_isolated(BUILDER, "invoices", isolation="thread"))
    assert isinstance(last, RunEnded)
    assert "".join(event.text for event in said) == last.result.content == "A workflow for invoices"  # type: ignore[union-attr]
    assert last.result.tier == "thread"


# ---- at the door -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"isolation": "proces"},
            "isolation 'proces' is unknown. Did you mean 'process'? There are: process, thread, inline",
        ),
        ({"isolation": "Thread"}, "isolation 'Thread' is unknown. Did you mean 'thread'?"),
        ({"isolation": ("process", "docker")}, "isolation 'docker' is unknown. There are: process, thread, inline"),
        ({"isolation": ("process", "fallback")}, "What answers in the end is a recipe: fallback=Recipe"),
        ({"isolation": None}, "isolation 'None' is unknown"),
        ({"isolation": ()}, "isolation is (): name one or more of process, thread, inline, each once"),
        ({"isolation": ("thread", "thread")}, "each once"),
        ({"deadline": 0}, "deadline is 0: give seconds, more than 0"),
        ({"deadline": float("nan")}, "deadline is nan"),
        ({"deadline": float("inf")}, "deadline is inf"),
        ({"deadline": "5"}, "deadline is '5'"),
        ({"fallback": "Try a template."}, "fallback is 'Try a template.', and has to be made elsewhere"),
        ({"recipe": "a:b"}, "recipe is 'a:b', and has to be made elsewhere"),
        ({"prompt": None}, "a prompt is text, a UserMessage"),
        ({"prompt": {"text": "Go."}}, "prompt.role is missing"),
        ({"history": "Hi."}, "history must be a list of messages, as RunResult.messages is, not 'Hi.'"),
        ({"recipe": Recipe("a:b", python="python3"), "isolation": "thread"}, "which only isolation='process' can do"),
    ],
)
def test_what_can_not_work_is_refused_by_its_name(options: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"recipe": BUILDER, "prompt": "Go."} | options
    for door in (run_isolated, stream_isolated):
        with pytest.raises((ValueError, TypeError)) as raised:
            door(**given)
        assert said in str(raised.value)
