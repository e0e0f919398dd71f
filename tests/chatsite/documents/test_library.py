"""The library: what each reader sees of the documents, and how it is narrowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import Permission, User
from django.test import Client

from retrieval import configuration
from retrieval.models import Collection, Document
from tests.retrieval.files import pdf

Put = Callable[..., Document]


def titles(response: Any) -> list[str]:
    return [document.title for document, _ in response.context["documents"]]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def fill(collection: Collection, count: int) -> None:
    Document.objects.bulk_create(
        Document(
            collection=collection,
            title=f"Report {n:05}",
            filename=f"report-{n}.{'pdf' if n % 2 else 'md'}",
            file=f"documents/{n}",
            content_hash=f"{n:064}",
            state=Document.State.READY,
            live_generation=1,
        )
        for n in range(count)
    )


def test_titles_and_contents_are_searched_and_each_match_opens_its_sentence(
    client: Client, public: Collection, put: Put
) -> None:
    manual = put(public, "Pump manual.pdf", pdf([["Filters", "Old filters go into the red bin."]]))
    put(public, "Filters.md", "# Bins\n\nNothing is said here.")
    page = client.get("/documents/?q=filters")
    assert titles(page) == ["Bins"]  # in whose file name the word stands
    match = next(match for match in page.context["matches"] if match.document == manual)
    assert "red bin" in match.excerpts[0].excerpt
    assert match.excerpts[0].page_label == "1"
    reader = client.get(match.excerpts[0].url).content.decode()
    assert "Old filters go into the red bin." in reader


def test_filters_by_collection_and_format(client: Client, public: Collection, put: Put) -> None:
    other = Collection.objects.create(name="Other", slug="other", public=True)
    put(public, "pump.pdf", pdf([["The pump is oiled."]]))
    put(public, "pump.md", "The pump is oiled here too.")
    put(other, "valve.md", "The valve and the pump.")
    assert titles(client.get("/documents/")) == ["pump", "pump", "valve"]
    assert titles(client.get("/documents/?collection=other")) == ["valve"]
    narrowed = client.get("/documents/?q=pump&format=markdown")
    assert [document.filename for document, _ in narrowed.context["documents"]] == ["pump.md"]
    assert {match.document.filename for match in narrowed.context["matches"]} == {"pump.md", "valve.md"}
    for nothing in ("?collection=nothing", "?format=nothing", "?collection=nothing&q=pump"):
        page = client.get(f"/documents/{nothing}")
        assert (page.status_code, titles(page), list(page.context["matches"])) == (200, [], [])


def test_states_are_told_and_failures_only_to_staff(client: Client, reader: User, public: Collection, put: Put) -> None:
    put(public, "good.md", "Good text.")
    put(public, "bad.pdf", b"%PDF-1.4 broken")
    waiting = put(public, "waiting.md", "Waiting text.")
    Document.objects.filter(pk=waiting.pk).update(state=Document.State.QUEUED, live_generation=0)
    page = client.get("/documents/")
    assert titles(page) == ["good", "waiting"]
    assert "Being read, can soon be opened" in page.content.decode()
    assert f'href="/documents/{waiting.pk}/"' not in page.content.decode()
    reader.user_permissions.add(Permission.objects.get(codename="view_document"))
    page = signed_in(reader).get("/documents/")
    assert titles(page) == ["bad", "good", "waiting"]
    assert "Failed: The file is broken" in page.content.decode()


def test_case_07_08_documents_of_others_are_nowhere_in_the_library(client: Client, reader: User, put: Put) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    put(hidden, "Secret plan.md", "The secret phrase is a heron at dusk.")
    for asking in (client, signed_in(reader)):
        for query in ("", "?q=heron+at+dusk", "?q=secret", "?collection=board", "?collection=board&q=heron"):
            page = asking.get(f"/documents/{query}")
            assert titles(page) == []
            assert list(page.context["matches"]) == []
            assert "Secret plan" not in page.content.decode()
            assert "Board" not in page.content.decode()


def test_case_28_title_that_is_html_is_escaped_in_the_library(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", "Tea <img src=x onerror=alert(1)> is boiled.")
    Document.objects.filter(pk=document.pk).update(title="<img src=x onerror=alert(1)>")
    assert b"<img" not in client.get("/documents/", {"q": "tea boiled"}).content
    assert b"<img" not in client.get("/documents/", {"q": "<img src=x onerror=alert(1)>"}).content


@pytest.mark.parametrize(
    "query", ["q=%00", "page=x", "page=-1", "page=99999", "q=" + "a" * 5000, "format=%F0%9F%AB%96"]
)
def test_odd_questions_are_answered(client: Client, public: Collection, put: Put, query: str) -> None:
    put(public, "tea.md", "Tea.")
    assert client.get(f"/documents/?{query}").status_code == 200


@pytest.mark.parametrize("count", [60, 10_000])
def test_library_takes_the_same_number_of_queries_however_many_documents(
    client: Client, public: Collection, django_assert_max_num_queries: Any, count: int
) -> None:
    fill(public, count)
    with django_assert_max_num_queries(4):
        page = client.get("/documents/?page=2")
    assert page.context["page"].paginator.count == count
    assert titles(page)[0] == "Report 00050"
    with django_assert_max_num_queries(4):
        assert len(titles(client.get("/documents/?format=pdf"))) == min(count // 2, 50)


def test_titles_can_be_searched_while_the_index_is_down(
    client: Client, public: Collection, tmp_path: Path, index_down: None
) -> None:
    fill(public, 3)
    page = client.get("/documents/?q=report")
    assert "can't be searched right now" in page.content.decode()
    assert len(titles(page)) == 3
    assert configuration.runtime().settings.model_dir == site_settings.MODEL_DIR
