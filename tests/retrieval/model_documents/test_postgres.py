"""Rights by row on a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import postgres
from tests.servers import ROOT, environment

pytestmark = pytest.mark.hosts


def test_rights_are_asked_as_they_are_meant_and_a_failure_ends_no_transaction(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with postgres(tmp_path_factory.mktemp("postgres") / "server") as server:
        command = [sys.executable, "-m", "tests.retrieval.model_documents.on_postgres"]
        env = environment(tmp_path / "data", DATABASE_URL=server.url)
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["chatsite.conversation: 3 added", "10 kinds of querysets"]
