"""Tasks, with a broker that is a folder.

kombu's folder broker writes a message where its reader already looks, so that the reader may take an empty file and the
task is lost. Here a message is written in another folder, and `deliver` moves what is whole.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import django
from celery import Celery
from celery.result import AsyncResult
from celery.signals import worker_process_shutdown, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.hosts_project.settings")
django.setup()

from django.conf import settings  # noqa: E402

import agents  # noqa: E402
from tests.hosts_project import work  # noqa: E402

queue = settings.STATE / "queue"
queue.mkdir(exist_ok=True)
written = settings.STATE / "written"
written.mkdir(exist_ok=True)
results = settings.STATE / "results"
results.mkdir(exist_ok=True)

app = Celery("matrix", broker="filesystem://", backend=f"file://{results}")
app.conf.broker_transport_options = {
    "data_folder_in": str(queue),
    "data_folder_out": str(written),
    "control_folder": str(queue / "control"),
    "polling_interval": 0.02,
}
app.conf.worker_prefetch_multiplier = 1


@app.task
def scenario(name: str) -> work.Finding:
    return work.SCENARIOS[name]()


def send(name: str, times: int) -> Sequence[AsyncResult[work.Finding]]:
    """Send the task so many times."""
    sent = [scenario.delay(name) for _ in range(times)]
    deliver()
    return sent


def deliver() -> None:
    for message in written.iterdir():
        message.rename(queue / message.name)


def end(**signal: Any) -> None:
    agents.shutdown(5)


worker_process_shutdown.connect(end)  # prefork: each child
worker_shutdown.connect(end)  # threads: the one process
