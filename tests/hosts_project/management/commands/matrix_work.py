"""`manage.py matrix_work run --requests 48 --at-once 12`: prints its findings as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tests.hosts_project import work


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", choices=work.SCENARIOS)
        parser.add_argument("--requests", type=int, default=48)
        parser.add_argument("--at-once", type=int, default=12)

    def handle(self, *args: Any, **options: Any) -> None:
        findings = work.repeat(options["scenario"], requests=options["requests"], at_once=options["at_once"])
        self.stdout.write(json.dumps(findings))
