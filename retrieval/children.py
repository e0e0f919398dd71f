"""Child processes, for what a hostile or broken file may do and for what would hold this one up: started without
secrets, ended with their parent, and limited from inside.

Standard library only: a child imports this as well, and nothing of Django. `python -m retrieval.children` is how one
begins that is run to its end.
"""

from __future__ import annotations

import ctypes
import os
import resource
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_LOG_KEPT = 2_000  # bytes
_NICENESS = 5  # searching goes first
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_ORPHANED = 70


@dataclass(frozen=True)
class Ended:
    """The end of a child: its status, as subprocess counts it, what it wrote, and the last it said on standard
    error."""

    status: int
    output: bytes
    log: str


def run_child(module: str, *arguments: str, seconds: float) -> Ended:
    """Run `python -m module arguments` to its end, with low priority.

    Raises TimeoutError when that takes longer, and OSError when it can't be started; the child is killed then, and when
    this process is.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; what comes from outside is only an argument
            _command(__name__, str(os.getpid()), module, *arguments),
            cwd=_ROOT,
            env=_variables({"PATH": os.defpath}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"It took longer than {seconds:g} seconds.") from error
    return Ended(done.returncode, done.stdout, done.stderr.decode(errors="replace")[-_LOG_KEPT:])


def start_child(module: str, *, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `python -m module` in a session of its own: Ctrl-C in a terminal is for the site, whose end closes the
    child's standard input. Pipes without buffers lead to and from it."""
    return subprocess.Popen(  # noqa: S603 - a fixed command
        _command(module),
        cwd=_ROOT,
        env=_variables(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )


def limit_child(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Limit the process that calls it and what it starts, from now on. It leaves no core file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def attach_child(parent: int) -> None:
    """Let the child that calls it be killed when the thread of `parent` that started it ends, and give way to others.

    macOS has no such thing: there a child that has a limit on CPU time keeps that.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before
            os._exit(_ORPHANED)
    os.nice(_NICENESS)


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _variables(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return all variables that the child gets: none is inherited."""
    return {"LANG": "C.UTF-8", **wanted}


def _main() -> None:
    attach_child(int(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
