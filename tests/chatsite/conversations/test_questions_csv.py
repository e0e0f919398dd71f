"""What staff save of real conversations: only what they may read, in a form that `manage.py evaluate` reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chatsite.models import Citation, Conversation, Run
from retrieval.evaluation.questions import Quote
from retrieval.evaluation.sets import read_set
from retrieval.models import Collection, Document


def asked(question: str, *, document: Document | None = None, quote: str = "", state: str = "completed") -> Run:
    conversation = Conversation.objects.create(title=question)
    run = Run.objects.create(
        conversation=conversation,
        mode=Run.Mode.RETRIEVAL,
        question=question,
        answered=document is not None,
        state=state,
        ended_at=timezone.now(),
    )
    if document:
        Citation.objects.create(run=run, marker=1, document=document, quote=quote, start=4, end=4 + len(quote))
    return run


@pytest.fixture
def documents(db: None) -> tuple[Document, Document]:
    public = Collection.objects.create(name="Public", slug="public", public=True)
    secret = Collection.objects.create(name="Secret", slug="secret")
    return tuple(  # type: ignore[return-value]
        Document.objects.create(collection=collection, title=collection.name, filename="a.md")
        for collection in (public, secret)
    )


def test_staff_save_the_answers_they_may_read(
    documents: tuple[Document, Document], client: Client, tmp_path: Path
) -> None:
    public, secret = documents
    runs = [
        asked("When is it serviced?", document=public, quote="=in May,\nat noon"),
        asked("What is Heron?", document=secret, quote="The merger"),
        asked("Who is Ahab?"),
        asked("Cut short", state="failed"),
    ]
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(staff)
    chosen = {"action": "save_as_questions", "_selected_action": [str(run.pk) for run in runs]}
    response = client.post(reverse("admin:chatsite_run_changelist"), chosen)
    assert response.headers["Content-Disposition"] == 'attachment; filename="questions.csv"'
    (saved := tmp_path / "questions.csv").write_bytes(response.content)
    serviced, ahab = read_set(saved).questions
    assert serviced.text == "When is it serviced?"
    assert serviced.quotes == (Quote(str(public.pk), 4, 20, "=in May,\nat noon"),)
    assert (ahab.text, ahab.answerable) == ("Who is Ahab?", False)
    assert "\r\n =in" not in response.content.decode()
    assert '" =in May' in response.content.decode()
    assert "merger" not in response.content.decode()
