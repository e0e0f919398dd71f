"""A file in, its text out, in a child process: whatever a hostile or broken file does, it does there.

`parse` asks a warm parser process, which forks a child for the one document (`retrieval/parsing/process.py`);
`parse_together` for several short ones, since to fork takes longer than to read one. Nothing of Django is
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from retrieval.children import start_child
from retrieval.errors import DiskFull, NeedsOcr, ParserStopped, ParsingError
from retrieval.parsing.formats import FORMATS, Extracted
from retrieval.parsing.process import ParsingLimits, ParsingRequest
from retrieval.parsing.recognition.insertion import insert_pages
from retrieval.parsing.recognition.models import find_models
from retrieval.parsing.recognition.ocrmypdf import (
    FOUND_NOTHING,
    IMAGES_ONLY,
    LETTERS_UNNAMED,
    UNKNOWN_LETTERS,
    find_ocr,
    is_ready,
)
from retrieval.parsing.recognition.page import ReadPage, pages_from_answer, unreadable_page
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _
from retrieval.text.language import detect_language

__all__ = ["ParsingLimits", "may_share", "may_share_with_own", "parse", "parse_together"]

_PLAIN = {"text", "markdown", "csv", "json", "jsonl"}  # Python alone reads them
_PLAIN_BYTES = 64 * 1024
_SHORT_BYTES = 256 * 1024  # a page or a few, with the fonts or pictures of one
_LIMITS = ParsingLimits()
_SHARED_LIMITS = ParsingLimits(seconds=10, cpu_seconds=10, memory_bytes=1024**3)
_VARIABLES = {
    "OPENBLAS_NUM_THREADS": "1",  # since only one thread survives its forks
    "MALLOC_ARENA_MAX": "2",  # threads that recognise text share their room, and give it back: half of it is enough
    "MALLOC_MMAP_THRESHOLD_": str(4 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024**2),
}
_GRACE = 10  # seconds that the warm process has for what comes before and after the child
_KEPT_WARM = 2  # processes
_STOPPED_IN_A_ROW = 2  # pages that stop the child: what is wrong is not the page then

logger = logging.getLogger(__name__)


def parse(
    path: Path,
    *,
    filename: str,
    limits: ParsingLimits | None = None,
    is_given_up: Callable[[], bool] = lambda: False,
) -> Extracted:
    """Return the text of the file at `path`; the ending of `filename` and the bytes must agree on its format.

    Raises ParsingError with a reason for a person (NeedsOcr for a scan), or ParserStopped at a limit or after a crash.
    Pages that are pictures are recognised by what is installed, within `limits.ocr_seconds` more for each go; there is
    no further one once `is_given_up` returns True.
    """
    request = _request(path, filename, limits or _LIMITS)
    return _finish(_read_one(request), request, is_given_up)


def may_share(filename: str, *, size: int) -> bool:
    """Return whether `parse_together` takes a file of `size` bytes with those of anybody: a short text that Python
    alone reads."""
    return size <= _PLAIN_BYTES and FORMATS.get(filename.rpartition(".")[2].lower()) in _PLAIN


def may_share_with_own(filename: str, *, size: int) -> bool:
    """Return whether `parse_together` takes a file of `size` bytes with others of the same owner: a short one.

    A library of another language reads it, and a file that takes that over has the child in its hand: there it finds no
    file of somebody else.
    """
    known = FORMATS.get(filename.rpartition(".")[2].lower())
    return size <= _SHORT_BYTES and known is not None and known != "picture"


def parse_together(
    files: Sequence[tuple[Path, str]],
    *,
    limits: ParsingLimits = _SHARED_LIMITS,
    is_given_up: Callable[[], bool] = lambda: False,
) -> list[Extracted | Exception]:
    """Return each file's text, or what `parse` raises for it. A single one is read alone, and so is each when one of
    them stops the child they share."""
    if len(files) == 1:
        return [_parse_alone(*file, is_given_up) for file in files]
    try:
        answers = _read(ParsingRequest([(str(path.resolve()), filename) for path, filename in files], limits))
    except ParserStopped:
        return [_parse_alone(path, filename, is_given_up) for path, filename in files]
    return [
        _finished(_outcome(answer, limits), _request(*file), is_given_up)
        for file, answer in zip(files, answers, strict=True)
    ]


def _parse_alone(path: Path, filename: str, is_given_up: Callable[[], bool]) -> Extracted | Exception:
    try:
        return parse(path, filename=filename, is_given_up=is_given_up)
    except (ParsingError, ParserStopped) as error:
        return error


def _request(path: Path, filename: str, limits: ParsingLimits = _LIMITS) -> ParsingRequest:
    return ParsingRequest([(str(path.resolve()), filename)], limits)


def _finished(
    outcome: Extracted | Exception, request: ParsingRequest, is_given_up: Callable[[], bool]
) -> Extracted | Exception:
    if isinstance(outcome, Exception):
        return outcome
    try:
        return _finish(outcome, request, is_given_up)
    except (ParsingError, ParserStopped) as error:
        return error


def _finish(extracted: Extracted, request: ParsingRequest, is_given_up: Callable[[], bool]) -> Extracted:
    """Return the document that `request` read, with the text of its pages that are pictures, and with its language."""
    if not extracted.unread_pages:
        return _with_language(extracted)
    extracted = _recognise(extracted, request, is_given_up)
    if len(extracted.text) > request.limits.characters:
        raise ParsingError(_("It holds more than %(limit)s characters: split it."), limit=request.limits.characters)
    if extracted.unread_pages:
        [(path, _filename)] = request.files
        count = len(extracted.unread_pages)
        logger.warning("%s: %d of %d pages hold only images", Path(path).name, count, len(extracted.page_starts))
    return _with_language(extracted)


def _read_one(request: ParsingRequest) -> Extracted:
    """Return the answer to a request for one file. Raises NeedsOcr, ParsingError and ParserStopped."""
    outcome = _outcome(_read(request)[0], request.limits)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _outcome(answer: dict[str, Any], limits: ParsingLimits) -> Extracted | Exception:
    if "error" in answer:
        return (NeedsOcr if answer.get("needs_ocr") else ParsingError)(Reason.from_text(str(answer["error"])))
    try:
        return Extracted.from_json(answer, max_characters=limits.characters)
    except ParsingError as error:
        return error


def _with_language(extracted: Extracted) -> Extracted:
    """Return the document with its language, which is told here and not in the child: the model weighs 110 MB, and what
    a process weighs is what forking it costs. Raises DiskFull: to be loaded, the model needs room for a while."""
    try:
        return dataclasses.replace(extracted, language=detect_language(extracted.text))
    except OSError as error:
        raise DiskFull(_("There is no room to tell its language: %(fault)s."), fault=str(error.strerror)) from error


def _read(request: ParsingRequest) -> list[dict[str, Any]]:
    """Return an answer for each file. Raises ParserStopped."""
    reply, content = _ask_and_log(request)
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
            seconds=request.cpu_seconds,
        )
    try:
        answers = json.loads(content)
    except (ValueError, RecursionError):
        answers = None
    if not (isinstance(answers, list) and len(answers) == len(request.files)):
        raise ParserStopped(_("The parser's answer makes no sense."))
    return [answer if isinstance(answer, dict) else {} for answer in answers]


def _ask_and_log(request: ParsingRequest) -> tuple[dict[str, Any], bytes]:
    reply, content = _ask(request)
    if reply["log"]:
        names = ", ".join(Path(path).name for path, _ in request.files)
        logger.warning("Parsing %s: %s", names, reply["log"])
    return reply, content


# ---- pages that are pictures -----------------------------------------------------------------------------------------


def _recognise(extracted: Extracted, request: ParsingRequest, is_given_up: Callable[[], bool]) -> Extracted:
    """Return the document with the text of its pages that are pictures.

    The models read first; OCRmyPDF reads what they are not there for, or find no letters in that they know. Raises
    NeedsOcr when the document has no text then.
    """
    unnamed = any(note.kind == "fonts" for note in extracted.notes)
    models, reason = find_models(), LETTERS_UNNAMED if unnamed else IMAGES_ONLY
    pages = extracted.unread_pages[: request.limits.ocr_pages]
    if models:
        read = _read_by_models(dataclasses.replace(request, models=str(models)), pages, is_given_up)
        extracted = insert_pages(extracted, read)
        reason = FOUND_NOTHING if all(page.readable for page in read.values()) else UNKNOWN_LETTERS
        pages = [page for page in pages if page in extracted.unread_pages]
    command = find_ocr() if not models or is_ready() else ""
    if pages and command:
        try:
            extracted = insert_pages(extracted, _read_by_command(request, pages, command))
        except (ParsingError, ParserStopped) as error:
            if not extracted.text.strip():
                raise
            logger.warning("%s What has text is kept.", error)
        reason = FOUND_NOTHING
    if not extracted.text.strip():
        raise NeedsOcr(reason)
    return extracted


def _read_by_models(
    request: ParsingRequest, pages: Sequence[int], is_given_up: Callable[[], bool]
) -> dict[int, ReadPage]:
    """Return the pages as far as they were read. A page that stops the child by itself is left out; two such pages in a
    row are the last."""
    found: dict[int, ReadPage] = {}
    left, stopped = list(pages), 0
    while left and stopped < _STOPPED_IN_A_ROW and not is_given_up():
        _reply, content = _ask_and_log(dataclasses.replace(request, pages=left))
        read = pages_from_answer(content, asked=left)
        stopped = 0 if read else stopped + 1
        found |= {page.page: page for page in read or [unreadable_page(left[0])]}
        left = [page for page in left if page not in found]
    return found


def _read_by_command(request: ParsingRequest, pages: Sequence[int], command: str) -> dict[int, ReadPage]:
    """Return the pages in which OCRmyPDF found text. Raises NeedsOcr, ParsingError and ParserStopped."""
    with tempfile.TemporaryDirectory(prefix="ocr-") as folder:
        read = _read_one(dataclasses.replace(request, pages=pages, ocr=command, folder=folder))
    bounds = [*read.page_starts, len(read.text)]
    texts = {page: read.text[bounds[page - 1] : bounds[page]].strip() for page in pages if page < len(bounds)}
    return {page: ReadPage(page, text, [], 0, readable=True) for page, text in texts.items() if text}


# ---- the warm processes ----------------------------------------------------------------------------------------------


class _Gone(Exception):
    """The warm process ended without a reply."""


class _Parser:
    """A warm process of our own, which serves one request at a time."""

    def __init__(self) -> None:
        variables = {"PATH": os.pathsep.join(os.get_exec_path())} | _VARIABLES
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
