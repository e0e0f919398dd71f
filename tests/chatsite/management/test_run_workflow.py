"""`manage.py run_workflow`: a published workflow, run as a user, to its end."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from chatsite.models import Workflow, WorkflowRun
from retrieval.models import Collection
from tests.chatsite.workflows.flows import FIND, TEA, made

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own


@pytest.fixture
def workflow(settings: Any, tmp_path: Path, transactional_db: None) -> Workflow:
    settings.DATA_DIR = tmp_path
    User.objects.create_superuser("root")
    workflow = made("inputs: {topic: {}}\nsteps: {}\n")
    workflow.versions.create(
        number=1, text=FIND.replace(", default: tea", "") + "output: ${steps.find.output.0.text}\n"
    )
    return workflow


def run(*arguments: str) -> str:
    call_command("run_workflow", *arguments, stdout=(printed := StringIO()))
    return printed.getvalue()


def test_newest_version_is_run_and_its_result_printed(workflow: Workflow, put: Any) -> None:
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    assert run("tea", "-i", "topic=tea", "--user", "root") == f"{TEA}\n"
    found = WorkflowRun.objects.get()
    assert (found.state, found.version, found.started_by.username) == (  # type: ignore[union-attr]
        "completed", workflow.published(), "root"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["coffee", "--user", "root"], "No workflow 'coffee' is published; there are: tea"),
        (["tea", "--user", "nobody"], "There is no active user 'nobody' who may run workflows."),
        (["tea", "--user", "root"], "“topic” is missing."),
        (["tea", "--user", "root", "-i", "top=tea"], "There is no input 'top'; there are: topic"),
    ],
)
def test_what_can_not_be_run_is_named(workflow: Workflow, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)
    assert WorkflowRun.objects.count() == 0


def test_run_that_fails_fails_the_command(workflow: Workflow, index: None) -> None:
    with pytest.raises(CommandError, match=r"ended as failed: workflow.yaml:10: output: .* has no '0'"):
        run("tea", "-i", "topic=tea", "--user", "root")


def test_step_that_waits_for_a_person_ends_it_with_3(workflow: Workflow) -> None:
    workflow.versions.create(number=2, text="steps: {ask: {person: answer, prompt: How}}\n")
    with pytest.raises(CommandError, match="waits for a person") as refused:
        run("tea", "--user", "root")
    assert refused.value.returncode == 3
