"""`manage.py worker`: ingest documents in a process of its own; any number of them, on one Qdrant server."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.errors import IndexUnavailable
from retrieval.ingestion import ingest

STOP_SECONDS = 20.0  # from SIGTERM until the process ends, whatever it is doing: its lease then ends by itself
_POLL_SECONDS = 0.2


class Command(BaseCommand):
    help = "Ingest queued documents, remove deleted ones and rebuild indexes, until SIGTERM or Ctrl+C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until-empty", action="store_true", help="End when there is nothing left to do.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ours = ingest.may_ingest()
        except IndexUnavailable as error:
            raise CommandError(str(error)) from error
        asked_to_end = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked_to_end.set())
        self.stdout.write(
            "Ingesting. SIGTERM or Ctrl+C ends it."
            if ours
            else "Another process ingests; this one takes over when that ends. SIGTERM or Ctrl+C ends it."
        )
        ingest.start()
        while not asked_to_end.wait(_POLL_SECONDS):
            if options["until_empty"] and not ingest.is_waited_for():
                break
        if not ingest.stop(deadline=STOP_SECONDS):
            raise CommandError(
                f"What is under way did not end within {STOP_SECONDS:.0f} seconds: it is taken up again."
            )
