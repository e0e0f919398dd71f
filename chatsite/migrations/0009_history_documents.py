"""Note of each answer what those before it rest on: from now on an answer goes with those that its model had read."""

from django.db import migrations, models

BATCH = 200


def note_history(apps, schema_editor):
    """Take for the history of a run all that came before it in its conversation."""
    Run = apps.get_model("chatsite", "Run")
    for conversation in apps.get_model("chatsite", "Conversation").objects.values_list("pk", flat=True):
        runs = list(Run.objects.filter(conversation=conversation).order_by("created_at", "id").only("id", "sources"))
        before = set()
        for run in runs:
            run.history_documents = sorted(before)
            before |= {source["document_id"] for source in run.sources if source.get("document_id")}
        Run.objects.bulk_update(runs, ["history_documents"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [
        ("chatsite", "0008_gaps"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="history_documents",
            field=models.JSONField(
                default=list,
                help_text="What the answers before it in its conversation rest on, by id: a language model reads those.",
                verbose_name="history documents",
            ),
        ),
        migrations.RunPython(note_history, migrations.RunPython.noop),
    ]
