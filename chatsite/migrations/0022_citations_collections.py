from django.db import migrations
from django.db.models import OuterRef, Subquery

BATCH = 5_000  # rows that are locked at once, and for some milliseconds


def fill_in(apps, schema_editor):
    """Note for citations of before the collection that their document is in now, some at a time: there may be a
    million, which would all be locked until the last one is written. Killed, it goes on with those that are left."""
    citations = apps.get_model("chatsite", "Citation").objects.using(schema_editor.connection.alias)
    documents = apps.get_model("retrieval", "Document").objects.filter(pk=OuterRef("document")).order_by()
    left = citations.filter(in_collection=None).exclude(document=None).order_by("pk")
    after = left
    while keys := list(after.values_list("pk", flat=True)[:BATCH]):
        some = left.filter(pk__gte=keys[0], pk__lte=keys[-1]).order_by()
        some.update(in_collection=Subquery(documents.values("collection")[:1]))
        after = left.filter(pk__gt=keys[-1])


class Migration(migrations.Migration):
    atomic = False  # each batch is a transaction of its own

    dependencies = [
        ("chatsite", "0021_question_counts"),
        ("retrieval", "0015_rows_of_models"),
    ]

    operations = [
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
