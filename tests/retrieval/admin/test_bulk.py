"""Many documents are moved and renamed at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from retrieval.ingestion import ingest
from retrieval.models import Collection, CollectionWord, Document
from retrieval.searching.search import search

Put = Callable[..., Document]

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(db: None) -> Collection:
    return Collection.objects.create(name="Other", slug="other", public=True)


def listed(collection: Collection, number: int, *, first: int = 0) -> list[Document]:
    return Document.objects.bulk_create(
        Document(collection=collection, title=f"Part {n:03}", filename=f"{n}.md", file=f"{n}.md", content_hash=f"h{n}")
        for n in range(first, first + number)
    )


def act(client: Client, collection: Collection, action: str, documents: list[Document], **more: object):
    chosen = {"action": action, "_selected_action": [document.pk for document in documents]}
    address = f"/admin/retrieval/collection/{collection.pk}/documents/"
    return client.post(address, {**chosen, **more}, follow=True)


def test_moving_asks_where_to(admin_client: Client, public: Collection, other: Collection) -> None:
    documents = listed(public, 3)
    asked = act(admin_client, public, "move", documents[:2], index="0")
    assert "Part 000" in asked.text
    assert f'<option value="{other.pk}">Other</option>' in asked.text
    assert Document.objects.filter(collection=other).count() == 0
    done = act(admin_client, public, "move", documents[:2], post="yes", target=other.pk)
    assert "2 documents were moved." in done.text
    assert done.redirect_chain[-1][0] == f"/admin/retrieval/collection/{public.pk}/change/"
    assert list(Document.objects.filter(collection=other).order_by("pk")) == documents[:2]
    assert {document.generation for document in Document.objects.filter(collection=other)} == {2}


def test_what_is_moved_is_found_in_its_collection_alone(
    admin_client: Client, admin_user: User, public: Collection, other: Collection, put: Put
) -> None:
    document = put(public, "pump.md", "The pump is oiled every second month.")
    act(admin_client, public, "move", [document], post="yes", target=other.pk)
    while ingest.ingest_next():
        pass
    found = {
        slug: [passage.document_id for passage in search("pump oiled", user=admin_user, collections=[slug]).passages]
        for slug in ("handbook", "other")
    }
    assert found == {"handbook": [], "other": [document.pk]}
    assert set(CollectionWord.objects.filter(word="pump").values_list("collection__slug", flat=True)) == {"other"}


def test_collection_holds_the_same_content_once(admin_client: Client, public: Collection, other: Collection) -> None:
    documents = listed(public, 2)
    listed(other, 1)
    done = act(admin_client, public, "move", documents, post="yes", target=other.pk)
    assert "1 document was moved." in done.text
    assert "1 document was not moved, for the collection holds the same already." in done.text
    assert list(Document.objects.filter(collection=public)) == documents[:1]


def test_all_that_match_are_moved_with_one_field(admin_client: Client, public: Collection, other: Collection) -> None:
    documents = listed(public, 30)
    asked = act(admin_client, public, "move", documents[:1], index="0", select_across="1")
    assert "30 documents" in asked.text
    assert asked.text.count('name="_selected_action"') == 1
    act(admin_client, public, "move", documents[:1], post="yes", select_across="1", target=other.pk)
    assert Document.objects.filter(collection=other).count() == 30


def test_renaming_keeps_what_is_not_changed(admin_client: Client, public: Collection) -> None:
    documents = listed(public, 3)
    asked = act(admin_client, public, "rename", documents[:2], index="0")
    assert 'value="Part 001"' in asked.text
    titles = {f"title_{documents[0].pk}": "Handbook of pumps", f"title_{documents[1].pk}": "Part 001"}
    done = act(admin_client, public, "rename", documents[:2], post="yes", **titles)
    assert "1 document was renamed." in done.text
    rows = list(Document.objects.order_by("pk").values_list("title", "title_given", "generation"))
    assert rows == [("Handbook of pumps", True, 2), ("Part 001", False, 1), ("Part 002", False, 1)]


def test_document_has_a_title(admin_client: Client, public: Collection) -> None:
    [document] = listed(public, 1)
    asked = act(admin_client, public, "rename", [document], post="yes", **{f"title_{document.pk}": " "})
    assert "This field is required." in asked.text
    document.refresh_from_db()
    assert document.title == "Part 000"


def test_who_may_only_look_moves_nothing(client: Client, public: Collection, other: Collection) -> None:
    documents = listed(public, 1)
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_collection", "view_document"]))
    client.force_login(user)
    act(client, public, "move", documents, post="yes", target=other.pk)
    assert Document.objects.filter(collection=public).count() == 1
