from __future__ import annotations

from django.db import migrations, models


def note_rows(apps, schema_editor):
    """Note the collections that hold rows already."""
    using = schema_editor.connection.alias
    rows = apps.get_model("retrieval", "Document").objects.using(using).filter(source="model")
    collections = apps.get_model("retrieval", "Collection").objects.using(using)
    collections.filter(pk__in=rows.order_by().values("collection")).update(holds_rows=True)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0015_rows_of_models")]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="holds_rows",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Some documents are or were rows of the site, with rights of their own.",
            ),
        ),
        migrations.RunPython(note_rows, migrations.RunPython.noop),
    ]
