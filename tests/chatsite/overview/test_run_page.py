"""A run is shown whole: its searches, its model, what was found; passages only of documents that one may read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Citation, Conversation, PromptVersion, Run
from chatsite.overview.run_page import run_page
from retrieval.models import Collection
from tests.chatsite.overview.runs import found

pytestmark = pytest.mark.usefixtures("index")


@pytest.fixture
def run(public: Collection, put: Any) -> Run:
    manual = put(public, "pump.md", "The pump is oiled every second month.")
    step = {"query": "pump oil", "failed": False, "passages": 1, "ms": 6.0, "corrections": [["pmup", "pump"]]}
    run = Run.objects.create(
        conversation=Conversation.objects.create(),
        mode="retrieval",
        question="When is the pmup oiled?",
        answer="Every second month [1].",
        state="completed",
        ended_at=timezone.now(),
        model="gpt-4.1-mini",
        usage={"input_tokens": 1_000, "output_tokens": 100},
        steps=[step],
        sources=[found(manual)],
        total_time_ms=120.0,
        model_time_ms=90.0,
    )
    Citation.objects.create(run=run, marker=1, document=manual, quote="every second month", start=18, end=36)
    return run


def test_steps_in_order_with_what_each_took(run: Run) -> None:
    page = run_page(run, user=User.objects.create_superuser("root"))
    assert [(stage.name, stage.said, stage.share) for stage in page.stages] == [
        ("search", "pump oil", 5),
        ("model", "gpt-4.1-mini", 75),
    ]
    assert page.stages[0].corrections == [("pmup", "pump")]
    assert (page.input_tokens, page.output_tokens, page.cost) == (1_000, 100, Decimal("0.00056"))
    assert [(source.marker, source.is_cited) for source in page.sources] == [(1, True)]


def test_page_shows_them_to_who_may_read_the_documents(run: Run, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(f"/admin/chatsite/run/{run.pk}/change/").content.decode()
    for shown in ("What happened", "“pmup” was read as “pump”", "$0.0006", "oiled every second month", ">pump</a>"):
        assert shown in page


def test_page_says_which_prompt_answered(run: Run, client: Client) -> None:
    second, third = (PromptVersion.objects.create(number=number, is_draft=False) for number in (2, 3))
    Run.objects.update(prompt=third)
    client.force_login(User.objects.create_superuser("root"))
    assert "<br>Prompt: Version 3</td>" in client.get(f"/admin/chatsite/run/{run.pk}/change/").content.decode()
    for version, is_there in ((second, False), (third, True)):
        listed = client.get(f"/admin/chatsite/run/?prompt__id__exact={version.pk}").content.decode()
        assert ("When is the pmup oiled?" in listed) is is_there


def test_passages_of_documents_that_one_may_not_read_are_not_shown(run: Run, client: Client) -> None:
    Collection.objects.update(public=False)
    analyst = User.objects.create_user("analyst", is_staff=True)
    analyst.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(analyst)
    page = client.get(f"/admin/chatsite/run/{run.pk}/change/").content.decode()
    assert "Deleted, replaced, or not yours to read." in page
    assert "The pump is oiled" not in page


def test_what_goes_with_a_run_is_listed_without_its_quotes(run: Run, client: Client) -> None:
    Collection.objects.update(public=False)
    analyst = User.objects.create_user("analyst", is_staff=True)
    analyst.user_permissions.set(Permission.objects.filter(codename__in=["view_run", "delete_run"]))
    client.force_login(analyst)
    page = client.get(f"/admin/chatsite/run/{run.pk}/delete/").content.decode()
    assert "[1]" in page
    assert "every second month" not in page


@pytest.mark.parametrize("field", ["answer", "unsupported", "selected_text", "selections", "steps", "sources"])
def test_list_is_not_narrowed_by_words_that_one_may_not_read(run: Run, client: Client, field: str) -> None:
    """Else each answer could be spelt out, one character after the other."""
    analyst = User.objects.create_user("analyst", is_staff=True)
    analyst.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(analyst)
    for asked in (f"{field}__startswith=Every", f"{field}=Every", f"{field}__0__query__startswith=pump"):
        assert client.get(f"/admin/chatsite/run/?{asked}").status_code == 400
    assert client.get("/admin/chatsite/run/?model__exact=gpt-4.1-mini&state__exact=completed").status_code == 200


def test_what_a_model_or_reader_wrote_is_text(run: Run, client: Client) -> None:
    Run.objects.update(question="<script>alert(1)</script>", steps=[run.steps[0] | {"query": "<img src=x>"}])
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(f"/admin/chatsite/run/{run.pk}/change/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x>" not in page


def test_a_run_that_is_not_there(client: Client, db: None) -> None:
    client.force_login(User.objects.create_superuser("root"))
    gone = "00000000-0000-0000-0000-000000000000"
    assert client.get(f"/admin/chatsite/run/{gone}/change/").status_code == 302
