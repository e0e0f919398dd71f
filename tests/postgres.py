"""A real PostgreSQL in a folder of its own on the loopback; skipped where none is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.servers import free_port

_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, the newest where there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass
class Postgres:
    url: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        bin_dir = programs()
        assert bin_dir
        options = ["-D", str(self.folder / "db"), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        quick = ["-c", "fsync=off", "-c", "logging_collector=off"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(bin_dir / "postgres"), *options, *quick], stdout=log, stderr=log, **_as_user()
            )
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """At once: connections are cut, what was committed stays."""
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: an immediate shutdown, then recovery at the next start
            self.process.wait()
            self.process = None


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    bin_dir = programs()
    if bin_dir is None:
        pytest.skip("no PostgreSQL is installed (apt-get install postgresql)")
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(folder, _UNPRIVILEGED)
        for parent in folder.parents:  # only root may enter pytest's own folders
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    initdb = [str(bin_dir / "initdb"), "-D", str(folder / "db"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **_as_user())
    port = free_port()
    server = Postgres(f"postgres://postgres@127.0.0.1:{port}/postgres", folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _as_user() -> dict[str, str]:
    return {"user": _UNPRIVILEGED} if os.geteuid() == 0 else {}
