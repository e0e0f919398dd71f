"""`manage.py run_workflow digest -i topic=tea`: run a published workflow to its end."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from agents.workflows.values import Json
from chatsite.models import Workflow, WorkflowRun
from chatsite.reader import Reader
from chatsite.workflows import running
from chatsite.workflows.cards import cards_in, inputs_in
from chatsite.workflows.inputs import InputsForm


class Command(BaseCommand):
    help = "Run the newest version of a workflow, as one of the users, and print what it ends with."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug", help="the workflow's name")
        parser.add_argument("-i", "--input", action="append", default=[], metavar="NAME=VALUE", help="an input")
        parser.add_argument("--user", required=True, help="who runs it: it finds what that user may read")

    def handle(self, *args: Any, **options: Any) -> None:
        workflow = Workflow.objects.filter(slug=options["slug"]).first()
        version = workflow.published() if workflow else None
        if workflow is None or version is None:
            published = Workflow.objects.exclude(versions=None).values_list("slug", flat=True)
            raise CommandError(f"No workflow {options['slug']!r} is published; there are: {', '.join(published)}")
        user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: options["user"]}).first()
        if user is None or not user.is_active or not user.has_perm("chatsite.run_workflow"):
            raise CommandError(f"There is no active user {options['user']!r} who may run workflows.")
        inputs = _inputs(version.text, options["input"])
        run = running.begin(workflow, version=version, inputs=inputs, reader=Reader(user))
        running.join(None)
        run.refresh_from_db()
        if run.state == WorkflowRun.State.WAITING:
            raise CommandError(f"Run {run.pk} waits for a person, in the admin.", returncode=3)
        if run.state != WorkflowRun.State.COMPLETED:
            raise CommandError(f"Run {run.pk} ended as {run.state}: {run.error}")
        output = run.output
        self.stdout.write(output if isinstance(output, str) else json.dumps(output, indent=2, ensure_ascii=False))


def _inputs(text: str, given: list[str]) -> dict[str, Json]:
    """Return what the run is given. Raises CommandError for a wrong, unknown or missing input."""
    fields = inputs_in(cards_in(text))
    said = dict(each.partition("=")[::2] for each in given)
    known = [field.name for field in fields]
    if unknown := [name for name in said if name not in known]:
        raise CommandError(f"There is no input {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
    form = InputsForm(fields, {f"input.{name}": value for name, value in said.items()})
    if faults := form.faults():
        raise CommandError(" ".join(faults))
    return form.values()
