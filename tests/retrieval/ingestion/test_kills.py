"""A process that ingests is killed at every stage; the next one leaves what an undisturbed one would have left."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from retrieval.index import VERSION
from tests.fakes.chat_server import ChatServer
from tests.retrieval.ingestion.killed import MOMENTS
from tests.servers import ROOT, environment

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    with ChatServer() as server:
        command = [sys.executable, "-m", "tests.retrieval.ingestion.killed"]
        variables = environment(tmp_path_factory.mktemp("killed"), EMBEDDING_BASE_URL=server.url)
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: Found = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("moment", MOMENTS)
def test_case_80_killed_at_every_stage_loses_nothing_and_doubles_nothing(found: Found, moment: str) -> None:
    number = list(MOMENTS).index(moment)
    model = f"model-{number}" if moment.startswith("reindex") else "model"
    fingerprint = f"{model}-d64-v{VERSION}"
    assert found[moment] == {
        "killed": True,
        "recovered": True,
        "documents": number + 2,  # each time two are added, and one is deleted from the second time on
        "wrong": [],
        "in the index, not in SQL": [],
        "in SQL, not in the index": [],
        "chunks without a document": 0,
        "files without a document": 0,
        "without a vector": 0,
        "removals": 0,
        "requests": [],
        "fingerprint": fingerprint,
        "indexes": [fingerprint],
    }
