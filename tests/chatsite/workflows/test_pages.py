"""The designer without a script: forms that change the draft, publish it, compare it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from chatsite.models import Workflow, WorkflowRun
from chatsite.workflows import running
from chatsite.workflows.cards import cards_in
from chatsite.workflows.records import folder_of
from retrieval.models import Collection
from tests.chatsite.workflows.flows import DIGEST, FIND, TEA, made

LIST = "/admin/chatsite/workflow/"


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def address(workflow: Workflow, page: str = "change") -> str:
    return f"{LIST}{workflow.pk}/{page}/"


def edit(client: Client, workflow: Workflow, action: str, **fields: Any) -> str:
    """Change the draft, and return how it reads then."""
    workflow.refresh_from_db()
    sent = {"base": workflow.digest, "action": action, **fields}
    answer = client.post(address(workflow, "edit"), {name.replace("__", "."): value for name, value in sent.items()})
    assert answer.status_code == 303
    workflow.refresh_from_db()
    return workflow.draft


def test_workflow_is_built_by_cards_alone(staff: Client) -> None:
    answer = staff.post(f"{LIST}add/", {"title": "Digest", "slug": "digest"})
    workflow = Workflow.objects.get()
    assert answer["Location"] == address(workflow)
    edit(staff, workflow, "input", input="topic", default="tea")
    edit(staff, workflow, "add", target="tool:search_documents")
    text = edit(staff, workflow, "add", target="agent:summariser")
    assert text == (
        "inputs:\n  topic:\n    default: tea\n"
        "steps:\n  search_documents:\n    tool: search_documents\n    with:\n      query: ${inputs.topic}\n"
        "  summariser:\n    agent: summariser\n    prompt: ${steps.search_documents.output}\n"
    )
    page = staff.get(address(workflow)).content.decode()
    assert "Result of search_documents" in page
    assert "step-problems" not in page
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")][1:] == [
        "Changed input topic.", "Added step search_documents.", "Added step summariser."
    ]  # fmt: skip


def test_comments_and_order_stay_where_a_card_is_changed(staff: Client) -> None:
    workflow = made(DIGEST)
    text = edit(
        staff, workflow, "set", step="digest",
        field__prompt__0__text="In one line: ", field__prompt__0__value="steps.find.output", field__prompt__1__text="!",
    )  # fmt: skip
    assert text == DIGEST.replace('"Summarise: ${steps.find.output}"', '"In one line: ${steps.find.output}!"')


def test_values_are_picked_and_a_dollar_that_is_typed_is_no_path(staff: Client) -> None:
    workflow = made(FIND)
    text = edit(staff, workflow, "set", step="find", **{"field.with.query.0.text": "${inputs.topic}"})
    assert "query: $${inputs.topic}  # as it was typed" in text


def test_condition_list_attempts_and_name(staff: Client) -> None:
    workflow = made(DIGEST)
    text = edit(
        staff, workflow, "set", step="digest", name="each", retry="2", timeout="30", goes_on="on",
        foreach="steps.find.output", **{"when.value": "inputs.topic", "when.operator": "!=", "when.text": "milk"},
    )  # fmt: skip
    assert text.endswith(
        '  each:\n    agent: summariser\n    prompt: "Summarise: ${steps.find.output}"\n'
        "    when: ${inputs.topic} != 'milk'\n    foreach: ${steps.find.output}\n"
        "    retry: 2\n    timeout: 30\n    on_error: continue\n"
    )


def test_steps_are_moved_removed_and_taken_back(staff: Client) -> None:
    workflow = made(DIGEST)
    assert edit(staff, workflow, "up", step="digest").index("digest:") < workflow.draft.index("find:")
    assert "digest:" not in edit(staff, workflow, "remove", step="digest")
    assert "digest:" in edit(staff, workflow, "undo")
    assert edit(staff, workflow, "undo") == DIGEST
    edit(staff, workflow, "undo")
    assert "Nothing to take back." in staff.get(address(workflow)).content.decode()


def test_text_is_saved_as_it_is_and_what_is_wrong_stands_at_its_card(staff: Client) -> None:
    workflow = made(DIGEST)
    edit(staff, workflow, "text", text=DIGEST.replace("agent: summariser", "agent: nobody"))
    page = staff.get(address(workflow)).content.decode()
    card = page[page.index('id="step-digest"') :]
    assert "there is no agent &#x27;nobody&#x27;" in card
    assert "data-faulty" in card
    edit(staff, workflow, "text", text="steps: [")
    page = staff.get(address(workflow)).content.decode()
    assert "The text is no YAML, so there are no cards." in page


def test_change_of_a_draft_that_somebody_else_has_changed_is_refused(staff: Client) -> None:
    workflow = made(DIGEST)
    answer = staff.post(
        address(workflow, "edit"), {"base": "0" * 16, "action": "remove", "step": "find"}, headers={"X-Fragment": "1"}
    )
    assert "Somebody has changed the draft meanwhile." in answer.content.decode()
    workflow.refresh_from_db()
    assert workflow.draft == DIGEST


# ---- versions --------------------------------------------------------------------------------------------------------
def publish(client: Client, workflow: Workflow, note: str = "") -> str:
    workflow.refresh_from_db()
    answer = client.post(address(workflow, "publish"), {"base": workflow.digest, "note": note}, follow=True)
    return answer.content.decode()


def test_versions_are_published_compared_and_taken_back(staff: Client) -> None:
    workflow = made(FIND)
    assert "Version 1 is published." in publish(staff, workflow, "The first.")
    assert "Nothing has changed since the newest version." in publish(staff, workflow)
    edit(staff, workflow, "text", text=FIND.replace("limit: 3", "limit: 5"))
    page = staff.get(address(workflow, "versions")).content.decode()
    assert "The first." in page
    assert "− removed" in page
    assert "<code>      limit: 3</code>" in page
    assert "<code>      limit: 5</code>" in page
    assert "root" in page
    assert edit(staff, workflow, "restore", version="1") == FIND


def test_draft_that_is_wrong_is_not_published(staff: Client) -> None:
    workflow = made(FIND.replace("search_documents", "nothing"))
    assert "The draft isn’t right yet" in publish(staff, workflow).replace("&#x27;", "’")
    assert workflow.published() is None


def test_workflow_with_a_version_is_not_deleted(staff: Client) -> None:
    workflow = made(FIND)
    publish(staff, workflow)
    answer = staff.post(address(workflow, "delete"), {"post": "yes"})
    assert answer.status_code in (200, 403)
    assert Workflow.objects.filter(pk=workflow.pk).exists()


# ---- who may do what -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("page", "permission"),
    [("edit", "change_workflow"), ("publish", "publish_workflow"), ("run", "run_workflow")],
)
def test_each_deed_takes_its_own_permission(client: Client, db: None, page: str, permission: str) -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_workflow"))
    client.force_login(user)
    workflow = made(FIND)
    assert client.get(address(workflow)).status_code == 200
    assert client.post(address(workflow, page), {}).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename=permission))
    answer = client.post(address(workflow, page), {"action": "undo"})
    assert answer.status_code == 303
    running.join(60)


# ---- runs ------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_draft_is_run_with_inputs_and_its_run_is_shown(staff: Client, settings: Any, tmp_path: Path, put: Any) -> None:
    settings.DATA_DIR = tmp_path
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    answer = staff.post(address(made(DIGEST), "run"), {"input.topic": "tea", "what": "draft"})
    run = WorkflowRun.objects.get()
    assert answer["Location"] == f"/admin/chatsite/workflowrun/{run.pk}/change/"
    running.join(60)
    run.refresh_from_db()
    page = staff.get(answer["Location"]).content.decode()
    assert "Completed" in page
    assert TEA in page
    assert f'<a href="/documents/{run.found[0]}/?start=0' in page
    events = b"".join(staff.get(f"/admin/chatsite/workflowrun/{run.pk}/events/").streaming_content)  # type: ignore[attr-defined]
    assert events.startswith(b'event: done\ndata: {"state": "completed", "steps": {"find": {"state": "completed"')
    acted = staff.post(f"/admin/chatsite/workflowrun/{run.pk}/act/", {"action": "replay"}, follow=True)
    assert "Replayed without a model: 2 states, all the same as then." in acted.content.decode()


@pytest.mark.django_db(transaction=True)
def test_run_is_shown_in_words_only_to_who_may_read_what_it_found(
    staff: Client, settings: Any, tmp_path: Path, put: Any
) -> None:
    settings.DATA_DIR = tmp_path
    secret = Collection.objects.create(name="Secret", slug="secret", public=True)
    put(secret, "tea.md", TEA)
    staff.post(address(made(DIGEST), "run"), {"input.topic": "tea", "what": "draft"})
    running.join(60)
    run = WorkflowRun.objects.get()
    secret.public = False
    secret.save()
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_workflowrun"))
    client = Client()
    client.force_login(clerk)
    page = client.get(f"/admin/chatsite/workflowrun/{run.pk}/change/").content.decode()
    assert "what it was given and what it says is not shown" in page
    assert "four minutes" not in page
    assert 'data-state="completed"' in page


@pytest.mark.django_db(transaction=True)
def test_draft_is_deleted_with_its_runs_and_their_records(
    staff: Client, settings: Any, tmp_path: Path, index: None
) -> None:
    settings.DATA_DIR = tmp_path
    workflow = made(FIND)
    staff.post(address(workflow, "run"), {"input.topic": "tea", "what": "draft"})
    running.join(60)
    folder = folder_of(WorkflowRun.objects.get())
    assert folder.is_dir()
    staff.post(address(workflow, "delete"), {"post": "yes"})
    assert (Workflow.objects.count(), WorkflowRun.objects.count(), folder.exists()) == (0, 0, False)


@pytest.mark.django_db(transaction=True)
def test_run_without_an_input_it_needs_is_refused(staff: Client) -> None:
    workflow = made("inputs: {topic: {}}\nsteps: {find: {tool: search_documents, with: {query: '${inputs.topic}'}}}\n")
    page = staff.post(address(workflow, "run"), {"what": "draft"}, follow=True).content.decode()
    assert "“topic” is missing." in page
    assert WorkflowRun.objects.count() == 0


# ---- what programs find ----------------------------------------------------------------------------------------------
def test_workflow_is_offered_to_programs_and_no_longer(staff: Client) -> None:
    workflow = made(slug="tea-time")
    told = staff.post(address(workflow, "offer"), {"is_tool": "on", "description": " Says\nwhen. "}, follow=True)
    assert "Offered to programs as run_tea_time." in told.content.decode()
    workflow.refresh_from_db()
    assert (workflow.is_tool, workflow.description) == (True, "Says when.")
    staff.post(address(workflow, "offer"), {"description": "Says when."})
    workflow.refresh_from_db()
    assert (workflow.is_tool, workflow.description) == (False, "Says when.")
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        "Offered to programs as run_tea_time.", "Not offered to programs."
    ]  # fmt: skip


def test_second_workflow_of_a_name_is_not_offered(staff: Client) -> None:
    made(slug="tea_time", is_tool=True)
    second = made(slug="tea-time")
    told = staff.post(address(second, "offer"), {"is_tool": "on", "description": "Says when."}, follow=True)
    assert "Another workflow is offered as run_tea_time already." in told.content.decode()
    second.refresh_from_db()
    assert (second.is_tool, second.description) == (False, "")


def test_offering_takes_the_permission_to_publish(client: Client, db: None) -> None:
    user = User.objects.create_user("eva", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_workflow", "change_workflow"]))
    client.force_login(user)
    workflow = made()
    assert client.post(address(workflow, "offer"), {"is_tool": "on"}).status_code == 403
    assert "programs-offered" not in client.get(address(workflow)).content.decode()
    user.user_permissions.add(Permission.objects.get(codename="publish_workflow"))
    assert client.post(address(workflow, "offer"), {"is_tool": "on"}).status_code == 303


# ---- conditions that are joined, else, switch ------------------------------------------------------------------------
JOINED = """\
inputs: {kind: {}, age: {default: 3}}
steps:
  short:
    agent: summariser
    prompt: ${inputs.kind}
    when: ${inputs.kind}=='bug' and not ${inputs.age}   # as somebody wrote it
  long:
    agent: summariser
    prompt: ${inputs.kind}
