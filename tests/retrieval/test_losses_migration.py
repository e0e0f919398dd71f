"""What the migration that weighs notes and titles makes of rows that are there."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from retrieval.models import Collection, Document
from retrieval.notes import Note

migration = import_module("retrieval.migrations.0011_losses")
EDITOR = SimpleNamespace(connection=connection)


@pytest.mark.parametrize(
    ("title", "filename", "given"),
    [
        ("annual report", "annual_report.pdf", False),
        ("annual_report", "annual_report.pdf", False),
        ("annual report 2024", "annual-report_2024.pdf", False),
        ("notes", "notes", False),
        ("Report of the year", "annual_report.pdf", True),
    ],
)
def test_title_that_the_file_name_gives_is_not_given(
    public: Collection, title: str, filename: str, given: bool
) -> None:
    Document.objects.create(collection=public, title=title, filename=filename)
    migration.tell_given(apps, EDITOR)
    assert Document.objects.get().title_given is given


def test_notes_are_weighed(public: Collection) -> None:
    for notes in ([], [Note("running_lines")], [Note("running_lines"), Note("fonts")]):
        Document.objects.create(collection=public, title="a", filename="a.pdf", notes=notes)
    migration.weigh(apps, EDITOR)
    assert list(Document.objects.order_by("pk").values_list("noted", flat=True)) == [0, 1, 2]
