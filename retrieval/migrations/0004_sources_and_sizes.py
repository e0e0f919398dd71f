import contextlib

from django.db import migrations, models


def fill_sizes(apps, schema_editor):
    documents = apps.get_model("retrieval", "Document").objects.using(schema_editor.connection.alias)
    for document in documents.exclude(file="").only("file").iterator():
        with contextlib.suppress(OSError):  # a file that is gone has no size
            documents.filter(pk=document.pk).update(size=document.file.size)


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0003_reindex"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="etag",
            field=models.CharField(
                blank=True, editable=False, help_text="As its web server named the version.", max_length=300
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="folder",
            field=models.CharField(
                blank=True, editable=False, help_text="The synced folder that its location lies in.", max_length=500
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="last_modified",
            field=models.CharField(blank=True, editable=False, help_text="As its web server dated it.", max_length=100),
        ),
        migrations.AddField(
            model_name="document",
            name="size",
            field=models.PositiveBigIntegerField(default=0, editable=False, help_text="Of the file, in bytes."),
        ),
        migrations.RunPython(fill_sizes, migrations.RunPython.noop, elidable=True),
    ]
