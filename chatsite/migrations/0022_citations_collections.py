from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill_in(apps, schema_editor):
    """Note for citations of before the collection that their document is in now."""
    citations = apps.get_model("chatsite", "Citation").objects.using(schema_editor.connection.alias)
    documents = apps.get_model("retrieval", "Document").objects.filter(pk=OuterRef("document"))
    of_documents = citations.exclude(document=None)
    of_documents.order_by().update(in_collection=Subquery(documents.order_by().values("collection")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("chatsite", "0021_question_counts"),
        ("retrieval", "0015_rows_of_models"),
    ]

    operations = [
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
