"""`manage.py sync_models`: bring the documents that are rows of the site's models in step with them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retrieval.management.follow import show
from retrieval.model_documents.declaring import declared, declared_for, faults
from retrieval.model_documents.following import sync

_SAID = ("added", "changed", "deleted", "unchanged", "unreadable")


class Command(BaseCommand):
    help = (
        "Compare each row of the models that are declared as documents with its document, and mend what differs: what "
        "bulk_create, update() and SQL by hand have changed sends no signal. The serving process then ingests them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("models", nargs="*", metavar="app.model", help="only these; else all that are declared")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [declared_for(label.lower()) for label in options["models"]] or [*declared()]
        if None in chosen:
            known = ", ".join(one.label for one in declared()) or "none"
            raise CommandError(f"{options['models'][chosen.index(None)]} is not declared; declared are: {known}.")
        if not chosen:
            broken = "; ".join(f"{name} could not be imported: {fault}" for name, fault in faults().items())
            raise CommandError(broken or "No model is declared: see “Your models as documents” in the docs.")
        unreadable = 0
        for one in filter(None, chosen):
            counts = sync(one, report=partial(self._show, one.label))
            show("", out=self.stdout)
            said = ", ".join(f"{counts[word]:,} {word}" for word in _SAID if counts[word]) or "no rows"
            self.stdout.write(f"{one.label}: {said}")
            unreadable += counts["unreadable"]
        if unreadable:
            raise CommandError(f"{unreadable:,} rows can't be documents; `manage.py doctor` says why.")

    def _show(self, label: str, number: int) -> None:
        show(f"{label}: row {number:,}", out=self.stdout)
