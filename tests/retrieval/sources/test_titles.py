"""Titles of documents that nobody gave one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.parsing.formats import Extracted
from retrieval.sources.titles import title_for, title_in, title_of
from retrieval.sources.uploads import add_text
from retrieval.text.headings import Heading

Put = Callable[..., Document]


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("annual_report_2025.v2.pdf", "annual report 2025.v2"),
        ("annual_report-2024_final.pdf", "annual report 2024 final"),
        ("minutes-2024-05-31.docx", "minutes 2024-05-31"),
        ("Minutes of the e-mail group - May.docx", "Minutes of the e-mail group - May"),
        ("Price%20list%20M%C3%A4rz.xlsx", "Price list März"),
        ("100%.txt", "100%"),
        ("t" * 400 + ".md", "t" * 300),
        ("_.md", "Untitled"),
    ],
)
def test_title_of_a_file(filename: str, title: str) -> None:
    assert title_of(filename) == title


@pytest.mark.parametrize(
    ("filename", "content", "title"),
    [
        ("a_b.md", b"# The **title** #\n\ntext", "The title"),
        ("a_b.md", b"text first\n# Later", "a b"),
        ("a_b.html", b"<HTML><title lang=en>\n Fish &amp; chips </TITLE>", "Fish & chips"),
        ("a_b.html", b"<title>never closed", "a b"),
        ("a_b.html", b"<p>none</p></title>", "a b"),
        ("a_b.txt", b"# not a heading here", "a b"),
        ("a_b.html", b"<title>" * 14_000, "a b"),
    ],
)
def test_title_in_a_file(filename: str, content: bytes, title: str) -> None:
    assert title_in(content, filename=filename) == title


def headed(*headings: tuple[int, int, str], title: str = "") -> Extracted:
    return Extracted("x" * 5_000, title=title, headings=[Heading(*heading) for heading in headings])


@pytest.mark.parametrize(
    ("extracted", "filename", "title"),
    [
        (headed((0, 1, "Heading"), title="Terms of delivery"), "a_b.pdf", "Terms of delivery"),
        (headed((0, 1, "Heating of houses"), title="Microsoft Word - draft3.doc"), "a_b.pdf", "Heating of houses"),
        (headed((0, 1, "Contents"), (40, 1, "Heating of houses")), "a_b.docx", "Heating of houses"),
        (headed((0, 2, "A part")), "a_b.docx", "a b"),
        (headed((2_000, 1, "Far below")), "a_b.docx", "a b"),
        (headed((0, 1, "2024")), "a_b.md", "a b"),
        (headed((0, 1, "1 Introduction")), "a_b.pdf", "a b"),
        (headed((0, 1, "Chapter 3")), "a_b.pdf", "a b"),
        (headed((0, 1, "The **title** of [`it`](a.md)")), "a_b.md", "The title of it"),
        (headed((0, 1, "*Go*")), "a_b.md", "Go"),
        (headed((0, 1, "The name `it`"), title="The name `it`"), "a_b.md", "The name it"),
        (headed(title="The name `it`"), "a_b.pdf", "The name `it`"),
        (headed((0, 1, "Prices")), "a_b.xlsx", "a b"),
        (headed(title="y" * 290), "a_b.pdf", "y" * 290),
        (headed((0, 1, "z" * 400)), "a_b.md", "z" * 300),
        (headed(), "a_b.txt", "a b"),
    ],
)
def test_title_for_what_was_read(extracted: Extracted, filename: str, title: str) -> None:
    assert title_for(extracted, filename=filename) == title


def test_title_comes_from_the_file_and_ranks(public: Collection, put: Put) -> None:
    document = put(public, "rules_of-2024.md", "# Rules of the workshop\n\nThe door is locked.")
    assert (document.title, document.title_given) == ("Rules of the workshop", False)
    assert put(public, "rules_of-2024.txt", "The gate is locked.").title == "rules of 2024"


def test_title_follows_the_file_that_replaces_another(public: Collection, put: Put) -> None:
    document = put(public, "a.md", "# Old rules\n\nText.")
    ingest.replace_file(document, file=ContentFile(b"# New rules\n\nText.", name="a.md"))
    while ingest.ingest_next():
        pass
    assert Document.objects.get().title == "New rules"


def test_given_title_stays(public: Collection, put: Put) -> None:
    file = ContentFile(b"# Heading\n\nText.", name="a.md")
    ingest.add_document(public, file=file, filename="a.md", title="Given")
    add_text(public, title="Pasted", text="# Heading of it\n\nWords.", owner=None)
    put(public, "b.txt", "Other.")
    assert set(Document.objects.values_list("title", "title_given")) == {
        ("Given", True), ("Pasted", True), ("b", False),
    }  # fmt: skip


def test_title_that_staff_gave_is_not_read_over(
    admin_client: Client, admin_user: User, public: Collection, put: Put
) -> None:
    document = put(public, "a.md", "# Heading\n\nText.")
    other = Collection.objects.create(name="Other", slug="other")
    change = reverse("admin:retrieval_document_change", args=[document.pk])
    sent = {"title": "Heading", "initial-title": "Heading", "collection": other.pk}
    assert admin_client.post(change, sent).status_code == 302
    document.refresh_from_db()
    assert (document.collection, document.title_given) == (other, False)
    assert admin_client.post(change, sent | {"title": "By staff"}).status_code == 302
    while ingest.ingest_next():
        pass
    document.refresh_from_db()
    assert (document.title, document.title_given) == ("By staff", True)


def test_title_that_was_read_while_the_form_was_open_stays(
    admin_client: Client, public: Collection, settings: object, tmp_path: Path, index: None
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    document, _ = ingest.add_document(public, file=ContentFile(b"# Heading\n\nText.", name="a.md"), filename="a.md")
    other = Collection.objects.create(name="Other", slug="other")
    while ingest.ingest_next():
        pass
    change = reverse("admin:retrieval_document_change", args=[document.pk])
    admin_client.post(change, {"title": "a", "initial-title": "a", "collection": other.pk})
    document.refresh_from_db()
    assert (document.title, document.title_given, document.collection) == ("Heading", False, other)
