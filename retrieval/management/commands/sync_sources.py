"""`manage.py sync_sources`: look at sources that collections follow, in this process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from retrieval.models import SyncedSource, SyncRun
from retrieval.syncing.due import due, run_now


class Command(BaseCommand):
    help = (
        "Look at the sources that collections follow, and bring their documents in step. The serving process does that "
        "by itself when they are due, and ingests what comes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="name", help="only the sources of these names; else all")
        parser.add_argument("--due", action="store_true", help="only those that are due now")
        parser.add_argument("--collection", default="", metavar="SLUG", help="only those of this collection")

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for source in self._chosen(options):
            run = run_now(source)
            if run is None:
                self.stdout.write(f"{source}: paused, or under way elsewhere")
                continue
            counts = (
                ", ".join(f"{getattr(run, name):,} {name}" for name in _COUNTS if getattr(run, name)) or "no change"
            )
            self.stdout.write(f"{source}: {run.get_state_display().lower()}: {counts}")
            if run.error:
                self.stderr.write(f"{source}: {run.error}")
            failed += run.state in (SyncRun.State.FAILED, SyncRun.State.HELD)
        if failed:
            raise CommandError(f"{failed:,} sources need a person; the admin shows the log of each.")

    def _chosen(self, options: dict[str, Any]) -> QuerySet[SyncedSource]:
        sources = due(timezone.now()) if options["due"] else SyncedSource.objects.order_by("pk")
        if options["collection"]:
            sources = sources.filter(collection__slug=options["collection"])
        for name in options["names"]:
            if not SyncedSource.objects.filter(name=name).exists():
                raise CommandError(f"No source is called {name!r}: the admin lists those of each collection.")
        sources = sources.filter(name__in=options["names"]) if options["names"] else sources
        return sources.select_related("collection")


_COUNTS = ("added", "changed", "gone", "refused", "unchanged")
