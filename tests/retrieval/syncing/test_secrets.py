"""Secrets of a project's own kinds, and credentials in what a source names: in no page, log, event or fixture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django import forms
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client

from retrieval.models import Collection, Document, SyncedEntry, SyncedSource
from retrieval.syncing import DocumentSource, KnownEntries, SourceContent, SourceEntry, document_source
from retrieval.syncing.declaring import withdraw_source
from tests.retrieval.syncing.sources import counts, events, look_at, make_source

pytestmark = pytest.mark.django_db
SECRETS = {"api_token": "hush-token", "privateKey": "hush-line-1\nhush-line-2"}
PLAIN = {"url": "https://cabinet.example/", "keywords": "plain-words", "key_size": 2048}
SCHEDULE = {"name": "Guide", "every": "day", "at": "", "weekday": ""}


class CabinetForm(forms.Form):
    url = forms.CharField()
    api_token = forms.CharField(widget=forms.TextInput(attrs={"class": "vTextField"}))
    privateKey = forms.CharField(widget=forms.Textarea)  # noqa: N815 - as a project may write it
    keywords = forms.CharField(required=False)
    key_size = forms.IntegerField(required=False)


class Cabinet(DocumentSource):
    """Says nothing of what is secret: the names do."""

    kind = "cabinet"
    label = "Cabinet"
    Form = CabinetForm
    keys: ClassVar[list[str]] = []

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        for key in type(self).keys:
            known = since.get(key)
            assert (known is not None) is (key in since.checked())
            yield SourceEntry(key, lambda key=key: SourceContent(f"Of {key}.", "a.md"), version="1", url=key)
        if not type(self).keys:
            raise ValueError(f"refused {self.settings['api_token']} by https://me:hush-user@cabinet.example")


@pytest.fixture(autouse=True)
def cabinet(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(Cabinet, "keys", [])
    document_source(Cabinet)
    yield
    withdraw_source("cabinet")


@pytest.fixture
def source(public: Collection) -> SyncedSource:
    return make_source(public, "cabinet", **PLAIN, **SECRETS)


def test_fixture_holds_no_secret_and_what_is_loaded_asks_for_it(source: SyncedSource, tmp_path: Path) -> None:
    make_source(
        source.collection, "gone", name="Of no kind", password="hush", at="https://me:hush@a.example/b?token=hush"
    )
    fixture = tmp_path / "sources.json"
    call_command("dumpdata", "retrieval.syncedsource", output=str(fixture), verbosity=0)
    dumped = fixture.read_text()
    assert "hush" not in dumped
    assert "plain-words" in dumped
    assert {row["fields"]["settings"].get("at") for row in json.loads(dumped)} == {None, "https://a.example/b"}
    call_command("loaddata", str(fixture), verbosity=0)
    run = look_at(source)
    assert source.settings == PLAIN | {"api_token": "", "privateKey": ""}
    said = "“Api token” is empty: give it again in the settings of the source."
    assert (run.state, str(run.error)) == ("failed", said)


def test_no_page_and_no_log_shows_a_secret(
    admin_client: Client, public: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    base = f"/admin/retrieval/collection/{public.pk}/sources/"
    fields = {f"of-{name}": value for name, value in (PLAIN | SECRETS).items()}
    broken = admin_client.post(f"{base}add/?kind=cabinet", SCHEDULE | fields | {"of-url": ""})
    admin_client.post(f"{base}add/?kind=cabinet", SCHEDULE | fields)
    source = SyncedSource.objects.get()
    kept = fields | {"of-api_token": "", "of-privateKey": ""}
    admin_client.post(f"{base}{source.pk}/change/", SCHEDULE | kept | {"name": "Renamed"})
    source.refresh_from_db()
    stored = {name: text.replace("\r\n", "\n") for name, text in source.settings.items() if name in SECRETS}
    assert (source.name, stored) == ("Renamed", SECRETS)
    elsewhere = admin_client.post(f"{base}{source.pk}/change/", SCHEDULE | kept | {"of-url": "https://evil.example/"})
    assert "Give it again, for something else has changed." in elsewhere.text
    run = look_at(source)
    assert str(run.error) == "It raised ValueError: refused … by https://cabinet.example."
    pages = [admin_client.get(base + place).text for place in ("", f"{source.pk}/", f"{source.pk}/change/")]
    assert "plain-words" in pages[2]
    told = [broken.text, elsewhere.text, *pages, caplog.text, *map(str, LogEntry.objects.values_list())]
    assert not [text for text in told if "hush" in text]


def test_address_with_credentials_is_shown_without_and_kept(admin_client: Client, public: Collection) -> None:
    url = "https://me:hush@cabinet.example/a?token=hush&b=1"
    source = make_source(public, "cabinet", **PLAIN | SECRETS | {"url": url})
    base = f"/admin/retrieval/collection/{public.pk}/sources/"
    pages = [admin_client.get(base + place).text for place in ("", f"{source.pk}/", f"{source.pk}/change/")]
    assert not [text for text in pages if "hush" in text]
    assert "https://cabinet.example/a?b=1" in pages[0]
    fields = {f"of-{name}": "" for name in SECRETS} | {"of-url": "", "of-keywords": "plain-words", "of-key_size": 2048}
    admin_client.post(f"{base}{source.pk}/change/", SCHEDULE | fields | {"name": "Renamed"})
    source.refresh_from_db()
    assert (source.name, source.settings["url"]) == ("Renamed", url)


@pytest.mark.parametrize("named", [(), ("keywords",)])
def test_kind_says_itself_what_is_secret(
    admin_client: Client, source: SyncedSource, monkeypatch: Any, named: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Cabinet, "secrets", named, raising=False)
    page = admin_client.get(f"/admin/retrieval/collection/{source.collection_id}/sources/{source.pk}/change/").text
    assert ("hush-token" in page, "plain-words" in page) == (True, not named)


def test_what_a_source_names_is_kept_without_its_credentials(
    source: SyncedSource, monkeypatch: Any, caplog: pytest.LogCaptureFixture, admin_client: Client
) -> None:
    keys = [
        "https://me:hush@cabinet.example/a",
        "https://cabinet.example/b?token=hush-1&page=2",
        "https://cabinet.example/b?token=hush-2&page=2",  # another page, for all that anybody knows
        "https://cabinet.example/of/hush-token/c",
        "https://cabinet.example/d?page=2",
    ]
    monkeypatch.setattr(Cabinet, "keys", keys)
    assert counts(look_at(source)) == {"added": 5}
    assert counts(look_at(source)) == {"unchanged": 5}
    documents = [*Document.objects.order_by("pk").values_list("location", "address")]
    assert [address for _location, address in documents] == [
        "https://cabinet.example/a",
        "https://cabinet.example/b?page=2",
        "https://cabinet.example/b?page=2",
        "https://cabinet.example/of/…/c",
        "https://cabinet.example/d?page=2",
    ]
    assert documents[4][0] == keys[4]
    run = source.runs.last()
    assert run
    told = [*events(run), *documents, *SyncedEntry.objects.values_list("key", flat=True), caplog.text]
    assert "hush" not in str(told)
    monkeypatch.setattr(Cabinet, "keys", keys[1:])
    run = look_at(source)
    assert (counts(run), "hush" in str(events(run))) == ({"unchanged": 4, "gone": 1}, False)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("https://me:p@ss@a.example/b", "https://a.example/b"),
        ("https://token@a.example:8080", "https://a.example:8080"),
        ("ftp://me:pw@a.example", "ftp://a.example"),
        ("https://a.example/?token=x", "https://a.example/"),
        ("https://a.example/?a=1&access_token=x&b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/?X-Amz-Signature=x&X-Amz-Security-Token=y&X-Amz-Date=1", "https://a.example/?X-Amz-Date=1"),
        ("https://a.example/?sv=1&sig=x", "https://a.example/?sv=1"),
        ("https://a.example/#access_token=x&state=1", "https://a.example/#state=1"),
        ("https://a.example/b;token=x?c=1", "https://a.example/b?c=1"),
        ("https://a.example/?%74oken=x&apiKey=y&clientSecret=z", "https://a.example/"),
        ("https://a.example/?key=AIzaSyA-0123456789", "https://a.example/"),
        ("https://a.example/?key=opening-hours", "https://a.example/?key=opening-hours"),
        ("https://a.example/?monkey=1&tokenizer=2&author=3&design=4", None),
        ("mail me@a.example; is it so? key=value, token=", None),
        ("It raised at <https://me:pw@a.example/?pwd=x>: why?", "It raised at <https://a.example/>: why?"),
    ],
)
def test_credentials_of_addresses(text: str, plain: str | None) -> None:
    from retrieval.syncing.secrets import without_credentials

    assert without_credentials(text) == (text if plain is None else plain)


@pytest.mark.parametrize("part", ["://", "?a=", "&", "://a:b@", "#;?", "?token=x", ";a=b"])
def test_hostile_text_takes_no_time(part: str) -> None:
    from retrieval.syncing.secrets import without_credentials

    plain = without_credentials(part * 200_000)
    assert len(plain) == (0 if part == "?token=x" else len("://") if "@" in part else len(part)) * 200_000
