"""A draft is evaluated on the saved questions, before and after, on a thread that can be stopped."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatsite.models import PromptEvaluation, PromptVersion, Run
from chatsite.overview.figures import Narrowed, figures
from chatsite.prompts.evaluating import AlreadyEvaluating, begin_evaluation, evaluate
from chatsite.reader import Reader, TrialReader
from retrieval.models import Collection
from tests.chatsite.prompts.staff import client_of, published, saved, staff
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

TEA = "Wait four minutes before you pour the tea."
QUESTION = "How long do I wait before I pour the tea?"
NOT_THERE = "Who wins the cup?"


@pytest.fixture
def draft(public: Collection, put: Any) -> PromptVersion:
    tea = put(public, "tea.md", TEA)
    saved(QUESTION, expected="document", document=tea)
    saved(NOT_THERE, expected="refused")
    return PromptVersion.objects.create(instructions="Be brief.")


def evaluation_of(draft: PromptVersion, *, by: User) -> PromptEvaluation:
    return PromptEvaluation.objects.create(prompt=draft, started_by=by, total=2)


def test_without_a_model_sentences_are_quoted_and_judged(draft: PromptVersion, reader: User) -> None:
    evaluation = evaluation_of(draft, by=reader)
    evaluate(evaluation, asker=TrialReader(reader))
    evaluation.refresh_from_db()
    assert (evaluation.state, len(evaluation.results)) == ("completed", 2)
    assert [(one["before"]["good"], one["after"]["good"]) for one in evaluation.results] == [(True, True)] * 2
    assert Run.objects.count() == 4
    assert figures(Narrowed(), user=reader).questions == 0


def test_a_draft_that_stops_citing_is_seen(draft: PromptVersion, reader: User, settings: Any) -> None:
    with ChatServer() as model:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = model.url, "tiny"
        good, none = chat_server.text(f"{TEA} [1]"), chat_server.text("I don't know.")
        model.script(good, none, none, none)  # before and after of the one question, then of the other
        evaluation = evaluation_of(draft, by=reader)
        evaluate(evaluation, asker=TrialReader(reader))
    first, second = evaluation.results
    assert (first["before"]["good"], first["after"]["good"]) == (True, False)
    assert (second["before"]["good"], second["after"]["good"]) == (True, True)
    client = client_of(User.objects.create_superuser("root"))
    page = client.get(f"/admin/chatsite/promptevaluation/{evaluation.pk}/change/").content.decode()
    assert "↓ worse" in page
    assert f"run={first['before']['run']}" in page
    assert "<td>2 / 2</td><td>1 / 2</td><td>-1</td>" in page


def test_asked_as_who_started_it(draft: PromptVersion, reader: User) -> None:
    Collection.objects.update(public=False)
    evaluation = evaluation_of(draft, by=reader)
    evaluate(evaluation, asker=TrialReader(reader))
    assert [one["after"]["good"] for one in evaluation.results] == [False, True]


def test_collection_that_may_not_be_read_is_an_error_and_the_rest_goes_on(draft: PromptVersion, reader: User) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    saved("When does the board meet?", expected="answered", collection=hidden)
    evaluation = evaluation_of(draft, by=reader)
    evaluate(evaluation, asker=TrialReader(reader))
    assert [one["after"]["error"] for one in evaluation.results] == ["", "", "not_found"]
    client = client_of(User.objects.create_superuser("root"))
    assert client.get(f"/admin/chatsite/promptevaluation/{evaluation.pk}/change/").status_code == 200


def test_stopped_after_the_question_that_is_asked(draft: PromptVersion, reader: User) -> None:
    evaluation = evaluation_of(draft, by=reader)
    client = client_of(staff("writer", "change_promptversion", "view_promptversion"))
    assert client.post(f"/admin/chatsite/promptevaluation/{evaluation.pk}/stop/").status_code == 302
    evaluate(evaluation, asker=TrialReader(reader))
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.results) == ("cancelled", [])
    assert Run.objects.count() == 2


def test_one_at_a_time_and_a_lost_one_makes_room(draft: PromptVersion, reader: User) -> None:
    running = evaluation_of(draft, by=reader)
    with pytest.raises(AlreadyEvaluating):
        begin_evaluation(draft, reader=Reader(reader))
    PromptEvaluation.objects.update(checked_at=timezone.now() - timedelta(hours=1))
    assert begin_evaluation(draft, reader=Reader(reader)).pk != running.pk
    running.refresh_from_db()
    assert running.state == "failed"


def test_evaluation_of_a_draft_that_was_changed_is_outdated(draft: PromptVersion, reader: User) -> None:
    evaluation = evaluation_of(draft, by=reader)
    assert not evaluation.is_outdated
    draft.save()
    evaluation.prompt.refresh_from_db()
    assert evaluation.is_outdated


@pytest.mark.django_db(transaction=True)
def test_its_page_tells_how_far_it_is(transactional_db: None, put: Any) -> None:
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    saved(QUESTION, expected="answered")
    current = published(1, instructions="Be polite.")
    draft = PromptVersion.objects.create(instructions="Be brief.")
    client = client_of(staff("writer", "change_promptversion", "view_promptversion"))
    url = client.post(f"/admin/chatsite/promptversion/{draft.pk}/evaluate/").headers["Location"]
    for _ in range(200):
        part = client.get(f"{url}?part=1").content.decode()
        if "data-unfinished" not in part:
            break
        time.sleep(0.05)
    assert "1 of 1 questions, Completed." in part
    assert '<th scope="col">Version 1</th><th scope="col">Draft</th>' in part
    assert PromptEvaluation.objects.get().against == current
