"""A file in, its text out, in a child process: whatever a hostile or broken file does, it does there.

`parse` starts `python -m retrieval.parsing` for one document and reads its JSON answer. The child has limits on memory
and time, none of this process's secrets, and is killed when it takes too long. Nothing of Django is imported here.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import ParserStopped, ParsingError
from retrieval.extraction import Extracted, extract

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one document may cost."""

    seconds: float = 120
    cpu_seconds: int = 100
    memory_bytes: int = 2 * 1024**3
    characters: int = 20_000_000


def parse(path: Path, *, filename: str, limits: Limits | None = None) -> Extracted:
    """The text of the file at `path`; the ending of `filename` and the bytes must agree on its format.

    Raises ParsingError with a reason for a person, or ParserStopped at a limit or after a crash.
    """
    limits = limits or Limits()
    command = [sys.executable, "-m", "retrieval.parsing", str(path), filename, json.dumps(dataclasses.asdict(limits))]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the file's own name is only an argument
            command,
            cwd=Path(__file__).resolve().parent.parent,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ParserStopped(f"Reading it took longer than {limits.seconds} seconds.") from error
    if done.stderr:
        logger.warning("Parsing %s: %s", path.name, done.stderr.decode(errors="replace")[-2_000:])
    if done.returncode != 0:
        raise ParserStopped(
            f"Reading it stopped the parser (status {done.returncode}): it may be broken, or need more than "
            f"{limits.memory_bytes // 1024**2} MB or {limits.cpu_seconds} seconds."
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ParsingError(answer["error"])
    return Extracted.from_json(answer)


def _main() -> None:
    """The child: read one file within limits and print a JSON object, the text or the reason there is none."""
    path, filename, limits = Path(sys.argv[1]), sys.argv[2], Limits(**json.loads(sys.argv[3]))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    os.nice(5)  # searching goes first
    try:
        answer = dataclasses.asdict(extract(path, filename=filename, max_characters=limits.characters))
    except ParsingError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"Reading it needs more than {limits.memory_bytes // 1024**2} MB of memory."}
    except Exception:  # a broken file can make a parser raise anything
        logger.exception("The parser failed")
        answer = {"error": "The file is broken: it can't be read."}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _main()
