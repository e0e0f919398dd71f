"""Runs of workflows: on threads of their own, recorded, stopped, gone on with, lost and replayed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from agents import Registry, Usage
from agents.testing import ScriptedModel
from chatsite.answering.language_models import answered_by
from chatsite.models import Conversation, WorkflowRun
from chatsite.reader import Reader
from chatsite.workflows import running
from chatsite.workflows.records import folder_of, record_of
from retrieval.models import Collection
from tests.chatsite.workflows.flows import DIGEST, FIND, TEA, made, run_to_end

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own


@pytest.fixture
def user(settings: Any, tmp_path: Path, transactional_db: None, put: Any) -> Iterator[User]:
    settings.DATA_DIR = tmp_path
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    maker = User.objects.create_user("maker")
    maker.user_permissions.add(Permission.objects.get(codename="run_workflow"))
    yield maker
    running.join(60)


def test_run_finds_passages_and_keeps_what_came_of_it(user: User) -> None:
    run = run_to_end(made(), user, topic="tea")
    assert (run.state, run.error) == ("completed", "")
    assert run.output[0]["text"] == TEA
    assert run.output[0]["url"].startswith("/documents/")
    assert run.steps["find"]["state"] == "completed"
    assert len(run.found) == 1
    assert oct(folder_of(run).stat().st_mode)[-3:] == "700"
    record = record_of(run)
    assert record is not None
    assert record.ended == "completed"


def test_run_asks_the_sites_model_and_counts_its_tokens(user: User) -> None:
    model = ScriptedModel([["Pour after four minutes [tea].", Usage(120, 8)]])
    with answered_by(model):
        run = run_to_end(made(DIGEST), user)
    assert run.output == "Pour after four minutes [tea]."
    assert (run.usage["input_tokens"], run.usage["output_tokens"]) == (120, 8)
    assert TEA in model.requests[0][-1].text


def test_without_a_model_it_says_so(user: User) -> None:
    run = run_to_end(made(DIGEST), user)
    assert run.output.startswith("No language model is configured, so this is only how the given text begins: ")
    assert run.cost == 0


def test_documents_that_its_starter_may_not_read_are_not_found(user: User) -> None:
    Collection.objects.update(public=False)
    run = run_to_end(made(), user, topic="tea")
    assert (run.state, run.output, run.found) == ("completed", [], [])


def test_answer_with_citations_is_a_step_and_leaves_no_conversation(user: User) -> None:
    text = 'steps:\n  answer: {tool: ask_documents, with: {question: "How long do I wait before I pour the tea?"}}\n'
    run = run_to_end(made(text), user)
    assert run.state == "completed", run.error
    assert run.output["answered"]
    assert run.output["citations"][0]["quote"] in TEA
    assert Conversation.objects.count() == 0


def test_step_that_fails_is_named(user: User) -> None:
    run = run_to_end(
        made("steps:\n  find: {tool: search_documents, with: {query: tea, collections: [nowhere]}}\n"), user
    )
    assert run.state == "failed"
    assert "step find failed" in run.error
    assert run.steps["find"]["state"] == "failed"


def test_steps_that_are_wrong_end_the_run_with_what_is_wrong(user: User) -> None:
    run = run_to_end(made("steps:\n  find: {tool: nothing}\n"), user)
    assert run.state == "failed"
    assert "there is no tool 'nothing'" in run.error


# ---- what a project adds ---------------------------------------------------------------------------------------------
entered, opened = threading.Event(), threading.Event()
project = Registry()


@project.function(thread_sensitive=False)
def wait() -> str:
    """Wait until the test lets it go on."""
    entered.set()
    opened.wait(60)
    return "waited"


@pytest.fixture
def waiting(settings: Any) -> Iterator[str]:
    settings.WORKFLOW_REGISTRY = "tests.chatsite.workflows.test_running.project"
    entered.clear()
    opened.clear()
    yield FIND + "  pause: {function: wait, needs: [find]}\n"
    opened.set()


def test_run_that_is_stopped_goes_on_where_it_was(user: User, waiting: str) -> None:
    run = running.begin(made(waiting), version=None, inputs={}, reader=Reader(user))
    assert entered.wait(60)
    running.stop(run)
    running.join(60)
    run.refresh_from_db()
    assert (run.state, run.steps["pause"]["state"]) == ("cancelled", "stopped")
    record = record_of(run)
    assert record is not None
    assert [step for step, _ in record.finished] == ["find"]
    opened.set()
    running.resume(run)
    running.join(60)
    run.refresh_from_db()
    assert (run.state, run.output) == ("completed", "waited")


def test_run_of_a_process_that_died_is_interrupted_and_goes_on(user: User) -> None:
    run = run_to_end(made(), user)
    WorkflowRun.objects.update(state="running", checked_at=run.started_at - running.STARTING)
    run.refresh_from_db()
    running.settle_lost([run])
    assert run.state == "interrupted"
    running.resume(run)
    running.join(60)
    run.refresh_from_db()
    assert run.state == "completed"


def test_run_that_is_deleted_while_it_goes_on_ends_and_leaves_no_record(user: User, waiting: str) -> None:
    run = running.begin(made(waiting), version=None, inputs={}, reader=Reader(user))
    assert entered.wait(60)
    folder = folder_of(run)
    assert folder.is_dir()
    type(run).objects.filter(pk=run.pk).delete()  # as another request does
    opened.set()
    running.join(60)
    assert not folder.exists()


def test_run_that_is_under_way_is_not_lost(user: User, waiting: str) -> None:
    run = running.begin(made(waiting), version=None, inputs={}, reader=Reader(user))
    assert entered.wait(60)
    run.refresh_from_db()
    running.settle_lost([run])
    assert run.state == "running"


def test_more_runs_than_a_process_takes_are_refused(user: User, waiting: str) -> None:
    workflow = made(waiting)
    for _ in range(running.AT_ONCE):
        running.begin(workflow, version=None, inputs={}, reader=Reader(user))
    with pytest.raises(running.TooManyRuns, match="8 workflows are running here"):
        running.begin(workflow, version=None, inputs={}, reader=Reader(user))
    assert workflow.runs.count() == running.AT_ONCE
