"""A process that looks at a source is killed at every moment; the next one leaves what an undisturbed one would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.retrieval.syncing.killed import ENTRIES, MOMENTS
from tests.servers import ROOT, environment


def test_no_kill_loses_or_doubles_a_document(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.retrieval.syncing.killed"]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    whole = {"differ": [], "documents": ENTRIES, "entries": ENTRIES, "held": 0, "running": 0, "ended": 0}
    assert {name: one for name, one in found.items() if {**one, "killed": True} != {**whole, "killed": True}} == {}
    assert {name.rpartition(",")[0] for name, one in found.items() if one["killed"]} == set(MOMENTS)
    assert sum(one["killed"] for one in found.values()) >= 15
