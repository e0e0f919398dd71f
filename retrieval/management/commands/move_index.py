"""`manage.py move_index`: from the embedded index to the Qdrant server of QDRANT_URL, or back."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retrieval.configuration import Runtime, Space, runtime
from retrieval.errors import RetrievalError
from retrieval.index.storage import StoragePart, claim
from retrieval.ingestion import spaces
from retrieval.ingestion.moving import move
from retrieval.management.follow import show


class Command(BaseCommand):
    help = "Copy the embedded index to the Qdrant server of QDRANT_URL, without embedding anything again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--back", action="store_true", help="From the server to the embedded index.")

    def handle(self, *args: Any, **options: Any) -> None:
        configured = runtime().settings
        if not configured.qdrant_url:
            raise CommandError("QDRANT_URL is not set: it says which Qdrant server the index is moved to or from.")
        fingerprint = spaces.live_fingerprint()
        if not fingerprint:
            self.stdout.write("No document is indexed yet, so there is nothing to move: start the site where you like.")
            return
        embedded = Runtime(replace(configured, qdrant_url=""))
        try:
            for part in (StoragePart.INDEX, StoragePart.INGESTION):
                claim(configured.index_dir, part)
            server, folder = runtime().space(fingerprint), embedded.space(fingerprint)
            source, target = (server, folder) if options["back"] else (folder, server)
            self._move(source, target)
        except RetrievalError as error:
            raise CommandError(str(error)) from error
        finally:
            embedded.close()
            runtime().close()
        self.stdout.write(_next(back=options["back"]))

    def _move(self, source: Space, target: Space) -> None:
        moved = move(
            source=source.index,
            target=target.index,
            has_vectors=source.dimension is not None,
            report=lambda done, total: show(f"Copying chunks: {done:,} of {total:,}", out=self.stdout),
        )
        if self.stdout.isatty():
            self.stdout.write("")
        target.index.tidy()
        self.stdout.write(
            f"Copied {moved.copied:,} chunks. The index moved to holds {moved.documents:,} documents, {moved.chunks:,} "
            f"chunks, as SQL does; {moved.compared} searches gave the same in both."
        )


def _next(*, back: bool) -> str:
    if back:
        return "Next: unset QDRANT_URL and start the site. The collection on the server is as it was."
    return (
        f"Next: start the site with QDRANT_URL set, and “manage.py worker” beside it. The folder {settings.INDEX_DIR} "
        "is as it was: remove it when you don't want to go back."
    )
