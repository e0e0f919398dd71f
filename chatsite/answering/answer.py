"""An answer on its way, as a view hands it on: whole, or as it comes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from chatsite.answering import kept
from chatsite.answering.capacity import Place
from chatsite.answering.drivable import Drivable
from chatsite.answering.driving import Driving
from chatsite.answering.telling import Event, Telling
from chatsite.assistants.hooking import Driver, hooked
from chatsite.models import Run

if TYPE_CHECKING:
    from chatsite.asking.question import Question


class Streamed(Protocol):
    """What a stream of events is made of."""

    def stream(self) -> Generator[Event, None, None]:
        """Yield what happens, to its end; closing the iterator is leaving."""

    def cancel(self) -> None:
        """Take note that the reader has left while another thread waits in the iterator."""

    def close(self) -> None:
        """Take note that the response has ended; perhaps nobody began to iterate."""


class Answer(Streamed, Protocol):
    """What a view does with an answer, whoever drives it."""

    run: Run

    def whole(self) -> dict[str, Any]:
        """Return the API's 200 body. Raises AnswerError when there is no answer; what was written of it is saved."""


drivers: dict[str, Driver] = {}
"""What drives questions that the usual agent does not: `workflow`, which names itself here when Django starts."""


class DrivenHere:
    """An answer that is driven on the thread of its reader, and ends when the reader leaves."""

    def __init__(self, driving: Drivable) -> None:
        self.run = driving.run
        self._driving = driving
        self._telling = Telling(reader=driving.question.reader)

    def whole(self) -> dict[str, Any]:
        for _ in self._events(whole=True):
            pass
        return self._telling.outcome()

    def stream(self) -> Generator[Event, None, None]:
        yield from self._events()

    def cancel(self) -> None:
        self._driving.cancel()

    def close(self) -> None:
        self._driving.close()

    def _events(self, *, whole: bool = False) -> Generator[Event, None, None]:
        with closing(self._driving.entries(whole=whole)) as entries:
            yield from self._telling.events(entries)


def begin_answer(question: Question, *, run: Run, place: Place) -> Answer:
    """Begin to answer a question that is saved as `run`. A kept one goes on by itself, with or without a reader.

    Raises AnswerError (503) when this process serves as many readers of kept runs as it can.
    """
    drive: Driver = drivers["workflow"] if question.agent.workflow else Driving
    driving = hooked(question, run=run, place=place, drive=drive)
    return kept.keep(driving) if question.keep else DrivenHere(driving)
