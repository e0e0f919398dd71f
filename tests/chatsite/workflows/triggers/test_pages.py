"""The pages of what runs a workflow by itself: what they ask for, what they show, and whom they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Workflow, WorkflowRun, WorkflowTrigger
from chatsite.workflows import drafts
from retrieval.models import Collection
from tests.chatsite.workflows.flows import FIND, made

LIST = "/admin/chatsite/workflowtrigger/"
ALL = ["add_workflowtrigger", "change_workflowtrigger", "view_workflowtrigger", "view_workflow", "run_workflow"]


@pytest.fixture
def root(db: None, client: Client) -> User:
    user = User.objects.create_superuser("root")
    client.force_login(user)
    return user


@pytest.fixture
def workflow(root: User) -> Workflow:
    workflow = made(FIND)
    drafts.publish(workflow, base=workflow.digest, note="", user=root)
    return workflow


def add(client: Client, workflow: Workflow, **fields: Any) -> str:
    """Send the form, and return the page that comes then."""
    sent = {"kind": "day", "at": "07:30", "weekday": "", "collection": "", "input.topic": "kettle"} | fields
    return client.post(f"{LIST}add/?workflow={workflow.pk}", sent, follow=True).content.decode()


def change(client: Client, trigger: WorkflowTrigger, **fields: Any) -> int:
    sent = {"kind": "day", "at": "07:30", "weekday": "", "collection": "", "run_as": trigger.run_as_id, "active": "on"}
    return client.post(f"{LIST}{trigger.pk}/change/", sent | fields).status_code


def staff(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_time_is_added_at_the_page_of_its_workflow_and_shown_there(
    client: Client, root: User, workflow: Workflow
) -> None:
    page = client.get(f"/admin/chatsite/workflow/{workflow.pk}/change/").content.decode()
    assert "It runs only when somebody runs it." in page
    assert f'href="{LIST}add/?workflow={workflow.pk}"' in page
    form = client.get(f"{LIST}add/?workflow={workflow.pk}").content.decode()
    assert ">\ntea</textarea>" in form
    page = add(client, workflow, run_as=root.pk)
    trigger = WorkflowTrigger.objects.get()
    assert (trigger.workflow, trigger.run_as, trigger.inputs) == (workflow, root, {"topic": "kettle"})
    assert (trigger.next_due.hour, trigger.next_due.minute) == (7, 30)
    assert trigger.next_due > timezone.now()
    assert "It runs by itself from now on." in page
    assert "Every day at 07:30" in page
    assert LogEntry.objects.filter(content_type__model="workflowtrigger", action_flag=1).count() == 1


def test_what_its_kind_needs_is_asked_for(client: Client, root: User, workflow: Workflow) -> None:
    assert "Say at what time." in add(client, workflow, run_as=root.pk, at="")
    assert "Choose a weekday." in add(client, workflow, run_as=root.pk, kind="week")
    assert WorkflowTrigger.objects.count() == 0
    shelf = Collection.objects.create(name="Handbook", slug="handbook")
    add(client, workflow, run_as=root.pk, kind="week", weekday="4", collection=shelf.pk)
    add(client, workflow, run_as=root.pk, kind="document", at="", collection=shelf.pk)
    assert [(str(one), one.collection) for one in WorkflowTrigger.objects.all()] == [
        ("Every week, Friday at 07:30", None), ("When a document is ready", shelf)
    ]  # fmt: skip


def test_input_that_must_be_given_is_asked_for_unless_the_document_gives_it(client: Client, root: User) -> None:
    workflow = made("inputs:\n  document_title: {}\n  tone: {}\nsteps:\n  find: {tool: search_documents}\n")
    drafts.publish(workflow, base=workflow.digest, note="", user=root)
    both = {"run_as": root.pk, "input.tone": "plain", "input.document_title": ""}
    assert "“document_title” is missing." in add(client, workflow, **both)
    assert "“tone” is missing." in add(client, workflow, **both | {"input.tone": "", "kind": "document"})
    add(client, workflow, **both | {"kind": "document"})
    assert WorkflowTrigger.objects.get().inputs == {"tone": "plain"}


def test_what_stopped_it_and_its_last_run_are_shown_and_saving_begins_anew(
    client: Client, root: User, workflow: Workflow
) -> None:
    run = WorkflowRun.objects.create(workflow=workflow, text=FIND, state="completed")
    trigger = WorkflowTrigger.objects.create(
        workflow=workflow, kind="day", at=time(7), run_as=root, active=False, last_run=run,
        error="eva may not sign in any more.", next_due=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    for address in (LIST, f"{LIST}{trigger.pk}/change/", f"/admin/chatsite/workflow/{workflow.pk}/change/"):
        page = client.get(address).content.decode()
        assert "eva may not sign in any more." in page
        assert "Stopped" in page
        assert f"/admin/chatsite/workflowrun/{run.pk}/change/" in page
    assert change(client, trigger, **{"input.topic": "tea"}) == 302
    trigger.refresh_from_db()
    assert (trigger.active, trigger.error, trigger.inputs) == (True, "", {"topic": "tea"})
    assert trigger.next_due > timezone.now()


def test_workflow_that_is_not_published_has_none(client: Client, root: User) -> None:
    draft = made(FIND)
    page = client.get(f"/admin/chatsite/workflow/{draft.pk}/change/").content.decode()
    assert "Publish it first" in page
    assert "Open a workflow that is published" in add(client, draft, run_as=root.pk)
    assert WorkflowTrigger.objects.count() == 0


def test_it_runs_as_oneself_and_as_others_for_who_may_change_users(
    client: Client, root: User, workflow: Workflow
) -> None:
    eva = staff("eva", *ALL)
    client.force_login(eva)
    assert "Select a valid choice" in add(client, workflow, run_as=root.pk)
    add(client, workflow, run_as=eva.pk)
    assert [one.run_as for one in WorkflowTrigger.objects.all()] == [eva]
    others = WorkflowTrigger.objects.create(
        workflow=workflow, kind="day", at=time(7), run_as=root, next_due=timezone.now()
    )
    assert change(client, others) == 403
    eva.user_permissions.add(Permission.objects.get(codename="change_user"))
    assert change(client, others, **{"input.topic": "tea"}) == 302


def test_without_the_right_to_run_nobody_adds_or_changes_one(client: Client, workflow: Workflow) -> None:
    eva = staff("eva", *ALL)
    own = WorkflowTrigger.objects.create(workflow=workflow, kind="day", at=time(7), run_as=eva, next_due=timezone.now())
    for missing in ("run_workflow", "view_workflow", "add_workflowtrigger"):
        eva.user_permissions.set(Permission.objects.filter(codename__in=ALL).exclude(codename=missing))
        client.force_login(eva)
        assert client.get(f"{LIST}add/?workflow={workflow.pk}").status_code == 403
    eva.user_permissions.set(Permission.objects.filter(codename__in=ALL).exclude(codename="run_workflow"))
    assert change(client, own) == 403


def test_collection_that_one_may_not_see_is_not_offered_and_its_trigger_not_changed(
    client: Client, workflow: Workflow
) -> None:
    board = Collection.objects.create(name="Board", slug="board")
    eva = staff("eva", *ALL)
    client.force_login(eva)
    assert "Board" not in client.get(f"{LIST}add/?workflow={workflow.pk}").content.decode()
    assert "Select a valid choice" in add(client, workflow, run_as=eva.pk, kind="document", collection=board.pk)
    own = WorkflowTrigger.objects.create(
        workflow=workflow, kind="document", run_as=eva, next_due=timezone.now(), collection=board
    )
    assert change(client, own, kind="document") == 403
