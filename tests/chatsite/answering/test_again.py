"""Asking again: in the place of an earlier question, on from where an answer was cut short; and what it was worth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from chatsite.models import Feedback, Run
from retrieval.models import Collection
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

TEA = "# Tea\n\nWait four minutes before you pour the tea. The kettle is in the blue cupboard.\n"
LONG_TEA = f"{TEA}\n{'The tea is poured slowly. ' * 40}" + "".join(
    f"\n\n## {heading}\n\n{first} {'Nobody knows who found this out. ' * 40}"
    for heading, first in (
        ("Boiling the water", "Boil the water in the kettle."),
        ("Adding the leaves", "Add two spoons of the leaves."),
    )
)
QUESTION = "How long do I wait before I pour the tea?"


@pytest.fixture
def model(settings: Any, public: Collection, put: Any) -> Iterator[ChatServer]:
    put(public, "tea.md", TEA)
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server


def ask(client: Client, query: str = QUESTION, **more: Any) -> dict[str, Any]:
    body = json.dumps({"query": query} | more)
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def cut_short(model: ChatServer, *deltas: str) -> None:
    pieces = [chat_server.chunk({"content": delta}) for delta in deltas]
    model.script(chat_server.stream(*pieces, chat_server.chunk({}, finish="length"), chat_server.DONE))


def test_edited_question_takes_the_place_of_the_first_and_of_what_followed(client: Client, model: ChatServer) -> None:
    client.get("/")
    first = ask(client)
    session_id = first["session_id"]
    ask(client, "And where is the kettle?", session_id=session_id)
    edited = ask(client, "Where is the kettle?", session_id=session_id, replaces=first["run_id"])
    sent = model.requests[-1].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user"]  # no history: it was first
    assert QUESTION not in json.dumps(sent)
    assert [str(run.pk) for run in Run.objects.current()] == [edited["run_id"]]
    page = client.get(f"/c/{session_id}/").content.decode()
    assert page.count('<article class="run"') == 2  # this one, and the template for the next
    assert "Earlier version" in page
    assert QUESTION in page
    fragment = client.get(f"/runs/{edited['run_id']}/").content.decode()
    assert QUESTION in fragment
    ask(client, "And the water?", session_id=session_id)
    assert "pour the tea?" not in json.dumps(model.requests[-1].body["messages"][:3])


def test_every_earlier_version_is_kept_however_often_it_is_asked_again(client: Client, model: ChatServer) -> None:
    client.get("/")
    last = ask(client)
    for query in ("Is it four minutes?", "Or five?"):
        last = ask(client, query, session_id=last["session_id"], replaces=last["run_id"])
    for address in (f"/c/{last['session_id']}/", f"/runs/{last['run_id']}/"):
        page = client.get(address).content.decode()
        versions = re.findall(r'class="earlier-question">(.*?)<', page)
        assert versions == [QUESTION, "Is it four minutes?"]


def test_run_can_be_replaced_once_and_only_in_its_conversation(client: Client, model: ChatServer) -> None:
    first = ask(client)
    ask(client, session_id=first["session_id"], replaces=first["run_id"])
    again = ask(client, session_id=first["session_id"], replaces=first["run_id"])
    assert again["error"] == "not_found"
    other = ask(client)
    foreign = ask(client, session_id=other["session_id"], replaces=first["run_id"])
    assert (foreign["error"], foreign["message"][:9]) == ("not_found", "replaces:")
    alone = ask(client, replaces=first["run_id"])
    assert alone["message"] == "replaces: Needs the session_id of its conversation; send it."
    both = ask(client, session_id=other["session_id"], replaces=other["run_id"], continues=other["run_id"])
    assert both["message"] == "continues: Contradicts replaces; leave one of them out."


def test_continued_answer_goes_on_with_the_first_and_is_shown_as_one(client: Client, model: ChatServer) -> None:
    client.get("/")
    cut_short(model, "Wait four minutes [1]. ", "The ket")
    first = ask(client)
    assert Run.objects.get().state == "limited"
    page = client.get(f"/runs/{first['run_id']}/").content.decode()
    assert "data-continue" in page
    assert "limit on its length" in page
    model.script(chat_server.text("tle is in the blue cupboard [1]."))
    whole = ask(client, session_id=first["session_id"], continues=first["run_id"])
    assert whole["answer"] == "Wait four minutes [1]. The kettle is in the blue cupboard [1]."
    assert [citation["quote"] for citation in whole["citations"]] == [
        "Wait four minutes",
        "The kettle is in the blue cupboard",
    ]
    sent = model.requests[-1].body["messages"]
    assert next(m["content"] for m in sent if m["role"] == "assistant") == "Wait four minutes [1]. The ket"
    page = client.get(f"/c/{first['session_id']}/").content.decode()
    assert "Earlier version" not in page
    assert page.count("blue cupboard") >= 1


def test_answer_that_was_not_cut_short_can_not_be_continued(client: Client, model: ChatServer) -> None:
    first = ask(client)
    refused = ask(client, session_id=first["session_id"], continues=first["run_id"])
    assert refused["message"] == "continues: Nothing was cut short there; ask the question instead."


def test_answer_whose_source_may_no_longer_be_read_is_not_continued(reader: User, model: ChatServer, put: Any) -> None:
    group = Group.objects.create(name="board")
    reader.groups.add(group)
    Collection.objects.update(public=False)
    Collection.objects.get().groups.add(group)
    client = Client()
    client.force_login(reader)
    cut_short(model, "Wait four minutes [1]. ", "The ket")
    first = ask(client)
    reader.groups.clear()
    refused = ask(client, session_id=first["session_id"], continues=first["run_id"])
    assert (refused["error"], refused["message"][:10]) == ("invalid_request", "continues:")


def test_feedback_is_kept_once_a_run_and_seen_by_staff(client: Client, model: ChatServer, admin_client: Client) -> None:
    client.get("/")
    run_id = ask(client)["run_id"]
    address = f"/api/v1/chat/runs/{run_id}/feedback"
    for body in ({"helpful": True}, {"helpful": False, "reason": "source", "comment": "It says five."}):
        assert client.put(address, json.dumps(body), content_type="application/json").status_code == 204
    given = Feedback.objects.get()
    assert (given.helpful, given.reason, given.comment) == (False, "source", "It says five.")
    assert 'data-helpful="false" aria-pressed="true"' in client.get(f"/runs/{run_id}/").content.decode()
    listed = admin_client.get("/admin/chatsite/feedback/?helpful__exact=0&reason__exact=source").content.decode()
    assert "It says five." in listed
    assert QUESTION in listed


@pytest.mark.parametrize(
    "body", [{}, {"helpful": "yes"}, {"helpful": False, "reason": "mood"}, {"helpful": True, "reason": "wrong"},
             {"helpful": False, "comment": "x" * 1001}],
)  # fmt: skip
def test_feedback_that_makes_no_sense_names_the_field(client: Client, model: ChatServer, body: Any) -> None:
    run_id = ask(client)["run_id"]
    response = client.put(f"/api/v1/chat/runs/{run_id}/feedback", json.dumps(body), content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert Feedback.objects.count() == 0


def test_suggestions_are_headings_near_what_was_cited_and_were_not_asked(
    client: Client, model: ChatServer, put: Any, public: Collection
) -> None:
    client.get("/")
    put(public, "mint.md", LONG_TEA.replace("tea", "mint"), title="mint")
    model.script(chat_server.text("Wait four minutes before you pour the mint [1]."))
    answer = ask(client, "How long do I wait before I pour the mint?")
    fragment = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert "How do I boil the water?" in fragment
    suggested = "How do I add the leaves?"
    assert suggested in fragment
    model.script(chat_server.text("Two spoons of mint leaves [1]."))
    ask(client, suggested, session_id=answer["session_id"])
    page = client.get(f"/c/{answer['session_id']}/").content.decode()
    assert page.count(f">{suggested}<") == 1  # as a question, no more as a suggestion


def test_case_07_starters_come_from_what_this_reader_may_see(
    client: Client, reader: User, put: Any, public: Any
) -> None:
    group = Group.objects.create(name="board")
    hidden = Collection.objects.create(name="Board", slug="board")
    hidden.groups.add(group)
    put(hidden, "secret.md", LONG_TEA.replace("# Tea", "# Secret").replace("water", "xylophone"))
    put(public, "tea.md", LONG_TEA)
    assert "How do I boil the water?" in client.get("/").content.decode()
    assert "xylophone" not in client.get("/").content.decode()
    client.force_login(reader)
    reader.groups.add(group)
    assert "How do I boil the xylophone?" in client.get("/").content.decode()
    reader.groups.clear()
    assert "xylophone" not in client.get("/").content.decode()


def test_what_was_found_and_not_cited_is_shown_apart_with_the_steps(
    client: Client, model: ChatServer, put: Any, public: Any
) -> None:
    client.get("/")
    put(public, "coffee.md", "You pour coffee at once, and wait for nothing.")
    model.script(chat_server.text("Wait four minutes before you pour the tea [1]."))
    answer = ask(client)
    fragment = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert "Also read: 1 passage" in fragment
    assert "You pour coffee at once" in fragment
    assert f"Searched for “{QUESTION}”. 2 passages." in " ".join(fragment.split())
    assert "Written by tiny." in fragment
