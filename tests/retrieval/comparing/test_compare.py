"""Documents of a collection are compared once each, within the time that somebody waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from retrieval.comparing.compare import compare, conflicts, waiting
from retrieval.ingestion import ingest
from retrieval.models import Collection, Conflict, Document

Put = Callable[..., Document]
OLD = "The grace period is 14 days. Who pays later is reminded by a letter."
NEW = "Who pays late gets a letter from us. The grace period is 30 days."
RULES = "Who comes last locks the door and hangs the key behind the clock. The saw is used with goggles only. "


def found(collection: Collection) -> list[tuple[str, str, str]]:
    pairs = conflicts(collection, Document.objects.all())
    return [(pair.kind, pair.one_quote.strip(), pair.other_quote.strip()) for pair in pairs]


def test_sentences_with_other_figures_are_found_once(public: Collection, put: Put) -> None:
    one, other = put(public, "old.md", OLD), put(public, "new.md", NEW)
    put(public, "rules.md", RULES)
    assert waiting(public).count() == 3
    assert compare(public, seconds=60) == 0
    assert found(public) == [("figures", "The grace period is 14 days.", "The grace period is 30 days.")]
    pair = Conflict.objects.get()
    assert (pair.one, pair.other) == (one, other)
    assert OLD[pair.one_start : pair.one_end].strip() == "The grace period is 14 days."
    assert waiting(public).count() == 0


def test_documents_that_are_nearly_the_same(public: Collection, put: Put) -> None:
    put(public, "rules.md", RULES * 4)
    put(public, "rules-copy.md", RULES * 4 + "Signed in May.")
    compare(public, seconds=60)
    assert [kind for kind, _one, _other in found(public)] == ["copy"]


def test_other_collections_are_not_looked_at(public: Collection, put: Put) -> None:
    put(public, "old.md", OLD)
    put(Collection.objects.create(name="Other", slug="other"), "new.md", NEW)
    compare(public, seconds=60)
    assert found(public) == []


def test_what_is_fine_stays_fine_and_what_is_mended_goes(public: Collection, put: Put) -> None:
    put(public, "old.md", OLD)
    new = put(public, "new.md", NEW)
    compare(public, seconds=60)
    Conflict.objects.update(fine=True)
    Document.objects.update(compared=0)
    compare(public, seconds=60)
    assert found(public) == []
    Conflict.objects.update(fine=False)
    new.delete()
    assert found(public) == []


def test_time_is_bounded_and_the_rest_waits(public: Collection, put: Put) -> None:
    put(public, "old.md", OLD)
    assert compare(public, seconds=0) == 1


@pytest.mark.parametrize("may_read", [True, False])
def test_page_shows_words_to_whoever_may_read_both(client: Client, put: Put, may_read: bool) -> None:
    collection = Collection.objects.create(name="Handbook", slug="handbook", public=may_read)
    put(collection, "old.md", OLD)
    put(collection, "new.md", NEW)
    user = User.objects.create_user("editor", is_staff=True)
    wanted = ["view_collection", "view_document", "change_document"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=wanted))
    client.force_login(user)
    address = f"/admin/retrieval/collection/{collection.pk}/conflicts/"
    assert "2 documents are not compared yet." in client.get(address).text
    client.post(address, {"compare": "1"})
    page = client.get(address).text
    assert "All documents are compared." in page
    assert ("The grace period is <mark>14</mark> days." in page) == may_read
    pair = Conflict.objects.get()
    client.post(address, {"fine": str(pair.pk)})
    history = client.get(f"/admin/retrieval/document/{pair.one_id}/history/")
    assert ("A contradiction or duplicate was found to be fine." in history.content.decode()) == may_read
    pair.refresh_from_db()
    assert pair.fine == may_read
    assert "<mark>" not in client.get(address).text


def test_index_that_does_not_answer(index_down: None, admin_client: Client, public: Collection) -> None:
    Document.objects.create(collection=public, title="A", filename="a.md", state="ready", live_generation=1)
    address = f"/admin/retrieval/collection/{public.pk}/conflicts/"
    assert admin_client.post(address, {"compare": "1"}, follow=True).status_code == 200
    assert not ingest.ingest_next()
