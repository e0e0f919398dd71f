"""The index in the list of collections: what is wrong, how far a rebuild is, and who may ask for one."""

from __future__ import annotations

import html
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from retrieval.configuration import RetrievalSettings, configure
from retrieval.ingestion import spaces
from retrieval.models import Collection, Document, Reindex
from tests.servers import ROOT

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


def test_index_is_compared_and_left_as_it_is(admin_client: Client, public: Collection, put: Put) -> None:
    document = put(public, "a.md", "The boiler is serviced in May.")
    told = "Missing or short in the index: {0} documents, {0} chunks. Left over in it: points of 0 documents."
    assert told.format(0) in ask(admin_client, "compare_index", public)
    spaces.live_space().index.remove(document.pk)
    assert told.format(1) in ask(admin_client, "compare_index", public)
    assert spaces.live_space().index.count() == 0
    assert requests() == []


def test_index_that_another_process_owns_is_not_compared(
    admin_client: Client, public: Collection, index: None, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from retrieval.index.storage import StoragePart, claim\n"
        f"claim(Path({str(tmp_path / 'owned')!r}), StoragePart.INDEX); print('claimed', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=PIPE, stdout=PIPE) as owner:
        assert owner.stdin
        assert owner.stdout
        owner.stdout.readline()
        configure(RetrievalSettings(index_dir=tmp_path / "owned", model_dir=settings.MODEL_DIR))
        told = html.unescape(ask(admin_client, "compare_index", public))
        owner.stdin.close()
    assert f"Process {owner.pid} owns the embedded index in {tmp_path / 'owned'}." in told
    assert "or set QDRANT_URL" in told


def test_list_of_collections_names_a_mismatch_and_its_fix(
    admin_client: Client, public: Collection, index: None
) -> None:
    Collection.objects.update(fingerprint="another-model-d64-v1")
    page = admin_client.get(reverse("admin:retrieval_collection_changelist")).content.decode()
    assert "The documents were indexed with another-model-d64-v1" in page
    assert "“manage.py reindex”" in page


def test_list_of_collections_says_what_another_model_would_give(
    admin_client: Client, public: Collection, put: Put
) -> None:
    document = put(public, "a.md", "Die Pumpe im Keller wird jede Woche geölt, und der Kessel wird im Mai gewartet.")
    page = admin_client.get(reverse("admin:retrieval_collection_changelist")).content.decode()
    assert document.language == "de"
    assert "1 of 1 documents are in languages that the embedding model didn&#x27;t learn" in page


def test_who_may_only_view_collections_asks_for_nothing(client: Client, public: Collection) -> None:
    staff = User.objects.create_user("staff", password="x", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_collection"))
    client.force_login(staff)
    ask(client, "build_new_index", public)
    assert requests() == []
