"""What a process does that is killed: it changes rows in every way, and follows them; and what is left at the end."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from benchmarks.rows.followed import drain, fill


def work(rows: int, number: int) -> None:
    """Change a tenth of the rows, then sync, read and tidy until nothing is left. The first process makes the rows."""
    from django.core.management import call_command
    from news.models import Article

    if not Article.objects.exists():
        fill(rows)
    print("begun", flush=True)
    if number:
        change(random.Random(number))
    call_command("sync_models", verbosity=0)
    from retrieval.ingestion import ingest

    ingest.recover()
    drain()
    print("done", flush=True)


def change(chance: random.Random) -> None:
    """Save and delete, which is noted; and bulk_create, update and SQL, which is not."""
    from django.db import connection, transaction
    from news.models import Article

    keys = [*Article.objects.values_list("pk", flat=True)]
    some = chance.sample(keys, len(keys) // 10)
    part = len(some) // 5
    for row in Article.objects.filter(pk__in=some[:part]):
        row.body = f"Saved: word{chance.randrange(10**6)} stands here."
        row.save()
    Article.objects.filter(pk__in=some[part : 2 * part]).update(body=f"Updated: word{chance.randrange(10**6)}.")
    with transaction.atomic(), connection.cursor() as cursor:
        for key in some[2 * part : 3 * part]:
            cursor.execute("UPDATE news_article SET title = %s WHERE id = %s", [f"T{chance.randrange(10**6)}", key])
        gone = some[3 * part : 4 * part]
        cursor.execute(f"DELETE FROM news_article WHERE id IN ({','.join(map(str, gone))})")
    author = Article.objects.values_list("author", flat=True)[0]
    Article.objects.bulk_create(
        Article(title=f"New {n}", slug=f"n{chance.getrandbits(60)}", body=f"Made: word{n}.", author_id=author)
        for n in range(part * 2)
    )
    for row in Article.objects.filter(pk__in=some[4 * part :]):
        row.delete()


def look() -> None:
    """Print as JSON in how many places rows, documents, chunks and points differ."""
    from news.models import Article

    from retrieval.ingestion import spaces
    from retrieval.model_documents.contents import content_of
    from retrieval.model_documents.declaring import declared_for
    from retrieval.models import Chunk, Document, IndexRemoval, ModelChange

    one = declared_for("news.article")
    assert one is not None
    said = {one.key_of(row): content_of(one, row) for row in Article.objects.all()}
    rows = {key: (content.title, content.file.read().decode()) for key, content in said.items()}
    found: dict[str, tuple[str, str]] = {}
    chunks: dict[str, str] = {}
    for document in Document.objects.filter(source="model"):
        found[document.location] = (document.title, Path(document.file.path).read_text())
        live = Chunk.objects.filter(document=document, generation=document.live_generation).order_by("position")
        chunks[document.location] = "".join(live.values_list("text", flat=True))
    folder = Path(Document._meta.get_field("file").storage.path("documents"))
    figures: dict[str, Any] = {
        "rows": len(rows),
        "documents": len(found),
        "rows without their document": len(rows.keys() - found.keys()),
        "documents without their row": len(found.keys() - rows.keys()),
        "titles or texts that differ": sum(rows[key] != told for key, told in found.items() if key in rows),
        "live texts that differ": sum(chunks[key].strip() != rows[key][1].strip() for key in chunks if key in rows),
        "not ready": Document.objects.exclude(state="ready").count(),
        "chunks": Chunk.objects.count(),
        "points": spaces.live_space().index.count(),
        "changes or removals that wait": ModelChange.objects.count() + IndexRemoval.objects.count(),
        "files of no document": len([*folder.iterdir()]) - len(found),
    }
    print(json.dumps(figures))
