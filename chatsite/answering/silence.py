"""What a reader is told while a language model reads and has said nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from chatsite.answering.language_models import AnsweringModels
from chatsite.answering.telling import BEAT, Aside, Event, LogEntry

SAID_AFTER_SECONDS = 3.0  # of silence, the reader is told that the model reads
QUOTED_AFTER_SECONDS = 5.0  # of silence, the quoted answer is offered meanwhile


class Silence:
    """The time from now on in which the model says nothing."""

    def __init__(self, models: AnsweringModels) -> None:
        self._models = models
        self._since: float | None = monotonic() if models.language else None
        self._told = 0
        self._quoted = False

    def end(self) -> None:
        """Take note that the model has said something."""
        self._since = None

    def entries(self) -> Iterator[LogEntry]:
        """Yield how many seconds it has lasted, about once a second, and once what can be quoted meanwhile; else
        BEAT."""
        seconds = monotonic() - self._since if self._since is not None else 0.0
        if seconds < SAID_AFTER_SECONDS or int(seconds) == self._told:
            yield BEAT
            return
        self._told = int(seconds)
        yield Event("waiting", {"seconds": self._told})
        if seconds >= QUOTED_AFTER_SECONDS and not self._quoted:
            self._quoted = True
            if quoted := self._models.extractive.quoted():
                yield Aside("quoted", quoted)
