"""A path of headings becomes a list, for a heading may hold " > " itself.

What was joined can't be told from what was one heading, so a row that is there is cut at " > " once more, as it was
whenever it was read. Where that is wrong, it is put right when the document is cut anew, which the chunker's new version
brings about at the next start.
"""

from __future__ import annotations

from django.db import migrations, models

ROWS_AT_ONCE = 2_000


def cut(apps, schema_editor):
    rewrite(apps, schema_editor, source="heading", target="headings", convert=lambda heading: heading.split(" > "))


def join(apps, schema_editor):
    rewrite(apps, schema_editor, source="headings", target="heading", convert=lambda path: " > ".join(path)[:500])


def rewrite(apps, schema_editor, *, source, target, convert):
    """Go through the chunks that have headings, in the order of their ids, some at a time."""
    chunks = apps.get_model("retrieval", "Chunk").objects.using(schema_editor.connection.alias)
    empty = "" if source == "heading" else []
    rest = chunks.exclude(**{source: empty}).order_by("pk")
    rows = list(rest[:ROWS_AT_ONCE])
    while rows:
        for row in rows:
            setattr(row, target, convert(getattr(row, source)))
        chunks.bulk_update(rows, [target], batch_size=200)
        rows = list(rest.filter(pk__gt=rows[-1].pk)[:ROWS_AT_ONCE])


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0008_reasons")]

    operations = [
        migrations.AddField(
            model_name="chunk",
            name="headings",
            field=models.JSONField(
                blank=True, default=list, help_text="Those above its beginning, outermost first; they rank it."
            ),
        ),
        migrations.RunPython(cut, join),
        migrations.RemoveField(model_name="chunk", name="heading"),
    ]
