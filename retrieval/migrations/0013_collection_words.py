"""Words are counted by collection, and those of the chunks that are there are counted here, once."""

from __future__ import annotations

from collections import Counter

import django.db.models.deletion
from django.db import migrations, models

from retrieval.text.words import vocabulary

DOCUMENTS_AT_ONCE = 200


def count(apps, schema_editor):
    database = schema_editor.connection.alias
    document, chunk, word = (apps.get_model("retrieval", name) for name in ("Document", "Chunk", "CollectionWord"))
    for collection in apps.get_model("retrieval", "Collection").objects.using(database).values_list("pk", flat=True):
        counted, capitals = Counter(), Counter()
        documents = document.objects.using(database).filter(collection=collection).values_list("pk", flat=True)
        ids = list(documents.order_by("pk"))
        for first in range(0, len(ids), DOCUMENTS_AT_ONCE):
            chunks = chunk.objects.using(database).filter(document__in=ids[first : first + DOCUMENTS_AT_ONCE])
            for headings, text in chunks.order_by("pk").values_list("headings", "text").iterator():
                found = vocabulary("\n".join((*headings, text)))
                counted.update(found.keys())
                capitals.update(found)
        rows = [
            word(collection_id=collection, word=each, chunks=chunks, capitals=capitals[each])
            for each, chunks in counted.items()
        ]
        word.objects.using(database).bulk_create(rows, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0012_recognised_lines")]

    operations = [
        migrations.AddField(
            "indexremoval",
            "collection_id",
            models.PositiveBigIntegerField(null=True, help_text="Whose words a document that is gone counts in."),
        ),
        migrations.CreateModel(
            "CollectionWord",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.CharField(max_length=32)),
                ("chunks", models.IntegerField()),
                (
                    "capitals",
                    models.IntegerField(
                        help_text="Of these chunks, those that write it with a capital: of names, most."
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="words", to="retrieval.collection"
                    ),
                ),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddConstraint(
            "collectionword",
            models.UniqueConstraint(fields=("collection", "word"), name="collection_word_once"),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
