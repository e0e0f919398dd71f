"""A recorded run: killed, resumed, locked, replayed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.workflows.checkpoints import is_running, read_record, read_records
from agents.workflows.errors import (
    RecordFailed,
    RecordInvalid,
    RunChanged,
    RunLocked,
    RunUnknown,
    WorkflowError,
)
from agents.workflows.registry import Registry
from agents.workflows.replay import replay
from agents.workflows.workflow import WorkflowResult, resume_workflow, run_workflow

ROOT = Path(__file__).parents[2]
ABC = """
inputs: {n: {default: 2}}
steps:
  a: {function: count, with: {value: "${inputs.n}"}}
  b: {foreach: [10, 20, 30], function: count, with: {value: "${item}", more: "${steps.a.output}"}}
  c: {function: count, with: {value: "${steps.b.output.2}"}, when: "${steps.b.output.0} > 0"}
"""


class Counted:
    """A registry whose function counts its calls, and fails for the values that are `broken`."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.broken: set[Any] = set()
        self.add = 1
        self.registry = Registry()
        self.registry.function(self.count)

    def count(self, value: int, more: int = 0) -> int:
        self.calls.append(value)
        if value in self.broken:
            raise ValueError(f"{value} is broken")
        return value + more + self.add


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def run(tmp_path: Path, counted: Counted, runs: Path) -> Callable[..., WorkflowResult]:
    path = tmp_path / "abc.yaml"
    path.write_text(ABC)

    def run(**options: Any) -> WorkflowResult:
        return run_workflow(path, registry=counted.registry, **{"checkpoints": runs, "run_id": "one", **options})

    return run


Run = Callable[..., WorkflowResult]


# ---- resume ----------------------------------------------------------------------------------------------------------
def test_finished_run_is_not_done_again(run: Run, counted: Counted, runs: Path) -> None:
    first = run()
    assert (first.status, first.output) == ("completed", 35)
    assert sorted(counted.calls) == [2, 10, 20, 30, 34]
    again = run()
    assert (again.status, again.output, again.steps) == ("completed", 35, first.steps)
    assert resume_workflow("one", checkpoints=runs, registry=counted.registry).output == 35
    assert len(counted.calls) == 5


def test_failed_run_repeats_only_what_failed(run: Run, counted: Counted, runs: Path) -> None:
    counted.broken = {20}
    result = run()
    assert str(result.error) == "step b[1] failed: ValueError: 20 is broken"
    assert read_record(runs, run_id="one").ended == "failed"
    done = Counter(counted.calls)
    counted.broken = set()
    assert resume_workflow("one", checkpoints=runs, registry=counted.registry).output == 35
    assert Counter(counted.calls) - done == Counter({20: 1, 34: 1}) | (Counter({30: 1}) - done)


def test_record_that_was_torn_anywhere_is_gone_on_with(run: Run, counted: Counted, runs: Path) -> None:
    """Whatever a kill leaves of the file, each state that has its whole line is not reached again."""
    run()
    path = runs / "one.jsonl"
    whole, states = path.read_bytes(), set(read_record(runs, run_id="one").states)
    for length in range(0, len(whole), 17):
        path.write_bytes(whole[:length])
        kept = [json.loads(line) for line in whole[:length].split(b"\n")[:-1]]
        items = {(row["state"]["step"], row["state"]["item"]) for row in kept if "state" in row}
        counted.calls.clear()
        assert run().output == 35
        assert len(counted.calls) == 5 - len(items - {("b", None)})
        assert set(read_record(runs, run_id="one").states) == states


def test_record_that_is_damaged_inside_is_refused_and_left_alone(run: Run, runs: Path) -> None:
    run()
    path = runs / "one.jsonl"
    damaged = path.read_bytes().replace(b'{"state"', b'{"stat"', 1)
    path.write_bytes(damaged)
    with pytest.raises(RecordInvalid, match=r"one\.jsonl:2"):
        run()
    assert path.read_bytes() == damaged


def test_changed_workflow_or_inputs_are_refused(run: Run, counted: Counted, tmp_path: Path, runs: Path) -> None:
    run()
    with pytest.raises(RunChanged, match="run 'one' began with other inputs"):
        run(inputs={"n": 3})
    (tmp_path / "abc.yaml").write_text(ABC + "# changed\n")
    with pytest.raises(RunChanged, match=r"abc\.yaml has changed since run 'one' began"):
        run()
    with pytest.raises(RunChanged, match="has changed"):
        replay("one", checkpoints=runs, registry=counted.registry)


def test_unknown_and_impossible_ids_are_refused(run: Run, counted: Counted, runs: Path) -> None:
    with pytest.raises(RunUnknown, match="no run 'two' is recorded"):
        resume_workflow("two", checkpoints=runs, registry=counted.registry)
    for run_id in ("../one", "a/b", ".hidden", "x" * 101, "a\n"):
        with pytest.raises(WorkflowError, match="is no run id"):
            run(run_id=run_id)
    assert not runs.exists()


def test_record_is_for_its_owner_only(run: Run, runs: Path) -> None:
    run()
    assert (runs / "one.jsonl").stat().st_mode & 0o077 == 0


def test_full_disk_ends_the_run_and_nothing_more_is_started(tmp_path: Path, counted: Counted) -> None:
    """A real ENOSPC: the limit on the size of files, which the kernel enforces."""
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from agents.workflows.workflow import run_workflow
from tests.agents.test_workflow_checkpoints import Counted
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
counted = Counted()
result = run_workflow({str(tmp_path / "abc.yaml")!r}, registry=counted.registry, checkpoints={str(tmp_path)!r},
                      run_id="one")
