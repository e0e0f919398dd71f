"""Workflows that run by themselves: when they are due, for which documents, as whom, and what stops them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import Registry
from chatsite.models import ReadyDocument, Workflow, WorkflowRun, WorkflowTrigger
from chatsite.reader import Reader
from chatsite.workflows import drafts, running
from chatsite.workflows.triggers.due import AGAIN, DOCUMENTS_A_MINUTE, next_due, run_due
from retrieval.models import Collection, Document
from retrieval.signals import document_ready, tell
from tests.chatsite.workflows.flows import FIND, TEA, made

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)  # a Wednesday


# ---- when it is due --------------------------------------------------------------------------------------------------
def due(kind: str, at: time, after: str, *, weekday: int | None = None, zone: ZoneInfo = BERLIN) -> str:
    """Return the next moment after that local one, as local time with its distance from UTC."""
    trigger = WorkflowTrigger(kind=kind, at=at, weekday=weekday)
    moment = next_due(trigger, after=datetime.fromisoformat(after), zone=zone)
    return moment.astimezone(zone).isoformat(timespec="minutes")


def test_hour_is_due_at_its_minute_also_where_the_zone_is_off_by_half_an_hour() -> None:
    assert due("hour", time(7, 15), "2030-05-01T09:14:59+02:00") == "2030-05-01T09:15+02:00"
    assert due("hour", time(7, 15), "2030-05-01T09:15:00+02:00") == "2030-05-01T10:15+02:00"
    kolkata = ZoneInfo("Asia/Kolkata")
    assert due("hour", time(7, 15), "2030-05-01T23:20+05:30", zone=kolkata) == "2030-05-02T00:15+05:30"


def test_day_is_due_at_its_time_today_or_tomorrow() -> None:
    assert due("day", time(7, 30), "2030-05-01T07:29:59+02:00") == "2030-05-01T07:30+02:00"
    assert due("day", time(7, 30), "2030-05-01T07:30:00+02:00") == "2030-05-02T07:30+02:00"
    assert due("day", time(0, 30), "2030-05-01T22:15:00+00:00") == "2030-05-02T00:30+02:00"


def test_week_is_due_on_its_weekday() -> None:
    assert due("week", time(7), "2030-05-01T12:00+02:00", weekday=0) == "2030-05-06T07:00+02:00"
    assert due("week", time(7), "2030-05-06T06:59+02:00", weekday=0) == "2030-05-06T07:00+02:00"
    assert due("week", time(7), "2030-05-06T07:00+02:00", weekday=0) == "2030-05-13T07:00+02:00"


def test_day_keeps_its_time_when_the_clocks_are_changed() -> None:
    assert due("day", time(7), "2030-03-30T07:00+01:00") == "2030-03-31T07:00+02:00"
    assert due("day", time(7), "2030-10-26T07:00+02:00") == "2030-10-27T07:00+01:00"


def test_time_that_the_clock_skips_comes_once_and_later() -> None:
    assert due("day", time(2, 30), "2030-03-31T01:59+01:00") == "2030-03-31T03:30+02:00"
    assert due("day", time(2, 30), "2030-03-31T03:30+02:00") == "2030-04-01T02:30+02:00"


def test_time_that_the_clock_shows_twice_comes_once() -> None:
    assert due("day", time(2, 30), "2030-10-27T01:00+02:00") == "2030-10-27T02:30+02:00"
    assert due("day", time(2, 30), "2030-10-27T02:30+02:00") == "2030-10-28T02:30+01:00"
    assert due("hour", time(0, 30), "2030-10-27T02:30+02:00") == "2030-10-27T02:30+01:00"


# ---- running what is due ---------------------------------------------------------------------------------------------
@pytest.fixture
def user(settings: Any, tmp_path: Path, transactional_db: None, put: Any) -> Iterator[User]:
    settings.DATA_DIR = tmp_path
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    maker = User.objects.create_user("maker")
    maker.user_permissions.add(Permission.objects.get(codename="run_workflow"))
    yield maker
    running.join(60)


def published(user: User, text: str = FIND) -> Workflow:
    workflow = made(text)
    drafts.publish(workflow, base=workflow.digest, note="", user=user)
    return workflow


def trigger_of(user: User, text: str = FIND, **fields: Any) -> WorkflowTrigger:
    usual = {"kind": "day", "at": time(7), "run_as": user, "next_due": NOON}
    return WorkflowTrigger.objects.create(workflow=published(user, text), **usual | fields)


def ended_run(trigger: WorkflowTrigger) -> WorkflowRun:
    running.join(60)
    trigger.refresh_from_db()
    assert trigger.last_run is not None
    return trigger.last_run


def test_due_trigger_runs_the_newest_version_with_its_inputs_as_its_user(user: User) -> None:
    trigger = trigger_of(user, inputs={"topic": "kettle"})
    Workflow.objects.update(draft="steps: [")
    assert not run_due(now=NOON - timedelta(seconds=1))
    assert run_due(now=NOON)
    run = ended_run(trigger)
    assert (run.state, run.started_by, run.inputs) == ("completed", user, {"topic": "kettle"})
    assert run.version is not None
    assert run.version.number == 1
    assert run.output[0]["text"] == TEA
    assert (trigger.next_due, trigger.error) == (datetime(2030, 5, 2, 7, tzinfo=UTC), "")


def test_what_was_missed_is_run_once(user: User) -> None:
    trigger = trigger_of(user, kind="hour", next_due=NOON)
    assert run_due(now=NOON + timedelta(days=3, minutes=20))
    assert not run_due(now=NOON + timedelta(days=3, minutes=21))
    trigger.refresh_from_db()
    assert trigger.next_due == NOON + timedelta(days=3, hours=1)
    assert WorkflowRun.objects.count() == 1


def test_two_that_look_at_once_run_it_once(user: User) -> None:
    trigger_of(user)
    both = threading.Barrier(2)
    begun = []

    def look() -> None:
        both.wait(60)
        begun.append(run_due(now=NOON))
        connection.close()

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join(60)
    assert sorted(begun) == [False, True]
    assert WorkflowRun.objects.count() == 1


def test_user_who_may_not_run_workflows_any_more_stops_it(user: User) -> None:
    trigger = trigger_of(user)
    user.user_permissions.clear()
    assert not run_due(now=NOON)
    trigger.refresh_from_db()
    assert (trigger.active, trigger.error) == (False, "maker may not run workflows any more.")
    assert not run_due(now=NOON + timedelta(days=9))
    assert WorkflowRun.objects.count() == 0


def test_deactivated_user_stops_it(user: User) -> None:
    trigger = trigger_of(user)
    User.objects.update(is_active=False)
    assert not run_due(now=NOON)
    trigger.refresh_from_db()
    assert (trigger.active, trigger.error) == (False, "maker may not sign in any more.")


def test_version_that_wants_another_input_stops_it(user: User) -> None:
    trigger = trigger_of(user, FIND.replace(", default: tea", ""))
    assert not run_due(now=NOON)
    trigger.refresh_from_db()
    assert (trigger.active, trigger.error) == (False, "“topic” is missing.")


def test_it_finds_only_what_its_user_may_read(user: User) -> None:
    trigger = trigger_of(user)
    Collection.objects.update(public=False)
    assert run_due(now=NOON)
    assert ended_run(trigger).output == []


# ---- documents -------------------------------------------------------------------------------------------------------
OF_DOCUMENT = """\
inputs:
  document_id: {default: 0}
  document_title: {}
