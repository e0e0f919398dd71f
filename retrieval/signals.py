"""What happens to documents, for a project that wants to act on it. A receiver is called once it is committed, with the
row as it is then; what it raises is logged and changes nothing, but whoever ingests waits for it: hand long work to a
task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial

from django.db import models, transaction
from django.dispatch import Signal

logger = logging.getLogger(__name__)


class RowSignal(Signal):
    """A signal with a row. Beside its receivers it has some that are asked first whether they wait for anything, so
    that for a row that nobody waits for nothing is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Callable[[], bool], Callable[..., None]]] = []

    def connect_while(self, waits: Callable[[], bool], receiver: Callable[..., None]) -> None:
        """Have `receiver` called as others are, while `waits` returns True; once, however often it is connected."""
        if (waits, receiver) not in self.waiting:
            self.waiting.append((waits, receiver))


document_ready = RowSignal()  # `document` can be searched; `changed` is False where the same file was read again
document_failed = RowSignal()  # `document` could not be read: its `error` says why
searched = Signal()  # `query` was searched for with the SearchResult `result`; on the thread of the search, at once


def tell(signal: Signal, *, facts: Mapping[str, object] | None = None, **instance: models.Model) -> None:
    """Send a signal with this row, by its name, and with the `facts`, when the transaction that is open has been
    committed."""
    ((name, row),) = instance.items()
    if signal.has_listeners(type(row)) or _waiting(signal):
        transaction.on_commit(partial(_send, signal, name, type(row), row.pk, facts or {}))


def _send(signal: Signal, name: str, kind: type[models.Model], pk: object, facts: Mapping[str, object]) -> None:
    try:
        waiting = [receiver for waits, receiver in _waiting(signal) if waits()]
        if not (waiting or signal.has_listeners(kind)):
            return
        row = kind._base_manager.filter(pk=pk).first()
        if row is None:
            return
        signal.send_robust(sender=kind, **{name: row}, **facts)
        for receiver in waiting:
            receiver(sender=kind, **{name: row}, **facts)
    except Exception:  # as what other receivers raise: it changes nothing of what was committed
        logger.exception("Not all has been told of %s %s", kind.__name__, pk)


def _waiting(signal: Signal) -> list[tuple[Callable[[], bool], Callable[..., None]]]:
    return signal.waiting if isinstance(signal, RowSignal) else []
