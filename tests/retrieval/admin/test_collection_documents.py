"""A collection's page lists its documents, and what is done to them there ends there again."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from retrieval.models import Collection, Document
from retrieval.notes import Note

pytestmark = pytest.mark.django_db


def listed(collection: Collection, number: int, **fields: object) -> list[Document]:
    return Document.objects.bulk_create(
        Document(collection=collection, title=f"Part {n:03}", filename=f"{n}.md", file=f"{n}.md", size=n, **fields)
        for n in range(number)
    )


def page_of(collection: Collection) -> str:
    return f"/admin/retrieval/collection/{collection.pk}/change/"


def act(client: Client, collection: Collection, action: str, *documents: Document, query: str = "", **more: str):
    chosen = {"action": action, "index": "0", "_selected_action": [document.pk for document in documents]}
    address = f"/admin/retrieval/collection/{collection.pk}/documents/{query}"
    return client.post(address, {**chosen, **more}, follow=True)


def test_each_document_has_its_state_notes_pages_and_size(admin_client: Client, public: Collection) -> None:
    [document] = listed(public, 1, state="ready", live_generation=1, page_count=12)
    Document.objects.update(size=2048, notes=[Note("picture_pages", 3, ())], noted=Document.Noted.LOSSES)
    page = admin_client.get(page_of(public)).text
    for part in ("Read with notes", ">12<", "2.0", f"/admin/retrieval/document/{document.pk}/change/"):
        assert part in page


def test_list_holds_no_document_of_another_collection(admin_client: Client, public: Collection) -> None:
    other = Collection.objects.create(name="Other", slug="other")
    listed(public, 2)
    [foreign] = listed(other, 1)
    assert admin_client.get(page_of(public)).context["documents"]["cl"].result_count == 2
    act(admin_client, public, "reindex", foreign)
    foreign.refresh_from_db()
    assert foreign.generation == 1


def test_list_is_searched_narrowed_sorted_and_paged(admin_client: Client, public: Collection) -> None:
    listed(public, 60, state="ready")
    Document.objects.filter(title="Part 007").update(state="failed", error="It is broken.")

    def titles(query: str) -> list[str]:
        found = admin_client.get(f"{page_of(public)}{query}").context["documents"]["cl"].result_list
        return [document.title for document in found]

    assert titles("?q=Part+011") == ["Part 011"]
    assert titles("?state__exact=failed") == ["Part 007"]
    assert titles("?o=-4")[:2] == ["Part 059", "Part 058"]  # by size
    assert titles("?o=1&p=3") == [f"Part {n:03}" for n in range(50, 60)]


def test_address_that_narrows_by_nonsense_leads_back(admin_client: Client, public: Collection) -> None:
    listed(public, 1)
    response = admin_client.get(f"{page_of(public)}?nonsense=1")
    assert (response.status_code, response["Location"]) == (302, f"{page_of(public)}?e=1")
    assert admin_client.get(response["Location"]).status_code == 200
    filters = f"{page_of(public)}?_changelist_filters=public__exact%3D1"  # as the list of collections links
    assert admin_client.get(filters).status_code == 200


def test_what_is_done_ends_on_the_page_as_it_was_narrowed(admin_client: Client, public: Collection) -> None:
    first, second, third = listed(public, 3, state="ready")
    response = act(admin_client, public, "reindex", first, second, query="?o=1&q=Part")
    assert response.redirect_chain[-1] == (f"{page_of(public)}?o=1&q=Part", 302)
    assert "2 documents will be indexed again." in response.text
    assert [document.generation for document in Document.objects.order_by("title")] == [2, 2, 1]
    assert third.title in response.text


def test_deleting_asks_first(admin_client: Client, public: Collection) -> None:
    first, second = listed(public, 2)
    asked = act(admin_client, public, "delete_selected", first)
    assert "Are you sure" in asked.text
    assert Document.objects.count() == 2
    done = act(admin_client, public, "delete_selected", first, post="yes")
    assert done.redirect_chain[-1][0] == page_of(public)
    assert list(Document.objects.all()) == [second]


def test_page_takes_as_many_queries_for_25_documents_as_for_1(admin_client: Client, public: Collection) -> None:
    listed(public, 1, state="ready")
    admin_client.get(page_of(public))  # permissions and content types are cached from here on
    with CaptureQueriesContext(connection) as for_1:
        admin_client.get(page_of(public))
    listed(public, 99, state="ready")
    with CaptureQueriesContext(connection) as for_25:
        assert len(admin_client.get(page_of(public)).context["documents"]["cl"].result_list) == 25
    assert len(for_25) == len(for_1)


def test_without_the_right_to_documents_the_page_lists_none(client: Client, public: Collection) -> None:
    listed(public, 1)
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_collection"))
    client.force_login(user)
    assert "Part 000" not in client.get(page_of(public)).text
    assert client.post(f"/admin/retrieval/collection/{public.pk}/documents/", {}).status_code == 403


def test_form_with_a_fault_shows_the_list_as_well(admin_client: Client, public: Collection) -> None:
    listed(public, 1)
    page = admin_client.post(page_of(public), {"name": "", "slug": "handbook"})
    assert page.status_code == 200
    assert "Part 000" in page.text
