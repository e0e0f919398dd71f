"""What was refused stays on the collection's page until somebody dismisses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from retrieval.models import Collection, RefusedFile

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def upload(client: Client, collection: Collection, *files: SimpleUploadedFile, **fields: str):
    return client.post("/admin/retrieval/document/add/", {"collection": collection.pk, "documents": files, **fields})


def page_of(client: Client, collection: Collection) -> str:
    return client.get(f"/admin/retrieval/collection/{collection.pk}/change/").text


def dismiss(client: Client, collection: Collection, **fields: int):
    return client.post(f"/admin/retrieval/collection/{collection.pk}/refused/", fields)


def test_refused_files_are_listed_and_dismissed(
    settings, admin_client: Client, admin_user: User, public: Collection
) -> None:
    upload(admin_client, public, SimpleUploadedFile("a.md", b"Text."))
    upload(
        admin_client,
        public,
        SimpleUploadedFile("tool.exe", b"MZ"),
        SimpleUploadedFile("again.md", b"Text."),
        SimpleUploadedFile("new.md", b"Other text."),
    )
    page = page_of(admin_client, public)
    assert "Refused files (2)" in page
    for part in ("tool.exe", "Of an unknown type", "again.md", "The same file is already there:", str(admin_user)):
        assert part in page
    stored = [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert len(stored) == 2  # of the documents: nothing of what was refused
    tool = RefusedFile.objects.get(filename="tool.exe")
    assert dismiss(admin_client, public, dismiss=tool.pk).status_code == 302
    assert "tool.exe" not in page_of(admin_client, public)
    dismiss(admin_client, public, dismiss_up_to=RefusedFile.objects.first().pk)
    assert "Refused files" not in page_of(admin_client, public)
    history = admin_client.get(f"/admin/retrieval/collection/{public.pk}/history/").content.decode()
    assert history.count("Dismissed 1 refused file.") == 2


def test_dismissing_all_leaves_what_came_meanwhile(admin_client: Client, public: Collection) -> None:
    upload(admin_client, public, SimpleUploadedFile("a.exe", b"MZ"))
    shown = RefusedFile.objects.get()
    upload(admin_client, public, SimpleUploadedFile("b.exe", b"MZ"))
    dismiss(admin_client, public, dismiss_up_to=shown.pk)
    assert [file.filename for file in RefusedFile.objects.all()] == ["b.exe"]


def test_file_that_a_browser_finds_too_large_is_kept_without_being_sent(
    settings, admin_client: Client, public: Collection
) -> None:
    fields = {"unsent_name": "film.pdf", "unsent_size": str(settings.UPLOAD_MAX_BYTES + 1)}
    response = upload(admin_client, public, **fields)
    assert response.status_code == 413
    assert "Too large" in response.text
    assert RefusedFile.objects.get().size == settings.UPLOAD_MAX_BYTES + 1
    assert upload(admin_client, public, unsent_name="film.pdf", unsent_size="x").status_code == 400


def test_address_that_does_not_answer_is_kept(admin_client: Client, public: Collection) -> None:
    form = {"collection": public.pk, "addresses": "http://127.0.0.1:9/nothing"}
    admin_client.post("/admin/retrieval/document/address/", form)
    assert "http://127.0.0.1:9/nothing" in page_of(admin_client, public)


def test_who_adds_no_documents_sees_and_dismisses_none(
    client: Client, admin_client: Client, public: Collection
) -> None:
    upload(admin_client, public, SimpleUploadedFile("a.exe", b"MZ"))
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_collection", "view_document"]))
    client.force_login(user)
    assert "a.exe" not in page_of(client, public)
    assert dismiss(client, public, dismiss=RefusedFile.objects.get().pk).status_code == 403


def test_names_are_text(admin_client: Client, public: Collection) -> None:
    upload(admin_client, public, SimpleUploadedFile("<b>bold<b>.exe", b"MZ"))
    page = page_of(admin_client, public)
    assert "&lt;b&gt;bold&lt;b&gt;.exe" in page
