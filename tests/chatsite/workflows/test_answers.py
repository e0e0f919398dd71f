"""Steps that wait for a person: what they are asked stands in the admin, and their answer lets the run go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from agents.testing import ScriptedModel
from chatsite.answering.language_models import answered_by
from chatsite.asking.overdue import end_overdue
from chatsite.models import ApiKey, WorkflowRun
from chatsite.reader import Program
from chatsite.workflows import running
from retrieval.models import Collection
from tests.chatsite.workflows.flows import REVIEW, TEA, made, run_to_end

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own

FIND_AFTER = """\
inputs: {}
steps:
  check: {person: approve, prompt: "Go on?"}
  find: {tool: search_documents, with: {query: tea}, when: "${steps.check.output.approved}"}
"""


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    model = ScriptedModel(["Four minutes.", "Warmly: four minutes."])
    with answered_by(model):
        yield model


@pytest.fixture
def run(settings: Any, tmp_path: Path, transactional_db: None, put: Any, model: ScriptedModel) -> WorkflowRun:
    settings.DATA_DIR = tmp_path
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    return run_to_end(made(REVIEW), User.objects.create_superuser("root"))


@pytest.fixture
def staff(run: WorkflowRun) -> Client:
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def page(client: Client, run: WorkflowRun) -> str:
    return client.get(f"/admin/chatsite/workflowrun/{run.pk}/change/").content.decode()


def answer(client: Client, run: WorkflowRun, place: str, **fields: str) -> str:
    """Answer, wait until the run has gone on as far as it can, and return what the admin says."""
    sent = {"action": "answer", "place": place, **fields}
    said = client.post(f"/admin/chatsite/workflowrun/{run.pk}/act/", sent, follow=True).content.decode()
    running.join(60)
    run.refresh_from_db()
    return said


def states(run: WorkflowRun) -> dict[str, str]:
    return {name: step["state"] for name, step in run.steps.items()}


def test_run_waits_for_all_it_can_ask_and_goes_on_with_each_answer(
    run: WorkflowRun, staff: Client, model: ScriptedModel
) -> None:
    assert (run.state, run.ended_at) == ("waiting", None)
    assert states(run) == {"find": "completed", "digest": "completed", "improve": "waiting", "tone": "waiting"}
    shown = page(staff, run)
    assert "improve waits for you" in shown
    assert "Four minutes.</textarea>" in shown
    answer(staff, run, "improve", answer="Wait four minutes.")
    assert "Publish this: Wait four minutes." in page(staff, run)
    answer(staff, run, "tone", answer="1")
    answer(staff, run, "check", answer="yes", comment="Good.")
    assert (run.state, run.output) == ("completed", "Warmly: four minutes.")
    assert model.requests[1][-1].text == "warm: Wait four minutes."
    assert run.steps["check"]["by"] == "root"
    assert "answered by root" in page(staff, run)


def test_declined_step_ends_without_what_depends_on_it(run: WorkflowRun, staff: Client) -> None:
    answer(staff, run, "improve", answer="Wait.")
    answer(staff, run, "tone", answer="0")
    answer(staff, run, "check", answer="no", comment="Too short.")
    assert (run.state, run.output, states(run)["end"]) == ("completed", None, "skipped")
    assert "Too short." in page(staff, run)


def test_answer_that_does_not_fit_or_comes_second_changes_nothing(run: WorkflowRun, staff: Client) -> None:
    assert "That is no answer to what is asked." in answer(staff, run, "tone", answer="2")
    assert run.state == "waiting"
    answer(staff, run, "tone", answer="0")
    assert "It doesn&#x27;t wait for that answer any more." in answer(staff, run, "tone", answer="1")


def test_run_that_waits_is_stopped_and_waits_again(run: WorkflowRun, staff: Client) -> None:
    staff.post(f"/admin/chatsite/workflowrun/{run.pk}/act/", {"action": "stop"})
    run.refresh_from_db()
    assert run.state == "cancelled"
    staff.post(f"/admin/chatsite/workflowrun/{run.pk}/act/", {"action": "resume"})
    running.join(60)
    run.refresh_from_db()
    assert run.state == "waiting"


def test_run_that_nobody_answers_is_stopped_in_the_end_and_waits_again(
    run: WorkflowRun, staff: Client, settings: Any
) -> None:
    WorkflowRun.objects.update(checked_at=timezone.now() - timedelta(days=89))
    assert end_overdue() == 0
    WorkflowRun.objects.update(checked_at=timezone.now() - timedelta(days=91))
    settings.WORKFLOW_WAITING_DAYS = 0
    assert end_overdue() == 0
    settings.WORKFLOW_WAITING_DAYS = 90
    assert (end_overdue(), end_overdue()) == (1, 0)
    run.refresh_from_db()
    assert (run.state, run.ended_at is None, run.error) == ("cancelled", False, "Nobody has answered for 90 days.")
    assert "Nobody has answered for 90 days." in page(staff, run)
    staff.post(f"/admin/chatsite/workflowrun/{run.pk}/act/", {"action": "resume"})
    running.join(30)
    run.refresh_from_db()
    assert (run.state, run.error, end_overdue()) == ("waiting", "", 0)


def test_run_of_a_limited_key_goes_on_with_the_rights_of_the_key(
    settings: Any, tmp_path: Path, put: Any, model: ScriptedModel
) -> None:
    settings.DATA_DIR = tmp_path
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    root = User.objects.create_superuser("root")
    key = ApiKey(name="Robot", user=root)  # of no collection: it finds nothing of all that its user may read
    key.make_secret()
    key.save()
    workflow = made(FIND_AFTER)
    run = running.begin(workflow, version=None, inputs={}, reader=Program(root, key=key))
    running.join(60)
    client = Client()
    client.force_login(root)
    answer(client, run, "check", answer="yes")
    assert (run.state, run.error, run.found) == ("completed", "", [])

    again = running.begin(workflow, version=None, inputs={}, reader=Program(root, key=key))
    running.join(60)
    ApiKey.objects.update(revoked=True)
    assert "The API key that this run was started with can’t be used any more." in answer(
        client, again, "check", answer="yes"
    )
    key.delete()
    assert "can’t be used any more." in answer(client, again, "check", answer="yes")
    assert again.state == "waiting"


def test_run_of_a_person_finds_what_they_may_read(
    settings: Any, tmp_path: Path, put: Any, model: ScriptedModel
) -> None:
    settings.DATA_DIR = tmp_path
    document = put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    root = User.objects.create_superuser("root")
    run = run_to_end(made(FIND_AFTER), root)
    client = Client()
    client.force_login(root)
    answer(client, run, "check", answer="yes")
    assert (run.state, run.error, run.found) == ("completed", "", [document.pk])


def test_run_does_not_go_on_as_who_may_no_longer_run_workflows_or_read_what_it_found(
    run: WorkflowRun, staff: Client
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    WorkflowRun.objects.update(started_by=clerk)
    said = answer(staff, run, "improve", answer="Wait.")
    assert "lerk may not run workflows any more." in said
    clerk.user_permissions.add(Permission.objects.get(codename="run_workflow"))
    Collection.objects.update(public=False)
    assert "may not read any more all that it has found." in answer(staff, run, "improve", answer="Wait.")
    assert run.state == "waiting"
    Collection.objects.update(public=True)
    answer(staff, run, "improve", answer="Wait.")
    assert states(run)["improve"] == "completed"


def test_first_page_says_what_waits_to_who_may_answer(run: WorkflowRun, staff: Client) -> None:
    assert "1 workflow run waits for a person" in staff.get("/admin/").content.decode()
    listed = staff.get("/admin/chatsite/workflowrun/?state__exact=waiting").content.decode()
    assert str(run.pk) in listed
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_workflowrun"))
    client = Client()
    client.force_login(clerk)
    assert "waits for a person" not in client.get("/admin/").content.decode()


def test_who_may_not_read_what_it_found_neither_sees_nor_answers(run: WorkflowRun) -> None:
    Collection.objects.update(public=False)
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_workflowrun", "run_workflow"]))
    client = Client()
    client.force_login(clerk)
    shown = page(client, run)
    assert "waits for you" not in shown
    assert "Four minutes" not in shown
    sent = {"action": "answer", "place": "check", "answer": "yes"}
    assert client.post(f"/admin/chatsite/workflowrun/{run.pk}/act/", sent).status_code == 403
