"""What the migration that notes the collections of old citations makes of those that are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, environment


@pytest.mark.hosts
@pytest.mark.timeout(300)
def test_citations_of_before_are_filled_in_by_batches_that_a_kill_leaves_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chatsite.overview.migrated"]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "killed after 3",
        "whole 1 2 1 2 None 2 1 2",
        "alone True",
        "again 1 2 1 2 None 2 1 2",  # what was noted stays, wherever the document is by then
    ], done.stderr
