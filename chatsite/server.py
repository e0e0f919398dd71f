"""The process `manage.py serve` runs: gunicorn with one worker of threads, which also owns the index and ingests.

Everything here is called by gunicorn: in the arbiter before the fork, then in the worker.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections
from gunicorn.app.base import BaseApplication

import agents

SPARE_THREADS = 32  # besides those that write answers and follow them: for pages, health, and refusals
GRACEFUL_SECONDS = 20  # from SIGTERM until gunicorn kills the worker
FIRST_INGESTION_SECONDS = 120


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured here and by nothing else. At a `first_start` nobody is answered before the documents that
    came with the site can be asked: whoever asks meanwhile waits, instead of taking an answer from half of them.
    """

    def __init__(self, *, first_start: bool) -> None:
        self._first_start = first_start
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"127.0.0.1:{settings.PORT}",
            "workers": 1,
            "worker_class": "chatsite.serving.worker.ReceivingWorker",
            "threads": 3 * settings.RUNS_PER_PROCESS + SPARE_THREADS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 5,
            "proc_name": "docchat",
            "loglevel": "warning",
            "control_socket_disable": True,
            "post_worker_init": partial(start_worker, first_start=self._first_start),
            "worker_exit": end_worker,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from chatsite.wsgi import application

        return application


def start_worker(worker: Any, *, first_start: bool) -> None:
    """In the worker, before its first request. Raises StorageInUse, which stops the server, when another one serves."""
    from chatsite.models import Run
    from retrieval.configuration import runtime
    from retrieval.index.storage import StoragePart, claim
    from retrieval.ingestion import ingest

    if not settings.QDRANT_URL:
        claim(settings.INDEX_DIR, StoragePart.SERVING)
        if runtime().storage.is_owned():  # what runs is of a process that was killed: there is no other
            Run.objects.filter(state=Run.State.RUNNING).interrupt()
    Run.objects.close_lost()
    ingest.start()
    signal.signal(signal.SIGTERM, partial(drain, worker.handle_exit))
    if first_start:
        _wait_for_documents(worker)
    threading.Thread(target=_announce, name="announce", daemon=True).start()


_draining_until: float | None = None


def drain(then: Callable[[int, Any], None], number: int, frame: Any) -> None:
    """At SIGTERM: gunicorn's own hooks come only when all answers have ended, or when it is too late."""
    global _draining_until
    _draining_until = time.monotonic() + settings.RUN_DRAIN_SECONDS
    threading.Thread(target=agents.shutdown, args=(settings.RUN_DRAIN_SECONDS,), name="drain", daemon=True).start()
    then(number, frame)


def end_worker(server: Any, worker: Any) -> None:
    from chatsite.answering import kept as live
    from retrieval.ingestion import ingest

    if _draining_until is not None:  # gunicorn waits for requests, not for answers that nobody reads
        live.join(_draining_until - time.monotonic())
    live.end()
    agents.shutdown(0)
    ingest.stop(deadline=5.0)


def _wait_for_documents(worker: Any = None) -> None:
    """Until all have been read that wait; a `worker` that waits tells gunicorn that it lives."""
    from retrieval.models import Document

    until = time.monotonic() + FIRST_INGESTION_SECONDS
    waiting = Document.objects.filter(state__in=[Document.State.QUEUED, Document.State.PROCESSING])
    while waiting.exists() and time.monotonic() < until and (worker is None or worker.alive):
        if worker is not None:
            worker.notify()
        time.sleep(0.1)
    connections.close_all()


def _announce() -> None:
    """Say where the site is, once the documents that came with it can be asked."""
    _wait_for_documents()
    print(summary(), flush=True)  # noqa: T201


def summary() -> str:
    """Where the site is and what it runs on, for the person who started it."""
    from chatsite.answering.model_state import model_description
    from retrieval import configuration

    described = configuration.describe()
    home = f"http://127.0.0.1:{settings.PORT}"
    lines = {
        "Chat": f"{home}/",
        "Administration": f"{home}/admin/",
        "API": f"{home}/api/v1/docs",
        "Chat model": model_description(),
        "Embedding": described.embedding,
        "Store": f"{described.store}; all state is in {settings.DATA_DIR}",
        "Anonymous chat": "on" if settings.ANONYMOUS_CHAT else "off (ANONYMOUS_CHAT)",
    }
    width = max(map(len, lines)) + 2
    return "\n" + "\n".join(f"  {name:<{width}}{value}" for name, value in lines.items()) + "\n"
