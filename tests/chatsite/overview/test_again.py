"""Answers stand side by side: a draft beside the prompt in use, and a question asked again, as whoever looks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from chatsite.answering import kept
from chatsite.models import Conversation, Gap, PromptVersion, Run
from chatsite.overview.figures import Narrowed, figures
from chatsite.reader import Reader
from retrieval.models import Collection
from tests.chatsite.prompts.staff import client_of, published, staff
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # what is tried has a thread and a connection of its own

QUESTION = "How long do I wait before I pour the tea?"
TEA = "Wait four minutes before you pour the tea."
SECRET = "Wait nine minutes before you pour the tea of the board."
LOOK = ("view_run", "view_promptversion", "change_promptversion", "choose_model")


@pytest.fixture
def model(settings: Any, transactional_db: None, put: Any) -> Iterator[ChatServer]:
    settings.RUN_SAVE_SECONDS = 0.1
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODELS = server.url, ["tiny", "large"]
        yield server
        kept.join(60)


@pytest.fixture
def looker(model: ChatServer) -> User:
    return staff("looker", *LOOK)


@pytest.fixture
def asked(model: ChatServer) -> Run:
    """A question of a reader's, answered."""
    client = Client()
    client.force_login(User.objects.create_user("reader"))
    fields = {"query": QUESTION, "keep": False}
    body = client.post("/api/v1/chat/query", fields, content_type="application/json").json()
    return Run.objects.get(pk=body["run_id"])


def shown(client: Client, response: Any) -> str:
    """Follow to where the answers stand side by side, and wait until they are there."""
    assert response.status_code == 302
    url = response.headers["Location"]
    assert url.startswith("/admin/chatsite/run/beside/?run=")
    for _ in range(200):
        part: str = client.get(f"{url}&part=1").content.decode()
        if "data-unfinished" not in part:
            return part
        time.sleep(0.05)
    raise AssertionError(part)


def test_draft_is_tried_beside_the_prompt_in_use(model: ChatServer, looker: User) -> None:
    published(1, instructions="Be polite.")
    draft = PromptVersion.objects.create(instructions="Be brief.", model="large")
    model.script(chat_server.text(f"{TEA} [1]"), chat_server.text("Four minutes [1]."))
    client = client_of(looker)
    page = shown(client, client.post(f"/admin/chatsite/promptversion/{draft.pk}/try/", {"query": QUESTION}))
    told = sorted(request.body["messages"][0]["content"].rpartition("\n")[2] for request in model.requests)
    assert told == ["Be brief.", "Be polite."]
    assert sorted(request.body["model"] for request in model.requests) == ["large", "tiny"]
    assert page.index("Version 1 · tiny") < page.index("Draft · large")
    assert page.count("<h3>Citations</h3>") == 2
    assert set(Run.objects.values_list("prompt__number", flat=True)) == {1, None}


def test_what_is_tried_is_no_reader_s_question(model: ChatServer, looker: User) -> None:
    draft = PromptVersion.objects.create(instructions="Be brief.")
    client = client_of(looker)
    shown(client, client.post(f"/admin/chatsite/promptversion/{draft.pk}/try/", {"query": "Who wins the cup?"}))
    assert Run.objects.count() == 2
    assert figures(Narrowed(), user=looker).questions == 0
    assert not Reader(looker).conversations().exists()
    looker.user_permissions.add(Permission.objects.get(codename="view_gap"))
    client.get("/admin/chatsite/gap/")
    assert not Gap.objects.exists()
    listed = client.get("/admin/chatsite/run/").content.decode()
    assert "Who wins the cup?" not in listed
    assert "Who wins the cup?" in client.get("/admin/chatsite/run/?by=trial").content.decode()


def test_question_is_asked_again_with_another_model(model: ChatServer, looker: User, asked: Run) -> None:
    client = client_of(looker)
    assert "Ask again" in client.get(f"/admin/chatsite/run/{asked.pk}/change/").content.decode()
    page = shown(client, client.post(f"/admin/chatsite/run/{asked.pk}/again/", {"model": "large"}))
    assert "As the reader was answered · tiny" in page
    assert "The site’s own settings · large" in page
    again = Run.objects.get(model="large")
    assert (again.question, again.conversation.trial, again.conversation.user) == (QUESTION, True, looker)
    assert asked.conversation.runs.count() == 1


def test_it_is_asked_in_what_whoever_looks_may_read(model: ChatServer, looker: User, asked: Run, put: Any) -> None:
    board = Collection.objects.create(name="Board", slug="board")
    document = put(board, "board.md", SECRET)
    Run.objects.filter(pk=asked.pk).update(
        scope={"collections": ["board", "handbook"], "document_ids": [document.pk]}, answer=f"{SECRET} [1]"
    )
    asked.citations.update(document=document, quote=SECRET)
    client = client_of(looker)
    page = shown(client, client.post(f"/admin/chatsite/run/{asked.pk}/again/", {"collection": ""}))
    assert "nine minutes" not in page
    assert "This answer rests on documents you can't read." in page
    again = Run.objects.exclude(pk=asked.pk).get()
    assert again.scope == {"collections": ["handbook"], "document_ids": []}
    assert not again.sources
    page = shown(client, client.post(f"/admin/chatsite/run/{asked.pk}/again/", {"collection": "handbook"}))
    assert "four minutes" in page


