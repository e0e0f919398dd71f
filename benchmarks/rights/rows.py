"""Rows of a model as documents: entries of the admin's log, which are open or somebody's own."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Q

from retrieval.model_documents import ModelDocuments, documents

Notes = LogEntry
OPEN, CLOSED = 1, 2
NOBODY = -1  # the user who owns what is nobody's: the last, with whose eyes none looks


def declare_notes() -> None:
    """Declare the rows, as a site's `docchat.py` does."""

    @documents(LogEntry, collection="notes")
    class NoteDocuments(ModelDocuments):
        fields = ("change_message",)

        def title(self, row: Any) -> str:
            return str(row.object_repr)

        def url(self, row: Any) -> str:
            return ""

        def visible_to(self, user: Any) -> Any:
            return LogEntry.objects.filter(Q(action_flag=OPEN) | Q(user=user.pk))
