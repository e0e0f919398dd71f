"""What several users may read together is what each of them may, asked in SQL: collections, rows, their searches."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.management import call_command
from django.db.models import Q

from chatsite.models import Conversation
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.readers import Together
from retrieval.searching import search as searching
from retrieval.searching.search import check_scope, search
from tests.retrieval.model_documents.test_rights import OWN_AND_WEATHER, seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def everyone(ada: User, talks: Any) -> dict[str, User]:
    """Ada and Bob, who share the talk about mills; a superuser; and Eve, whose account has ended."""
    bob = User.objects.get(username="bob")
    Conversation.objects.create(title="mills", browser="shared", user=ada)
    Conversation.objects.create(title="shafts", browser="bob's", user=bob)

    def visible_to(self: Any, user: Any) -> Any:
        mine = Q(user__isnull=False, user=user.pk)
        shared = Q(browser="shared") if user.is_authenticated else Q(pk=None)
        return Conversation.objects.filter(mine | shared | Q(title="weather"))

    talks.visible_to = visible_to
    call_command("sync_models", verbosity=0)
    while ingest.ingest_next():
        pass
    eve = User.objects.create_user("eve", is_active=False)
    return {"ada": ada, "bob": bob, "root": User.objects.create_superuser("root"), "eve": eve}


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (("ada", "bob"), ["mills", "weather"]),
        (("bob", "ada"), ["mills", "weather"]),
        (("ada", "ada"), ["engines", "mills", "weather"]),
        (("ada", "root"), ["mills", "weather"]),
        (("ada", "eve"), ["weather"]),
        (("ada", "bob", "eve"), ["weather"]),
    ],
)
def test_rows_are_those_that_each_may_read(
    everyone: dict[str, User], names: tuple[str, ...], titles: list[str]
) -> None:
    together = Together(tuple(everyone[name] for name in names))
    assert seen(together) == titles
    ids = Document.objects.ids_visible_to(together, most=10)
    assert sorted(Document.objects.filter(pk__in=ids).values_list("title", flat=True)) == titles
    assert sorted(Document.objects.few_visible_to(together, most=10) or ()) == sorted(ids)
    assert Document.objects.few_visible_to(together, most=len(titles) - 1) is None
    assert seen(Together((everyone["ada"], AnonymousUser()))) == ["weather"]


@pytest.mark.parametrize("few", [1_000, 0])  # the index is told of these at once, or what it finds is looked at again
def test_search_finds_what_each_may_read(everyone: dict[str, User], monkeypatch: Any, few: int) -> None:
    monkeypatch.setattr(searching, "_FEW", few)
    ada, bob = everyone["ada"], everyone["bob"]
    query = "engines looms mills shafts weather"
    found = {passage.title for passage in search(query, user=Together((ada, bob)), limit=9).passages}
    assert found == {"mills", "weather"}
    assert {passage.title for passage in search(query, user=ada, limit=9).passages} == {"engines", "mills", "weather"}


@pytest.mark.parametrize("kind", OWN_AND_WEATHER)
def test_every_kind_of_queryset_can_be_narrowed_to_anothers(ada: User, talks: Any, kind: str) -> None:
    rows = Conversation.objects.order_by()
    if kind == "grouped":
        pytest.skip("counts runs, of which there are none here")
    talks.visible_to = lambda self, user: (
        OWN_AND_WEATHER[kind](rows, ada) if user == ada else rows.filter(title="weather")
    )
    bob = User.objects.get(username="bob")
    assert seen(Together((ada, bob))) == seen(Together((bob, ada))) == ["weather"]


def test_what_raises_for_one_shows_nothing_of_it(ada: User, talks: Any) -> None:
    def visible_to(self: Any, user: Any) -> Any:
        if user != ada:
            raise LookupError(user)
        return Conversation.objects.all()

    talks.visible_to = visible_to
    assert len(seen(ada)) == 3
    assert seen(Together((ada, User.objects.get(username="bob")))) == []


def test_collections_are_those_that_each_may_search(index: None, put: Any) -> None:
    one, other = (User.objects.create_user(name) for name in ("one", "other"))
    groups = [Group.objects.create(name=name) for name in ("both", "first", "second")]
    one.groups.set(groups[:2])
    other.groups.set([groups[0], groups[2]])
    for name, group in zip(("shared", "firsts", "seconds"), groups, strict=True):
        collection = Collection.objects.create(name=name, slug=name)
        collection.groups.add(group)
        put(collection, f"{name}.md", f"The mill of {name} grinds corn.", title=name)
    for owner in (one, other):
        own = Collection.objects.create(name=f"of {owner}", slug=f"of-{owner}", owner=owner)
        hidden = Collection.objects.create(name=f"kept by {owner}", slug=f"kept-{owner}", owner=owner, hidden=True)
        for collection in (own, hidden):
            put(
                collection,
                f"{collection.slug}.md",
                f"The mill in {collection.slug} grinds corn.",
                title=collection.slug,
            )
    together = Together((one, other))
    assert [*Collection.objects.visible_to(together).values_list("slug", flat=True)] == ["shared"]
    assert seen(together) == ["shared"]
    assert {passage.title for passage in search("Which mill grinds corn?", user=together, limit=9).passages} == {
        "shared"
    }
    with pytest.raises(searching.UnknownCollection):
        check_scope(user=together, collections=["firsts"])
    hidden_one = Collection.objects.get(slug="kept-one")
    assert search("Which mill grinds corn?", user=together, hidden=hidden_one.pk, limit=9).passages[0].title == "shared"
    with pytest.raises(searching.UnknownDocument):
        search("mill", user=together, document_ids=[Document.objects.get(title="kept-one").pk])
