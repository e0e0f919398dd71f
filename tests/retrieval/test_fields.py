"""A row keeps a reason's template and values; what earlier versions wrote is shown as it is."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import override

from retrieval.models import Collection, Document
from retrieval.reasons import Reason


def stored(document: Document) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT error FROM retrieval_document WHERE id = %s", [document.pk])
        return str(cursor.fetchone()[0])


def test_reason_in_a_row_is_shown_in_the_language_of_whoever_looks(public: Collection) -> None:
    too_long = Reason("It holds more than %(limit)s characters: split it.", limit=20_000_000)
    document = Document.objects.create(collection=public, title="Long", filename="long.txt", error=too_long)
    assert stored(document) == too_long.to_text()
    document.refresh_from_db()
    assert document.error == "It holds more than 20,000,000 characters: split it."
    with override("de"):
        assert document.error.message() == "Es hat mehr als 20.000.000 Zeichen: Teilen Sie es."
    assert list(Document.objects.filter(error=too_long)) == [document]


def test_text_of_an_earlier_version_is_shown_as_it_is(public: Collection) -> None:
    said = "It holds more than 7 files, and 100 % of them are {}."
    document = Document.objects.create(collection=public, title="Old", filename="old.txt", error=said)
    assert stored(document) == said
    document.refresh_from_db()
    with override("de"):
        assert (document.error, document.error.message()) == (said, said)


def test_document_without_a_reason_has_an_empty_one(public: Collection) -> None:
    document = Document.objects.create(collection=public, title="Fine", filename="fine.txt")
    assert (document.error.message(), stored(document)) == ("", "")
