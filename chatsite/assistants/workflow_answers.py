"""Answer a question with a published workflow: its text goes in, and what comes out, with what it cites, is the
answer."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Generator, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import OperationalError
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering import answer
from chatsite.answering.capacity import Place, Places
from chatsite.answering.driving import BEAT_SECONDS
from chatsite.answering.recording import Recording, Review
from chatsite.answering.telling import (
    BEAT,
    WORKFLOW_STEP,
    Event,
    LogEntry,
    PassagesFound,
    RunClosed,
    run_event,
    small_talk_event,
)
from chatsite.asking.small_talk import reply_to
from chatsite.assistants.workflow_input import WorkflowUnfit, answering_workflow
from chatsite.models import Run, WorkflowRun
from chatsite.tools.calls import mark_personal
from chatsite.workflows import running
from chatsite.workflows.findings import Findings
from chatsite.workflows.registry import is_for_one_reader

if TYPE_CHECKING:
    from chatsite.asking.question import Question

logger = logging.getLogger(__name__)

AT_ONCE = running.AT_ONCE // 2  # of a process, so that the staff's own runs have room
SHARE = 2  # of those, by one reader
_ENDED = {
    WorkflowRun.State.LIMITED: "limit_exceeded",
    WorkflowRun.State.CANCELLED: "cancelled",
    WorkflowRun.State.INTERRUPTED: "loop_stopped",
}


_places = Places()


def _forget_after_fork() -> None:
    """Begin anew in a forked child: what holds the parent's places runs in the parent."""
    global _places
    _places = Places()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class WorkflowDriving:
    """A question that a workflow answers. It runs on a thread of its own; this follows it, step by step, and ends it
    when the reader leaves, or after CHAT_TOTAL_SECONDS."""

    def __init__(self, question: Question, *, run: Run, place: Place, review: Review | None = None) -> None:
        self.question = question
        self.run = run
        self.is_watched: Callable[[], bool] = lambda: True
        self._recording = Recording(run, passages={}, review=review)
        self._findings = Findings()
        self._place = place
        self._under_way: WorkflowRun | None = None
        self._told: dict[str, str] = {}  # the state of each step, as it was told
        self._begun = False
        self._stopped = False
        self._looked = monotonic()

    def entries(self, *, whole: bool = False) -> Generator[LogEntry, None, None]:
        self._begun = True
        try:
            yield run_event(self.run)
            if self.question.small_talk:
                yield from self._reply(self.question.small_talk)
                return
            code = yield from self._run()
            if not code and self._under_way:
                self._recording.passages.update(self._findings.passages)
                yield PassagesFound(dict(self._recording.passages))
                yield from self._recording.read(text_of(self._under_way.output))
                yield from self._recording.read_end()
            self._close(code)
            yield RunClosed(self.run)
        except (GeneratorExit, asyncio.CancelledError):
            self._end()
            self._recording.close(Run.State.CANCELLED, error="cancelled")
            raise
        except Exception:
            logger.exception("run %s failed", self.run.pk)
            self._end()
            self._recording.close(Run.State.FAILED, error="internal_error")
            yield RunClosed(self.run)
        finally:
            self._place.release()

    def cancel(self) -> None:
        self._stopped = True

    def close(self) -> None:
        if not self._begun:
            self._recording.close(Run.State.CANCELLED, error="cancelled")
            self._place.release()

    def _reply(self, kind: str) -> Iterator[LogEntry]:
        yield small_talk_event(kind)
        yield from self._recording.read(reply_to(self.question.text, kind))
        yield from self._recording.read_end()
        self._recording.close(Run.State.COMPLETED, small_talk=kind)
        yield RunClosed(self.run)

    def _run(self) -> Generator[LogEntry, None, str]:
        """Run the workflow to its end, and return the code of what was wrong; empty where nothing was."""
        by = self.question.reader.counted_as
        try:
            place = _places.take(limit=AT_ONCE, by=by, share=SHARE, too_many=errors.too_many_at_once)
        except errors.AnswerError:
            return "workflow_busy"
        try:
            return (yield from self._run_placed())
        finally:
            place.release()

    def _run_placed(self) -> Generator[LogEntry, None, str]:
        try:
            fit = answering_workflow(self.question.agent.workflow)
            if is_for_one_reader(fit.version.text):
                mark_personal(self.run)
            self._under_way = running.begin(
                fit.version.workflow,
                version=fit.version,
                inputs=fit.inputs(self.question.text),
                reader=self.question.reader,
                question=self.run,
                findings=self._findings,
                within=self.question.scope.collections,
            )
        except WorkflowUnfit:  # it was published anew since the question was checked
            logger.exception("agent %s can't answer", self.question.agent.name)
            return "workflow_failed"
        except running.TooManyRuns:
            return "workflow_busy"
        until = monotonic() + settings.CHAT_TOTAL_SECONDS
        while self._under_way.state == WorkflowRun.State.RUNNING:
            running.wait(self._under_way, seconds=BEAT_SECONDS)
            yield BEAT
            yield from self._steps(self._under_way)
            self._look()
            if self._stopped or monotonic() > until:
                self._end()
                return "cancelled" if self._stopped else "deadline_exceeded"
        if self._under_way.state == WorkflowRun.State.COMPLETED:
            return ""
        self._end()  # one that waits for a person, by a way that its text doesn't show
        return _ENDED.get(WorkflowRun.State(self._under_way.state), "workflow_failed")

    def _steps(self, run: WorkflowRun) -> Iterator[LogEntry]:
        """Tell which steps have begun and ended since the last time."""
        for name, step in run.steps.items():
            before, self._told[name] = self._told.get(name, ""), step["state"]
            if not before:
                yield Event("tool_call", {"name": WORKFLOW_STEP, "arguments": json.dumps({"step": name})})
            if step["state"] != before and step["state"] not in ("running", "waiting"):
                found = len(self._findings.passages) - sum(one["passages"] for one in self._recording.steps)
                failed = step["state"] == "failed"
                ms = round(float(step.get("seconds") or 0) * 1000, 1)
                noted = {"query": name, "step": name, "failed": failed, "passages": found, "ms": ms if found else 0.0}
                self._recording.steps.append(noted | {"corrections": [], "missing": []})
                yield Event("tool_result", {"name": WORKFLOW_STEP, "failed": failed, "passages": found})

    def _look(self) -> None:
        """Now and then save how far it is, and end a run that nobody may or wants to go on with."""
        seconds = settings.RUN_SAVE_SECONDS if self.run.kept else settings.RUN_LOOK_SECONDS
        if self._stopped or monotonic() - self._looked < seconds:
            return
        self._looked = monotonic()
        try:
            if self.run.kept:
                goes_on = self._recording.save_so_far() and self.question.reader.may_still_ask()
            else:
                goes_on = Run.objects.going_on().filter(pk=self.run.pk).exists()
            self._stopped = not goes_on
        except OperationalError:  # a database that is locked or restarts; the answer goes on without it
            logger.warning("run %s could not be looked at", self.run.pk, exc_info=True)

    def _end(self) -> None:
        if self._under_way:
            running.stop(self._under_way)

    def _close(self, code: str) -> None:
        if self._findings.not_run:  # staff who only try it are told
            self.run.scope |= {"not_run": sorted(self._findings.not_run)}
        state = Run.State.CANCELLED if code == "cancelled" else Run.State.FAILED if code else Run.State.COMPLETED
        self._recording.close(state, error=code)


def text_of(output: Any) -> str:
    """Return what a workflow ended with as an answer: a text as it is, of an answer its text, anything else as JSON."""
    match output:
        case None:
            return _("The workflow has ended without a result.")
        case str():
            return output
        case {"answer": str(text)}:
            return text
    return f"```json\n{json.dumps(output, ensure_ascii=False, indent=2)}\n```"


answer.drivers["workflow"] = WorkflowDriving
