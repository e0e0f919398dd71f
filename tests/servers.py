"""The site as a real process on the loopback, under any of its hosts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 600  # on any machine: a first start reads the documentation
FIRST_LOG = "first-start.log"  # in the data of a site that is started again: what `serve` printed at its first start

HOSTS: dict[str, list[str]] = {
    "serve": ["manage.py", "serve"],
    "runserver": ["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
    "gunicorn sync": ["-m", "gunicorn", "chatsite.wsgi", "--bind=127.0.0.1:{port}", "--timeout=60"],
    "gunicorn gthread": ["-m", "gunicorn", "chatsite.wsgi", "--bind=127.0.0.1:{port}", "-k=gthread", "--threads=12"],
    "uvicorn": ["-m", "uvicorn", "chatsite.asgi:application", "--port={port}", "--log-level=warning", "--lifespan=off"],
    "uvicorn with a deadline": [
        "-m",
        "uvicorn",
        "chatsite.asgi:application",
        "--port={port}",
        "--timeout-graceful-shutdown=1",
    ],
}


@dataclass(frozen=True)
class Site:
    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def admin_password(self) -> str:
        """Return what `serve` printed at its first start."""
        first = self.data_dir / FIRST_LOG
        printed = first.read_text() if first.exists() else self.output
        match = re.search(r"user admin with the password (\S+)", printed)
        assert match, printed
        return match[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def variables() -> list[str]:
    """Return the names of all environment variables that the site reads."""
    project, app = (ROOT.joinpath("chatsite", name).read_text() for name in ("settings.py", "conf.py"))
    return re.findall(r'env\.\w+\("(\w+)"', project) + re.findall(r'_env\.\w+, "(\w+)"', app)


def environment(data_dir: Path, **changed: str) -> dict[str, str]:
    """Return this process's environment without settings of the site, and with what is `changed`."""
    names = set(variables())
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "chatsite.settings"} | changed


def manage(*arguments: str, data_dir: Path, **variables: str) -> str:
    """Run one management command to its end, and return what it printed."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment(data_dir, **variables), capture_output=True, text=True, check=True)
    return done.stdout


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        manage("migrate", "--verbosity=0", data_dir=Path(folder))
        return Path(folder, "db.sqlite3").read_bytes()


def migrate(data_dir: Path) -> None:
    """Give the site in `data_dir` its database with nothing in it: a copy, as making it takes seconds each time."""
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "db.sqlite3").write_bytes(_empty_database())


def _share_model(folder: Path) -> None:
    """Give the site the quantised model that these tests made already: making it anew takes seconds a site."""
    from retrieval.embedding.minilm_graph import graph_path, locate

    if settings.configured and (weights := locate()) and not folder.exists():
        shutil.copytree(graph_path(weights, model_dir=settings.MODEL_DIR).parent, folder)


@contextmanager
def site(
    host: str = "serve", *, data_dir: Path, healthy: bool = True, root: Path = ROOT, **variables: str
) -> Iterator[Site]:
    """Serve the site of the checkout `root` under `host`, with all its state in `data_dir`, until the block ends. It is
    ready for requests, or at least answers, when it can't be `healthy`.
    """
    port = free_port()
    command = [sys.executable, *(part.format(port=port) for part in HOSTS[host])]
    variables = {"PORT": str(port), "ANONYMOUS_CHAT": "on"} | variables
    data_dir.mkdir(parents=True, exist_ok=True)
    _share_model(data_dir / "models")
    log = data_dir / f"{host.replace(' ', '-')}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env=environment(data_dir, **variables), stdout=output, stderr=subprocess.STDOUT
        )
    running = Site(f"http://127.0.0.1:{port}", data_dir, process, log)
    try:
        expected = 301 if variables.get("HTTPS") == "on" else 200 if healthy else 503  # to the proxy's address
        _wait_until_ready(running, told=" Chat model " if host == "serve" else "", statuses={expected})
        yield running
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(site: Site, *, told: str, statuses: set[int]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if site.process.poll() is not None:
            raise AssertionError(f"The site ended with {site.process.returncode}:\n{site.output}")
        try:
            if told in site.output and httpx.get(f"{site.url}/api/v1/health", timeout=30).status_code in statuses:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"The site was not ready after {START_SECONDS} s:\n{site.output}")
