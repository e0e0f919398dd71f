"""The warm parser: a process that forks a child for each request, and what the two do.

It reads requests from its standard input, one JSON object a line, and writes replies to its standard output: a line of
JSON ({"status": what the child ended with, "timed_out": ..., "log": text, "bytes": n}), then n bytes, its answer.
It has imported the libraries before, and opens no document of anybody's itself, only tiny ones of our own that warm a
library up: what a hostile or broken file does, it does in the child, which has limits on memory, CPU and time, no
secrets, and no way to the requests or replies of others. A request is one document, or a few short ones: plain texts,
or files of one owner (`parsers.parse_together`).
The process ends when its standard input does, so also when the site's process is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import logging
import math
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retrieval.children import attach_child, limit_child
from retrieval.errors import NeedsOcr, ParsingError
from retrieval.parsing.formats import extract, format_of, prepare
from retrieval.parsing.recognition.models import RecognitionModels, threads
from retrieval.parsing.recognition.ocrmypdf import recognise
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _

DOCUMENTS = 1_000  # after which the process makes room for a new one
_LOG_KEPT = 2_000  # bytes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ParsingLimits:
    """What one document may cost."""

    seconds: float = 120
    cpu_seconds: int = 100
    memory_bytes: int = 2 * 1024**3
    characters: int = 20_000_000
    ocr_seconds: float = (
        150  # more for pages that are pictures; again, when some were recognised in it and some are left
    )
    ocr_pages: int = 1_000  # of a document; those behind them stay unread


@dataclass(frozen=True)
class ParsingRequest:
    """Read the files at these paths, one after another, each with the name it was uploaded under.

    With `pages` recognise these of the only one: by the models in the folder `models`, or by the command `ocr`, which
    has the empty folder `folder`.
    """

    files: Sequence[tuple[str, str]]
    limits: ParsingLimits
    pages: Sequence[int] = ()
    models: str = ""
    ocr: str = ""
    folder: str = ""

    @property
    def seconds(self) -> float:
        return self.limits.ocr_seconds if self.pages else self.limits.seconds

    @property
    def cpu_seconds(self) -> int:
        return math.ceil(self.limits.ocr_seconds * threads()) if self.models else self.limits.cpu_seconds

    @classmethod
    def from_json(cls, line: bytes) -> ParsingRequest:
        request = json.loads(line)
        return cls(**(request | {"limits": ParsingLimits(**request["limits"])}))


def main() -> None:
    """Serve requests until there are no more."""
    requests, replies = sys.stdin.fileno(), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    prepare("")
    served, line = 0, b""
    while served < DOCUMENTS:
        part = os.read(requests, 65_536)
        if not part:
            break
        line += part
        if line.endswith(b"\n"):
            request = ParsingRequest.from_json(line)
            for _, filename in request.files:
                prepare(filename)
            gc.freeze()  # the pages of what is loaded stay shared with the child
            _serve(request, requests, replies)
            served, line = served + 1, b""


def _serve(request: ParsingRequest, requests: int, replies: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as log:
        status, timed_out = _run_child(request, requests, answer, log)
        size = answer.seek(0, os.SEEK_END)
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_KEPT))
        said = log.read().decode(errors="replace")
        head = {"status": status, "timed_out": timed_out, "bytes": size, "log": said}
        answer.seek(0)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
            replies.write(json.dumps(head).encode() + b"\n")
            shutil.copyfileobj(answer, replies, 1024**2)
            replies.flush()


def _run_child(request: ParsingRequest, requests: int, answer: IO[bytes], log: IO[bytes]) -> tuple[int, bool]:
    """Return what the child ended with, as subprocess counts it, and whether its time was up. It is gone by then, and
    so is all that it started."""
    alive, alive_in_child = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _be_child(request, parent, alive_in_child, answer.fileno(), log.fileno())
    os.close(alive_in_child)
    with contextlib.suppress(OSError):  # the child does it as well: whoever comes first
        os.setpgid(child, child)
    timed_out = _wait(alive, requests, time.monotonic() + request.seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # before it is waited for, while its number is still its own
    os.close(alive)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), timed_out


def _wait(alive: int, requests: int, deadline: float) -> bool:
    """Wait until the child has closed its end of `alive`, which it does by ending.

    Return whether the deadline came first. So it is taken when the site's process ends, since nobody waits for the
    answer then.
    """
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(requests, 0)  # asks for the hang-up only: the next request may come early
    while (left := deadline - time.monotonic()) > 0:
        ended = dict(poll.poll(left * 1000))
        if alive in ended:
            return False
        if ended:
            return True
    return True


# ---- in the child ----------------------------------------------------------------------------------------------------


def _be_child(request: ParsingRequest, parent: int, alive: int, answer: int, log: int) -> None:
    """Answer the request in the child, and end it: this never returns, so that none of the parent's code runs in it."""
    status = 70
    try:
        os.setpgid(0, 0)
        attach_child(parent)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for end, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(end, number)
        kept = sorted({0, 1, 2, alive, answer})
        for first, last in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
            os.closerange(first + 1, last)
        limits = request.limits
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.memory_bytes, limits.memory_bytes))
        limit_child(memory_bytes=limits.memory_bytes, cpu_seconds=request.cpu_seconds)
        with os.fdopen(answer, "wb", buffering=0) as file:
            if request.models:
                _recognise_pages(request, file)
            else:
                answers = [_answer(Path(path), filename, request) for path, filename in request.files]
                _write(file, answers)
        status = 0
    except BaseException:  # the outermost edge of this process
        logger.exception("The parser failed")
    finally:
        os._exit(status)


