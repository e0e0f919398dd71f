"""Documents of one title are told apart by what is different."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from retrieval.models import Collection, Document
from retrieval.namesakes import told_apart


def made(collection: Collection, title: str, filename: str, **more: Any) -> Document:
    return Document.objects.create(collection=collection, title=title, filename=filename, **more)


def test_titles_that_stand_alone_have_nothing_beside_them(public: Collection) -> None:
    assert told_apart([made(public, "A", "a.md"), made(public, "B", "a.md")]) == {}


def test_file_name_tells_apart_whatever_the_case_of_the_title(public: Collection) -> None:
    first, second = made(public, "Guide", "a.md"), made(public, "GUIDE", "b.md")
    assert told_apart([first, second]) == {first.pk: "a.md", second.pk: "b.md"}


def test_what_is_alike_gets_one_more_mark(public: Collection) -> None:
    other = Collection.objects.create(name="Other", slug="other")
    first, second = made(public, "A", "a.md", location="x/a.md"), made(public, "A", "a.md", location="y/a.md")
    third, fourth = made(public, "B", "b.md"), made(other, "B", "b.md")
    fifth = made(public, "A", "c.md")
    assert told_apart([first, second, third, fourth, fifth]) == {
        first.pk: "a.md, x/a.md",
        second.pk: "a.md, y/a.md",
        third.pk: "Handbook",
        fourth.pk: "Other",
        fifth.pk: "c.md",
    }


def test_what_is_alike_in_all_has_its_id(public: Collection) -> None:
    same = [made(public, "A", "a.md") for _ in range(2)]
    Document.objects.update(created_at=same[0].created_at)
    same = list(Document.objects.all())
    assert told_apart(same) == {document.pk: f"#{document.pk}" for document in same}


def test_an_attached_file_is_told_by_that_and_not_by_its_collections_name(public: Collection, reader: User) -> None:
    attached = Collection.objects.create(name="attached-1", slug="attached-1", owner=reader, hidden=True)
    shown, file = made(public, "A", "a.md"), made(attached, "A", "a.md")
    assert told_apart([file], among=Document.objects.all()) == {file.pk: "Attached to a conversation"}
    assert told_apart([shown], among=Document.objects.all()) == {shown.pk: "Handbook"}


def test_others_are_looked_for_in_one_query(public: Collection, django_assert_num_queries: Any) -> None:
    shown, other = made(public, "A", "a.md"), made(public, "A", "b.md")
    with django_assert_num_queries(1):
        assert told_apart([shown], among=Document.objects.all()) == {shown.pk: "a.md"}
    assert told_apart([shown], among=Document.objects.exclude(pk=other.pk)) == {}
