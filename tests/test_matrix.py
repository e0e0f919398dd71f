"""A small `make matrix`: one host of each kind, a few requests each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.hosts


@pytest.mark.parametrize("host", ["thread", "gunicorn sync --preload", "daphne", "Celery threads", "ipykernel cell"])
def test_host_runs_streams_and_cancels_with_one_loop_and_one_client(host: str) -> None:
    command = [sys.executable, "-m", "benchmarks.matrix", "--requests", "6", "--at-once", "3", "--only", host]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| {host} " in done.stdout
    assert done.stdout.count("| 6/6 ") == 3
