"""Fixtures: what is dumped by natural keys is loaded into an empty database, and works there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from chatsite.models import PromptVersion, SavedQuestion, Workflow, WorkflowVersion
from retrieval.ingestion import ingest
from retrieval.models import Chunk, Collection, Document
from retrieval.searching.search import search

KEYS = ["--natural-foreign", "--natural-primary"]
SMALL = ["auth.group", "auth.user", "retrieval.collection", "chatsite.promptversion", "chatsite.workflow",
         "chatsite.workflowversion"]  # fmt: skip
WHOLE = [*SMALL, "retrieval.document", "retrieval.chunk", "chatsite.savedquestion"]

Put = Callable[..., Document]


@pytest.fixture
def filled(public: Collection, put: Put) -> Document:
    """A site with something of everything that staff write."""
    boss = User.objects.create_superuser("boss")
    public.groups.add(Group.objects.create(name="Members"))
    Collection.objects.create(name="Of the boss", slug="boss", owner=boss)
    document = put(public, "tea.md", "# Tea\n\nWait four minutes before you pour the tea.\n")
    PromptVersion.objects.create(number=1, is_draft=False, instructions="Be brief.", published_by=boss)
    PromptVersion.objects.create(instructions="Be briefer.", created_by=boss)
    workflow = Workflow.objects.create(slug="digest", title="Digest", draft="steps: {}", changed_by=boss)
    WorkflowVersion.objects.create(workflow=workflow, number=1, text="steps: {}", published_by=boss)
    SavedQuestion.objects.create(question="How long?", document=document, collection=public, created_by=boss)
    return document


def empty() -> None:
    for model in (SavedQuestion, Document, Collection, PromptVersion, WorkflowVersion, Workflow, User, Group):
        model.objects.all().delete()
    User.objects.create_user("of another site")  # and so ids differ
    Collection.objects.create(name="Of another site", slug="other")


def dump(tmp_path: Path, models: list[str]) -> Path:
    fixture = tmp_path / "site.json"
    call_command("dumpdata", *KEYS, *models, output=str(fixture), verbosity=0)
    return fixture


def test_what_staff_write_is_moved_to_a_site_with_other_ids(filled: Document, tmp_path: Path) -> None:
    before = Collection.objects.get(slug="handbook").pk
    fixture = dump(tmp_path, SMALL)
    assert not any("pk" in row for row in json.loads(fixture.read_text()))
    empty()
    call_command("loaddata", str(fixture), verbosity=0)
    collection = Collection.objects.get(slug="handbook")
    assert collection.pk != before
    assert [group.name for group in collection.groups.all()] == ["Members"]
    assert Collection.objects.get(slug="boss").owner == User.objects.get(username="boss")
    assert PromptVersion.objects.in_use().instructions == "Be brief."
    draft = PromptVersion.objects.draft()
    assert draft
    assert (draft.instructions, draft.created_by) == ("Be briefer.", User.objects.get(username="boss"))
    assert Workflow.objects.get(slug="digest").published() == WorkflowVersion.objects.get(workflow__slug="digest")
    call_command("loaddata", str(fixture), verbosity=0)  # again: nothing is there twice
    assert PromptVersion.objects.count() == 2
    assert Workflow.objects.count() == 1


def test_documents_keep_their_ids_and_are_found_again(filled: Document, tmp_path: Path, settings: Any) -> None:
    chunks = sorted(Chunk.objects.values_list("pk", flat=True))
    fixture = dump(tmp_path, WHOLE)
    empty()
    while not ingest.drain_removals():
        pass
    call_command("loaddata", str(fixture), verbosity=0)
    document = Document.objects.get()
    assert document.pk == filled.pk
    assert document.collection == Collection.objects.get(slug="handbook")
    assert sorted(Chunk.objects.values_list("pk", flat=True)) == chunks
    assert SavedQuestion.objects.get().document == document
    ingest.recover()  # as at the next start: the index does not hold what the database does
    while ingest.work():
        pass
    found = search("How long does tea take?", user=User.objects.get(username="boss"))
    assert [passage.document_id for passage in found.passages] == [document.pk]
