"""`llms.txt` and the Markdown of documents hold what everybody may read, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.views.generic import RedirectView

from chatsite.doors import llms
from retrieval.models import Collection, Document
from tests.chatsite.doors.keys import TEA
from tests.servers import ROOT


@pytest.fixture
def tea(public: Collection, put: Any) -> Document:
    found: Document = put(public, "tea.md", TEA)
    return found


def test_list_holds_what_everybody_may_read(client: Client, tea: Document, public: Collection, put: Any) -> None:
    board = Collection.objects.create(name="Board", slug="board")
    put(board, "secret.md", "# The secret\n\nNobody knows.")
    public.description = "How things *are* done."
    public.save()
    page = client.get("/llms.txt")
    url = f"http://testserver/documents/{tea.pk}/document.md"
    assert page["Content-Type"] == "text/plain; charset=utf-8"
    assert page.text == (
        "# testserver\n\n> Documents that everybody may read here, each as Markdown.\n\n"
        f"## Handbook\n\nHow things \\*are\\* done.\n\n- [Tea]({url}): {tea.characters} characters\n"
    )
    document = client.get(url)
    assert (document["Content-Type"], document.text) == ("text/markdown; charset=utf-8", TEA)
    assert document["X-Content-Type-Options"] == "nosniff"


def test_who_asks_makes_no_difference(client: Client, admin_user: User, tea: Document, put: Any) -> None:
    secret = put(Collection.objects.create(name="Board", slug="board"), "secret.md", "Nobody knows.")
    before = client.get("/llms.txt").text
    client.force_login(admin_user)
    assert client.get("/llms.txt").text == before
    assert client.get(f"/documents/{secret.pk}/document.md").status_code == 404


@pytest.mark.parametrize("address", ["/llms.txt", "/documents/{}/document.md"])
def test_nothing_is_there_where_nobody_may_read_without_signing_in(
    client: Client, reader: User, tea: Document, settings: Any, address: str
) -> None:
    settings.ANONYMOUS_CHAT = False
    client.force_login(reader)
    assert client.get(address.format(tea.pk)).status_code == 404
    assert client.post(address.format(tea.pk)).status_code == 405


def test_no_document_of_everybodys_no_list(client: Client, db: None) -> None:
    assert client.get("/llms.txt").status_code == 404


@pytest.mark.parametrize("address", ["/llms.txt", "/documents/{}/document.md"])
def test_same_text_is_not_sent_twice(client: Client, tea: Document, address: str) -> None:
    first = client.get(address.format(tea.pk))
    again = client.get(address.format(tea.pk), headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first["Cache-Control"] == again["Cache-Control"] == "no-cache"
    tea.collection.public = False
    tea.collection.save()
    assert client.get(address.format(tea.pk), headers={"if-none-match": first["ETag"]}).status_code == 404


def test_long_document_comes_in_parts(
    client: Client, public: Collection, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llms, "CHARACTERS_MOST", 1_000)
    text = " ".join(f"Sentence {number} of a plain text." for number in range(100))
    document = put(public, "long.txt", text, title="Long [text]")
    address, found = f"/documents/{document.pk}/document.md", ""
    for part in range(10):
        page = client.get(address).text
        page = page.removeprefix("# Long \\[text\\]\n\n") if part == 0 else page
        body, link, rest = page.partition("\n\n[Go on reading](http://testserver")
        found += body if not link else body.ljust(1_000)
        if not link:
            break
        address = rest.rstrip()[:-1]
    assert found.split() == text.split()
    assert client.get(f"{address.partition('?')[0]}?start={10**9}").status_code == 404


def test_titles_are_shown_as_they_are(client: Client, public: Collection, put: Any) -> None:
    put(public, "x.txt", "Text.", title="[x](javascript:y)\n\n# <b>Z</b>\u202e")
    assert "- [\\[x\\]\\(javascript:y\\) \\# \\<b\\>Z\\</b\\>](http://testserver/" in client.get("/llms.txt").text


def test_long_list_says_that_there_is_more(
    client: Client, public: Collection, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llms, "LISTED_MOST", 1)
    put(public, "a.txt", "One text.")
    put(public, "b.txt", "Another text.")
    listed = client.get("/llms.txt").text
    assert listed.count("document.md") == 1
    assert "[all of them](http://testserver/documents/)" in listed


def test_list_at_the_root_of_a_host_leads_to_it(rf: RequestFactory) -> None:
    page = ROOT.joinpath("docs", "programs.md").read_text()
    [arguments] = re.findall(r'RedirectView\.as_view\(pattern_name="(.*?)"\)', page)
    response = RedirectView.as_view(pattern_name=arguments)(rf.get("/llms.txt"))
    assert (response.status_code, response["Location"]) == (302, "/llms.txt")
