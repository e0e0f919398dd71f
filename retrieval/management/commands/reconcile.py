"""`manage.py reconcile`: compare the live index with SQL, and mend it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.configuration import runtime
from retrieval.errors import IndexUnavailable
from retrieval.ingestion import ingest, reindex, spaces
from retrieval.management.follow import follow
from retrieval.models import Reindex


class Command(BaseCommand):
    help = "Put back what the index lacks of SQL's chunks, and remove what SQL doesn't know."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what differs.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ingest.drain_removals()
            self.stdout.write(str(reindex.drift(spaces.live_space())))
            if options["dry_run"]:
                return
            reindex.request_repair()
            follow(Reindex.Kind.REPAIR, out=self.stdout)
        except IndexUnavailable as error:
            raise CommandError(str(error)) from error
        finally:
            runtime().close()
        self.stdout.write("The index holds what SQL does.")
