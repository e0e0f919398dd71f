"""Run workflows on threads of their own, in the process that was asked: whoever looks on reads the run's row.

All that happens is recorded by `agents.workflows` in a file: from there a run that was killed goes on. How the steps
stand is saved in the run's row as it happens, for the pages and streams of every process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.utils import timezone
from django.utils.translation import activate, get_language, ngettext
from django.utils.translation import gettext as _

import agents
from agents import AgentError, Registry, StepBegan, StepEnded, StepTold, WorkflowEvent, WorkflowResult
from agents.workflows.errors import AnswerRefused
from agents.workflows.events import StepWaits
from agents.workflows.values import Json
from chatsite.models import Run, Workflow, WorkflowRun, WorkflowVersion
from chatsite.reader import Program, Reader
from chatsite.workflows.findings import Findings
from chatsite.workflows.records import delete_record, folder_of, is_held, write_file
from chatsite.workflows.registry import registry_for
from chatsite.workflows.starter import starter_of

logger = logging.getLogger(__name__)

AT_ONCE = 8  # runs of one process
LOOK_SECONDS = 0.5  # how often a run looks whether it is to stop, and says that it lives
SILENT = timedelta(seconds=30)  # without a sign of life, after which a run of another machine counts as dead
STARTING = timedelta(seconds=3)  # the same, where its record can be seen not to be held
State = WorkflowRun.State

_lock = threading.Lock()
_here: dict[uuid.UUID, RunningWorkflow] = {}


def _forget_after_fork() -> None:
    """Runs of the parent go on there; its lock may be held by a thread that stayed behind."""
    global _lock, _here
    _lock, _here = threading.Lock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class TooManyRuns(Exception):
    """This process runs as many workflows as it does at once."""

    def __str__(self) -> str:
        return _("%(count)d workflows are running here, as many as can at once. Wait for one of them, or stop it.") % {
            "count": AT_ONCE
        }


def begin(
    workflow: Workflow,
    *,
    version: WorkflowVersion | None,
    inputs: Mapping[str, Any],
    reader: Reader,
    question: Run | None = None,
    findings: Findings | None = None,
    within: Sequence[str] | None = None,
) -> WorkflowRun:
    """Run a version, or the draft, as this reader, and return at once: for itself, or to answer their `question` in the
    chat. With `findings` what its searches find is numbered there, to be cited; they stay `within` these collections,
    if any are named. Raises TooManyRuns."""
    _check_room()
    text = version.text if version else workflow.draft
    key = reader.key if isinstance(reader, Program) else None
    run = WorkflowRun.objects.create(
        workflow=workflow, version=version, text=text, inputs=dict(inputs), started_by_id=reader.user.pk,
        by_key=key is not None, api_key=key, question=question, within=None if within is None else list(within),
    )  # fmt: skip
    RunningWorkflow(run, reader, findings=findings, within=within).start()
    return run


def resume(run: WorkflowRun, *, answers: Mapping[str, Json] | None = None, by: str = "") -> bool:
    """Go on with a run where it stopped, as who started it, with the answers of a person whose name is `by`; say
    whether it was there to go on with. Raises TooManyRuns, and StarterRefused."""
    _check_room()
    starter = starter_of(run)
    changed = WorkflowRun.objects.filter(pk=run.pk).exclude(state__in=[State.RUNNING, State.COMPLETED])
    now = timezone.now()
    if not changed.update(state=State.RUNNING, error="", ended_at=None, stop_asked=False, checked_at=now):
        return False
    run.refresh_from_db()
    RunningWorkflow(run, starter.reader, answers=answers or {}, by=by, within=starter.within).start()
    return True


def stop(run: WorkflowRun) -> None:
    """End a run, wherever it runs: soon, and so that it can go on later."""
    runs = WorkflowRun.objects.filter(pk=run.pk)
    runs.filter(state=State.RUNNING).update(stop_asked=True)
    runs.filter(state=State.WAITING).update(state=State.CANCELLED, ended_at=timezone.now())


def give_up_waiting(longest: timedelta) -> int:
    """End those that have waited for a person for so long; they can go on later. Return how many."""
    now = timezone.now()
    late = WorkflowRun.objects.filter(state=State.WAITING, checked_at__lt=now - longest)
    said = ngettext("Nobody has answered for %d day.", "Nobody has answered for %d days.", longest.days) % longest.days
    return late.update(state=State.CANCELLED, error=said, ended_at=now)


def settle_lost(runs: Iterable[WorkflowRun]) -> int:
    """Record those of `runs` as interrupted whose process has died; return how many."""
    now, settled = timezone.now(), 0
    for run in runs:
        if run.state != State.RUNNING or run.pk in _here:
            continue
        silence, held = now - run.checked_at, is_held(run)
        if not held and silence > (SILENT if held is None else STARTING):
            lost = WorkflowRun.objects.filter(pk=run.pk, state=State.RUNNING, checked_at=run.checked_at)
            settled += lost.update(state=State.INTERRUPTED, ended_at=now)
            run.refresh_from_db()
    return settled


def _check_room() -> None:
    with _lock:
        if len(_here) >= AT_ONCE:
            raise TooManyRuns


def join(seconds: float | None) -> None:
    """Wait until the runs of this process have ended, for so long each at most, or as long as they take."""
    with _lock:
        running = list(_here.values())
    for one in running:
        one.join(seconds)


def wait(run: WorkflowRun, *, seconds: float) -> None:
    """Wait until a run of this process has ended or waits for a person, for so long at most, and take its row anew."""
    with _lock:
        running = _here.get(run.pk)
    if running:
        running.join(seconds)
    run.refresh_from_db()


class RunningWorkflow:
    """A run of this process, on a thread of its own."""

    def __init__(
        self,
        run: WorkflowRun,
        reader: Reader,
        *,
        answers: Mapping[str, Json] | None = None,
        by: str = "",
        findings: Findings | None = None,
        within: Sequence[str] | None = None,
    ) -> None:
        self._run = run
        self._findings = findings
        self._within = within
        self._answers = answers or {}
        self._by = {place.partition("[")[0]: by for place in self._answers}
        self._reader = reader
        self._steps: dict[str, Any] = {name: step for name, step in run.steps.items() if step["state"] != "running"}
        self._found = set(run.found)
        self._language = get_language() or settings.LANGUAGE_CODE
        self._thread = threading.Thread(target=self._drive, name=f"workflow-{run.pk}", daemon=True)

    def start(self) -> None:
        with _lock:
            _here[self._run.pk] = self
        self._thread.start()

    def join(self, seconds: float | None) -> None:
        self._thread.join(seconds)

    # ---- on its thread ----
    def _drive(self) -> None:
        activate(self._language)
        try:
            self._end(self._result())
        except Exception:  # the last edge: nobody stands behind this thread
            logger.exception("workflow run %s could not be recorded", self._run.pk)
        finally:
            with _lock:
                _here.pop(self._run.pk, None)
            connections.close_all()

    def _result(self) -> WorkflowResult | AgentError | OSError | None:
        """Return how it ended: None when it was stopped, an error when it could not be run at all."""
        try:
            path = write_file(self._run)
            registry = registry_for(self._reader, found=self._note_found, findings=self._findings, within=self._within)
            return agents.call(self._steered, str(path), registry)
        except (AgentError, OSError) as error:
            return error
        except (TypeError, ImportError) as error:  # of the project's registry
            logger.exception("workflow run %s has no registry", self._run.pk)
            return AgentError(str(error))

    async def _steered(self, path: str, registry: Registry) -> WorkflowResult | None:
        """Run it, and look meanwhile whether it is to stop."""
        workflow = await asyncio.to_thread(agents.Workflow.load, path, registry=registry)
        running = asyncio.ensure_future(
            workflow.arun(
                inputs=self._run.inputs,
                checkpoints=folder_of(self._run),
                run_id=str(self._run.pk),
                answers=self._answers,
                on_event=self._take_note,
            )
        )
        try:
            while not (await asyncio.wait({running}, timeout=LOOK_SECONDS))[0]:
                if await sync_to_async(self._is_stopped)():
                    running.cancel()
                    await asyncio.wait({running})
                    return None
            return running.result()
        finally:
            running.cancel()

    def _is_stopped(self) -> bool:
        rows = WorkflowRun.objects.filter(pk=self._run.pk)
        rows.update(checked_at=timezone.now())
        return not rows.filter(stop_asked=False).exists()  # also where it was deleted

    def _note_found(self, ids: Iterable[int]) -> None:
        self._found.update(ids)
        WorkflowRun.objects.filter(pk=self._run.pk).update(found=sorted(self._found))

    def _take_note(self, event: WorkflowEvent) -> None:
        """Save how the steps stand."""
        match event:
            case StepTold():
                return
            case StepBegan(step=name):
                self._steps[name] = {"done": 0} | self._steps.get(name, {}) | {"state": "running"}
            case StepWaits(state=state):
                self._steps[state.step] = {"done": 0} | self._steps.get(state.step, {}) | {"state": "waiting"}
            case StepEnded(state=state) if state.item is not None:
                noted = self._steps.setdefault(state.step, {"state": "running", "done": 0})
                noted["done"] = noted.get("done", 0) + 1
            case StepEnded(state=state):
                done = self._steps.get(state.step, {}).get("done", 0)
                self._steps[state.step] = {"state": state.status, "done": done, "seconds": state.seconds}
                if by := self._by.get(state.step):
                    self._steps[state.step]["by"] = by
        WorkflowRun.objects.filter(pk=self._run.pk).update(steps=self._steps, checked_at=timezone.now())

    def _end(self, result: WorkflowResult | AgentError | OSError | None) -> None:
        """Save how it ended. A run that goes on later keeps what it has used."""
        run = self._run
        ended: dict[str, Any] = {"state": State.FAILED, "ended_at": timezone.now(), "stop_asked": False}
        waits = isinstance(result, WorkflowResult) and result.status == "waiting"
        for step in self._steps.values():
            if step["state"] == "running":
                step["state"] = "stopped" if result is None else "waiting" if waits else "failed"
        match result:
            case None:
                ended["state"] = State.CANCELLED
            case WorkflowResult():
                used = asdict(result.usage)
                known = run.cost is not None or not run.usage
                ended |= {
                    "state": State(result.status),
                    "output": result.output,
                    "error": self._said(result.error) if result.error else "",
                    "usage": {kind: count + run.usage.get(kind, 0) for kind, count in used.items()},
                    "cost": result.cost + (run.cost or Decimal(0)) if result.cost is not None and known else None,
                }
            case AnswerRefused():  # somebody else was faster: it waits as before
                ended["state"] = State.WAITING
            case error:
                ended["error"] = self._said(error)
        if ended["state"] == State.WAITING:
            ended["ended_at"] = None
        row = WorkflowRun.objects.filter(pk=run.pk)
        if not row.update(steps=self._steps, found=sorted(self._found), **ended):
            delete_record(folder_of(run))  # its row was deleted meanwhile, perhaps before there was a record

    def _said(self, error: Exception) -> str:
        """Return what an error says, without the folder that the run is recorded in."""
        return str(error).replace(f"{folder_of(self._run)}{os.sep}", "")
