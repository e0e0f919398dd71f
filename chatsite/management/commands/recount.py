"""`manage.py recount`: count the questions of all days anew, and say where the counts were wrong."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatsite.overview.counting import bring_up_to_date
from chatsite.overview.recounting import count_anew, differing


class Command(BaseCommand):
    help = "Count the questions of all days anew, from which the admin's figures are read, and say what was wrong."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say it; ends with 1 where something is wrong")

    def handle(self, *args: Any, **options: Any) -> None:
        bring_up_to_date(all_of_it=True)
        wrong = differing()
        for period in wrong:
            self.stdout.write(f"{period.begins:%Y-%m-%d %H:%M} – {period.ends:%Y-%m-%d %H:%M}: was counted wrongly")
        if not options["check"]:
            self.stdout.write(f"{count_anew()} days and hours are counted, {len(wrong)} were wrong.")
        elif wrong:
            raise CommandError(f"{len(wrong)} days or hours are counted wrongly: run this without --check.")
        else:
            self.stdout.write("All counts are right.")