print(result.status, type(result.error).__name__, len(counted.calls))
"""
    (tmp_path / "abc.yaml").write_text(ABC)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split()[:2] == ["failed", "RecordFailed"], done.stderr
    result = run_workflow(tmp_path / "abc.yaml", registry=counted.registry, checkpoints=tmp_path, run_id="one")
    assert result.output == 35


def test_folder_that_can_not_be_written_is_named(run: Run, runs: Path) -> None:
    runs.write_text("a file")
    with pytest.raises(RecordFailed, match="can't be opened"):
        run()


# ---- one at a time ---------------------------------------------------------------------------------------------------
def test_second_run_of_one_id_is_refused(tmp_path: Path, runs: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    registry = Registry()

    @registry.function(thread_sensitive=False)
    def mark(name: str) -> str:
        entered.set()
        assert go_on.wait(60)
        return name

    path = tmp_path / "stay.yaml"
    path.write_text("steps: {a: {function: mark, with: {name: a}}}")
    results: list[WorkflowResult] = []
    options: Any = {"registry": registry, "checkpoints": runs, "run_id": "one"}
    first = threading.Thread(target=lambda: results.append(run_workflow(path, **options)))
    first.start()
    assert entered.wait(60)
    assert is_running(runs, run_id="one")
    with pytest.raises(RunLocked, match="run 'one' is under way"):
        run_workflow(path, **options)
    other = run_in_child(path, runs, until=None)
    assert (other.returncode, other.stderr) == (2, "RunLocked: run 'one' is under way\n")
    go_on.set()
    first.join(60)
    assert results[0].output == "a"
    assert not is_running(runs, run_id="one")


# ---- SIGKILL ---------------------------------------------------------------------------------------------------------
KILLED = """
steps:
  first: {function: mark, with: {name: first}}
  each: {foreach: [each-0, each-1, each-2], function: mark, with: {name: "${item}", after: "${steps.first.output}"}}
  reach: {tool: touch, with: {name: reach, after: "${steps.first.output}"}}
  ask: {agent: scribe, prompt: "write ${steps.reach.output}"}
  last: {function: mark, with: {name: last}, needs: [each, ask]}
"""
MARKS = ["first", "each-0", "each-1", "each-2", "reach", "ask", "last"]


def start_in_child(path: Path, runs: Path) -> subprocess.Popen[str]:
    """`python -m agents run`"""
    command = [sys.executable, "-m", "agents", "run", str(path), "--registry", "tests.agents.workflow_steps"]
    command += ["--runs", str(runs), "--run-id", "one"]
    return subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ, WORKFLOW_MARKS=str(path.parent)), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run_in_child(path: Path, runs: Path, *, until: Path | None) -> subprocess.CompletedProcess[str]:
    """Run it to its end, or kill it as soon as the file `until` is there."""
    child = start_in_child(path, runs)
    deadline = time.monotonic() + 60
    while until and child.poll() is None and not until.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    if until:
        os.kill(child.pid, signal.SIGKILL)
    out, err = child.communicate(timeout=30)
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


@pytest.mark.hosts
def test_workflow_killed_in_each_step_resumes_and_counts_each_step_once(tmp_path: Path) -> None:
    """A step that is entered waits to be killed; the next process finishes it, and is killed in the next one."""
    path, runs, marks = tmp_path / "killed.yaml", tmp_path / "runs", tmp_path / "marks"
    path.write_text("parallel: 1\n" + KILLED)
    for name in MARKS:
        (tmp_path / f"hold-{name}").touch()
    killed = []
    for _ in MARKS:
        waiting = tmp_path / "waiting"
        waiting.unlink(missing_ok=True)
        child = run_in_child(path, runs, until=waiting)
        assert child.returncode == -signal.SIGKILL, child.stderr
        killed.append(waiting.read_text())
        assert not is_running(runs, run_id="one")
        (tmp_path / f"hold-{killed[-1]}").unlink()
    assert sorted(killed) == sorted(MARKS)
    done = run_in_child(path, runs, until=None)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == "last"
    assert Counter(marks.read_text().split()) == Counter(MARKS)


@pytest.mark.hosts
def test_ctrl_c_ends_the_command_at_once_and_the_run_is_resumable(tmp_path: Path) -> None:
    path, runs = tmp_path / "killed.yaml", tmp_path / "runs"
    path.write_text("steps: {a: {function: mark, with: {name: first}}, b: {function: rest, needs: [a]}}")
    with start_in_child(path, runs) as child:
        deadline = time.monotonic() + 60
        while not (tmp_path / "resting").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=60)
    assert (child.returncode, told) == (130, "interrupted; `resume` goes on\n")
    record = read_record(runs, run_id="one")
    assert (list(record.states), record.ended) == ([("a", None)], None)


# ---- the list --------------------------------------------------------------------------------------------------------
def test_runs_are_listed_oldest_first(run: Run, runs: Path) -> None:
    for run_id in ("b", "a", "c"):
        run(run_id=run_id)
    assert [record.header.run_id for record in read_records(runs)] == ["b", "a", "c"]


def test_list_goes_on_after_a_damaged_record(run: Run, runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    run()
    (runs / "damaged.jsonl").write_text("{}\n")
    (runs / "empty.jsonl").touch()
    assert [record.header.run_id for record in read_records(runs)] == ["one"]
    assert "damaged.jsonl:1: KeyError('run')" in caplog.text
