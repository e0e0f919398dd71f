"""Documents of rows are read by whom the site's own queryset lets, whatever kind of key the rows have."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command
from django.db.models import Count, F, Func, Q, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import RowNumber
from django.test import Client

from chatsite.models import Conversation, Run
from retrieval.doctor import _rows
from retrieval.model_documents.declaring import withdraw
from retrieval.model_documents.following import follow
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
