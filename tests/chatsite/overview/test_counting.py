"""Counts that are kept by day stay what a count of the runs gives, whatever changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatsite.models import Citation, Conversation, Feedback, Run
from chatsite.models.counts import ChangedMoment, CountedPeriod, DocumentCount, QuestionCount
from chatsite.overview.counting import bring_up_to_date
from chatsite.overview.figures import Figures, Narrowed, figures
from chatsite.overview.recounting import count_anew, differing
from retrieval.models import Collection, Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("root")


def asked(*, hours_ago: float = 50, user: User | None = None, cites: Document | None = None, **fields: object) -> Run:
    values = {"mode": "retrieval", "question": "When?", "state": "completed", "ended_at": timezone.now()} | fields
    run = Run.objects.create(conversation=Conversation.objects.create(user=user), answered=bool(cites), **values)
    if cites:
        Citation.objects.create(run=run, marker=1, document=cites, quote="May", start=0, end=3)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=hours_ago))
    run.refresh_from_db()
    return run


def manual(collection: Collection, number: int = 1) -> Document:
    return Document.objects.create(collection=collection, title=f"Manual {number}", filename=f"{number}.md")


def all_figures(staff: User) -> list[Figures]:
    groups = [None, *Group.objects.order_by("pk").values_list("pk", flat=True)]
    slugs = ["", *Collection.objects.order_by("pk").values_list("slug", flat=True)]
    return [figures(Narrowed(90, slug, group), user=staff) for group in groups for slug in slugs]


def test_random_changes_leave_no_difference(staff: User, public: Collection) -> None:
    chance = random.Random(7)
    groups = [Group.objects.create(name=name) for name in ("Plumbers", "Painters")]
    users = [User.objects.create_user(f"reader{number}") for number in range(4)]
    other = Collection.objects.create(name="Other", slug="other", public=True)
    documents = [manual(chance.choice([public, other]), number) for number in range(6)]
    for _ in range(80):
        asked(
            hours_ago=chance.uniform(0, 240), user=chance.choice([None, *users]), model=chance.choice(["a", "b"]),
            agent=chance.choice(["", "shop"]), cites=chance.choice([None, *documents]),
            total_time_ms=chance.uniform(1, 9_000),
            usage={"input_tokens": chance.randrange(900)},
        )  # fmt: skip
    bring_up_to_date()
    for _ in range(120):
        _change(chance, users, groups, documents, other)
        if chance.random() < 0.2:
            bring_up_to_date(all_of_it=True)
    bring_up_to_date(all_of_it=True)
    assert differing() == []
    kept = all_figures(staff)
    count_anew()
    assert all_figures(staff) == kept
    assert kept[0].questions > 20


def _change(
    chance: random.Random, users: list[User], groups: list[Group], documents: list[Document], other: Collection
) -> None:
    runs = list(Run.objects.order_by("pk"))
    run, user, group, document = chance.choice(runs), chance.choice(users), chance.choice(groups), documents[-1]
    changes: list[Callable[[], object]] = [
        lambda: Feedback.objects.update_or_create(run=run, defaults={"helpful": chance.random() < 0.5}),
        lambda: Feedback.objects.filter(run=run).delete(),
        lambda: run.delete(),
        lambda: Run.objects.filter(pk=run.pk).delete(),
        lambda: run.conversation.delete(),
        lambda: Run.objects.filter(pk=run.pk).update(replaced_by=chance.choice(runs)),
        lambda: Run.objects.filter(pk=run.pk).update(state="failed", answered=False),
        lambda: Conversation.objects.filter(pk=run.conversation_id).update(user=user),
        lambda: user.groups.add(group),
        lambda: user.groups.remove(group),
        lambda: user.groups.set(groups),
        lambda: user.groups.clear(),
        lambda: group.user_set.set(users[:2]),
        lambda: group.user_set.clear(),
        lambda: Document.objects.filter(pk=document.pk).update(collection=other),
        lambda: asked(hours_ago=chance.uniform(0, 0.01), user=user, cites=document),
    ]
    chance.choice(changes)()


def test_account_that_is_deleted_takes_its_questions_out_of_the_counts(staff: User, public: Collection) -> None:
    leaves = User.objects.create_user("leaves")
    asked(user=leaves, cites=manual(public))
    asked()
    assert figures(Narrowed(), user=staff).questions == 2
    leaves.delete()
    found = figures(Narrowed(), user=staff)
    assert (found.questions, found.collections) == (1, [])
    assert not DocumentCount.objects.exists()


def test_run_is_counted_again_when_the_one_in_its_place_is_deleted(staff: User) -> None:
    first = asked()
    again = asked(hours_ago=49)
    Run.objects.filter(pk=first.pk).update(replaced_by=again)
    assert figures(Narrowed(), user=staff).questions == 1
    again.delete()
    assert figures(Narrowed(), user=staff).questions == 1
    assert differing() == []


def test_runs_whose_process_has_died_fail_on_the_day_they_were_asked(staff: User) -> None:
    asked(hours_ago=30, state="running", ended_at=None)
    assert figures(Narrowed(), user=staff).outcomes["failed"] == 0
    assert Run.objects.close_lost() == 1
    assert figures(Narrowed(), user=staff).outcomes["failed"] == 1


def test_answer_counts_for_the_collection_its_document_was_in(staff: User, public: Collection) -> None:
    document = manual(public)
    asked(cites=document)
    before = figures(Narrowed(), user=staff).collections
    document.delete()
    count_anew()
    assert figures(Narrowed(), user=staff).collections == before == [(public.name, 1)]
    public.delete()
    assert figures(Narrowed(), user=staff).collections == []
    assert differing() == []


def test_usual_question_notes_nothing() -> None:
    run = asked(hours_ago=0)
    Feedback.objects.create(run=run, helpful=True)
    Run.objects.filter(pk=run.pk).update(state="failed")
    assert not ChangedMoment.objects.exists()


def test_days_are_counted_once_and_hours_become_a_day(staff: User) -> None:
    asked(hours_ago=50)
    bring_up_to_date()
    day = QuestionCount.objects.get()
    hour = CountedPeriod.objects.create(
        begins=day.period.begins + timedelta(hours=1), ends=day.period.begins + timedelta(hours=2)
    )
    bring_up_to_date()
    assert QuestionCount.objects.get() == day  # looked up, not counted
    CountedPeriod.objects.filter(pk=day.period_id).delete()
    bring_up_to_date()
    assert not CountedPeriod.objects.filter(pk=hour.pk).exists()
    assert figures(Narrowed(), user=staff).questions == 1


def test_what_changed_is_left_for_later_when_the_time_is_over(staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsite.overview.counting.FEW", -1)
    for hours in (50, 80):
        asked(hours_ago=hours)
    bring_up_to_date()
    for run in Run.objects.all():
        Feedback.objects.create(run=run, helpful=True)
    monkeypatch.setattr("chatsite.overview.counting.AGAIN_SECONDS", 0)
    assert bring_up_to_date() == 2
    assert differing() == []  # it is noted
    assert bring_up_to_date(all_of_it=True) == 0
    assert figures(Narrowed(), user=staff).helpful == 2


def test_page_says_that_days_are_being_counted_again(
    staff: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Earlier days have changed and are being counted again."
    client.force_login(staff)
    run = asked()
    assert said not in client.get("/admin/").text
    monkeypatch.setattr("chatsite.overview.counting.FEW", -1)
    monkeypatch.setattr("chatsite.overview.counting.AGAIN_SECONDS", 0)
    Feedback.objects.create(run=run, helpful=False)
    assert said in client.get("/admin/").text


def test_old_counts_are_forgotten() -> None:
    long_ago = timezone.now() - timedelta(days=200)
    CountedPeriod.objects.create(begins=long_ago, ends=long_ago + timedelta(days=1))
    bring_up_to_date()
    assert not CountedPeriod.objects.filter(begins=long_ago).exists()


def test_command_finds_what_was_written_past_the_site() -> None:
    run = asked()
    bring_up_to_date()
    said = StringIO()
    call_command("recount", check=True, stdout=said)
    assert said.getvalue() == "All counts are right.\n"
    models.QuerySet(Run).filter(pk=run.pk).update(state="failed")  # as SQL would
    with pytest.raises(CommandError, match="1 days or hours are counted wrongly"):
        call_command("recount", check=True, stdout=StringIO())
    call_command("recount", stdout=StringIO())
    call_command("recount", check=True, stdout=StringIO())


def test_counting_takes_as_many_queries_for_40_questions_as_for_1(public: Collection) -> None:
    asked(cites=manual(public))
    bring_up_to_date()
    with CaptureQueriesContext(connection) as for_1:
        count_anew()
    for number in range(40):
        asked(cites=manual(public, number), hours_ago=number)
    with CaptureQueriesContext(connection) as for_40:
        count_anew()
    assert len(for_40) == len(for_1)


def test_hour_that_was_looked_at_before_it_settled_is_counted_again(
    staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = datetime(2026, 6, 1, 10, tzinfo=UTC)
    run = asked(state="running", ended_at=None)
    Run.objects.filter(pk=run.pk).update(created_at=over - timedelta(minutes=1))
    for minutes, state in ((3, "running"), (3.5, "completed"), (12, "completed")):
        monkeypatch.setattr(timezone, "now", lambda minutes=minutes: over + timedelta(minutes=minutes))
        if state != run.state:
            Run.objects.filter(pk=run.pk).update(state=state, ended_at=timezone.now())  # too new to be noted
        if minutes != 3.5:
            bring_up_to_date()
    assert sum(QuestionCount.objects.filter(group=None, collection=None).values_list("refused", flat=True)) == 1
    assert differing() == []