def test_as_a_member_of_a_group(model: ChatServer, put: Any, asked: Run) -> None:
    board, other = (Collection.objects.create(name=name, slug=name.lower()) for name in ("Board", "Other"))
    put(board, "board.md", SECRET)
    put(other, "other.md", "Wait seven minutes before you pour the tea of others.")
    members = Group.objects.create(name="Members")
    board.groups.add(members)
    root = client_of(User.objects.create_superuser("root"))
    page = shown(root, root.post(f"/admin/chatsite/run/{asked.pk}/again/", {"group": members.pk}))
    assert "<dd>Members</dd>" in page
    assert "nine minutes" in page
    assert "seven minutes" not in page  # the superuser's, and no member's


def test_as_a_group_nobody_sees_more_than_they_may(model: ChatServer, put: Any, asked: Run) -> None:
    board = Collection.objects.create(name="Board", slug="board")
    put(board, "board.md", SECRET)
    members = Group.objects.create(name="Members")
    board.groups.add(members)
    looker = staff("looker", "view_run", "change_group", "change_user")
    client = client_of(looker)
    page = shown(client, client.post(f"/admin/chatsite/run/{asked.pk}/again/", {"group": members.pk}))
    assert "nine minutes" not in page
    assert "four minutes" in page


def test_groups_are_for_who_gives_rights(model: ChatServer, looker: User, asked: Run) -> None:
    members = Group.objects.create(name="Members")
    client = client_of(looker)
    assert "As a member of" not in client.get(f"/admin/chatsite/run/{asked.pk}/change/").content.decode()
    page = shown(client, client.post(f"/admin/chatsite/run/{asked.pk}/again/", {"group": members.pk}))
    assert "Members" not in page


def test_follow_up_is_asked_after_what_came_before_it(model: ChatServer, looker: User, asked: Run) -> None:
    reader = client_of(asked.conversation.user)  # type: ignore[arg-type]
    fields = {"query": "And why?", "session_id": str(asked.conversation_id)}
    body = reader.post("/api/v1/chat/query", fields, content_type="application/json").json()
    client = client_of(looker)
    shown(client, client.post(f"/admin/chatsite/run/{body['run_id']}/again/", {}))
    roles = [message["role"] for message in model.requests[-1].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    again = Run.objects.get(conversation__trial=True)
    assert again.history_documents == Run.objects.get(pk=body["run_id"]).history_documents != []


def test_nobody_looks_at_what_others_try_without_the_right_to(model: ChatServer, looker: User) -> None:
    draft = PromptVersion.objects.create(instructions="Be brief.")
    mine = staff("mine", "view_promptversion", "change_promptversion")
    client = client_of(mine)
    response = client.post(f"/admin/chatsite/promptversion/{draft.pk}/try/", {"query": QUESTION})
    shown(client, response)  # their own
    other = client_of(staff("other", "view_promptversion"))
    assert other.get(response.headers["Location"]).status_code == 404


def test_what_can_not_be_asked_is_said(model: ChatServer, looker: User, asked: Run, settings: Any) -> None:
    settings.RUNS_PER_USER = 1
    Run.objects.create(
        conversation=Conversation.objects.create(user=looker), question="Under way", mode="retrieval", state="running"
    )
    client = client_of(looker)
    response = client.post(f"/admin/chatsite/run/{asked.pk}/again/", {}, follow=True)
    assert response.redirect_chain == [(f"/admin/chatsite/run/{asked.pk}/change/", 302)]
    assert "errorlist" not in response.content.decode()
    assert 'class="error"' in response.content.decode()


def test_query_that_is_tried_is_answered_beside_its_passages(model: ChatServer, put: Any) -> None:
    handbook = Collection.objects.get()
    client = client_of(staff("editor", "view_collection"))
    url = f"/admin/retrieval/collection/{handbook.pk}/query/"
    assert "Search and answer" in client.get(url).content.decode()
    searched = client.post(url, {"query": QUESTION}).content.decode()
    assert "four" in searched
    assert "data-progress-url" not in searched
    assert not Run.objects.exists()
    page = client.post(url, {"query": QUESTION, "answer": "1"}).content.decode()
    found = re.search('data-progress-url="([^"]+)"', page)
    assert found
    part = unescape(found[1])
    for _ in range(200):
        if "data-unfinished" not in (answer := client.get(part).content.decode()):
            break
        time.sleep(0.05)
    assert "The answer is there." in answer
    assert "<h3>Citations</h3>" in answer
    run = Run.objects.get()
    assert (run.scope, run.conversation.trial) == ({"collections": ["handbook"]}, True)


def test_query_that_can_not_be_answered_is_still_searched(model: ChatServer, settings: Any) -> None:
    settings.RUNS_PER_USER = 1
    editor = staff("editor", "view_collection")
    conversation = Conversation.objects.create(user=editor)
    Run.objects.create(conversation=conversation, question="Under way", mode="retrieval", state="running")
    url = f"/admin/retrieval/collection/{Collection.objects.get().pk}/query/"
    page = client_of(editor).post(url, {"query": QUESTION, "answer": "1"}).content.decode()
    assert "data-progress-url" not in page
    assert 'class="error"' in page
    assert "passage-text" in page
