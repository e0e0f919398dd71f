"""Agents in processes of their own: what can't be cancelled is killed, and someone else answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agents import (
    LimitExceeded,
    Recipe,
    RunResult,
    UserMessage,
    WorkerLost,
    arun_isolated,
    loop_state,
    run_isolated,
    shutdown,
)
from agents.isolation import processes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def workers_end() -> Iterator[None]:
    yield
    shutdown(0)


def recipe(calls: str, **configuration: Any) -> Recipe:
    return Recipe("tests.agents.isolated:agent", {"calls": calls, **configuration})


def isolated(calls: str, *, deadline: float = 60.0, **options: Any) -> RunResult:
    return run_isolated(recipe(calls), "Go.", deadline=deadline, **options)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):  # it may go between the two
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, *, seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def test_agent_runs_in_a_warm_process_of_its_own() -> None:
    first, second = isolated("pid"), isolated("pid")
    assert (first.status, first.tier, first.error) == ("completed", "process", None)
    assert int(first.content) != os.getpid()
    assert second.content == first.content
    assert second.messages[0] == UserMessage("Go.")


def test_tool_that_needs_django_has_the_process_s_own_connection() -> None:
    result = run_isolated(Recipe("tests.agents.isolated_orm:agent"), "Go.", deadline=60.0)
    assert (result.content, result.tier) == ("42", "process")


def test_inline_runs_here_and_says_so() -> None:
    result = isolated("pid", isolation="inline")
    assert (result.content, result.tier) == (str(os.getpid()), "inline")


@pytest.mark.parametrize("calls", ["sleep", "spin", "ignore_sigterm"])
def test_tool_that_can_not_be_cancelled_is_killed_at_the_deadline(calls: str, tmp_path: Path) -> None:
    isolated("pid")
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    result = run_isolated(recipe(calls, pid_file=str(pid_file)), "Go.", deadline=1.0)
    assert 1.0 <= time.monotonic() - began < 60  # the tool itself takes longer
    assert (result.status, result.content, result.tier) == ("limited", "", "process")
    assert isinstance(result.error, LimitExceeded)
    assert isolated("pid").status == "completed"


def test_killed_process_is_gone_and_replaced() -> None:
    before = isolated("pid").content
    assert isolated("sleep", deadline=0.3).status == "limited"
    assert gone(int(before))
    assert isolated("pid").content != before


def test_agent_that_takes_longer_to_make_than_its_deadline_is_made_for_the_next_run(tmp_path: Path) -> None:
    shutdown(0)
    slow = Recipe("tests.agents.isolated:slow_to_import", {"file": str(tmp_path / "go")})
    assert run_isolated(slow, "Go.", deadline=0.2).status == "limited"
    (tmp_path / "go").touch()
    assert run_isolated(slow, "Go.").content == "Made at last."


@pytest.mark.parametrize("tool", ["sleep", "crash"])
def test_another_agent_as_fallback_answers_and_the_result_says_so(tool: str) -> None:
    result = isolated(tool, deadline=6.0, fallback=recipe("pid"))
    assert (result.status, result.tier) == ("completed", "fallback")


def test_answer_needs_no_fallback() -> None:
    assert isolated("pid", fallback=recipe("crash")).tier == "process"


def test_process_that_dies_is_a_typed_error() -> None:
    result = isolated("crash")
    assert (result.status, result.content) == ("failed", "")
    assert isinstance(result.error, WorkerLost)
    assert "ended with 7" in str(result.error)


def test_worker_that_died_while_idle_is_not_used() -> None:
    pid = int(isolated("pid").content)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    time.sleep(0.2)  # until the loop has heard of it
    assert isolated("pid").status == "completed"


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("tests.agents.isolated:broken", "LookupError: the shelf is empty"),
        ("tests.agents.isolated:no_agent", "made 'agent', which is no agent"),
        ("tests.agents.isolated:missing", "AttributeError"),
        ("tests.no_such_module:agent", "No module named"),
    ],
)
def test_factory_that_makes_no_agent_is_named(factory: str, said: str) -> None:
    result = run_isolated(Recipe(factory), "Go.", deadline=60.0)
    assert result.status == "failed"
    assert factory in str(result.error)
    assert said in str(result.error)


def test_value_that_can_not_leave_its_process_comes_as_text() -> None:
    result = isolated("local")
    assert result.status == "completed"
    assert result.content == '{"kettle":"blue"}'
    assert result.messages[2].value == result.content  # type: ignore[union-attr]


def test_recipe_takes_json_values_and_a_whole_name() -> None:
    with pytest.raises(TypeError, match="not made of JSON values"):
        Recipe("a:b", {"client": object()})
    with pytest.raises(ValueError, match="not made of JSON values"):
        Recipe("a:b", {"temperature": float("nan")})
    with pytest.raises(ValueError, match=r"package\.module:function"):
        Recipe("agent")


def test_cancelling_the_caller_kills_the_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async def main() -> None:
        running = asyncio.ensure_future(arun_isolated(recipe("sleep", pid_file=str(pid_file)), "Go."))
        while not pid_file.exists() or not pid_file.read_text():
            await asyncio.sleep(0.02)
        pids.append(int(pid_file.read_text()))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    pids: list[int] = []
    asyncio.run(main())
    assert gone(pids[0])


def test_two_at_once_run_in_two_processes_and_a_third_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    shutdown(0)
    monkeypatch.setattr(processes, "WORKERS", 2)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda calls: isolated(calls, deadline=8.0), ["sleep", "pid", "pid"]))
    assert [result.status for result in results] == ["limited", "completed", "completed"]
    assert results[1].content == results[2].content  # one has waited for the other


def test_run_that_found_no_free_worker_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutdown(0)
    monkeypatch.setattr(processes, "WORKERS", 1)
    waiting = Recipe("tests.agents.isolated:waiting", {"file": str(tmp_path / "go")})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run_isolated, waiting, "Go.")
        while not loop_state()["runs"]:
            time.sleep(0.01)
        late = isolated("pid", deadline=0.2)
        (tmp_path / "go").touch()
        assert first.result().content == "done"
    assert "seconds: it had not begun, since none of 1 worker processes was ready" in str(late.error)
    shutdown(0)


def test_shutdown_ends_the_workers() -> None:
    pid = int(isolated("pid").content)
    shutdown(0)
    assert gone(pid)


# ---- no orphans ------------------------------------------------------------------------------------------------------
PARENT = """
import os, time
from agents import Recipe, run_isolated
run_isolated(Recipe("tests.agents.isolated:agent", {"calls": "pid"}), "Go.")  # the worker has started
if FORK and os.fork() == 0:
    time.sleep(FORK)  # with the parent's end of the worker's pipes
    os._exit(0)
