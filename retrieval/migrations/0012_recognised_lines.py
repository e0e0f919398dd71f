"""Where recognised text stands on its page."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0011_losses")]

    operations = [
        migrations.CreateModel(
            "RecognisedPage",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.PositiveIntegerField()),
                ("page", models.PositiveIntegerField(help_text="1-based.")),
                (
                    "lines",
                    models.JSONField(
                        help_text="[start, end, top, bottom, edges] each, as `retrieval.parsing.formats.extracted.RecognisedLine`."
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="recognised_pages",
                        to="retrieval.document",
                    ),
                ),
            ],
            options={"ordering": ["document", "generation", "page"]},
        ),
        migrations.AddConstraint(
            "recognisedpage",
            models.UniqueConstraint(fields=("document", "generation", "page"), name="recognised_page_once"),
        ),
    ]
