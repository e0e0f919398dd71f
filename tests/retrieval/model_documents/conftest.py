"""Conversations, whose keys are UUIDs, as documents of their owners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from chatsite.models import Conversation
from retrieval.model_documents import ModelDocuments, documents
from retrieval.model_documents.declaring import withdraw


@pytest.fixture
def talks(index: None, settings: Any, tmp_path: Path) -> Iterator[type[ModelDocuments]]:
    """Declare conversations, whose keys are UUIDs, as documents of their owners."""
    settings.MEDIA_ROOT = tmp_path / "media"

    @documents(Conversation, collection="talks")
    class TalkDocuments(ModelDocuments):
        def text(self, row: Any) -> Any:
            return f"They talked about {row.title}."

        def visible_to(self, user: Any) -> Any:
            return Conversation.objects.filter(user__isnull=False, user=user.pk)

    yield TalkDocuments
    withdraw("chatsite.conversation")


@pytest.fixture
def ada(talks: type[ModelDocuments]) -> User:
    ada, bob = (User.objects.create_user(name) for name in ("ada", "bob"))
    for user, title in ((ada, "engines"), (bob, "looms"), (None, "weather")):
        Conversation.objects.create(user=user, title=title)
    call_command("sync_models", verbosity=0)
    return ada