"""


def test_conditions_are_joined_by_cards(staff: Client) -> None:
    workflow = made(JOINED)
    page = staff.get(f"/admin/chatsite/workflow/{workflow.pk}/change/").text
    assert 'name="when.1.value"' in page
    assert 'name="when.2.value"' in page  # for another one
    same = {
        "when.value": "inputs.kind", "when.operator": "==", "when.text": "bug",
        "when.1.value": "inputs.age", "when.1.operator": "not", "when.1.text": "", "when.2.value": "",
        "when.joined": "and",
    }  # fmt: skip
    assert edit(staff, workflow, "set", step="short", **same) == JOINED
    other = same | {"when.joined": "or", "when.2.value": "inputs.age", "when.2.operator": ">", "when.2.text": "30"}
    text = edit(staff, workflow, "set", step="short", **other)
    assert "    when: ${inputs.kind} == 'bug' or not ${inputs.age} or ${inputs.age} > 30   # as somebody" in text
    assert "when" not in edit(staff, workflow, "set", step="short", **{"when.value": "", "when.1.value": ""})


def test_step_stands_in_for_one_that_was_skipped(staff: Client) -> None:
    workflow = made(JOINED)
    text = edit(staff, workflow, "set", step="long", name="long", **{"else.short": "on"})
    assert text == JOINED + "    else: short\n"
    assert edit(staff, workflow, "set", step="long", name="long", **{"else.short": "on"}) == text
    assert edit(staff, workflow, "set", step="long", name="long") == JOINED


def test_choice_by_a_value_is_built_by_cards(staff: Client) -> None:
    workflow = made("inputs: {kind: {}}\nsteps: {}\n")
    edit(staff, workflow, "add", target="switch:value")
    text = edit(
        staff, workflow, "set", step="choice",
        **{
            "switch.value": "inputs.kind", "case.0.name": "bug", "case.0.target": "agent:summariser",
            "case.1.name": "find", "case.1.target": "tool:search_documents", "default.target": "agent:writer",
            "field.prompt.0.text": "Say it: ", "field.prompt.0.value": "inputs.kind",
        },
    )  # fmt: skip
    workflow.refresh_from_db()
    read = cards_in(text)
    assert read is not None
    assert read.steps[0].keys == {
        "switch": "${inputs.kind}",
        "cases": {"bug": {"agent": "summariser"}, "find": {"tool": "search_documents"}},
        "default": {"agent": "writer"},
        "prompt": "Say it: ${inputs.kind}",
    }


SWITCH = """\
inputs: {kind: {}}
steps:
  answer:
    switch: ${inputs.kind}
    cases:
      bug: {agent: summariser, prompt: "Mend ${inputs.kind}"}  # with words of its own
      wish: {agent: writer}
    prompt: ${inputs.kind}
"""


def test_case_that_stays_keeps_what_its_text_says(staff: Client) -> None:
    workflow = made(SWITCH)
    same = {
        "switch.value": "inputs.kind", "case.0.name": "bug", "case.0.target": "agent:summariser",
        "case.1.name": "wish", "case.1.target": "agent:writer", "case.2.name": "", "case.2.target": "",
        "default.target": "",
    }  # fmt: skip
    assert edit(staff, workflow, "set", step="answer", **same) == SWITCH
    text = edit(staff, workflow, "set", step="answer", **same | {"case.1.name": ""})
    assert text == SWITCH.replace("      wish: {agent: writer}\n", "")
