"""Staff write the draft of a prompt, see what it changes, publish it, and go back to an older one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from chatsite.models import PromptVersion
from tests.chatsite.prompts.staff import client_of, published, staff

LIST = "/admin/chatsite/promptversion/"


@pytest.fixture
def root(db: None) -> Client:
    return client_of(User.objects.create_superuser("root"))


def form_of(draft: PromptVersion, **said: Any) -> dict[str, Any]:
    fields = {name: "" if value is None else value for name, value in draft.said.items()}
    return fields | {"seen": draft.updated_at.isoformat() if draft.pk else "", "note": draft.note} | said


def test_draft_is_written_published_and_answers(root: Client) -> None:
    begun = root.get(f"{LIST}add/").content.decode()
    assert "Answer in the language of the question" in begun
    response = root.post(f"{LIST}add/", {"instructions": "Be brief.", "temperature": "0.5"})
    draft = PromptVersion.objects.get()
    assert response.headers["Location"] == f"{LIST}{draft.pk}/change/"
    page = root.get(f"{LIST}{draft.pk}/change/").content.decode()
    assert "<del>Answer in the language of the question, in plain Markdown" in page
    assert "<ins>Be brief.</ins>" in page
    assert PromptVersion.objects.in_use().pk is None
    stamp = draft.updated_at.isoformat()
    root.post(f"{LIST}{draft.pk}/publish/", {"note": "Shorter", "seen": stamp})
    current = PromptVersion.objects.in_use()
    assert (current.pk, current.number, current.instructions, current.note) == (draft.pk, 1, "Be brief.", "Shorter")
    assert current.published_by == User.objects.get()
    assert "In use: this version answers." in root.get(f"{LIST}{draft.pk}/change/").content.decode()


def test_history_says_who_changed_what(root: Client) -> None:
    root.post(f"{LIST}add/", {"instructions": "Be brief.", "max_tokens": "200"})
    draft = PromptVersion.objects.get()
    root.post(f"{LIST}{draft.pk}/change/", form_of(draft, temperature="1"))
    draft.refresh_from_db()
    root.post(f"{LIST}{draft.pk}/publish/", {"seen": draft.updated_at.isoformat()})
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    now = "temperature: as the settings say → 1.0; answer length: as the settings say → 200; instructions: +1 −1 lines"
    assert said == [
        "answer length: as the settings say → 200; instructions: +1 −1 lines",
        now,
        f"Published as version 1. {now}",
    ]


def test_there_is_one_draft(root: Client) -> None:
    root.post(f"{LIST}add/", {"instructions": "Be brief."})
    draft = PromptVersion.objects.get()
    assert root.get(f"{LIST}add/").headers["Location"] == f"{LIST}{draft.pk}/change/"
    root.post(f"{LIST}add/", {"instructions": "Be long."})
    assert PromptVersion.objects.get().instructions == "Be brief."


def test_nobody_overwrites_or_publishes_what_they_have_not_seen(root: Client) -> None:
    draft = PromptVersion.objects.create(instructions="Mine.")
    opened, stamp = form_of(draft, instructions="Mine, longer."), draft.updated_at.isoformat()
    draft.instructions = "Somebody else's."
    draft.save()
    assert "Somebody has changed the draft" in root.post(f"{LIST}{draft.pk}/change/", opened).content.decode()
    root.post(f"{LIST}{draft.pk}/publish/", {"seen": stamp})
    draft.refresh_from_db()
    assert (draft.instructions, draft.is_draft) == ("Somebody else's.", True)


def test_published_version_stays_and_comes_back_as_a_draft(root: Client) -> None:
    first, second = published(1, instructions="First.", max_tokens=300), published(2, instructions="Second.")
    assert root.post(f"{LIST}{first.pk}/change/", form_of(first, instructions="Other.")).status_code == 403
    assert root.post(f"{LIST}{first.pk}/delete/", {"post": "yes"}).status_code == 403
    page = root.get(f"{LIST}{second.pk}/change/").content.decode()
    assert "What it changes against: Version 1" in page
    assert "<del>First.</del>" in page
    root.post(f"{LIST}{first.pk}/restore/")
    draft = PromptVersion.objects.draft()
    assert draft
    assert (draft.instructions, draft.max_tokens) == ("First.", 300)
    assert PromptVersion.objects.in_use() == second
    root.post(f"{LIST}{draft.pk}/publish/", {"seen": draft.updated_at.isoformat()})
    assert PromptVersion.objects.in_use().number == 3


def test_values_out_of_range_are_refused(root: Client) -> None:
    page = root.post(f"{LIST}add/", {"temperature": "3", "max_tokens": "2", "model": "unknown"}).content.decode()
    for said in ("less than or equal to 2", "greater than or equal to 16", "Select a valid choice"):
        assert said in page
    assert not PromptVersion.objects.exists()


def test_publishing_has_its_own_permission(db: None) -> None:
    draft = PromptVersion.objects.create(instructions="Be brief.")
    writer = client_of(staff("writer", "view_promptversion", "change_promptversion", "add_promptversion"))
    stamp = {"seen": draft.updated_at.isoformat()}
    assert "Publish it" not in writer.get(f"{LIST}{draft.pk}/change/").content.decode()
    assert writer.post(f"{LIST}{draft.pk}/publish/", stamp).status_code == 403
    publisher = client_of(staff("publisher", "view_promptversion", "publish_promptversion"))
    assert publisher.post(f"{LIST}{draft.pk}/change/", form_of(draft, instructions="Other.")).status_code == 403
    assert publisher.post(f"{LIST}{draft.pk}/restore/").status_code == 403
    assert publisher.post(f"{LIST}{draft.pk}/publish/", stamp).status_code == 302
    assert PromptVersion.objects.in_use() == draft


def test_who_may_only_view_tries_nothing(db: None) -> None:
    draft = PromptVersion.objects.create(instructions="Be brief.")
    viewer = client_of(staff("viewer", "view_promptversion"))
    assert "Try it" not in viewer.get(f"{LIST}{draft.pk}/change/").content.decode()
    for verb in ("try", "evaluate", "publish", "restore"):
        assert viewer.post(f"{LIST}{draft.pk}/{verb}/", {"query": "When?"}).status_code == 403


def test_limits_and_what_sets_them_are_listed(root: Client, settings: Any) -> None:
    settings.OPENAI_API_KEY, settings.CHAT_MODELS, settings.RUNS_PER_USER = "key-that-is-secret", ["gpt-4.1-mini"], 7
    page = root.get(LIST).content.decode()
    assert "Limits, quotas and prices now" in page
    assert "<td>7</td><td><code>RUNS_PER_USER</code>" in page
    assert "$0.4 / $1.6" in page
    assert "key-that-is-secret" not in page
