"""A file in, its text out, in a child process: whatever a hostile or broken file does, it does there.

`parse` asks a warm parser process, which forks a child for the one document (`retrieval/parsing/process.py`);
`parse_together` for several short ones, since to fork takes ten times as long as to read one. Nothing of Django is
imported here. A warm process serves one caller at a time: whoever comes meanwhile starts another, and one is
kept for the next caller. It is started when first asked, replaced when it has died, and ends with this process. After a
fork the child process has none.
"""

from __future__ import annotations

import atexit
import dataclasses
import json
import logging
import os
import select
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.children import start_child
from retrieval.errors import NeedsOcr, ParserStopped, ParsingError
from retrieval.parsing.formats import FORMATS, Extracted
from retrieval.parsing.process import ParsingLimits, ParsingRequest
from retrieval.parsing.recognition.ocrmypdf import find_ocr
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _
from retrieval.text.language import detect_language

__all__ = ["ParsingLimits", "may_share", "parse", "parse_together"]

_SHARED = {"text", "markdown", "csv", "json", "jsonl"}
_SHARED_BYTES = 64 * 1024
_SHARED_LIMITS = ParsingLimits(seconds=10, cpu_seconds=10, memory_bytes=1024**3)
_GRACE = 10  # seconds that the warm process has for what comes before and after the child
_KEPT_WARM = 2  # processes

logger = logging.getLogger(__name__)


def parse(path: Path, *, filename: str, limits: ParsingLimits | None = None) -> Extracted:
    """Return the text of the file at `path`; the ending of `filename` and the bytes must agree on its format.

    Raises ParsingError with a reason for a person (NeedsOcr for a scan), or ParserStopped at a limit or after a crash.
    Pages that are pictures are recognised when OCRmyPDF is installed, within `limits.ocr_seconds` more.
    """
    request = ParsingRequest([(str(path.resolve()), filename)], limits or ParsingLimits())
    try:
        extracted = _read_one(request)
    except NeedsOcr:
        if not (command := find_ocr()):
            raise
        return _recognise(request, command)
    if extracted.unread_pages and (command := find_ocr()):
        try:
            return _recognise(request, command)
        except (ParsingError, ParserStopped) as error:
            logger.warning("%s: %s What has text is kept.", path.name, error)
    if extracted.unread_pages:
        count = len(extracted.unread_pages)
        logger.warning("%s: %d of %d pages hold only images", path.name, count, len(extracted.page_starts))
    return extracted


def may_share(filename: str, *, size: int) -> bool:
    """Return whether `parse_together` takes a file of `size` bytes: a short text that Python alone reads.

    Every file that a library of another language reads has a child of its own, where a file that takes it over finds no
    other.
    """
    return size <= _SHARED_BYTES and FORMATS.get(filename.rpartition(".")[2].lower()) in _SHARED


def parse_together(
    files: Sequence[tuple[Path, str]], *, limits: ParsingLimits = _SHARED_LIMITS
) -> list[Extracted | Exception]:
    """Return each file's text, or what `parse` raises for it. A single one is read alone, and so is each when one of
    them stops the child they share."""
    if len(files) == 1:
        return [_parse_alone(*file) for file in files]
    try:
        answers = _read(ParsingRequest([(str(path.resolve()), filename) for path, filename in files], limits))
    except ParserStopped:
        return [_parse_alone(path, filename) for path, filename in files]
    return [_outcome(answer) for answer in answers]


def _parse_alone(path: Path, filename: str) -> Extracted | Exception:
    try:
        return parse(path, filename=filename)
    except (ParsingError, ParserStopped) as error:
        return error


def _recognise(request: ParsingRequest, command: str) -> Extracted:
    with tempfile.TemporaryDirectory(prefix="ocr-") as folder:
        return _read_one(dataclasses.replace(request, ocr=command, folder=folder))


def _read_one(request: ParsingRequest) -> Extracted:
    """Return the answer to a request for one file. Raises NeedsOcr, ParsingError and ParserStopped."""
    outcome = _outcome(_read(request)[0])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _outcome(answer: dict[str, Any]) -> Extracted | Exception:
    if "error" in answer:
        return (NeedsOcr if answer.get("needs_ocr") else ParsingError)(Reason.from_text(answer["error"]))
    extracted = Extracted.from_json(answer)
    # Here and not in the child: the model weighs 110 MB, and what a process weighs is what forking it costs.
    return dataclasses.replace(extracted, language=detect_language(extracted.text))