def _write(file: IO[bytes], answer: object) -> None:
    """Write the answer as a line of JSON, whole before the next one begins: what was written before an end by force
    counts."""
    left = memoryview(json.dumps(answer, ensure_ascii=False).encode(errors="replace") + b"\n")
    while left:
        left = left[file.write(left) :]


def _recognise_pages(request: ParsingRequest, file: IO[bytes]) -> None:
    """Write a line for each of the pages, as soon as it is read."""
    from retrieval.parsing.recognition.page import recognise_page, unreadable_page
    from retrieval.parsing.recognition.pictures import draw_pages

    [(path, filename)] = request.files
    models = RecognitionModels(Path(request.models))
    is_picture = format_of(Path(path), filename=filename) == "picture"
    for page, picture in draw_pages(Path(path), request.pages, is_picture=is_picture):
        found = recognise_page(picture, page=page, models=models) if picture is not None else unreadable_page(page)
        _write(file, dataclasses.asdict(found))


def _answer(path: Path, filename: str, request: ParsingRequest) -> dict[str, object]:
    """Return the text, or the reason there is none."""
    try:
        if request.ocr:
            path, filename = _with_text(path, filename, request), "recognised.pdf"
        limit = request.limits.characters
        return dataclasses.asdict(extract(path, filename=filename, max_characters=limit))
    except ParsingError as error:
        return {"error": error.reason.to_text(), "needs_ocr": isinstance(error, NeedsOcr)}
    except MemoryError:
        limit = request.limits.memory_bytes // 1024**2
        return {"error": Reason(_("Reading it needs more than %(limit)s MB of memory."), limit=limit).to_text()}
    except Exception:  # a broken file can make a parser raise anything
        logger.exception("The parser failed")
        return {"error": _("The file is broken: it can't be read.")}


def _with_text(path: Path, filename: str, request: ParsingRequest) -> Path:
    """Return a PDF whose pages have got text by the command."""
    folder = Path(request.folder)
    if format_of(path, filename=filename) == "picture":
        from retrieval.parsing.recognition.pictures import write_as_pdf

        path = write_as_pdf(path, folder / "pictures.pdf", pages=request.pages)
    return recognise(path, pages=request.pages, command=request.ocr, folder=folder)


if __name__ == "__main__":
    main()
