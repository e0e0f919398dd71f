"""Several sites on one database: each shows its own collections, to everybody."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from retrieval.configuration import configure, runtime
from retrieval.models import Collection, Document
from retrieval.searching.search import search

Put = Callable[..., Document]


@pytest.fixture
def narrowed(index: None) -> Iterator[Callable[[str], None]]:
    """Say which collections are this process's own."""
    settings = runtime().settings

    def narrow(*slugs: str) -> None:
        configure(dataclasses.replace(runtime().settings, only_collections=slugs))

    yield narrow
    configure(settings)


def test_other_sites_collections_are_there_for_nobody(public: Collection, put: Put, narrowed: Any) -> None:
    boss = User.objects.create_superuser("boss")
    shop = Collection.objects.create(name="Shop", slug="shop", public=True)
    own = Collection.objects.create(name="Of the boss", slug="own", owner=boss)
    attached = Collection.objects.create(name="Attached", slug="attached", owner=boss, hidden=True)
    for collection in (public, shop, own, attached):
        put(
            collection, f"{collection.slug}.md", f"# Tea in {collection.slug}\n\nThe tea of {collection.slug} is green."
        )
    client = Client()
    client.force_login(boss)
    document = Document.objects.get(collection=shop)

    def found() -> set[str]:
        passages = search("Which tea is green?", user=boss, limit=10).passages
        return {passage.title.removeprefix("Tea in ") for passage in passages}

    assert found() == {"handbook", "shop", "own"}
    assert client.get(f"/documents/{document.pk}/").status_code == 200
    narrowed("handbook")
    assert found() == {"handbook"}
    assert set(Document.objects.visible_to(boss).values_list("collection__slug", flat=True)) == {"handbook", "attached"}
    assert client.get(f"/documents/{document.pk}/").status_code == 404
    listed = client.get("/api/v1/collections").json()
    assert "shop" not in str(listed)
    assert "handbook" in str(listed)
    asked = client.post("/api/v1/search", {"query": "tea", "collections": ["shop"]}, content_type="application/json")
    assert asked.status_code == 404
    narrowed("shop", "own")
    assert found() == {"shop", "own"}
