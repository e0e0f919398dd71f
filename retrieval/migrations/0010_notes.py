"""What reading a file left out becomes notes, of which the pages that are pictures are one kind."""

from __future__ import annotations

from django.db import migrations, models

import retrieval.fields

NAMES_KEPT = 30


def note(apps, schema_editor):
    documents = apps.get_model("retrieval", "Document").objects.using(schema_editor.connection.alias)
    for document in documents.exclude(unread_pages=[]).only("unread_pages").iterator():
        pages = document.unread_pages
        names = [str(number) for number in pages[:NAMES_KEPT]]
        notes = [{"kind": "picture_pages", "count": len(pages), "names": names}]
        documents.filter(pk=document.pk).update(notes=notes)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0009_heading_paths")]

    operations = [
        migrations.AddField(
            "document",
            "notes",
            retrieval.fields.NotesField(editable=False, help_text="What reading it left out, changed or guessed."),
        ),
        migrations.AddField(
            "document",
            "page_labels",
            models.JSONField(
                default=list,
                editable=False,
                help_text="What is printed as each page's number; empty where pages count from 1.",
            ),
        ),
        migrations.AddField(
            "chunk",
            "unsearched",
            models.JSONField(
                blank=True,
                default=list,
                help_text="Spans (start, end) of its text that rank nothing, such as page headers.",
            ),
        ),
        migrations.RunPython(note, migrations.RunPython.noop),
        migrations.RemoveField("document", "unread_pages"),
    ]
