"""A reader's conversations through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.models import Conversation, Run
from retrieval.models import Collection
from tests.chatsite.api.programs import Program

CONVERSATIONS = "/api/v1/conversations"
TEA = "Wait four minutes before you pour the tea. The kettle is in the blue cupboard."
NO_ID = "7b0f5a9e-0000-4000-8000-000000000000"


@pytest.fixture
def asking(reader: User, public: Collection, put: Any) -> Program:
    put(public, "tea.md", TEA)
    return Program(reader)


def test_conversations_are_listed_the_last_used_first_in_pages(asking: Program) -> None:
    begun = [asking.ask(f"How long do I wait? {number}").json()["session_id"] for number in range(3)]
    asking.ask("And the kettle?", session_id=begun[0])
    first = asking.get(CONVERSATIONS, limit=2).json()
    assert [one["session_id"] for one in first["conversations"]] == [begun[0], begun[2]]
    assert [one["messages"] for one in first["conversations"]] == [2, 1]
    last = asking.get(CONVERSATIONS, limit=2, cursor=first["next_cursor"]).json()
    assert [one["session_id"] for one in last["conversations"]] == [begun[1]]
    assert last["next_cursor"] is None
    assert len(asking.get(CONVERSATIONS, q="kettle").json()["conversations"]) == 1


def test_key_lists_what_it_began_and_its_user_all_of_theirs(asking: Program, reader: User, client: Client) -> None:
    asking.ask()
    other = Program(reader)
    other.ask()
    assert len(asking.get(CONVERSATIONS).json()["conversations"]) == 1
    client.force_login(reader)
    assert len(client.get(CONVERSATIONS).json()["conversations"]) == 2


def test_stranger_lists_nothing(client: Client, asking: Program) -> None:
    session_id = client.post("/api/v1/chat/query", {"query": "How long?"}, content_type="application/json").json()[
        "session_id"
    ]
    for address in (CONVERSATIONS, f"{CONVERSATIONS}/{session_id}", f"{CONVERSATIONS}/{session_id}/messages"):
        assert client.get(address).status_code == 401


def test_conversation_is_renamed_and_pinned_without_being_used(asking: Program) -> None:
    session_id = asking.ask().json()["session_id"]
    before = asking.get(f"{CONVERSATIONS}/{session_id}").json()
    response = asking.patch(f"{CONVERSATIONS}/{session_id}", {"title": " Tea \n time", "pinned": True, "user": 1})
    assert response.json() == before | {"title": "Tea time", "pinned": True}
    assert [one["session_id"] for one in asking.get(CONVERSATIONS, pinned="true").json()["conversations"]] == [
        session_id
    ]
    assert asking.get(CONVERSATIONS, pinned="false").json()["conversations"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [({"title": ""}, "title"), ({"title": 5}, "title"), ({"title": "x" * 121}, "title"), ({"pinned": "yes"}, "pinned")],
)
def test_bad_change_names_the_field(asking: Program, body: Any, field: str) -> None:
    session_id = asking.ask().json()["session_id"]
    response = asking.patch(f"{CONVERSATIONS}/{session_id}", body)
    assert (response.status_code, list(response.json()["details"])) == (400, [field])


def test_conversation_is_deleted_with_its_runs(asking: Program) -> None:
    session_id = asking.ask().json()["session_id"]
    assert asking.delete(f"{CONVERSATIONS}/{session_id}").status_code == 204
    assert asking.get(f"{CONVERSATIONS}/{session_id}").status_code == 404
    assert not Run.objects.exists()


def test_case_1_and_5_conversation_of_another_is_404(asking: Program) -> None:
    session_id = asking.ask().json()["session_id"]
    other = Program(User.objects.create_user("other"))
    for there in (session_id, NO_ID):
        address = f"{CONVERSATIONS}/{there}"
        assert other.get(address).status_code == 404
        assert other.get(f"{address}/messages").status_code == 404
        assert other.patch(address, {"title": "Mine"}).status_code == 404
        assert other.delete(address).status_code == 404
    assert Conversation.objects.count() == 1


def test_messages_are_the_answers_as_they_were_given_oldest_first(asking: Program) -> None:
    first = asking.ask().json()
    second = asking.ask("Where is the kettle?", session_id=first["session_id"]).json()
    address = f"{CONVERSATIONS}/{first['session_id']}/messages"
    body = asking.get(address).json()
    assert [message["question"] for message in body["messages"]] == [
        "How long do I wait before I pour the tea?", "Where is the kettle?",
    ]  # fmt: skip
    assert [message["answer"] for message in body["messages"]] == [first, second]
    page = asking.get(address, limit=1).json()
    rest = asking.get(address, limit=1, cursor=page["next_cursor"]).json()
    assert [message["run_id"] for message in rest["messages"]] == [second["run_id"]]
    unchanged = asking.get(address)
    assert asking.get(address, headers={"if-none-match": unchanged["ETag"]}).status_code == 304


def test_messages_tell_what_may_be_read_now(asking: Program, public: Collection) -> None:
    session_id = asking.ask().json()["session_id"]
    address = f"{CONVERSATIONS}/{session_id}/messages"
    before = asking.get(address)
    public.public = False
    public.save()
    after = asking.get(address, headers={"if-none-match": before["ETag"]})
    assert after.status_code == 200
    [message] = after.json()["messages"]
    assert "four minutes" not in json.dumps([message["answer"]["sources"], message["answer"]["citations"]])


def test_list_costs_the_same_however_long_it_is(asking: Program, django_assert_max_num_queries: Any) -> None:
    user = asking.key.user
    Conversation.objects.bulk_create(
        [Conversation(user=user, api_key=asking.key, title=str(number)) for number in range(30)]
    )
    with django_assert_max_num_queries(8):
        assert len(asking.get(CONVERSATIONS).json()["conversations"]) == 30
