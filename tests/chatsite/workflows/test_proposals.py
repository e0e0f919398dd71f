"""Workflows to begin with: each template with what the site has, and a proposal that is taken or left."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from agents.testing import ScriptedModel
from agents.workflows.editing.cards import read_cards
from agents.workflows.filling import NOTES
from agents.workflows.templates import template, templates
from chatsite.answering.language_models import answered_by
from chatsite.models import Workflow
from chatsite.reader import Reader
from chatsite.workflows import proposals
from chatsite.workflows.registry import registry_for
from tests.chatsite.workflows.flows import DIGEST, FIND, made


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("name", [each.name for each in templates()])
def test_template_names_what_the_site_has(name: str) -> None:
    text = proposals.from_template(name, registry_for(Reader(AnonymousUser())))
    read = read_cards(text)
    assert [card.name for card in read.steps] == [card.name for card in read_cards(template(name).text).steps]
    assert {card.target for card in read.steps if card.kind == "tool"} <= {"search_documents", "publish"}


def test_titles_and_notes_are_those_that_are_translated() -> None:
    assert {each.title for each in templates()} == set(proposals._TITLES)
    assert proposals._NOTES == NOTES


def test_new_workflow_begins_with_a_template(staff: Client) -> None:
    staff.post("/admin/chatsite/workflow/add/", {"title": "News", "slug": "news", "template": "sequential"})
    assert "tool: search_documents" in Workflow.objects.get().draft


def propose(client: Client, workflow: Workflow, sentence: str) -> str:
    page = client.post(f"/admin/chatsite/workflow/{workflow.pk}/propose/", {"sentence": sentence})
    return html.unescape(page.content.decode())


def test_model_proposes_a_change_that_is_taken(staff: Client) -> None:
    workflow = made(FIND)
    with answered_by(ScriptedModel([json.dumps({"workflow": DIGEST})])):
        page = propose(staff, workflow, "Summarise what is found")
    assert "<code>  digest:</code>" in page
    assert "+ added" in page
    workflow.refresh_from_db()
    assert workflow.draft == FIND
    sent = {"action": "text", "base": workflow.digest, "text": DIGEST}
    staff.post(f"/admin/chatsite/workflow/{workflow.pk}/edit/", sent)
    workflow.refresh_from_db()
    assert workflow.draft == DIGEST


def test_model_is_told_once_what_is_wrong_and_then_a_template_stands_in(staff: Client) -> None:
    wrong = json.dumps({"workflow": DIGEST.replace("summariser", "nobody")})
    model = ScriptedModel([wrong, wrong])
    with answered_by(model):
        page = propose(staff, made(""), "Find passages, then summarise them")
    assert len(model.requests) == 2
    assert "What the model proposed can't be run, also when asked again" in page
    assert "This is the template “One after the other”" in page


def test_without_a_model_a_template_is_proposed_with_what_it_lacks(staff: Client) -> None:
    page = propose(staff, made(""), "Find passages, summarise them, ask a person, then publish")
    assert "This is the template “With a person”" in page
    assert "Step publish needs a tool like “publish”, and there is none" in page
    assert "To be put right in the draft:" in page


def test_proposal_takes_a_sentence(staff: Client) -> None:
    answer: Any = staff.post(f"/admin/chatsite/workflow/{made('').pk}/propose/", {"sentence": " "}, follow=True)
    assert "Say in a sentence what it should do." in answer.content.decode()
