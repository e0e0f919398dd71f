"""Where runs are recorded: a folder for each, with the steps as they were and what came of them."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from agents.workflows.checkpoints import Record, is_running, read_record
from agents.workflows.errors import RecordInvalid, RunUnknown
from chatsite.models import WorkflowRun

FILE = "workflow.yaml"


def folder_of(run: WorkflowRun) -> Path:
    """Return the folder of a run, which only the site looks into."""
    return Path(settings.DATA_DIR, "workflows", str(run.pk))


def write_file(run: WorkflowRun) -> Path:
    """Write the run's steps where its record will be, and return the path. Raises OSError."""
    folder = folder_of(run)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / FILE
    beside = folder / f"{FILE}.new"
    beside.write_text(run.text)
    beside.replace(path)
    return path


def record_of(run: WorkflowRun) -> Record | None:
    """Return what is recorded of a run; None where nothing is, on this machine."""
    try:
        return read_record(folder_of(run), run_id=str(run.pk))
    except (RunUnknown, RecordInvalid):
        return None


def is_held(run: WorkflowRun) -> bool | None:
    """Say whether a process of this machine runs it; None where its record is on no disk of this machine's."""
    try:
        return is_running(folder_of(run), run_id=str(run.pk))
    except RunUnknown:
        return None


def delete_record(folder: Path) -> None:
    """Delete what is recorded of the run that has this folder."""
    shutil.rmtree(folder, ignore_errors=True)


@receiver(post_delete, sender=WorkflowRun, dispatch_uid="chatsite.workflows.records")
def note_deletion(instance: WorkflowRun, **signal: Any) -> None:
    """Delete the record of a run with its row, whatever took that along: a workflow, or the conversation it answered
    in."""
    transaction.on_commit(partial(delete_record, folder_of(instance)))  # by then it has no id any more
