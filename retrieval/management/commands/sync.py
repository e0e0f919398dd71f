"""`manage.py sync`: keep a collection in step with a folder or a git checkout."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from retrieval.management.follow import show
from retrieval.models import Collection
from retrieval.sources.folder import Listing, Plan, carry_out, list_files, plan_sync


class Command(BaseCommand):
    help = (
        "Add the new files of a folder to a collection and replace those that changed. In a git checkout, what git "
        "ignores is passed over. The serving process then ingests them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--collection", required=True, metavar="SLUG")
        parser.add_argument("--include", action="append", default=[], metavar="GLOB", help="only these paths")
        parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="all but these paths")
        parser.add_argument("--name", default="", help="what to know the folder by when it moves; else its path")
        parser.add_argument("--delete", action="store_true", help="delete the documents of files that are gone")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["folder"]
        if not root.is_dir():
            raise CommandError(f"{root} is no folder.")
        collection = Collection.objects.filter(slug=options["collection"]).first()
        if collection is None:
            raise CommandError(f"There is no collection {options['collection']!r}: add it in the admin first.")
        name = options["name"] or str(root.resolve())
        report = partial(show, out=self.stdout)
        listing = list_files(
            root, include=options["include"], exclude=options["exclude"], max_bytes=settings.UPLOAD_MAX_BYTES
        )
        plan = plan_sync(collection, root=root, name=name, files=listing.files, report=report)
        problems = []
        if not options["dry_run"]:
            delete = options["delete"]
            problems = carry_out(plan, collection=collection, name=name, delete=delete, report=report)
        report("")
        self._print_table(listing, plan, delete=options["delete"], dry_run=options["dry_run"])
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} files could not be stored. Run it again to try them again.")

    def _print_table(self, listing: Listing, plan: Plan, *, delete: bool, dry_run: bool) -> None:
        rows = [
            ("added", len(plan.new)),
            ("replaced", len(plan.changed)),
            ("renamed", len(plan.moved)),
            ("unchanged", len(plan.unchanged)),
            ("same content as another", len(plan.doubles)),
            ("deleted" if delete else "gone, kept (--delete)", len(plan.vanished)),
            *((f"left out: {reason}", count) for reason, count in sorted(listing.left_out.items())),
        ]
        if dry_run:
            self.stdout.write("Nothing was done. This would be:")
        for label, count in rows:
            if count:
                self.stdout.write(f"{label:<32}{count:>8,}")
        if not any(count for _, count in rows):
            self.stdout.write("No file was found.")
