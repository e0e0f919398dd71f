"""`manage.py doctor`: the state of everything in plain words, with the fix for what isn't well."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chatsite.answering.model_state import model_description, try_model
from retrieval import doctor
from retrieval.configuration import runtime
from retrieval.doctor import Finding


class Command(BaseCommand):
    help = (
        "Say how the database, the index, the embedding, the queue and the disk are. Exit status 1: someone is needed."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [*doctor.examine(data_dir=settings.DATA_DIR), self._chat_model()]
        runtime().close()
        width = max(len(finding.about) for finding in findings) + 2
        for finding in findings:
            style = self.style.SUCCESS if finding.well else self.style.ERROR
            self.stdout.write(f"{style('ok  ' if finding.well else 'FIX ')}{finding.about:<{width}}{finding.state}")
            if finding.fix:
                self.stdout.write(f"    {'':<{width}}-> {finding.fix}")
        if not all(finding.well for finding in findings):
            sys.exit(1)

    def _chat_model(self) -> Finding:
        """Ask the language model for a word, and say what is wrong with it."""
        fault, fix = try_model()
        described = model_description()
        return Finding("chat model", f"{described}: {fault}" if fault else described, fix, well=not fault)
