"""Documents are ingested by a task of the project's own queue, with each of the real packages: asked for when one comes
in, and again by a task that finds nothing to do."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.core.files.base import ContentFile

from retrieval.configuration import runtime
from retrieval.index.storage import StoragePart
from retrieval.ingestion import ingest
from retrieval.ingestion.by_task import ingest_waiting
from retrieval.models import Collection, Document
from tests import apart
from tests.apart import ROOT

Add = Callable[[str], Document]
PROJECT = "a_project_with_tasks"


@pytest.fixture
def add(index: None, settings: Any, tmp_path: Any, public: Collection, django_capture_on_commit_callbacks: Any) -> Add:
    """Add a document as a request does, and have what follows its commit happen."""
    settings.MEDIA_ROOT = tmp_path / "media"

    def add(text: str) -> Document:
        with django_capture_on_commit_callbacks(execute=True):
            return ingest.add_document(public, file=ContentFile(text.encode(), name="a.md"), filename="a.md")[0]

    return add


@pytest.fixture
def project(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of the project, whose `ingest` is the task that the settings name."""
    module = ModuleType(PROJECT)
    monkeypatch.setitem(sys.modules, PROJECT, module)
    settings.INGEST_TASK = f"{PROJECT}.ingest"
    return module


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, apart.beside()])


def state(document: Document) -> str:
    document.refresh_from_db()
    return document.state


def shown(library: str, **other: str) -> str:
    """What docs/hosts.md shows of a library, with `other` words in place of some."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "hosts.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if f"from {library}" in block]
    for word, instead in other.items():
        assert word in block
        block = block.replace(word, instead)
    return block


@pytest.mark.django_db(transaction=True)  # the worker's thread has a connection of its own
def test_celery(add: Add, project: ModuleType) -> None:
    from celery import Celery
    from celery.contrib.testing.worker import start_worker
    from celery.signals import task_postrun

    app = Celery("project", broker="memory://localhost", backend="cache+memory://")
    done = threading.Event()
    task_postrun.connect(lambda **_: done.set(), weak=False, dispatch_uid=__name__)
    exec(shown("celery"), vars(project))
    document = add("# One\n\nThe first text.")
    assert state(document) == "queued"
    with start_worker(app, perform_ping_check=False, pool="solo", loglevel="ERROR", shutdown_timeout=30):
        assert done.wait(60)
    assert state(document) == "ready"
    task_postrun.disconnect(dispatch_uid=__name__)
    app.close()


def test_rq(add: Add, project: ModuleType, beside: None) -> None:
    from rq import SimpleWorker

    exec(shown("redis", **{"from redis import Redis": "from fakeredis import FakeStrictRedis as Redis"}), vars(project))
    queue = project.queue
    document = add("# Two\n\nThe second text.")
    assert state(document) == "queued"
    assert queue.count == 1
    SimpleWorker([queue], connection=queue.connection).work(burst=True, logging_level="ERROR")
    assert state(document) == "ready"
    assert queue.count == 0


def test_django_tasks(add: Add, project: ModuleType, beside: None, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    exec(shown("django.tasks", **{"django.tasks": "django_tasks"}), vars(project))
    assert state(add("# Three\n\nThe third text.")) == "ready"


def test_queue_that_is_down_loses_no_document(
    add: Add, project: ModuleType, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    def down() -> None:
        raise ConnectionError("no broker")

    project.ingest = down  # type: ignore[attr-defined]
    with caplog.at_level(logging.ERROR):
        document = add("# Four\n\nThe fourth text.")
    assert f"The task {PROJECT}.ingest could not be asked for" in caplog.text
    assert state(document) == "queued"
    settings.INGEST_TASK = ""
    ingest_waiting()
    assert state(document) == "ready"


@pytest.mark.django_db(transaction=True)  # the threads have connections of their own
def test_task_leaves_ingestion_to_the_threads_of_its_process(add: Add, index: None) -> None:
    ingest.start()
    try:
        ingest_waiting()
        assert is_taken(StoragePart.INGESTION)
    finally:
        assert ingest.stop(deadline=60)
    assert not is_taken(StoragePart.INGESTION)


def is_taken(part: StoragePart) -> bool:
    """Ask in a process of its own."""
    code = (
        "import sys; from pathlib import Path; from retrieval.index.storage import StoragePart, may_have; "
        "print(may_have(Path(sys.argv[1]), StoragePart(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, str(runtime().settings.index_dir), part]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "False\n"


def test_task_ends_when_its_time_is_over(add: Add) -> None:
    documents = [add(f"# Text {number}\n\nSome text.") for number in range(3)]
    ingest_waiting(seconds=0)
    assert {state(document) for document in documents} == {"queued"}
    ingest_waiting()
    assert {state(document) for document in documents} == {"ready"}