def _read(request: ParsingRequest) -> list[dict[str, Any]]:
    """Return an answer for each file. Raises ParserStopped."""
    reply, content = _ask(request)
    if reply["log"]:
        names = ", ".join(Path(path).name for path, _ in request.files)
        logger.warning("Parsing %s: %s", names, reply["log"])
    limits = request.limits
    if reply["timed_out"]:
        raise ParserStopped(_("Reading it took longer than %(seconds)s seconds."), seconds=request.seconds)
    if reply["status"] != 0:
        raise ParserStopped(
            _(
                "Reading it stopped the parser (status %(status)s): it may be broken, or need more than %(memory)s MB "
                "or %(seconds)s seconds."
            ),
            status=reply["status"],
            memory=limits.memory_bytes // 1024**2,
            seconds=limits.cpu_seconds,
        )
    answers: list[dict[str, Any]] = json.loads(content)
    return answers


# ---- the warm processes ----------------------------------------------------------------------------------------------


class _Gone(Exception):
    """The warm process ended without a reply."""


class _Parser:
    """A warm process of our own, which serves one request at a time."""

    def __init__(self) -> None:
        # One thread, since only that survives its forks.
        variables = {"PATH": os.pathsep.join(os.get_exec_path()), "OPENBLAS_NUM_THREADS": "1"}
        self._process = start_child("retrieval.parsing.process", variables=variables)
        self._received = b""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: ParsingRequest) -> tuple[dict[str, Any], bytes]:
        """Return the reply and the child's answer. Raises _Gone."""
        assert self._process.stdin
        deadline = time.monotonic() + request.seconds + _GRACE
        try:
            self._process.stdin.write(json.dumps(dataclasses.asdict(request)).encode() + b"\n")
        except BrokenPipeError as error:
            raise _Gone from error
        while b"\n" not in self._received:
            self._receive(deadline)
        head, _, content = self._received.partition(b"\n")
        reply: dict[str, Any] = json.loads(head)
        parts = [content]
        missing = reply["bytes"] - len(content)
        while missing > 0:
            self._received = b""
            self._receive(deadline)
            parts.append(self._received)
            missing -= len(self._received)
        self._received = b""
        return reply, b"".join(parts)

    def _receive(self, deadline: float) -> None:
        assert self._process.stdout
        poll = select.poll()  # select() takes no number over 1,023, and a site may hold that many connections
        poll.register(self._process.stdout, select.POLLIN)
        ready = poll.poll(max(0, deadline - time.monotonic()) * 1000)
        part = self._process.stdout.read(1024**2) if ready else b""
        if not part:
            raise _Gone
        self._received += part

    def end(self) -> None:
        """Kill the process; the child under way is killed with it."""
        self._process.kill()
        self._process.wait()
        self.close()

    def forget(self) -> None:
        """Let go of the process in a forked child: it is the parent's, who alone will hear of its end."""
        self.close()
        self._process.returncode = 0  # else subprocess warns of a process that was not waited for

    def close(self) -> None:
        """Close this process's ends of its pipes. A warm process whose every writer has closed ends by itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


_lock = threading.Lock()
_idle: list[_Parser] = []
_busy: set[_Parser] = set()


def _ask(request: ParsingRequest) -> tuple[dict[str, Any], bytes]:
    """Ask an idle process, or a new one. An idle one may have died meanwhile: then a new one is asked. Raises
    ParserStopped."""
    for _attempt in range(2):
        parser, fresh = _take()
        answer = None
        try:
            answer = parser.ask(request)
        except _Gone:
            if fresh:
                break
        finally:
            if answer is None:  # gone, or interrupted: then its reply would be taken for the next one's
                _end(parser)
        if answer is not None:
            _give_back(parser)
            return answer
    raise ParserStopped(_("The parser ended without an answer."))


def _take() -> tuple[_Parser, bool]:
    """Return a process for this caller alone, and whether it is new."""
    with _lock:
        while _idle:
            parser = _idle.pop()
            if parser.alive:
                _busy.add(parser)
                return parser, False
            parser.end()
    parser = _Parser()
    with _lock:
        _busy.add(parser)
    return parser, True


def _give_back(parser: _Parser) -> None:
    with _lock:
        _busy.discard(parser)
        if len(_idle) < _KEPT_WARM:
            _idle.append(parser)
            return
    parser.end()


def _end(parser: _Parser) -> None:
    with _lock:
        _busy.discard(parser)
    parser.end()


def close() -> None:
    """End the idle processes; the next caller starts another."""
    with _lock:
        parsers, _idle[:] = _idle[:], []
    for parser in parsers:
        parser.end()


def _forget_after_fork() -> None:
    """Begin without the parent's processes: a child must not ask them, nor keep them alive."""
    global _lock
    _lock = threading.Lock()
    for parser in (*_idle, *_busy):
        parser.forget()
    _idle.clear()
    _busy.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(close)
