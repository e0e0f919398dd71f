"""Several processes of one site on one folder of data, no variable set: all of them answer, whichever is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import processes

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]


@pytest.mark.case(139)
def test_every_process_answers_beside_ingestion_and_kills(started_before: Path) -> None:
    result = processes.measure(started_before, questions=24, kills=4, servers=["gunicorn, 4 workers"])
    assert result.asked.outcomes == {"right": 24}
    assert set(result.killed.outcomes) == {"right"}
    assert result.owners_killed >= 1
    assert "'ready'" in result.states
    assert "queued" not in result.states
    assert result.index.startswith("Missing or short in the index: 0 documents, 0 chunks. Left over in it: points of 0")
