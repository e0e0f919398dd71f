"""Run by test_migration.py in a process of its own: citations of before, on the way from one migration to the next."""

from __future__ import annotations

from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE, AFTER = "0021_question_counts", "0022_citations_collections"


class Killed(Exception):
    """Stands for the end of the process."""


def main() -> None:
    django.setup()
    from importlib import import_module

    migration: Any = import_module(f"chatsite.migrations.{AFTER}")
    migration.BATCH = 3
    call_command("migrate", "chatsite", BEFORE, verbosity=0)
    citations = filled()
    updates: list[bool] = []  # whether each stood in a transaction of others

    def second_fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE"):
            updates.append(connection.in_atomic_block)
            if len(updates) == 2:
                raise Killed
        return execute(sql, params, many, context)

    with connection.execute_wrapper(second_fails):
        try:
            call_command("migrate", "chatsite", AFTER, verbosity=0)
        except Killed:
            print("killed after", citations.exclude(in_collection=None).count())
    call_command("migrate", "chatsite", AFTER, verbosity=0)
    print("whole", *citations.order_by("pk").values_list("in_collection", flat=True))
    print("alone", not any(updates))
    citations.filter(document__title="moved").update(document=citations.order_by("pk")[0].document)
    call_command("migrate", "chatsite", BEFORE, verbosity=0)
    call_command("migrate", "chatsite", AFTER, verbosity=0)
    print("again", *citations.order_by("pk").values_list("in_collection", flat=True))


def filled() -> Any:
    """Return the citations of a database as it was before: seven of documents of two collections, one of none."""
    executor = MigrationExecutor(connection)
    apps = executor.loader.project_state([("chatsite", BEFORE), *retrieval_now(executor)]).apps
    collections = [apps.get_model("retrieval", "Collection").objects.create(name=name, slug=name) for name in "ab"]
    documents = [
        apps.get_model("retrieval", "Document").objects.create(collection=one, title=title, content_hash=title)
        for one, title in zip(collections, ("stays", "moved"), strict=True)
    ]
    talk = apps.get_model("chatsite", "Conversation").objects.create()
    run = apps.get_model("chatsite", "Run").objects.create(conversation=talk, mode="retrieval", question="When?")
    citations = apps.get_model("chatsite", "Citation").objects
    for number in range(8):
        document = None if number == 4 else documents[number % 2]
        citations.create(run=run, marker=number, document=document, quote="", start=0, end=1)
    return citations


def retrieval_now(executor: MigrationExecutor) -> list[tuple[str, str]]:
    """Return the migrations of the documents that are applied."""
    return [key for key in executor.loader.applied_migrations if key[0] == "retrieval"]


if __name__ == "__main__":
    main()
