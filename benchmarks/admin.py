"""How the admin's pages and its deletions fare among 100, 1,000 and 10,000 documents of ten chunks each.

    python -m benchmarks.admin

Requests go through the whole site, by Django's test client; the files are real, the vectors are not made. Medians of
five, in milliseconds, but for the deletion of the whole collection, which happens once, in seconds.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

    from retrieval.models import Collection

SIZES = (100, 1_000, 10_000)
CHUNKS = 10
TIMES = 5
COLUMNS = ("documents", "list", "search", "filter", "states", "collection", "upload", "delete", "delete all s", "MB")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        run()


def run() -> None:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(get_user_model()._default_manager.create_superuser("admin"))
    print("".join(f"{name:>13}" for name in COLUMNS), flush=True)
    for size in SIZES:
        figures = measure(client, filled(size))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{size:>13,}{''.join(f'{figure:>13.1f}' for figure in figures)}{memory:>13.0f}", flush=True)


def filled(size: int) -> Collection:
    """A collection as ingestion leaves it, but for the vectors."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    from retrieval.ingestion.points import chunk_id
    from retrieval.models import Chunk, Collection, Document

    collection = Collection.objects.create(name=f"With {size}", slug=f"with-{size}")
    ready = Document.State.READY
    documents = Document.objects.bulk_create(
        Document(
            collection=collection,
            title=f"Part {number}",
            filename=f"part-{number}.md",
            file=default_storage.save(f"documents/{size}-{number}.md", ContentFile(b"x" * 100)),
            content_hash=f"{size}-{number}",
            size=100,
            state=Document.State.FAILED if number % 100 == 0 else ready,
            error="It is broken." if number % 100 == 0 else "",
            live_generation=1,
            chunk_count=CHUNKS,
            page_starts=list(range(0, 50_000, 2_000)),
        )
        for number in range(size)
    )
    for first in range(0, size, 500):
        Chunk.objects.bulk_create(
            Chunk(
                id=chunk_id(document.pk, generation=1, position=position),
                document=document,
                generation=1,
                position=position,
                start=position * 800,
                end=position * 800 + 800,
                text="word " * 160,
            )
            for document in documents[first : first + 500]
            for position in range(CHUNKS)
        )
    return collection


def measure(client: Client, collection: Collection) -> list[float]:
    """The columns in between."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.urls import reverse

    from retrieval.models import Document

    documents = reverse("admin:retrieval_document_changelist")
    in_collection = {"collection__id__exact": collection.pk}
    ids = list(collection.documents.values_list("pk", flat=True)[:100])
    numbers = count()

    def upload() -> None:
        file = SimpleUploadedFile("new.md", f"{collection.pk} {next(numbers)}".encode())
        client.post(reverse("admin:retrieval_document_add"), {"collection": collection.pk, "documents": [file]})

    def delete_one() -> None:
        document = Document.objects.filter(collection=collection).first()
        assert document
        client.post(reverse("admin:retrieval_document_delete", args=[document.pk]), {"post": "yes"})

    def delete_all() -> None:
        answer = client.post(reverse("admin:retrieval_collection_delete", args=[collection.pk]), {"post": "yes"})
        assert answer.status_code == 302
        assert not Document.objects.filter(collection_id=collection.pk).exists()

    return [
        timed(lambda: client.get(documents)),
        timed(lambda: client.get(documents, {"q": "part 7"})),
        timed(lambda: client.get(documents, in_collection | {"state__exact": "failed"})),
        timed(lambda: client.get(reverse("admin:retrieval_document_states"), {"id": ids})),
        timed(lambda: client.get(reverse("admin:retrieval_collection_change", args=[collection.pk]))),
        timed(upload),
        timed(delete_one),
        timed(delete_all, times=1) / 1000,
    ]


def timed(work: Callable[[], object], *, times: int = TIMES) -> float:
    """Milliseconds, the median of `times`."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
