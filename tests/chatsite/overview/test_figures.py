"""The figures count each question once, where it belongs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Citation, Conversation, Feedback, ModelPrice, Run
from chatsite.overview.figures import Narrowed, OfModel, figures
from retrieval.models import Collection, Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("root")


def asked(*, user: User | None = None, cites: Document | None = None, days_ago: int = 0, **fields: Any) -> Run:
    values = {"mode": "retrieval", "question": "When?", "state": "completed", "ended_at": timezone.now()} | fields
    run = Run.objects.create(conversation=Conversation.objects.create(user=user), **values)
    if cites:
        Citation.objects.create(run=run, marker=1, document=cites, quote="May", start=0, end=3)
        Run.objects.filter(pk=run.pk).update(answered=True)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return run


@pytest.fixture
def manual(public: Collection) -> Document:
    return Document.objects.create(collection=public, title="Manual", filename="manual.md")


def test_each_question_has_one_outcome(staff: User, manual: Document) -> None:
    asked(cites=manual)
    asked()
    asked(unsupported="Every six weeks.", answer="Nothing answers it.")
    asked(state="failed", error="model_unavailable")
    asked(state="limited")
    asked(state="cancelled")
    found = figures(Narrowed(), user=staff)
    assert found.questions == 6
    assert found.outcomes == {"answered": 1, "unsupported": 1, "refused": 1, "failed": 2}
    assert sum(sum(day.outcomes.values()) for day in found.days[:-1]) == 0


def test_greetings_and_what_was_asked_again_are_no_questions(staff: User) -> None:
    asked(small_talk="greeting")
    again = asked()
    asked(replaced_by=again)
    assert figures(Narrowed(), user=staff).questions == 1


def test_days_are_all_there_and_older_ones_are_not(staff: User) -> None:
    asked(days_ago=6)
    asked(days_ago=7)
    found = figures(Narrowed(days=7), user=staff)
    assert len(found.days) == 7
    assert [day.questions for day in found.days] == [1, 0, 0, 0, 0, 0, 0]


def test_narrowed_to_a_collection_a_group_a_model_an_agent(staff: User, manual: Document) -> None:
    member = User.objects.create_user("member")
    member.groups.add(Group.objects.create(name="Plumbers"))
    asked(user=member, cites=manual, model="qwen", agent="shop")
    asked(model="other")
    found = figures(Narrowed(), user=staff)
    assert (found.collections, found.groups) == ([(manual.collection.name, 1)], [("Plumbers", 1)])
    assert found.agents == [("", 1), ("shop", 1)]
    for narrowed in (
        Narrowed(collection=manual.collection.slug),
        Narrowed(group=member.groups.get().pk),
        Narrowed(model="qwen"),
        Narrowed(agent="shop"),
        Narrowed(agent=""),
    ):
        assert figures(narrowed, user=staff).questions == 1
    assert figures(Narrowed(collection="none"), user=staff).questions == 0


def test_an_answer_of_many_citations_counts_once_for_its_collection(staff: User, manual: Document) -> None:
    run = asked(cites=manual)
    Citation.objects.create(run=run, marker=2, document=manual, quote="June", start=4, end=8)
    found = figures(Narrowed(collection=manual.collection.slug), user=staff)
    assert (found.questions, found.collections) == (1, [(manual.collection.name, 1)])


def test_collections_that_one_may_not_read_are_not_named(manual: Document) -> None:
    Collection.objects.update(public=False)
    asked(cites=manual)
    assert figures(Narrowed(), user=User.objects.create_user("analyst")).collections == []


def test_tokens_cost_what_the_model_asks(staff: User) -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0}
    asked(model="gpt-4.1-mini", usage=usage)
    asked(model="extractive", usage={})
    found = figures(Narrowed(), user=staff)
    assert found.models == [
        OfModel("extractive", 1, 0, 0, Decimal(0)),
        OfModel("gpt-4.1-mini", 1, 1_000_000, 0, Decimal("0.4")),
    ]
    assert found.cost == Decimal("0.4")


def test_cost_is_unknown_where_a_price_is(staff: User) -> None:
    asked(model="of-our-own", usage={"input_tokens": 10, "output_tokens": 10})
    found = figures(Narrowed(), user=staff)
    assert (found.models[0].cost, found.cost) == (None, None)


def test_price_that_is_given_here_goes_before_the_published_one(staff: User) -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 500_000, "cached_tokens": 250_000}
    for model in ("gpt-4.1-mini", "of-our-own"):
        asked(model=model, usage=usage)
    ModelPrice.objects.create(model="gpt-4.1-mini", input=1, output=4)
    assert [one.cost for one in figures(Narrowed(), user=staff).models] == [Decimal(3), None]
    ModelPrice.objects.create(model="of-our-own", input=2, output=0, cached=0)
    assert [one.cost for one in figures(Narrowed(), user=staff).models] == [Decimal(3), Decimal("1.5")]
    assert figures(Narrowed(), user=staff).cost == Decimal("4.5")


def test_prices_are_changed_in_the_admin_by_who_may(client: Client, staff: User) -> None:
    asked(model="of-our-own", usage={"input_tokens": 1_000_000})
    client.force_login(staff)
    assert "no price" in client.get("/admin/").text
    sent = {"model": "of-our-own", "input": "2.5", "output": "10", "cached": ""}
    assert client.post("/admin/chatsite/modelprice/add/", sent).status_code == 302
    page = client.get("/admin/").text
    assert "$2.50" in page
    assert "no price" not in page
    assert client.post("/admin/chatsite/modelprice/add/", sent | {"model": "x", "input": "-1"}).status_code == 200
    assert LogEntry.objects.get().object_repr == "of-our-own"
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_run", "view_modelprice"]))
    client.force_login(clerk)
    assert client.get("/admin/chatsite/modelprice/").status_code == 200
    assert client.post("/admin/chatsite/modelprice/add/", sent | {"model": "y"}).status_code == 403


def test_times_are_those_of_whole_answers(staff: User) -> None:
    for milliseconds in range(1, 101):
        asked(total_time_ms=milliseconds)
    asked(total_time_ms=100_000, state="failed")
    times = figures(Narrowed(), user=staff).times
    assert times is not None
    assert (times.median, times.slow) == pytest.approx((51, 96), rel=0.01)


def test_first_words_are_timed_where_there_were_some(staff: User) -> None:
    for milliseconds in (30, 10, 20):
        asked(first_text_time_ms=milliseconds, total_time_ms=1_000)
    asked(total_time_ms=1_000)  # of an earlier version, or without a word
    first_text = figures(Narrowed(), user=staff).first_text
    assert first_text is not None
    assert (first_text.median, first_text.slow) == pytest.approx((20, 30), rel=0.01)


def test_feedback(staff: User) -> None:
    for helpful in (True, True, False):
        Feedback.objects.create(run=asked(), helpful=helpful)
    Feedback.objects.create(run=asked(days_ago=40), helpful=False)
    found = figures(Narrowed(), user=staff)
    assert (found.helpful, found.not_helpful) == (2, 1)


@pytest.mark.parametrize(
    ("query", "narrowed"),
    [
        ({}, Narrowed()),
        ({"days": "7", "collection": "a", "group": "3", "model": "m"}, Narrowed(7, "a", 3, "m")),
        ({"days": "-1", "group": "x", "model": ""}, Narrowed()),
        ({"days": "²", "group": "9" * 40}, Narrowed()),
    ],
)
def test_what_an_address_cannot_mean_narrows_nothing(query: dict[str, str], narrowed: Narrowed) -> None:
    assert Narrowed.by(query) == narrowed
