"""A question under way, whatever answers it: what those who tell its answer do with it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Protocol

from chatsite.answering.telling import LogEntry
from chatsite.models import Run

if TYPE_CHECKING:
    from chatsite.asking.question import Question


class Drivable(Protocol):
    """It is driven on the thread that iterates `entries`. Closing the iterator, or `cancel` from any thread, ends
    it."""

    question: Question
    run: Run
    is_watched: Callable[[], bool]

    def entries(self, *, whole: bool = False) -> Generator[LogEntry, None, None]:
        """Yield what happens, to RunClosed."""

    def cancel(self) -> None:
        """End it while another thread iterates."""

    def close(self) -> None:
        """Record a run as cancelled that nobody began to iterate."""
