"""Files are read ahead of whoever ingests them, in their order, by a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import groupby, islice
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.models import Document
from retrieval.parsing.formats import Extracted
from retrieval.parsing.parsers import may_share, parse, parse_together
from retrieval.reasons import gettext_noop as _

_READ_AT_ONCE = 16  # documents that share a child: a batch's worth

Reading = tuple[Document, Future[Extracted]]


@contextlib.contextmanager
def read_ahead(documents: Sequence[Document]) -> Iterator[list[Reading]]:
    """They are read, in their order, by a thread of its own. Whoever leaves does not wait for it: what it reads runs
    in a child process with limits, and the documents it has not begun are not begun."""
    readings = [(document, Future[Extracted]()) for document in documents]

    def read_all() -> None:
        for some in _shares(readings):
            begun = [(document, reading) for document, reading in some if reading.set_running_or_notify_cancel()]
            for (_, reading), outcome in zip(begun, _read([document for document, _ in begun]), strict=True):
                if isinstance(outcome, Extracted):
                    reading.set_result(outcome)
                else:
                    reading.set_exception(outcome)  # is raised where the result is asked for

    threading.Thread(target=read_all, name="read", daemon=True).start()
    try:
        yield readings
    finally:
        for _, reading in readings:
            reading.cancel()


def _shares(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    """In their order: each by itself, or some short texts that are read together."""
    for together, some in groupby(readings, key=lambda reading: may_share(reading[0].filename, size=reading[0].size)):
        rest = iter(some)
        while share := list(islice(rest, _READ_AT_ONCE if together else 1)):
            yield share


def _read(documents: Sequence[Document]) -> Sequence[Extracted | BaseException]:
    """What each holds, or why that can't be told."""
    try:
        files = [(Path(document.file.path), document.filename) for document in documents]
        if len(files) > 1 and all(path.is_file() for path, _ in files):
            return parse_together(files)
    except Exception as error:
        return [error] * len(documents)
    return [_read_alone(path, filename) for path, filename in files]


def _read_alone(path: Path, filename: str) -> Extracted | BaseException:
    if not path.is_file():
        return ParsingError(_("Its file is gone: upload it again."))
    try:
        return parse(path, filename=filename)
    except BaseException as error:
        return error
