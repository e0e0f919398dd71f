"""Model fields of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from retrieval.notes import Note, notes_from_json
from retrieval.reasons import Reason
from retrieval.syncing.declaring import source_kinds
from retrieval.syncing.secrets import without_secrets

if TYPE_CHECKING:
    Text = models.TextField[Reason | str, Reason]
    Json = models.JSONField[list[Note], list[Note]]
    Settings = models.JSONField[dict[str, Any], dict[str, Any]]
else:
    Text = models.TextField
    Json = Settings = models.JSONField


class ReasonField(Text):
    """A reason, kept as its template and values, so that each reader sees it in a language of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"blank": True, "default": Reason, **kwargs})

    def from_db_value(self, value: str | None, *_: object) -> Reason | None:
        """Return the reason that a row holds."""
        return None if value is None else Reason.from_text(value)

    def to_python(self, value: Any) -> Any:
        """Return `value` as a reason."""
        return value if value is None or isinstance(value, Reason) else Reason.from_text(str(value))

    def get_prep_value(self, value: Any) -> Any:
        """Return what the row holds."""
        return value.to_text() if isinstance(value, Reason) else value


class NotesField(Json):
    """Notes of how a document was read, as JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"blank": True, "default": list, **kwargs})

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> list[Note]:
        """Return the notes that a row holds; none where the row isn't there, as in a join."""
        return [] if value is None else notes_from_json(super().from_db_value(value, expression, connection))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return what the row holds."""
        if isinstance(value, list):
            value = [note.to_json() if isinstance(note, Note) else note for note in value]
        return super().get_db_prep_value(value, connection, prepared)


class SourceSettingsField(Settings):
    """What the form of a source was given, as JSON. Fixtures hold it without its secrets."""

    def value_to_string(self, obj: Any) -> Any:
        """Return what `dumpdata` writes."""
        return without_secrets(source_kinds().get(obj.kind), self.value_from_object(obj))