steps:
  find: {tool: search_documents, with: {query: "${inputs.document_title}"}}
"""


def test_document_that_becomes_ready_runs_it_with_its_id_and_title(user: User, put: Any) -> None:
    trigger = trigger_of(user, OF_DOCUMENT, kind="document", at=None)
    assert not run_due(now=NOON)
    document = put(Collection.objects.get(), "kettle.md", "# The kettle\n\nIt is in the blue cupboard.")
    assert run_due(now=NOON)
    assert not run_due(now=NOON + timedelta(minutes=1))
    run = ended_run(trigger)
    assert run.inputs == {"document_id": document.pk, "document_title": document.title}
    assert run.state == "completed"
    assert ReadyDocument.objects.count() == 0


def test_document_of_another_collection_or_hidden_or_only_read_again_does_not(user: User, put: Any) -> None:
    elsewhere = Collection.objects.create(name="Elsewhere", slug="elsewhere", public=True)
    hidden = Collection.objects.create(name="Hidden", slug="hidden", hidden=True, owner=user)
    trigger = trigger_of(user, kind="document", at=None, collection=elsewhere)
    put(Collection.objects.get(slug="handbook"), "kettle.md", "The kettle is in the blue cupboard.")
    WorkflowTrigger.objects.update(collection=None)
    put(hidden, "cups.md", "The cups are below.")
    tell(document_ready, document=Document.objects.get(filename="tea.md"), facts={"changed": False})
    assert ReadyDocument.objects.count() == 0
    WorkflowTrigger.objects.update(collection=elsewhere)
    put(elsewhere, "spoons.md", "The spoons are beside the cups.")
    assert [ready.document.filename for ready in trigger.ready_documents.all()] == ["spoons.md"]


def test_document_that_no_trigger_waits_for_takes_no_query(user: User) -> None:
    document = Document.objects.get()
    run_due()
    with CaptureQueriesContext(connection) as queries:
        tell(document_ready, document=document, facts={"changed": True})
    assert len(queries) == 0
    trigger = trigger_of(user, kind="document", at=None)  # since the look
    tell(document_ready, document=document, facts={"changed": True})
    assert trigger.ready_documents.count() == 1


def test_thread_that_has_not_looked_asks_the_database(user: User) -> None:
    trigger = trigger_of(user, kind="document", at=None)
    WorkflowTrigger.objects.update(active=False)
    run_due()
    WorkflowTrigger.objects.update(active=True)  # as another process: this one hears nothing of it
    document = Document.objects.get()

    def ingests() -> None:
        try:
            tell(document_ready, document=document, facts={"changed": True})
        finally:
            connection.close()

    lane = threading.Thread(target=ingests)
    lane.start()
    lane.join()
    assert trigger.ready_documents.count() == 1


def test_document_that_its_user_may_not_read_is_left_out(user: User, put: Any) -> None:
    trigger = trigger_of(user, OF_DOCUMENT, kind="document", at=None)
    private = Collection.objects.create(name="Board", slug="board")
    put(private, "secret.md", "The kettle is sold.")
    readable = put(Collection.objects.get(slug="handbook"), "kettle.md", "The kettle is in the blue cupboard.")
    assert run_due(now=NOON)
    assert ended_run(trigger).inputs["document_id"] == readable.pk
    assert ReadyDocument.objects.count() == 0


def test_many_documents_run_it_one_by_one_and_so_many_in_a_minute(user: User) -> None:
    trigger = trigger_of(user, kind="document", at=None)
    handbook = Collection.objects.get()
    for number in range(DOCUMENTS_A_MINUTE + 3):
        document = Document.objects.create(collection=handbook, title=f"Page {number}", filename=f"{number}.md")
        tell(document_ready, document=document, facts={"changed": True})
        tell(document_ready, document=document, facts={"changed": True})
    for second in range(60):
        run_due(now=NOON + timedelta(seconds=second))
        running.join(60)
    assert WorkflowRun.objects.count() == DOCUMENTS_A_MINUTE
    assert trigger.ready_documents.count() == 3


# ---- no place for a run ----------------------------------------------------------------------------------------------
entered, opened = threading.Semaphore(0), threading.Event()
project = Registry()


@project.function(thread_sensitive=False)
def wait() -> str:
    """Wait until the test lets it go on."""
    entered.release()
    opened.wait(60)
    return "waited"


@pytest.fixture
def full(settings: Any, user: User) -> Iterator[None]:
    """Have as many runs in this process as there can be."""
    settings.WORKFLOW_REGISTRY = f"{__name__}.project"
    opened.clear()
    workflow = made("steps:\n  pause: {function: wait}\n", slug="full")
    for _ in range(running.AT_ONCE):
        running.begin(workflow, version=None, inputs={}, reader=Reader(user))
    yield
    opened.set()
    running.join(60)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("kind", ["day", "document"])
def test_without_a_place_it_is_kept_and_tried_again(user: User, put: Any, kind: str) -> None:
    trigger = trigger_of(user, kind=kind)
    put(Collection.objects.get(), "kettle.md", "The kettle is in the blue cupboard.")
    assert not run_due(now=NOON)
    trigger.refresh_from_db()
    assert trigger.active
    assert trigger.error.startswith("8 workflows are running here")
    opened.set()
    running.join(60)
    assert not run_due(now=NOON + AGAIN - timedelta(seconds=1))
    assert run_due(now=NOON + AGAIN)
    assert ended_run(trigger).state == "completed"
    assert trigger.error == ""
