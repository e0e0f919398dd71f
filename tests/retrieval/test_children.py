"""Children that the site starts: no secrets, a deadline, and limits they set themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from retrieval.children import run_child
from tests.retrieval.parsing.test_process import ROOT, await_true, is_alive, processes_under


def run_statement(statement: str, *, seconds: float = 30) -> tuple[int, str]:
    """In a child, through a module that runs what it is told; the first line it printed."""
    ended = run_child("timeit", "-n1", "-r1", statement, seconds=seconds)
    return ended.status, ended.output.decode().partition("\n")[0]


def test_child_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    status, printed = run_statement("import json, os; print(json.dumps(sorted(os.environ)))")
    assert status == 0
    assert set(json.loads(printed)) - {"LC_CTYPE"} == {"LANG", "PATH"}


def test_child_that_takes_too_long_is_killed() -> None:
    with pytest.raises(TimeoutError, match=r"It took longer than 0\.5 seconds\."):
        run_statement("import time; time.sleep(30)", seconds=0.5)


def test_child_says_why_it_failed() -> None:
    ended = run_child("timeit", "-n1", "-r1", "raise ValueError('no such page')", seconds=30)
    assert ended.status == 1
    assert "no such page" in ended.log


def test_limited_child_has_memory_and_processor_time_and_no_more() -> None:
    limit = "from retrieval.children import limit_child; limit_child(memory_bytes=2**28, cpu_seconds=7)"
    asked = "import json, os, resource as r; print(json.dumps([r.getrlimit(r.RLIMIT_AS), r.getrlimit(r.RLIMIT_CPU)"
    status, printed = run_statement(f"{limit}; {asked}, r.getrlimit(r.RLIMIT_CORE), os.nice(0) >= 5]))")
    assert (status, json.loads(printed)) == (0, [[2**28, 2**28], [7, 7], [0, 0], True])


def test_limited_child_fails_alone_when_it_needs_more_memory() -> None:
    limit = "from retrieval.children import limit_child; limit_child(memory_bytes=2**28, cpu_seconds=7)"
    ended = run_child("timeit", "-n1", "-r1", f"{limit}; bytearray(2**29)", seconds=30)
    assert ended.status == 1
    assert "MemoryError" in ended.log


def test_child_is_gone_when_its_owner_is_killed() -> None:
    program = "from retrieval.children import run_child; run_child('timeit', 'import time; time.sleep(99)', seconds=99)"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as owner:
        assert await_true(lambda: any(map(gives_way, processes_under(owner.pid))))
        started = processes_under(owner.pid)
        owner.kill()
    assert len(started) == 1
    assert await_true(lambda: not any(map(is_alive, started)))


def test_child_whose_owner_ended_before_it_began_ends() -> None:
    command = [sys.executable, "-m", "retrieval.children", "1", "timeit", "import time; time.sleep(600)"]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == 70


def gives_way(pid: int) -> bool:
    """It has come so far as to run its module."""
    return os.getpriority(os.PRIO_PROCESS, pid) >= 5
