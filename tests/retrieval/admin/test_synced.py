"""The sources of a collection in the admin: added, run, paused, confirmed and deleted, by those who may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from retrieval.models import Collection, Document, SyncedEntry, SyncedSource
from retrieval.syncing import DocumentSource, KnownEntries, SourceContent, SourceEntry, document_source
from retrieval.syncing.declaring import withdraw_source
from tests.fakes.web_server import WebServer
from tests.retrieval.syncing.sources import look_at, make_source

pytestmark = pytest.mark.django_db
SCHEDULE = {"name": "Guide", "every": "day", "at": "04:30", "weekday": ""}


class VaultForm(forms.Form):
    url = forms.CharField()
    password = forms.CharField(widget=forms.PasswordInput)


class Vault(DocumentSource):
    kind = "vault"
    label = "Vault"
    Form = VaultForm

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        yield SourceEntry("plain", lambda: SourceContent("Text.", "a.md"))
        raise ValueError(f"refused {self.settings['password']} at {self.settings['url']}")


@pytest.fixture(autouse=True)
def vault(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "media"
    document_source(Vault)
    yield
    withdraw_source("vault")


@pytest.fixture
def source(public: Collection) -> SyncedSource:
    return make_source(public, "sitemap", name="Guide", url="https://docs.example.org/", delay=1.0)


def base(collection: Collection) -> str:
    return f"/admin/retrieval/collection/{collection.pk}/sources/"


def staff(*verbs: str) -> Client:
    user = User.objects.create_user("editor", password="an-editors-password", is_staff=True)
    names = [f"{verb}_document" for verb in verbs] + ["view_collection"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="retrieval"))
    client = Client()
    client.force_login(user)
    return client


def test_source_is_added_and_due_at_once(admin_client: Client, public: Collection, settings: Any) -> None:
    assert "Website, by its sitemap" in admin_client.get(base(public)).text
    address = f"{base(public)}add/?kind=sitemap"
    assert 'name="of-url"' in admin_client.get(address).text
    fields = {
        "of-url": "https://docs.example.org/",
        "of-delay": "2",
        "of-include": "/guide/*\n/faq/*",
        "of-exclude": "",
    }
    answer = admin_client.post(address, SCHEDULE | fields)
    source = SyncedSource.objects.get()
    assert answer.headers["Location"] == f"{base(public)}{source.pk}/"
    assert source.settings == {
        "url": "https://docs.example.org/",
        "delay": 2.0,
        "include": ["/guide/*", "/faq/*"],
        "exclude": [],
    }
    page = admin_client.get(answer.headers["Location"]).text
    assert re.search(r'data-state="queued">Queued', page)
    assert "Added the source “Guide”." in LogEntry.objects.get().get_change_message()
    change = admin_client.get(f"{base(public)}{source.pk}/change/").text
    assert "/guide/*\n/faq/*" in change
    assert "This collection follows no source yet." not in admin_client.get(base(public)).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"of-url": "ftp://docs.example.org/"}, "Only addresses that begin with http:// or https:// are fetched."),
        ({"of-url": "https://me:secret@docs.example.org/"}, "It holds a user name or a password: leave them out."),
        ({"of-url": "http://docs.example.org:8080/"}, "Port 8080 is not fetched from, only 80 and 443."),
        ({"of-delay": "61"}, "Ensure this value is less than or equal to 60."),
        ({"of-exclude": "\n".join(f"/{number}" for number in range(51))}, "Up to 50 patterns of up to 200 characters."),
        ({"weekday": "9"}, "There is no such weekday."),
        ({"every": "minute"}, "minute is not one of the available choices"),
    ],
)
def test_wrong_fields_are_named(admin_client: Client, public: Collection, fields: dict[str, str], said: str) -> None:
    right = {"of-url": "https://docs.example.org/", "of-delay": "1", "of-include": "", "of-exclude": ""}
    answer = admin_client.post(f"{base(public)}add/?kind=sitemap", SCHEDULE | right | fields)
    assert said in answer.text
    assert not SyncedSource.objects.exists()


def test_runs_and_their_log_are_shown(
    admin_client: Client, public: Collection, source: SyncedSource, settings: Any
) -> None:
    with WebServer() as web:
        settings.FETCH_HOSTS = [web.host]
        source.settings = {"url": f"{web.url}/sitemap.xml", "delay": 0}
        source.save()
        pages = "".join(f"<url><loc>{web.url}/{name}</loc></url>" for name in ("hours", "lost"))
        web.put("/sitemap.xml", f"<urlset>{pages}</urlset>".encode())
        web.put("/hours", b"<title>Hours &lt;b&gt;</title><p>Nine to five.</p>", Content_Type="text/html")
        look_at(source)
    page = admin_client.get(f"{base(public)}{source.pk}/").text
    assert "<span>1 added</span> <span>1 refused</span> </span>" in page
    document = admin_client.get(f"/admin/retrieval/document/{Document.objects.get().pk}/change/").text
    assert f'{web.url}/hours</a> (<a href="{base(public)}{source.pk}/">Guide</a>)' in document
    assert "Hours &lt;b&gt;" in page
    assert "there is nothing at this address (status 404)" in page
    only = admin_client.get(f"{base(public)}{source.pk}/?what=refused").text
    assert "there is nothing at this address (status 404)" in only
    assert "Hours &lt;b&gt;" not in only
    state = admin_client.get(f"{base(public)}{source.pk}/state/").text
    assert "In step" in state
    assert "data-unfinished" not in state
    assert admin_client.get(f"{base(public)}{source.pk}/?run=x&p=9&what=no").status_code == 200
    for address in (f"/admin/retrieval/collection/{public.pk}/change/", "/admin/retrieval/document/"):
        assert admin_client.get(address).status_code == 200


def test_source_is_paused_resumed_run_confirmed_and_deleted(
    admin_client: Client, public: Collection, source: SyncedSource
) -> None:
    def do(what: str, **fields: str) -> None:
        assert admin_client.post(f"{base(public)}{source.pk}/do/", {"do": what, **fields}).status_code == 302
        if SyncedSource.objects.exists():
            source.refresh_from_db()

    do("pause")
    assert source.active is False
    do("resume")
    assert (source.active, source.next_due is not None) == (True, True)
    do("run")
    document = Document.objects.create(
        collection=public, title="Old", filename="a.md", source="synced", folder=source.folder, location="a"
    )
    SyncedEntry.objects.create(source=source, key="a", document=document, missing=True)
    SyncedSource.objects.update(held=1)
    page = admin_client.get(f"{base(public)}{source.pk}/").text
    assert "1 document is gone from this source" in page
    assert f'<li><a href="/admin/retrieval/document/{document.pk}/change/">Old</a></li>' in page
    do("confirm", count="2")
    assert Document.objects.exists()
    do("confirm", count="1")
    assert not Document.objects.exists()
    assert source.held == 0
    do("delete")
    assert not SyncedSource.objects.exists()
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert said == [
        "Paused the source “Guide”.",
        "The source “Guide” goes on.",
        "Asked for a run of the source “Guide”.",
        "Deleted 1 document that is gone from the source “Guide”.",
        "Deleted the source “Guide”. Its documents stay.",
    ]


@pytest.mark.parametrize("documents", [{}, {"documents": "1"}])
def test_documents_of_a_deleted_source_stay_unless_told(
    admin_client: Client, public: Collection, source: SyncedSource, documents: dict[str, str]
) -> None:
    Document.objects.create(
        collection=public, title="Old", filename="a.md", source="synced", folder=source.folder, location="a"
    )
    admin_client.post(f"{base(public)}{source.pk}/do/", {"do": "delete", **documents})
    assert Document.objects.exists() is not bool(documents)


def test_each_right_opens_its_own_doors(public: Collection, source: SyncedSource) -> None:
    one = f"{base(public)}{source.pk}/"
    doors = {
        "view": [("get", base(public)), ("get", one), ("get", f"{one}state/")],
        "add": [("get", f"{base(public)}add/?kind=sitemap")],
        "change": [
            ("get", f"{one}change/"),
            ("post", f"{one}do/", {"do": "pause"}),
            ("post", f"{one}do/", {"do": "run"}),
        ],
        "delete": [("post", f"{one}do/", {"do": "confirm"}), ("post", f"{one}do/", {"do": "delete"})],
    }
    opened = {"view": {"view"}, "add": {"view", "add"}, "change": {"view", "change"}, "delete": {"delete"}, "": set()}
    for verb in ("", "view", "add", "change"):
        client = staff(verb) if verb else staff()
        for right, requests in doors.items():
            for method, address, *data in requests:
                status = getattr(client, method)(address, *data).status_code
                assert (status == 403) is (right not in opened[verb]), (verb, method, address, status)
        User.objects.get(username="editor").delete()
    assert SyncedSource.objects.exists()


def test_source_is_found_in_its_own_collection_alone(
    admin_client: Client, public: Collection, source: SyncedSource, admin_user: User
) -> None:
    other = Collection.objects.create(name="Other", slug="other")
    hidden = Collection.objects.create(name="Hidden", slug="hidden", hidden=True, owner=admin_user)
    for address in (
        f"{base(other)}{source.pk}/",
        f"{base(other)}{source.pk}/change/",
        f"{base(hidden)}",
        f"{base(public)}{source.pk + 1}/",
        f"{base(public)}99999999999999999999/",
    ):
        assert admin_client.get(address).status_code == 404, address
    assert admin_client.post(f"{base(other)}{source.pk}/do/", {"do": "delete"}).status_code == 404
    assert admin_client.post(f"{base(public)}{source.pk}/do/", {"do": "explode"}).status_code == 404
    assert admin_client.get(f"{base(public)}{source.pk}/do/").status_code == 405


def test_secret_is_never_shown_again_and_goes_nowhere_else(
    admin_client: Client, public: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"of-url": "https://vault.example", "of-password": "hush-hush"}
    admin_client.post(f"{base(public)}add/?kind=vault", SCHEDULE | fields)
    source = SyncedSource.objects.get()
    run = look_at(source)
    assert str(run.error) == "It raised ValueError: refused … at https://vault.example."
    assert "refused … at" in caplog.text
    assert "hush" not in caplog.text
    change = f"{base(public)}{source.pk}/change/"
    for address in (base(public), f"{base(public)}{source.pk}/", change):
        assert "hush" not in admin_client.get(address).text
    assert "hush" not in admin_client.post(change, SCHEDULE | {"of-url": "", "of-password": "hush-hush"}).text
    kept = fields | {"of-password": ""}
    admin_client.post(change, SCHEDULE | kept | {"name": "Renamed"})
    source.refresh_from_db()
    assert (source.name, source.settings["password"]) == ("Renamed", "hush-hush")
    answer = admin_client.post(change, SCHEDULE | kept | {"of-url": "https://evil.example"})
    assert "Give it again, for something else has changed." in answer.text
    source.refresh_from_db()
    assert source.settings["url"] == "https://vault.example"


def test_list_takes_as_many_queries_for_one_source_as_for_four(
    admin_client: Client, public: Collection, source: SyncedSource
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(base(public)).status_code == 200
        return len(captured)

    look_at(make_source(public, "nothing", name="Guide 0"))
    queries()  # what is kept for the next page
    for_two = queries()
    for number in range(1, 4):
        look_at(make_source(public, "nothing", name=f"Guide {number}"))
    assert queries() == for_two
