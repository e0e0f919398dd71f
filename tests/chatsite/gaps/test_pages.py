"""Staff see what is asked most and not answered, write the answer, and see that it is answered now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Conversation, Gap, Run
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document

Put = Callable[..., Document]
LIST = "/admin/chatsite/gap/"

pytestmark = pytest.mark.usefixtures("index")


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def asked(question: str, **fields: Any) -> Run:
    values = {"mode": "retrieval", "state": "completed", "ended_at": timezone.now()} | fields
    return Run.objects.create(conversation=Conversation.objects.create(), question=question, **values)


def test_a_gap_closes_when_its_answer_is_written(staff: Client, public: Collection, put: Put) -> None:
    put(public, "pump.md", "The pump is oiled every second month.")
    asked("When is the canteen open?")
    asked("What are the opening hours of the canteen?")
    page = staff.get(LIST).content.decode()
    gap = Gap.objects.get()
    assert "When is the canteen open?" in page
    assert 'alt="False"' in page
    page = staff.get(f"{LIST}{gap.pk}/change/").content.decode()
    assert "The documents don’t answer it yet." in page
    assert "What are the opening hours of the canteen?" in page
    assert f"/admin/retrieval/document/paste/?title=When+is+the+canteen+open%3F&amp;gap={gap.pk}" in page
    form = staff.get("/admin/retrieval/document/paste/?title=When+is+the+canteen+open%3F")
    assert 'value="When is the canteen open?"' in form.content.decode()
    said = {"collection": public.pk, "title": gap.question, "text": "The canteen is open from eight to three o'clock."}
    assert staff.post("/admin/retrieval/document/paste/", said).status_code == 200
    while ingest.ingest_next():
        pass
    page = staff.get(f"{LIST}{gap.pk}/change/").content.decode()
    assert "The documents answer it now." in page
    assert "from eight to three" in page
    assert 'alt="True"' in staff.get(LIST).content.decode()


def test_what_is_not_for_us_leaves_the_list_and_comes_back(staff: Client) -> None:
    asked("Who wins the cup?")
    staff.get(LIST)
    gap = Gap.objects.get()
    staff.post(LIST, {"action": "dismiss", "_selected_action": [gap.pk]})
    assert "Who wins the cup?" not in staff.get(LIST).content.decode()
    assert "Who wins the cup?" in staff.get(f"{LIST}?state=dismissed").content.decode()
    assert "Who wins the cup?" in staff.get(f"{LIST}?state=all").content.decode()
    staff.post(f"{LIST}?state=all", {"action": "reopen", "_selected_action": [gap.pk]})
    assert "Who wins the cup?" in staff.get(LIST).content.decode()
    history = staff.get(f"{LIST}{gap.pk}/history/").content.decode()
    assert history.index("Not for us") < history.index("Open again")


def test_what_is_asked_most_comes_first(staff: Client) -> None:
    for question in ["How long is parental leave?", "When is the canteen open?", "Is the canteen open?"]:
        asked(question)
    page = staff.get(LIST).content.decode()
    assert page.index("When is the canteen open?") < page.index("How long is parental leave?")


def test_nearest_passages_are_those_that_the_looker_may_read(client: Client, put: Put) -> None:
    secret = Collection.objects.create(name="Secret", slug="secret")
    put(secret, "secret.md", "The canteen is open from eight to three o'clock.")
    asked("When is the canteen open?")
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_gap"))
    client.force_login(user)
    client.get(LIST)
    page = client.get(f"{LIST}{Gap.objects.get().pk}/change/").content.decode()
    assert "The documents don’t answer it yet." in page
    assert "from eight to three" not in page
    assert "Asked as" not in page  # that needs the right to view runs
    assert "Write the answer" not in page


def test_without_the_right_there_is_no_page(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get(LIST).status_code == 403


def test_index_that_does_not_answer_leaves_the_pages(staff: Client, index_down: None) -> None:
    asked("When is the canteen open?")
    assert staff.get(LIST).status_code == 200
    assert staff.get(f"{LIST}{Gap.objects.get().pk}/change/").status_code == 200


def test_nobody_adds_a_gap(staff: Client) -> None:
    assert staff.get(f"{LIST}add/").status_code == 403
