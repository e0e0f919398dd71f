"""The index in the list of collections: what is wrong, how far a rebuild is, and who may ask for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from retrieval.models import Collection, Document, Reindex

pytestmark = pytest.mark.django_db

Put = Callable[[Collection, str, str], Document]


def ask(client: Client, action: str, collection: Collection) -> str:
    """What the list says after the action."""
    changelist = reverse("admin:retrieval_collection_changelist")
    client.post(changelist, {"action": action, "_selected_action": [collection.pk]})
    return client.get(changelist).content.decode()


def requests() -> list[tuple[str, bool]]:
    return list(Reindex.objects.order_by("kind").values_list("kind", "cancelled"))


def test_index_is_rebuilt_repaired_and_cancelled_from_the_list_of_collections(
    admin_client: Client, public: Collection, put: Put
) -> None:
    put(public, "a.md", "The boiler is serviced in May.")
    assert "Building the new index" in ask(admin_client, "build_new_index", public)
    assert "Repairing the index" in ask(admin_client, "repair_index", public)
    assert requests() == [("repair", False), ("switch", False)]
    ask(admin_client, "cancel_new_index", public)
    assert requests() == [("repair", False), ("switch", True)]


def test_list_of_collections_names_a_mismatch_and_its_fix(
    admin_client: Client, public: Collection, index: None
) -> None:
    Collection.objects.update(fingerprint="another-model-d64-v1")
    page = admin_client.get(reverse("admin:retrieval_collection_changelist")).content.decode()
    assert "The documents were indexed with another-model-d64-v1" in page
    assert "“manage.py reindex”" in page


def test_who_may_only_view_collections_asks_for_nothing(client: Client, public: Collection) -> None:
    staff = User.objects.create_user("staff", password="x", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_collection"))
    client.force_login(staff)
    ask(client, "build_new_index", public)
    assert requests() == []
