"""The admin's first page: for who may view runs, narrowed by its address, and with what needs a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Conversation, Run
from retrieval.models import Collection, Document

pytestmark = pytest.mark.usefixtures("index")

PAGES = ("/admin/", "/admin/chatsite/")


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def asked(**fields: Any) -> Run:
    values = {"mode": "retrieval", "question": "When?", "state": "completed", "ended_at": timezone.now()} | fields
    return Run.objects.create(conversation=Conversation.objects.create(), **values)


@pytest.mark.parametrize("path", PAGES)
def test_staff_who_may_view_runs_see_what_was_asked(staff: Client, path: str) -> None:
    asked()
    page = staff.get(path).content.decode()
    assert "Questions and answers" in page
    assert "<dt>Not in the documents</dt><dd>1</dd>" in page
    assert page.count("chart-drawing") == 1


@pytest.mark.parametrize("path", PAGES)
def test_staff_without_the_right_see_nothing_of_it(client: Client, db: None, path: str) -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(user)
    page = client.get(path).content.decode()
    assert "Questions and answers" not in page
    assert "chart-drawing" not in page


def test_address_narrows_the_figures(staff: Client) -> None:
    asked(model="first")
    asked(model="second")
    page = staff.get("/admin/?days=7&model=first").content.decode()
    assert "<dt>Questions</dt><dd>1</dd>" in page
    assert '<option value="7" selected>' in page
    assert "<option selected>first</option>" in page


def test_agents_are_told_apart_in_figures_and_in_the_list(staff: Client) -> None:
    asked(agent="shop", question="When do you open?")
    asked(question="How is it oiled?")
    page = staff.get("/admin/?agent=shop").content.decode()
    assert "<dt>Questions</dt><dd>1</dd>" in page
    assert '<option value="shop" selected>shop</option>' in page
    assert "<dt>Questions</dt><dd>1</dd>" in staff.get("/admin/?agent=-").content.decode()
    listed = staff.get("/admin/chatsite/run/?agent=-").content.decode()
    assert "How is it oiled?" in listed
    assert "When do you open?" not in listed


def test_what_needs_a_person_is_said_with_its_fix(staff: Client, public: Collection) -> None:
    Document.objects.create(collection=public, title="A", filename="a.md", state="failed", error="It is broken.")
    Document.objects.create(collection=public, title="B", filename="b.md", state="queued")
    Document.objects.filter(state="queued").update(updated_at=timezone.now() - timedelta(hours=1))
    page = staff.get("/admin/").content.decode()
    assert "Each says why: replace it, or re-index it." in page
    assert "Nobody reads: start “manage.py worker”, or the site itself." in page
    assert "/admin/retrieval/document/?state__exact=failed" in page


def test_documents_are_linked_only_for_who_may_open_their_list(client: Client, db: None) -> None:
    user = User.objects.create_user("analyst", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(user)
    page = client.get("/admin/").content.decode()
    assert '<th scope="row">Documents</th>' in page
    assert "/admin/retrieval/document/" not in page


def test_a_document_that_came_just_now_is_no_reason_to_worry(staff: Client, public: Collection) -> None:
    Document.objects.create(collection=public, title="B", filename="b.md", state="queued")
    page = staff.get("/admin/").content.decode()
    assert "Nobody reads" not in page
    assert "1 waits" in page


def test_index_that_does_not_answer_leaves_the_page(staff: Client, index_down: None) -> None:
    response = staff.get("/admin/")
    assert response.status_code == 200
    assert "Searches fail until it answers." in response.content.decode()


def test_number_of_queries_does_not_grow_with_questions(staff: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(30):
        asked()
    with django_assert_max_num_queries(60):
        staff.get("/admin/")


def test_first_page_has_the_name_of_the_site_and_no_technical_tables(staff: Client) -> None:
    page = staff.get("/admin/").content.decode()
    assert ">Document chat</a>" in page
    assert "/admin/axes/" not in page
    for address in ("/admin/auth/user/", "/admin/chatsite/"):  # nor has the side bar
        assert "/admin/axes/" not in staff.get(address).text
    assert staff.get("/admin/axes/accessattempt/").status_code == 200
