"""Documents of rows are read by whom the site's own queryset lets, whatever kind of key the rows have."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Length, Now, RowNumber
from django.test import Client

from chatsite.models import Conversation, Run
from retrieval.doctor import _rows
from retrieval.model_documents.declaring import withdraw
from retrieval.model_documents.following import follow
from retrieval.model_documents.harmless import may_fail_on_a_row
from retrieval.models import Collection, Document, ModelChange
from retrieval.searching.search import search

pytestmark = pytest.mark.django_db


def seen(user: Any) -> list[str]:
    return [*Document.objects.visible_to(user).order_by("title").values_list("title", flat=True)]


def test_each_reads_their_own(ada: User) -> None:
    assert seen(ada) == ["engines"]
    assert seen(AnonymousUser()) == []
    Conversation.objects.filter(title="looms").update(user=ada)
    assert seen(ada) == ["engines", "looms"]


OWN_AND_WEATHER = {
    "filter": lambda rows, user: rows.filter(Q(user=user.pk) | Q(title="weather")),
    "distinct": lambda rows, user: rows.filter(Q(user=user.pk) | Q(title="weather")).distinct(),
    "values": lambda rows, user: rows.filter(Q(user=user.pk) | Q(title="weather")).values("title"),
    "slice": lambda rows, user: rows.exclude(title="looms").order_by("title")[:2],
    "union": lambda rows, user: rows.filter(user=user.pk).union(rows.filter(title="weather")),
    "union of slices": lambda rows, user: rows.filter(user=user.pk)[:1].union(rows.filter(title="weather")),
    "slice of a union": lambda rows, user: rows.exclude(title="looms").union(rows.filter(title="looms"), all=True)[:2],
    "difference": lambda rows, user: rows.all().difference(rows.filter(title="looms")),
    "intersection": lambda rows, user: rows.exclude(title="looms").intersection(rows.all()),
    "by hand": lambda rows, user: rows.extra(where=["title <> 'looms'"]),
    "the best of each": lambda rows, user: rows.annotate(
        place=Window(RowNumber(), order_by=[F("title").desc()])
    ).exclude(place=2),
    "grouped": lambda rows, user: rows.annotate(runs_count=Count("runs")).filter(runs_count=1),
    "deferred": lambda rows, user: rows.exclude(title="looms").only("title").select_related("user"),
}


@pytest.mark.parametrize("kind", OWN_AND_WEATHER)
def test_every_kind_of_queryset_is_asked_as_the_site_means_it(ada: User, talks: Any, kind: str) -> None:
    for talk in Conversation.objects.exclude(title="looms"):
        Run.objects.create(conversation=talk, question="Which?", mode="retrieval")
    rows = Conversation.objects.order_by()  # SQLite takes no order within a union
    talks.visible_to = lambda self, user: OWN_AND_WEATHER[kind](rows, user)
    assert seen(ada) == ["engines", "weather"]
    ids = Document.objects.ids_visible_to(ada, most=10)
    assert set(Document.objects.filter(pk__in=ids).values_list("title", flat=True)) == {"engines", "weather"}
    assert sorted(Document.objects.few_visible_to(ada, most=2)) == sorted(ids)
    assert Document.objects.few_visible_to(ada, most=1) is None
    assert len(Document.objects.ids_visible_to(ada, most=1)) == 1


UNUSABLE = {
    "None": lambda rows, user: None,
    "a list": lambda rows, user: [*rows],
    "a number": lambda rows, user: 1,
    "another model's": lambda rows, user: User.objects.all(),
    "another model's in a union": lambda rows, user: rows.values_list("pk").union(
        Run.objects.values_list("conversation")
    ),
    "raises": lambda rows, user: 1 / 0,
    "no such column": lambda rows, user: rows.extra(where=["no_such_column = 1"]),
    "no such function": lambda rows, user: rows.annotate(x=Func(F("title"), function="no_such")).filter(x=1),
    "fails on a row": lambda rows, user: rows.annotate(x=RawSQL("json_extract(title, '$')", [])).filter(x=1),
    **{
        f"fails on {title} alone": lambda rows, user, title=title: rows.annotate(
            x=RawSQL("json_extract(CASE title WHEN %s THEN title ELSE '{}' END, '$')", [title])
        ).filter(x="{}")
        for title in ("engines", "looms", "weather")
    },
    "fails as it is called": lambda rows, user: rows.filter(pk__in=[*rows.extra(where=["no_such_column = 1"])]),
    "another database": lambda rows, user: rows.using("elsewhere"),
    "grouped by values": lambda rows, user: rows.values("user").annotate(n=Count("pk")).filter(n=1),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_cannot_be_asked_shows_nothing_is_named_and_stops_no_page(
    ada: User, talks: Any, kind: str, client: Client, public: Collection, put: Any, caplog: Any
) -> None:
    put(public, "mill.md", "The mill grinds corn.", title="The mill")
    talks.visible_to = lambda self, user: UNUSABLE[kind](Conversation.objects.all(), user)
    assert seen(ada) == ["The mill"]
    assert len(Document.objects.ids_visible_to(ada, most=10)) == 1
    assert len(Document.objects.few_visible_to(ada, most=10)) == 1
    assert "TalkDocuments.visible_to can't be used" in caplog.text
    assert next(found.state for found in _rows() if not found.well).startswith("TalkDocuments.visible_to: ")
    client.force_login(ada)
    shown = client.get("/documents/").content.decode()
    assert "The mill" in shown
    assert "engines" not in shown
    assert [passage.title for passage in search("mill and engines", user=ada).passages] == ["The mill"]


def test_more_rows_than_are_looked_up_are_asked_where_they_are(
    ada: User, talks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.model_documents.rights._LOOKED_UP", 1)
    every = Conversation.objects.annotate(x=RawSQL("json_extract('[1]', '$[0]')", [])).filter(x=1)
    for few in (False, True):
        talks.visible_to = lambda self, user, few=few: every.filter(user=user.pk) if few else every
        assert seen(ada) == (["engines"] if few else ["engines", "looms", "weather"])
    talks.visible_to = lambda self, user: UNUSABLE["fails on weather alone"](Conversation.objects.all(), user)
    assert seen(ada) == []


HARMLESS = {
    "all": lambda rows: rows,
    "fields": lambda rows: rows.filter(Q(title__icontains="e") | ~Q(user__username__in=["ada"]), updated_at__year=2026),
    "relation": lambda rows: rows.filter(user__in=User.objects.filter(is_staff=True), runs__isnull=False).distinct(),
    "subquery": lambda rows: rows.filter(pk__in=Run.objects.filter(question="x").values("conversation")),
    "exists": lambda rows: rows.filter(Exists(Run.objects.filter(conversation=OuterRef("pk")))),
    "case": lambda rows: rows.annotate(x=Case(When(title="a", then=Value(1)), default=Value(2))).filter(x=1),
    "count": lambda rows: rows.annotate(x=Count("runs")).filter(x__gt=1),
    "now": lambda rows: rows.filter(updated_at__lte=Now(), title__lt=F("user__username")),
    "first of another": lambda rows: rows.annotate(x=Subquery(Run.objects.values("question")[:1])).filter(x="a"),
    "union": lambda rows: rows.filter(title="a").union(rows.filter(title="b")),
}
MAY_FAIL = {
    "division": lambda rows: rows.annotate(x=1 / Length("title")).filter(x=1),
    "division in a condition": lambda rows: rows.filter(pk=1 / F("pk")),
    "division in a list": lambda rows: rows.filter(pk__in=[1, 1 / F("pk")]),
    "division in a case": lambda rows: rows.filter(Case(When(pk=1 / F("pk"), then=Value(True)), default=Value(False))),
    "division below": lambda rows: rows.filter(
        pk__in=Run.objects.annotate(x=1 / Length("question")).filter(x=1).values("pk")
    ),
    "division in a filtered relation": lambda rows: rows.annotate(
        own=FilteredRelation("runs", condition=Q(runs__pk=1 / F("runs__pk")))
    ).filter(own__question="a"),
    "division in a union": lambda rows: rows.union(rows.filter(pk=1 / F("pk"))),
    "division in an order": lambda rows: rows.order_by(1 / F("pk"))[:2],
    "cast": lambda rows: rows.annotate(x=Cast("title", IntegerField())).filter(x=1),
    "function": lambda rows: rows.filter(title=Func(F("title"), function="lower")),
    "by hand": lambda rows: rows.extra(where=["1 = 1"]),
    "by hand, selected": lambda rows: rows.extra(select={"x": "1"}),
    "pattern": lambda rows: rows.filter(title__regex="["),
    "any of another": lambda rows: rows.annotate(x=Subquery(Run.objects.values("question"))).filter(x="a"),
}


@pytest.mark.parametrize("kind", [*HARMLESS, *MAY_FAIL])
def test_sql_that_may_fail_on_a_row_is_told_from_other_sql(kind: str) -> None:
    rows = (HARMLESS | MAY_FAIL)[kind](Conversation.objects.all())
    assert may_fail_on_a_row(rows.query) is (kind in MAY_FAIL)


def test_ended_account_reads_what_anybody_may(ada: User, talks: Any) -> None:
    asked = []

    def visible_to(self: Any, user: Any) -> Any:
        asked.append(user.pk)
        return Conversation.objects.filter(user=user.pk)

    talks.visible_to = visible_to
    assert seen(ada) == ["engines"]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    ada.refresh_from_db()
    assert seen(ada) == seen(AnonymousUser()) == ["weather"]
    assert asked == [ada.pk, None, None]


def test_undeclared_model_shows_nothing_and_keeps_its_documents(ada: User) -> None:
    withdraw("chatsite.conversation")
    assert (seen(ada), Document.objects.count()) == ([], 3)
    assert search("engines", user=ada).passages == ()
    ModelChange.objects.create(label="chatsite.conversation", key="1")
    assert (follow(), Document.objects.count()) == (True, 3)


def test_superuser_reads_what_the_site_lets_them(ada: User) -> None:
    root = User.objects.create_superuser("root")
    assert seen(root) == []
    Conversation.objects.create(user=root, title="roots")
    call_command("sync_models", verbosity=0)
    assert seen(root) == ["roots"]


def test_words_of_rows_are_no_corrections_for_who_may_not_read_them(ada: User, public: Collection, put: Any) -> None:
    from retrieval.ingestion import ingest

    put(public, "mill.md", "The mill grinds corn.")
    Conversation.objects.create(user=None, title="zymurgy")
    call_command("sync_models", verbosity=0)
    while ingest.ingest_next():
        pass
    assert search("What is zymurgyy?", user=ada).corrections == ()
