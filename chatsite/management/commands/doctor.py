"""`manage.py doctor`: the state of everything in plain words, with the fix for what isn't well."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chatsite.answering.language_models import model_configured
from chatsite.answering.model_state import model_description, try_model
from chatsite.tools.declaring import registry
from retrieval import doctor
from retrieval.configuration import runtime
from retrieval.doctor import Finding


class Command(BaseCommand):
    help = (
        "Say how the database, the index, the embedding, the queue and the disk are. Exit status 1: someone is needed."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [*doctor.examine(data_dir=settings.DATA_DIR), self._chat_model(), *self._tools()]
        runtime().close()
        width = max(len(finding.about) for finding in findings) + 2
        for finding in findings:
            style = self.style.SUCCESS if finding.well else self.style.ERROR
            self.stdout.write(f"{style('ok  ' if finding.well else 'FIX ')}{finding.about:<{width}}{finding.state}")
            if finding.fix:
                self.stdout.write(f"    {'':<{width}}-> {finding.fix}")
        if not all(finding.well for finding in findings):
            sys.exit(1)

    def _tools(self) -> Iterator[Finding]:
        """Say which tools of the host there are, and what is wrong with them; nothing where there are none."""
        found = registry()
        faults = [fault for fault in found.faults if fault.leaves_out]
        for fault in faults:
            yield Finding("tools", fault.message, fault.hint, well=False)
        if found.tools and not faults:
            names = ", ".join(found.tools)
            unasked = "" if model_configured() else " (not asked: there is no language model)"
            fix = "Set OPENAI_API_KEY or OPENAI_BASE_URL: the model that quotes asks for nothing." if unasked else ""
            yield Finding("tools", f"{names}{unasked}", fix, well=not unasked)

    def _chat_model(self) -> Finding:
        """Ask the language model for a word, and say what is wrong with it."""
        fault, fix = try_model()
        described = model_description()
        return Finding("chat model", f"{described}: {fault}" if fault else described, fix, well=not fault)
