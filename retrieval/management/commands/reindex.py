"""`manage.py reindex`: build the index that the settings ask for behind the live one, then switch to it at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.configuration import runtime
from retrieval.ingestion import reindex, spaces
from retrieval.management.follow import follow
from retrieval.models import Reindex


class Command(BaseCommand):
    help = "Build the index for the configured embedding model behind the live one, and switch to it when it is whole."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cancel", action="store_true", help="Take the request back and drop what was built.")
        parser.add_argument("--no-wait", action="store_true", help="Only ask: the process that ingests does it.")

    def handle(self, *args: Any, **options: Any) -> None:
        before = spaces.live_fingerprint()
        if options["cancel"]:
            if not reindex.cancel_reindex():
                raise CommandError("Nothing to cancel: no reindex is under way.")
        else:
            reindex.request_reindex()
        if options["no_wait"]:
            self.stdout.write("Asked for. The process that ingests does it; “manage.py doctor” shows how far it is.")
            return
        follow(Reindex.Kind.SWITCH, out=self.stdout)
        after = spaces.live_fingerprint()
        runtime().close()
        if options["cancel"]:
            self.stdout.write(f"Cancelled. Searches go on with {after}.")
        elif after != before:
            self.stdout.write(f"Searches ask {after} now. The process that ingests removes {before} within a minute.")
        else:
            self.stdout.write("Nothing changed: the live index is the one that the settings ask for.")
