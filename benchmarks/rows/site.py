"""A copy of `examples/newsroom` in a folder of its own, and what is done in it, each step in its own process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.chat_server import ChatServer
from tests.servers import ROOT


@dataclass(frozen=True)
class Newsroom:
    folder: Path
    environment: dict[str, str]

    def start(self, step: str, *numbers: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "benchmarks.rows.steps", step, *map(str, numbers)]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True)

    def call(self, step: str, *numbers: int) -> None:
        command = [sys.executable, "-m", "benchmarks.rows.steps", step, *map(str, numbers)]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True)


@contextmanager
def newsroom() -> Iterator[Newsroom]:
    """Yield a new site; `BENCHMARK_VECTORS` is the address of the server that hashes words to vectors."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ChatServer() as server:
        ignored = shutil.ignore_patterns("*.sqlite3", ".data")
        folder = shutil.copytree(ROOT / "examples" / "newsroom", Path(name) / "site", ignore=ignored)
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "newsroom.settings",
            "PYTHONPATH": f"{folder}:{ROOT}",
            "BENCHMARK_VECTORS": server.url,
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=folder, env=environment, check=True)
        yield Newsroom(folder, environment)
