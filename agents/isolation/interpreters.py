"""Say what is wrong with an interpreter that no worker comes of."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from pathlib import Path

from agents.errors import WorkerNotStarted

OLDEST = (3, 9)
VERSION_SECONDS = 5.0


def check_interpreter(python: str) -> None:
    """Raises WorkerNotStarted for a path that can't be one."""
    path = Path(python)
    if not python:
        raise WorkerNotStarted("this host names no interpreter (sys.executable is empty): name one, Recipe(python=...)")
    if path.is_dir():
        raise WorkerNotStarted(f"{python} is a folder: name the interpreter in it, {path / 'bin' / 'python'}")
    if not path.exists():
        folder = path.parent.parent if path.parent.name == "bin" else path.parent
        raise WorkerNotStarted(
            f"there is no interpreter {python}: make the environment, `python -m venv {folder}`, or correct the path"
        )


async def why_not_started(python: str, env: Mapping[str, str] | None) -> str:
    """Return why a process of `python` ended before it was a worker, which it was to be with `env`."""
    oldest = ".".join(map(str, OLDEST))
    said = await _version(python, env)
    found = re.search(r"Python (\d+)\.(\d+)", said)
    if found and tuple(map(int, found.groups())) < OLDEST:
        return f"{python} is {said}, and a worker needs Python {oldest} or later: make the environment with a newer one"
    if not found:
        return f"{python} is no Python interpreter (`{python} -V` says {said!r}): name one of {oldest} or later"
    return f"a worker of {python} ({said}) ended before it was ready; what it said stands on standard error"


async def _version(python: str, env: Mapping[str, str] | None) -> str:
    try:
        process = await asyncio.create_subprocess_exec(python, "-V", env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    except OSError as error:
        return str(error)
    try:
        async with asyncio.timeout(VERSION_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return printed.decode(errors="replace").strip()[:200]
