"""What a project is told, when, and that its receivers can't spoil anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from django.dispatch import Signal

from chatsite.signals import answer_given, answer_refused, feedback_given, question_asked
from retrieval.ingestion import ingest, queue
from retrieval.models import Collection, Document
from retrieval.signals import document_failed, document_ready, tell
from tests.chatsite.api.programs import Program

pytestmark = pytest.mark.django_db(transaction=True)

SIGNALS = {
    "asked": question_asked, "given": answer_given, "refused": answer_refused, "feedback": feedback_given,
    "ready": document_ready, "failed": document_failed,
}  # fmt: skip


@pytest.fixture
def told() -> Iterator[list[tuple[str, Any]]]:
    """Give what is told, by what and with which row, to receivers that raise."""
    told: list[tuple[str, Any]] = []
    with ExitStack() as stack:
        for name, signal in SIGNALS.items():
            stack.enter_context(_received(signal, name, told))
        yield told


@contextmanager
def _received(signal: Signal, name: str, told: list[tuple[str, Any]]) -> Iterator[None]:
    def receive(signal: Signal, sender: Any, changed: bool | None = None, **row: Any) -> None:
        told.extend((name, one) for one in row.values())
        if changed is not None:
            told.append(("changed", changed))
        raise RuntimeError("a fault of the project's own")

    signal.connect(receive)
    try:
        yield
    finally:
        signal.disconnect(receive)


def test_question_and_its_end_are_told_with_the_row_as_it_is_saved(put: Any, public: Collection, told: Any) -> None:
    put(public, "tea.md", "Wait four minutes before you pour the tea.")
    put(public, "empty.pdf", b"%PDF-1.4 and nothing")
    asking = Program(User.objects.create_user("asking"))
    answered = asking.ask().json()
    refused = asking.ask("How many ships sail to Iceland?").json()
    asking.ask("Hello!")
    assert asking._client.put(
        f"/api/v1/chat/runs/{answered['run_id']}/feedback", {"helpful": True},
        content_type="application/json", headers=asking._headers,
    ).status_code == 204  # fmt: skip
    assert [name for name, _ in told if name != "changed"] == [
        "ready", "failed", "asked", "given", "asked", "refused", "asked", "feedback"
    ]  # fmt: skip
    rows = [row for name, row in told if name != "changed"]
    assert (rows[0].state, rows[0].live_generation, rows[1].state) == ("ready", 1, "failed")
    assert rows[1].error.message()
    assert (rows[2].state, rows[3].state, rows[3].answered) == ("running", "completed", True)
    assert [str(rows[3].pk), str(rows[5].pk)] == [answered["run_id"], refused["run_id"]]
    assert rows[7].helpful is True


def test_document_that_is_only_read_again_is_told_apart(put: Any, public: Collection, told: Any) -> None:
    document = put(public, "tea.md", "Wait four minutes before you pour the tea.")
    queue.requeue(Document.objects.filter(pk=document.pk))
    ingest.ingest_next()
    ingest.replace_file(document, file=ContentFile(b"Wait five minutes before you pour the tea."))
    ingest.ingest_next()
    assert [fact for name, fact in told if name == "changed"] == [True, False, True]


def test_what_is_rolled_back_or_gone_is_not_told(public: Collection, told: Any) -> None:
    document = Document.objects.create(collection=public, title="Manual", filename="manual.md")
    with transaction.atomic():
        tell(document_ready, document=document)
        transaction.set_rollback(True)
    with transaction.atomic():
        tell(document_ready, document=document)
        document.delete()
    assert told == []
