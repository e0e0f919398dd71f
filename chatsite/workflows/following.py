"""Tell how a run's steps stand, as it changes: states alone, and no word of what they say."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from chatsite.answering.capacity import Place, place_for_follower
from chatsite.answering.telling import BEAT, Event
from chatsite.models import WorkflowRun
from chatsite.reader import Reader
from chatsite.workflows.running import settle_lost

LOOK_SECONDS = 0.4


class WorkflowFollower:
    """One who looks at a run, from any process; when they leave, the run goes on."""

    def __init__(self, run: WorkflowRun, *, reader: Reader) -> None:
        """Raises AnswerError: 503 when this process serves as many followers as it can, 429 when this one has a
        share."""
        self.run = run
        self._reader = reader
        self._place: Place = place_for_follower(reader)

    def stream(self) -> Generator[Event, None, None]:
        """Yield how the run stands each time that has changed; the last event is `done`."""
        told: dict[str, Any] = {}
        try:
            while run := WorkflowRun.objects.filter(pk=self.run.pk).first():
                settle_lost([run])
                stands = {"state": run.state, "steps": run.steps}
                if run.has_ended or run.state == run.State.WAITING or self._reader.now() is None:
                    yield Event("done", stands)
                    return
                yield Event("steps", stands) if stands != told else BEAT
                told = stands
                time.sleep(LOOK_SECONDS)
        finally:
            self._place.release()

    def cancel(self) -> None:
        """Do nothing: a beat is written soon, by which it is learnt that the reader has left."""

    def close(self) -> None:
        self._place.release()
