"""`manage.py serve`: set up what is missing, then serve the site on the loopback."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

import chatsite
from retrieval.errors import StorageInUse
from retrieval.index.storage import StoragePart, claim, release
from retrieval.models import Collection
from retrieval.sources.folder import carry_out, list_files, plan_sync

# Beside the package where it is a checkout; a project that has the chat installed keeps its own docs to itself.
DOCS = Path(chatsite.__file__).resolve().parent.parent / "docs"
DOCUMENTATION = "documentation"  # slug of the collection that the project's own docs go into


class Command(BaseCommand):
    help = "Migrate, create what a first start needs, and serve on 127.0.0.1:PORT until interrupted."

    def handle(self, *args: Any, **options: Any) -> None:
        if not hasattr(settings, "PORT"):
            raise CommandError("“serve” serves the chat as a site of its own. Here the project's own server serves it.")
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        self._refuse_second_process()
        self._refuse_taken_port()
        first_start = not MigrationRecorder(connections["default"]).has_table()
        call_command("migrate", interactive=False, verbosity=0)
        self._create_admin()
        if first_start:
            Collection.objects.create(
                name="Documentation", slug=DOCUMENTATION, public=True, description="How to run and use this site."
            )
        self._sync_documentation()
        connections.close_all()  # before the fork
        if first_start:
            self.stdout.write("Preparing the embedding model and the documentation; this takes a few seconds, once.")

        from chatsite.server import Server

        Server(first_start=first_start).run()

    def _refuse_second_process(self) -> None:
        if settings.QDRANT_URL:
            return
        try:
            claim(settings.INDEX_DIR, StoragePart.SERVING)
        except StorageInUse as error:
            raise CommandError(str(error)) from error
        release(settings.INDEX_DIR, StoragePart.SERVING)  # the worker claims it

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", settings.PORT))
            except OSError as error:
                raise CommandError(f"Port {settings.PORT} is taken. Set PORT to a free one.") from error

    def _create_admin(self) -> None:
        users = get_user_model()._default_manager
        if users.exists():
            return
        password = secrets.token_urlsafe(12)
        users.create_superuser("admin", password=password)
        self.stdout.write(f"Created the user admin with the password {password} (shown once; change it in /admin/).")

    def _sync_documentation(self) -> None:
        """Keep the project's own docs as they are in this version, unless staff have removed their collection."""
        collection = Collection.objects.filter(slug=DOCUMENTATION).first()
        if collection is None:
            return
        if not DOCS.is_dir():
            return
        files = list_files(DOCS, include=["*.md"], max_bytes=settings.UPLOAD_MAX_BYTES).files
        plan = plan_sync(collection, root=DOCS, name=DOCUMENTATION, files=files, report=_silent)
        carry_out(plan, collection=collection, name=DOCUMENTATION, delete=True, report=_silent)


def _silent(line: str) -> None:
    """The first start shows no progress: it takes a fraction of a second."""
