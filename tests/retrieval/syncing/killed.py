"""Kill a process with SIGKILL while it looks at a source, at a named moment and its nth time, then have another process
go on.

Run as a program, `python -m tests.retrieval.syncing.killed`, it prints one JSON object: what was found after each kill.
Numbers behind it take the place of `TIMES`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from tests.retrieval.ingestion.killed import in_child

MOMENTS = {  # moment: (function, when)
    "taken": ("take", "return"),
    "an entry is known": ("Running._take", "call"),
    "before it is kept": ("Running._keep", "call"),
    "its file is stored": ("FileSystemStorage._save", "return"),
    "its document is added": ("add_document", "return"),
    "its document is changed": ("replace_file", "return"),
    "within the transaction": ("QuerySet.update_or_create", "return"),
    "it is kept": ("Running._keep", "return"),
    "before any is deleted": ("Running._settle_gone", "call"),
    "amid deleting": ("delete_documents", "call"),
    "after deleting": ("delete_documents", "return"),
    "before it is given back": ("give_back", "call"),
}
TIMES = (1, 5)  # of a moment in a run, at which the process is killed; a moment may come less often
ENTRIES = 12


def state_of(step: int) -> dict[str, str]:
    """Return what the source has at a step: of each step a third is new, a third changed, and some are gone."""
    first = step * 3
    return {f"entry {n}": f"Text {step if n % 3 else 0} of {n}." for n in range(first, first + ENTRIES)}


def main(numbers: list[int]) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    in_child(lambda: call_command("migrate", verbosity=0))
    in_child(make)
    found = {}
    step = 0
    for moment, where in MOMENTS.items():
        for times in numbers:
            step += 1
            killed = in_child(lambda where=where, times=times, step=step: look(step, until=where, times=times))
            ended = in_child(lambda step=step: look(step))
            found[f"{moment}, {times}"] = report(step) | {"killed": killed == -signal.SIGKILL, "ended": ended}
    print(json.dumps(found))


def make() -> None:
    from retrieval.models import Collection, SyncedSource

    collection = Collection.objects.create(name="C", slug="c")
    SyncedSource.objects.create(collection=collection, name="Shelf", kind="killed")


def look(step: int, *, until: tuple[str, str] | None = None, times: int = 0) -> None:
    from retrieval.models import SyncedSource
    from retrieval.syncing import DocumentSource, SourceContent, SourceEntry, document_source
    from retrieval.syncing.due import run_now, take_back

    @document_source
    class Killed(DocumentSource):
        kind = "killed"

        def entries(self, since: object) -> Iterator[SourceEntry]:
            for key, text in state_of(step).items():
                yield SourceEntry(key, lambda text=text: SourceContent(text, "a.md"), version=text)  # type: ignore[misc]

    left = times

    def kill(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        if (frame.f_code.co_qualname, event) == until:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    SyncedSource.objects.exclude(token="").update(holder="site")  # as if this were the only process of the site
    take_back()
    sys.setprofile(kill if until else None)
    run_now(SyncedSource.objects.get())
    sys.setprofile(None)


def report(step: int) -> dict[str, Any]:
    reading, writing = os.pipe()
    in_child(lambda: os.write(writing, json.dumps(examine(step)).encode()))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found: dict[str, Any] = json.loads(pipe.read() or "{}")
        return found


def examine(step: int) -> dict[str, Any]:
    """Return how the documents differ from what the source has: nothing does where nothing was lost or doubled."""
    from retrieval.models import Document, SyncedEntry, SyncedSource, SyncRun

    texts = []
    for document in Document.objects.order_by("pk"):
        with document.file.open() as file:
            texts.append((document.location, file.read().decode()))
    return {
        "differ": sorted(set(texts) ^ set(state_of(step).items())),
        "documents": len(texts),
        "entries": SyncedEntry.objects.filter(document__isnull=False, missing=False).count(),
        "held": SyncedSource.objects.get().held,
        "running": SyncRun.objects.filter(state="running").count(),
    }


if __name__ == "__main__":
    main([*map(int, sys.argv[1:])] or [*TIMES])
