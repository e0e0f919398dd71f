"""Questions that were asked or saved, with what answers them, as a table that `manage.py evaluate` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Protocol

from django.db.models import QuerySet

from chatsite.models import Run, SavedQuestion
from retrieval.models import Document, User

COLUMNS = ("question", "document", "start", "end", "quote", "answerable")


class Writable(Protocol):
    def write(self, content: str) -> object: ...


def write_questions(file: Writable, runs: QuerySet[Run], *, user: User) -> None:
    """Write one row for each citation of an answer; questions that nothing answered as `answerable` false, for a person
    to check. Answers from documents that `user` may not read, that were deleted since, or that were only attached to a
    conversation, are left out."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    asked = runs.filter(mode=Run.Mode.RETRIEVAL, state=Run.State.COMPLETED, small_talk="")
    for run in asked.order_by("created_at", "pk"):
        table.writerows([_plain(cell) for cell in row] for row in _rows(run, user))


def _rows(run: Run, user: User) -> Iterator[tuple[str, ...]]:
    if not run.answered:
        yield run.question, "", "", "", "", "false"
        return
    readable = Document.objects.visible_to(user).listed()
    for citation in run.citations.filter(document__in=readable, in_selection=False).order_by("pk"):
        place = str(citation.document_id), str(citation.start), str(citation.end)
        yield run.question, *place, citation.quote, "true"


def write_saved(file: Writable, questions: QuerySet[SavedQuestion]) -> None:
    """Write one row for each saved question whose place is known or that nothing is to answer: what else is expected,
    `evaluate` does not measure."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for saved in questions.order_by("pk"):
        if saved.expected == SavedQuestion.Expected.REFUSED:
            table.writerow([_plain(saved.question), "", "", "", "", "false"])
        elif saved.document_id and saved.end is not None:
            place = str(saved.document_id), str(saved.start), str(saved.end)
            table.writerow([_plain(cell) for cell in (saved.question, *place, saved.quote, "true")])


def _plain(cell: str) -> str:
    """Put a space in front of what a spreadsheet would take for a formula; `evaluate` takes it off again.
    https://owasp.org/www-community/attacks/CSV_Injection"""
    return f" {cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
