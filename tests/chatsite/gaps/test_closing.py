"""A gap closes itself: its answer is drafted, written, and its questions are asked again once it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from chatsite.models import Conversation, Gap, Run
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

Put = Callable[..., Document]
LIST = "/admin/chatsite/gap/"
PASTE = "/admin/retrieval/document/paste/"
KITCHEN = "The kitchen closes at three o'clock. Who eats later brings something along."

pytestmark = pytest.mark.usefixtures("index")


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def model(settings: Any) -> Iterator[ChatServer]:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server


def gap_of(staff: Client, *questions: str) -> Gap:
    for question in questions:
        values = {"mode": "retrieval", "state": "completed", "ended_at": timezone.now()}
        Run.objects.create(conversation=Conversation.objects.create(), question=question, **values)
    staff.get(LIST)
    return Gap.objects.get()


def page_of(staff: Client, gap: Gap) -> str:
    return staff.get(f"{LIST}{gap.pk}/change/").text


def test_draft_is_quoted_without_a_model_and_saves_nothing(staff: Client, public: Collection, put: Put) -> None:
    document = put(public, "kitchen.md", KITCHEN)
    gap = gap_of(staff, "When does the canteen open?")
    assert "Draft it from the documents" in page_of(staff, gap)
    page = staff.post(f"{LIST}{gap.pk}/draft/").text
    assert "These are the nearest sentences of the documents." in page
    assert "&gt; The kitchen closes at three o&#x27;clock. (1)" in page
    assert f"- (1) [kitchen](/documents/{document.pk}/)" in page
    assert 'value="When does the canteen open?"' in page
    assert f'action="{PASTE}?gap={gap.pk}"' in page
    assert Document.objects.count() == 1


def test_draft_of_a_model_stands_with_what_it_cites(
    staff: Client, public: Collection, put: Put, model: ChatServer
) -> None:
    put(public, "kitchen.md", KITCHEN)
    gap = gap_of(staff, "When does the canteen open?")
    model.script(chat_server.text("The kitchen is closed from three o'clock on [1]. It opens [to be added: when] [7]."))
    page = staff.post(f"{LIST}{gap.pk}/draft/").text
    assert "A language model has drafted this" in page
    assert "The kitchen is closed from three o&#x27;clock on (1). It opens [to be added: when]." in page
    assert '<div class="passage-text">The kitchen closes at three o&#x27;clock.</div>' in page
    assert Run.objects.count() == 1  # the question of the reader


def test_draft_without_a_citation_is_not_shown(staff: Client, public: Collection, put: Put, model: ChatServer) -> None:
    put(public, "kitchen.md", KITCHEN)
    gap = gap_of(staff, "When does the canteen open?")
    model.script(chat_server.text("It opens at nine, as canteens do."))
    page = staff.post(f"{LIST}{gap.pk}/draft/").text
    assert "as canteens do" not in page
    assert "These are the nearest sentences of the documents." in page


def test_draft_holds_nothing_that_the_drafter_may_not_read(client: Client, put: Put) -> None:
    put(Collection.objects.create(name="Secret", slug="secret"), "kitchen.md", KITCHEN)
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_gap", "add_document"]))
    client.force_login(user)
    page = client.post(f"{LIST}{gap_of(client, 'When does the canteen open?').pk}/draft/").text
    assert "three o" not in page
    assert "Nothing in the documents is near to it" in page


def test_questions_are_asked_again_once_the_answer_is_read(staff: Client, public: Collection, put: Put) -> None:
    put(public, "kitchen.md", KITCHEN)
    gap = gap_of(staff, "When is the canteen open?", "What are the opening hours of the canteen?")
    said = {"collection": public.pk, "title": gap.question, "text": "The canteen is open from eight to three o'clock."}
    assert staff.post(f"{PASTE}?gap={gap.pk}", said).status_code == 200
    assert "Asked again when its document is read" in page_of(staff, gap)
    while ingest.work():
        pass
    gap.refresh_from_db()
    assert (gap.asked_again, gap.answered_again) == (2, 2)
    assert "Answered (2 of 2, " in page_of(staff, gap)
    assert "Answered (2 of 2, " in staff.get(LIST).text
    assert Run.objects.count() == 2  # asking again leaves no question behind
    assert Conversation.objects.count() == 2


def test_file_that_is_added_answers_as_well(staff: Client, public: Collection) -> None:
    gap = gap_of(staff, "Who repairs the lift?")
    page = page_of(staff, gap)
    assert f'href="/admin/retrieval/document/add/?gap={gap.pk}"' in page
    form = staff.get(f"/admin/retrieval/document/add/?gap={gap.pk}").text
    assert f'action="/admin/retrieval/document/add/?gap={gap.pk}"' in form
    file = SimpleUploadedFile("lift.md", b"The lift is repaired by Otis. Who finds it broken calls the porter.")
    staff.post(f"/admin/retrieval/document/add/?gap={gap.pk}", {"collection": public.pk, "documents": [file]})
    while ingest.work():
        pass
    assert "Answered (1 of 1, " in page_of(staff, gap)


def test_what_does_not_answer_says_so(staff: Client, public: Collection, put: Put) -> None:
    put(public, "kitchen.md", KITCHEN)
    gap = gap_of(staff, "Who repairs the lift?")
    staff.post(f"{PASTE}?gap={gap.pk}", {"collection": public.pk, "title": "Soup", "text": "There is soup on Mondays."})
    while ingest.work():
        pass
    assert "Not yet (0 of 1, " in page_of(staff, gap)
    put(public, "lift.md", "The lift is repaired by Otis. Who finds it broken calls the porter.")
    staff.post(f"{LIST}{gap.pk}/again/")
    assert "Answered (1 of 1, " in page_of(staff, gap)


def test_model_is_asked_again_as_readers_ask_it(staff: Client, public: Collection, put: Put, model: ChatServer) -> None:
    put(public, "canteen.md", "The canteen is open from eight to three o'clock.")
    gap = gap_of(staff, "When is the canteen open?")
    model.script(chat_server.text("I can't say."))
    staff.post(f"{LIST}{gap.pk}/again/")
    assert "Not yet (0 of 1, " in page_of(staff, gap)
    model.script(chat_server.text("From eight to three o'clock [1]."))
    staff.post(f"{LIST}{gap.pk}/again/")
    assert "Answered (1 of 1, " in page_of(staff, gap)


def test_index_that_does_not_answer_is_said(staff: Client, public: Collection, index_down: None) -> None:
    Document.objects.create(collection=public, title="A", filename="a.md", state="ready", live_generation=1)
    gap = gap_of(staff, "When is the canteen open?")
    for action in ("draft", "again"):
        assert "be asked now" in staff.post(f"{LIST}{gap.pk}/{action}/", follow=True).text


def test_who_only_reads_gaps_asks_nothing(client: Client, public: Collection) -> None:
    user = User.objects.create_user("analyst", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_gap"))
    client.force_login(user)
    gap = gap_of(client, "When is the canteen open?")
    assert "Ask again" not in page_of(client, gap)
    for action in ("draft", "again"):
        assert client.post(f"{LIST}{gap.pk}/{action}/").status_code == 403
