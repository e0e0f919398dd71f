"""Hidden collections: read by their owner alone, in no list, searched only where they are named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import IntegrityError, transaction

from retrieval.errors import UnknownCollection, UnknownDocument
from retrieval.models import Collection, Document
from retrieval.searching.search import check_scope, search

Put = Callable[..., Document]


@pytest.fixture
def hidden(reader: User) -> Collection:
    """Also with a group, which nothing but a mistake could give it."""
    collection = Collection.objects.create(name="h", slug="h", owner=reader, hidden=True)
    collection.groups.add(Group.objects.create(name="friends"))
    return collection


def found(user: User | AnonymousUser, **more: object) -> set[str]:
    return {passage.title for passage in search("Where is the kettle kept?", user=user, **more).passages}  # type: ignore[arg-type]


def test_hidden_collection_is_its_owners_alone(hidden: Collection, reader: User, public: Collection) -> None:
    friend = User.objects.create_user("friend")
    friend.groups.set(hidden.groups.all())
    root = User.objects.create_superuser("root")
    for user in (friend, root, AnonymousUser()):
        assert list(Collection.objects.visible_to(user)) == [public]
    assert set(Collection.objects.visible_to(reader)) == {hidden, public}
    assert list(Collection.objects.visible_to(reader).listed()) == [public]
    own = Collection.objects.create(name="r", slug="r", owner=root, hidden=True)
    assert set(Collection.objects.visible_to(root)) == {own, public}


@pytest.mark.parametrize("fields", [{"public": True}, {"owner": None}])
def test_database_refuses_a_hidden_collection_that_others_could_read(
    hidden: Collection, fields: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Collection.objects.filter(pk=hidden.pk).update(**fields)


def test_search_looks_into_a_hidden_collection_only_where_it_is_named(
    hidden: Collection, reader: User, public: Collection, put: Put
) -> None:
    secret = put(hidden, "Secret.md", "The kettle is kept in the golden cupboard of the director.")
    spare = put(hidden, "Spare.md", "The spare kettle is kept in the cellar, under the stairs.")
    known = put(public, "Known.md", "The kettle is kept in the blue cupboard.")
    assert found(reader) == {"Known"}
    assert found(reader, hidden=hidden.pk) == {"Known", "Secret", "Spare"}
    assert found(reader, hidden=hidden.pk, document_ids=[known.pk]) == {"Known", "Secret", "Spare"}
    assert found(reader, hidden=hidden.pk, document_ids=[secret.pk]) == {"Secret"}
    assert found(reader, hidden=hidden.pk, document_ids=[known.pk, spare.pk]) == {"Known", "Spare"}
    assert found(reader, hidden=hidden.pk, collections=["handbook"]) == {"Known", "Secret", "Spare"}
    assert found(reader, hidden=public.pk) == {"Known"}
    with pytest.raises(UnknownCollection):
        check_scope(user=reader, collections=["h"])
    with pytest.raises(UnknownDocument):
        check_scope(user=reader, document_ids=[secret.pk])


def test_search_of_another_ignores_the_hidden_collection(hidden: Collection, public: Collection, put: Put) -> None:
    secret = put(hidden, "Secret.md", "The kettle is kept in the golden cupboard of the director.")
    put(public, "Known.md", "The kettle is kept in the blue cupboard.")
    for user in (User.objects.create_user("other"), User.objects.create_superuser("root"), AnonymousUser()):
        assert found(user, hidden=hidden.pk) == {"Known"}
        with pytest.raises(UnknownDocument):
            check_scope(user=user, document_ids=[secret.pk], hidden=hidden.pk)
