"""Files are read ahead of whoever ingests them, in their order, by a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.ingestion.futures import settle
from retrieval.models import Document
from retrieval.parsing.formats import Extracted
from retrieval.parsing.parsers import may_share, may_share_with_own, parse_together
from retrieval.reasons import gettext_noop as _

_READ_AT_ONCE = 16  # documents that share a child: a batch's worth

Reading = tuple[Document, Future[Extracted]]


@contextlib.contextmanager
def read_ahead(documents: Sequence[Document]) -> Iterator[list[Reading]]:
    """Read the documents in their order on a thread of its own. Leaving does not wait for it: the file under way is
    read in a child process with limits, and the next ones are not begun."""
    readings = [(document, Future[Extracted]()) for document in documents]
    left = threading.Event()

    def read_all() -> None:
        for some in _shares(readings):
            begun = [(document, reading) for document, reading in some if reading.set_running_or_notify_cancel()]
            outcomes: Future[Sequence[Extracted | Exception]] = Future()
            settle(outcomes, partial(_read, [document for document, _reading in begun], left.is_set))
            for place, (_document, reading) in enumerate(begun):
                settle(reading, partial(_outcome, outcomes, place))

    threading.Thread(target=read_all, name="read", daemon=True).start()
    try:
        yield readings
    finally:
        left.set()
        for _document, reading in readings:
            reading.cancel()


def _shares(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    """Yield the readings in their order: each by itself, or some short ones that are read together."""
    for _company, some in groupby(readings, key=lambda reading: _company_of(reading[0])):
        rest = iter(some)
        while share := list(islice(rest, _READ_AT_ONCE)):
            yield share


def _company_of(document: Document) -> tuple[object, ...]:
    """Return what documents that are read together have in common; its own key where it is read alone."""
    if may_share(document.filename, size=document.size):
        return ("plain texts",)
    if may_share_with_own(document.filename, size=document.size):
        return ("of", document.owner_id, document.collection_id)
    return ("alone", document.pk)


def _read(documents: Sequence[Document], is_given_up: Callable[[], bool]) -> Sequence[Extracted | Exception]:
    """Return each document's text, or the error that says why there is none."""
    paths = [Path(document.file.path) for document in documents]
    there = [path.is_file() for path in paths]
    files = [(path, document.filename) for path, document, found in zip(paths, documents, there, strict=True) if found]
    read = iter(parse_together(files, is_given_up=is_given_up) if files else [])
    return [next(read) if found else ParsingError(_("Its file is gone: upload it again.")) for found in there]


def _outcome(outcomes: Future[Sequence[Extracted | Exception]], place: int) -> Extracted:
    """Return or raise what reading the document at this place gave. Raises what kept all of them from being read."""
    outcome = outcomes.result()[place]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
