"""Pages are named by what is printed on them, wherever the site names one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chatsite.models import Citation, Run
from retrieval.models import Collection, Document
from tests.retrieval.files import pdf

Put = Callable[..., Document]
LONG = "The words of this page go on for a while, and say nothing that anybody asked about."
BOOK = [
    ["Preface", *[LONG] * 12],
    ["Contents", *[LONG] * 12],
    ["Filters", *[LONG] * 12, "The filter of the pump is changed in March and in October.", *[LONG] * 4],
    ["End", *[LONG] * 12],
]
LABELS = ["i", "ii", "A-1", "A-2"]


@pytest.fixture
def book(public: Collection, put: Put) -> Document:
    document = put(public, "book.pdf", pdf(BOOK))
    Document.objects.update(page_labels=LABELS)
    document.refresh_from_db()
    assert document.chunk_count > 2
    return document


def ask(client: Client) -> dict[str, Any]:
    body = json.dumps({"query": "When is the filter of the pump changed?"})
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def test_answer_names_the_printed_page_of_its_quote_and_of_what_was_found(client: Client, book: Document) -> None:
    answer = ask(client)
    citation = answer["citations"][0]
    source = answer["sources"][citation["source"]]
    assert "March" in citation["quote"]
    assert (citation["page"], citation["page_label"]) == (3, "A-1")
    found = book.chunks.get(pk=source["chunk_id"])
    assert (source["page"], source["page_label"]) == (book.page_at(found.start), book.page_label(source["page"]))
    assert source["start"] < found.start  # its text has the neighbours as well
    shown = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert '<span class="muted">page A-1</span>' in shown
    assert "book, page A-1: “The filter" in shown  # as it is copied
    exported = client.get(f"/c/{answer['session_id']}/conversation.json").json()["runs"][0]["citations"][0]
    assert (exported["page"], exported["page_label"]) == (3, "A-1")
    library = client.get("/documents/", {"q": "filter changed March October"}).content.decode()
    assert '<span class="muted">page A-1</span>' in library


def test_answer_that_was_saved_before_there_were_labels_names_the_page(client: Client, book: Document) -> None:
    answer = ask(client)
    run = Run.objects.get()
    assert "page_label" not in run.sources[0]
    url = f"/runs/{answer['run_id']}/"
    Citation.objects.update(page=None)
    assert '<span class="muted">page A-1</span>' in client.get(url).content.decode()
    Citation.objects.update(page=2)
    Document.objects.update(live_hash="other")  # nobody knows how its pages were numbered
    assert '<span class="muted">page 2</span>' in client.get(url).content.decode()


def test_pages_without_labels_are_named_by_their_number(client: Client, book: Document) -> None:
    Document.objects.update(page_labels=[])
    citation = ask(client)["citations"][0]
    assert (citation["page"], citation["page_label"]) == (3, "3")


def test_text_without_pages_has_no_label(client: Client, public: Collection, put: Put) -> None:
    put(public, "a.md", "The filter of the pump is changed in March.")
    answer = ask(client)
    for told in (answer["citations"][0], answer["sources"][0]):
        assert (told["page"], told["page_label"]) == (None, "")


def test_reader_shows_labels_and_goes_to_one(client: Client, book: Document) -> None:
    url = f"/documents/{book.pk}/"
    page = client.get(f"{url}?view=pages").content.decode()
    assert re.findall(r'data-page="(.*?)"', page) == [f"Page {label}" for label in LABELS]
    assert '<input type="text" name="label"' in page
    for label, number in (("a-1", 3), ("II", 2), ("4", 4), ("nonsense", 1)):
        opened = client.get(url, {"label": label, "view": "text"})
        assert (opened.context["page_number"], opened.context["page_label"]) == (number, LABELS[number - 1])
    assert 'data-page="Page A-1"' in client.get(f"{url}?view=text").content.decode()
    Document.objects.update(page_labels=[])
    assert '<input type="number" name="page"' in client.get(url).content.decode()
