"""Lists find documents by what their notes amount to; a title that a person gave stays."""

from __future__ import annotations

import re
from urllib.parse import unquote

from django.db import migrations, models

import retrieval.notes

NOTHING, NOTES, LOSSES = range(3)


def weigh(apps, schema_editor):
    documents = apps.get_model("retrieval", "Document").objects.using(schema_editor.connection.alias)
    for document in documents.exclude(notes=[]).only("notes").iterator():
        lost = retrieval.notes.reads_with_losses(document.notes)
        documents.filter(pk=document.pk).update(noted=LOSSES if lost else NOTES)


def tell_given(apps, schema_editor):
    """Take a title for given unless it is what the name of the file gives, or has given."""
    documents = apps.get_model("retrieval", "Document").objects.using(schema_editor.connection.alias)
    named = documents.values_list("pk", "title", "filename").iterator()
    given = [pk for pk, title, name in named if _words(title) != _words(name.rpartition(".")[0] or name)]
    for first in range(0, len(given), 500):
        documents.filter(pk__in=given[first : first + 500]).update(title_given=True)


def _words(name: str) -> list[str]:
    return re.split(r"[\s_-]+", unquote(name)[:300].strip())


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0010_notes")]

    operations = [
        migrations.AddField(
            "document",
            "title_given",
            models.BooleanField(
                default=False, editable=False, help_text="A person gave it; else it is what the file calls itself."
            ),
        ),
        migrations.AddField(
            "document",
            "noted",
            models.PositiveSmallIntegerField(
                choices=[(0, "Nothing to note"), (1, "Notes, but nothing lost"), (2, "Lost something")],
                default=0,
                editable=False,
                help_text="What its notes amount to.",
            ),
        ),
        migrations.AddIndex("document", models.Index(fields=["noted"], name="document_noted")),
        migrations.RunPython(weigh, migrations.RunPython.noop),
        migrations.RunPython(tell_given, migrations.RunPython.noop),
    ]
