"""Real processes are killed while they do what a reader has confirmed: a few of the benchmark's thousand."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.hosts


def test_nothing_is_lost_repeated_or_untrue() -> None:
    command = [sys.executable, "-m", "benchmarks.approval", "--kills=12", "--pairs=4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^\| [^|]+ \| (\d+) \|(?: \d+ \|)* (\d+) \| (\d+) \| (\d+) \|$", done.stdout, flags=re.M)
    assert rows == [("12", "0", "0", "0"), *[("4", "0", "0", "0")] * 3]