run_isolated(Recipe("tests.agents.isolated:agent", {"calls": "sleep", "pid_file": PID_FILE}), "Go.")
"""


@pytest.mark.parametrize("fork", [0, 600])
def test_worker_ends_with_a_parent_that_was_killed(tmp_path: Path, fork: int) -> None:
    pid_file = tmp_path / "pid"
    program = PARENT.replace("PID_FILE", repr(str(pid_file))).replace("FORK", str(fork))
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, start_new_session=True)
    until = time.monotonic() + 60
    while (not pid_file.exists() or not pid_file.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    ended = gone(int(pid_file.read_text()))
    if fork:
        os.killpg(parent.pid, signal.SIGKILL)
    assert ended


def test_forked_child_starts_workers_of_its_own() -> None:
    before = isolated("pid").content
    reading, writing = os.pipe()
    if not (child := os.fork()):
        with contextlib.suppress(BaseException):
            os.write(writing, isolated("pid").content.encode())
            shutdown(0)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        in_child = told.read()
    os.waitpid(child, 0)
    assert in_child.isdigit()
    assert in_child != before == isolated("pid").content


def test_worker_that_died_leaves_no_child_behind_and_is_noticed_at_once() -> None:
    began = time.monotonic()
    result = isolated("leave_child", deadline=600.0)
    assert "the worker process ended with 7" in str(result.error)
    assert time.monotonic() - began < 60  # and not when the child ends, or the deadline comes


def test_program_that_an_agent_started_ends_with_its_worker() -> None:
    started = int(isolated("start_program").content)
    assert alive(started)
    assert isolated("crash").status == "failed"
    assert gone(started)


# ---- what crosses ----------------------------------------------------------------------------------------------------
def test_tool_reads_nothing_of_what_the_worker_is_told() -> None:
    assert isolated("read").content == ""


def test_result_that_is_too_large_is_an_error_and_the_worker_lives() -> None:
    before = isolated("pid").content
    result = isolated("large")
    assert (result.status, result.content) == ("failed", "x" * 100)
    assert "more than the 67,108,864 bytes that may leave a worker" in str(result.error)
    assert isolated("pid").content == before


def test_prompt_that_is_too_large_is_refused_by_its_size() -> None:
    with pytest.raises(ValueError, match="and a worker takes 67,108,864: send less of the history"):
        run_isolated(recipe("pid"), "x" * (65 * 1024 * 1024))
    assert isolated("pid").status == "completed"


def test_worker_whose_interpreter_is_stuck_ends_itself_behind_its_deadline() -> None:
    """Its parent may have been killed, and it can't find out."""
    stuck = subprocess.Popen([sys.executable, "-c", OVERDUE], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    _, said = stuck.communicate(timeout=30)
    assert said.startswith("Timeout (0:00:00.1")
    assert stuck.returncode == 1


OVERDUE = """
from agents.isolation import foreign_worker
foreign_worker.OVERDUE_SECONDS = 0
foreign_worker.end_when_overdue(0.1)
sum(range(10**15))
"""
