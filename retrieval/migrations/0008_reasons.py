"""Reasons keep their template and values. What rows hold by now is text without values, and stays as it is."""

from django.db import migrations

import retrieval.fields


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0007_labels")]

    operations = [
        migrations.AlterField(
            model_name="document",
            name="error",
            field=retrieval.fields.ReasonField(editable=False, help_text="Why it failed, for a person."),
        ),
        migrations.AlterField(
            model_name="reindex",
            name="error",
            field=retrieval.fields.ReasonField(help_text="Why it waits, for a person."),
        ),
    ]
