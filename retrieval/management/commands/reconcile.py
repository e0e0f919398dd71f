"""`manage.py reconcile`: compare the live index with SQL, and mend it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retrieval.configuration import runtime
from retrieval.errors import IndexUnavailable
from retrieval.ingestion import ingest, reindex, spaces
from retrieval.management.follow import follow, may_work
from retrieval.models import Reindex


class Command(BaseCommand):
    help = "Put back what the index lacks of SQL's chunks, and remove what SQL doesn't know."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what differs.")

    def handle(self, *args: Any, **options: Any) -> None:
        embedded = not settings.QDRANT_URL
        owned = may_work(settings.INDEX_DIR, embedded=embedded)
        try:
            if owned:
                ingest.drain_removals()
                self.stdout.write(str(reindex.drift(spaces.live_space())))
            elif options["dry_run"]:
                raise CommandError(
                    "The serving process owns the embedded index, and only it can look. In the admin, choose “Compare "
                    "the index with the documents” among the actions of the list of collections. Or leave out "
                    "--dry-run: what is missing is put back from the database, and what it doesn't know is removed."
                )
            if options["dry_run"]:
                return
            reindex.request_repair()
            if not owned:
                self.stdout.write("The serving process owns the embedded index: it compares and mends it.")
            follow(Reindex.Kind.REPAIR, out=self.stdout, index_dir=settings.INDEX_DIR, embedded=embedded)
        except IndexUnavailable as error:
            raise CommandError(str(error)) from error
        finally:
            runtime().close()
        self.stdout.write("The index holds what SQL does.")
