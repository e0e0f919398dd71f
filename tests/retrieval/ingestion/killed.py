"""Kill an ingesting process with SIGKILL at a named moment, then see what the next process makes of it.

Run as a program, `python -m tests.retrieval.ingestion.killed`, it prints one JSON object, moment: what was found
afterwards.
Every process is forked from this one, which itself opens neither the database nor the index: a fork costs milliseconds.
The moment is found by Python's profiler, so that nothing of what is killed is changed for it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

MOMENTS = {  # moment: (function, when) - the function's qualified name, and whether on entering or leaving it
    "before reading": ("parse_together", "call"),
    "after reading": ("parse_together", "return"),
    "before embedding": ("RemoteEmbedder.embed_documents", "call"),
    "after embedding": ("RemoteEmbedder.embed_documents", "return"),
    "before the index": ("EdgeIndex.upsert", "call"),
    "after the index": ("EdgeIndex.upsert", "return"),
    "before going live": ("_go_live", "call"),
    "within the transaction": ("_describe_collection", "return"),
    "after going live": ("_go_live", "return"),
    "before clearing away": ("clear_away", "call"),
    "amid clearing away": ("FileSystemStorage.delete", "call"),
    "after clearing away": ("clear_away", "return"),
    "before removal": ("EdgeIndex.remove", "call"),
    "after removal": ("EdgeIndex.remove", "return"),
    "reindex: before a piece": ("_put", "call"),
    "reindex: after a piece": ("_put", "return"),
    "reindex: before the switch": ("switch", "call"),
    "reindex: after the switch": ("switch", "return"),
    "reindex: before the former index goes": ("EdgeIndex.drop", "call"),
    "reindex: after the former index went": ("EdgeIndex.drop", "return"),
}


def main(moments: list[str]) -> None:
    import django

    django.setup()
    import numpy  # noqa: F401 - once, for all that are forked
    import openai  # noqa: F401
    import qdrant_edge  # noqa: F401
    from django.core.management import call_command

    in_child(lambda: call_command("migrate", verbosity=0))
    found = {}
    for number, moment in enumerate(moments):
        reindexing = moment.startswith("reindex")
        in_child(lambda number=number: change(number))
        model = f"model-{number}" if reindexing else "model"
        if reindexing:
            in_child(lambda: ingest_all("model", until=None))
            in_child(request_reindex)
        killed = in_child(lambda model=model, moment=moment: ingest_all(model, until=MOMENTS[moment]))
        recovered = in_child(lambda model=model: ingest_all(model, until=None))
        found[moment] = {"killed": killed == -signal.SIGKILL, "recovered": recovered == 0} | report(model)
        if reindexing:  # back to the first model, undisturbed
            in_child(request_reindex)
            in_child(lambda: ingest_all("model", until=None))
    print(json.dumps(found))


def in_child(action: Callable[[], object]) -> int:
    """Run it in a process of its own; its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def report(model: str) -> dict[str, Any]:
    reading, writing = os.pipe()
    in_child(lambda: os.write(writing, json.dumps(examine(model)).encode()))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return json.loads(pipe.read() or "{}")


def configured(model: str) -> None:
    from retrieval.configuration import configure, runtime

    configure(replace(runtime().settings, embedding_model=model, drop_after_seconds=0))


def text_of(number: int, version: int) -> str:
    return "\n\n".join(f"Paragraph {n} of {number}, version {version}, is about boilers. " * 12 for n in range(3))


def change(number: int) -> None:
    """Something of everything: a new document, a replaced one, a deleted one."""
    from django.core.files.base import ContentFile

    from retrieval.ingestion import ingest
    from retrieval.models import Collection, Document

    collection, _ = Collection.objects.get_or_create(name="C", slug="c")
    for name in ("new", "later"):
        file = ContentFile(f"{name} {text_of(number, 1)}".encode())
        ingest.add_document(collection, file=file, filename=f"{name}-{number}.md")
    for document in Document.objects.filter(filename=f"new-{number - 1}.md"):
        ingest.replace_file(document, file=ContentFile(text_of(number, 2).encode()))
    for document in Document.objects.filter(filename=f"later-{number - 1}.md"):
        document.delete()


def request_reindex() -> None:
    from retrieval.ingestion import reindex

    reindex.request_reindex()


def ingest_all(model: str, *, until: tuple[str, str] | None) -> None:
    from retrieval.ingestion import ingest

    configured(model)

    def kill(frame: FrameType, event: str, argument: object) -> None:
        if (frame.f_code.co_qualname, event) == until:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(kill if until else None)  # files are read by a thread of their own
    sys.setprofile(kill if until else None)
    ingest.recover()
    while ingest.work():
        pass
    sys.setprofile(None)


def examine(model: str) -> dict[str, Any]:
    """What is not as an undisturbed run leaves it; every list is empty when nothing was lost, doubled or orphaned."""
    from django.core.files.storage import default_storage

    from retrieval.ingestion import spaces
    from retrieval.ingestion.points import chunk_id
    from retrieval.models import Chunk, Document, IndexRemoval, Reindex

    configured(model)
    wrong = []
    for document in Document.objects.order_by("pk"):
        chunks = list(Chunk.objects.filter(document=document).order_by("generation", "position"))
        ids = [chunk_id(document.pk, generation=document.generation, position=n) for n in range(len(chunks))]
        whole = "".join(chunk.text for chunk in chunks) == document.file.read().decode()
        if document.state != "ready" or [chunk.pk for chunk in chunks] != ids or not whole:
            wrong.append([document.filename, document.state, document.error, len(chunks), whole])
    held, live = dict(spaces.live_space().index.holdings()), spaces.live_counts()
    stored = {f"documents/{name}" for name in default_storage.listdir("documents")[1]}
    points = list(Chunk.objects.values_list("pk", flat=True))
    return {
        "documents": Document.objects.count(),
        "wrong": wrong,
        "in the index, not in SQL": sorted(held.keys() - live.keys()),
        "in SQL, not in the index": sorted(key for key, total in live.items() if held.get(key) != total),
        "chunks without a document": Chunk.objects.exclude(document__in=Document.objects.all()).count(),
        "files without a document": len(stored - set(Document.objects.values_list("file", flat=True))),
        "without a vector": len(points) - len(spaces.live_space().index.vectors(points)),
        "removals": IndexRemoval.objects.count(),
        "requests": [str(request) for request in Reindex.objects.all()],
        "fingerprint": spaces.live_fingerprint(),
        "indexes": sorted(path.name for path in spaces.runtime().settings.index_dir.iterdir() if path.is_dir()),
    }


if __name__ == "__main__":
    main(sys.argv[1:] or list(MOMENTS))
