"""The language model asks the admin for one of the staff: it is told their lists, and what it finds is theirs alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chatsite.models import ApiKey, HostToolCall, Run
from chatsite.reader import Reader, TrialReader
from chatsite.staff import tools
from chatsite.staff.tools import staff_tools
from retrieval.models import Collection
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer


@pytest.fixture
def model(settings: Any, public: Collection, put: Any) -> Iterator[ChatServer]:
    put(public, "tea.md", "# Tea\n\nWait four minutes before you pour the tea.\n")
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server


@pytest.fixture
def clerk(db: None) -> User:
    made = User.objects.create_user("clerk", is_staff=True, password="a-clerks-password")
    made.user_permissions.add(Permission.objects.get(codename="view_user"))
    return made


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ask(client: Client, query: str = "How many users are called fox?", **headers: Any) -> dict[str, Any]:
    body = json.dumps({"query": query})
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json", **headers).json()
    return answer


def offered(model: ChatServer) -> dict[str, Any]:
    return {tool["function"]["name"]: tool["function"] for tool in model.requests[0].body.get("tools", ())}


def looks_up(server: ChatServer, answer: str = "There is one [2]: fox [3].", **arguments: Any) -> None:
    server.script(chat_server.calls(("admin_rows", arguments)), chat_server.text(answer))


def test_rows_are_counted_and_cited_with_their_pages(clerk: User, model: ChatServer) -> None:
    fox = User.objects.create_user("fox", "fox@wood.example")
    looks_up(model, model="auth.user", search="fox", filters={"is_active": True})
    answer = ask(signed_in(clerk))
    assert answer["answer"] == "There is one [2]: fox [3]."
    count, row = answer["citations"]
    assert (count["title"], count["quote"]) == ("Users", "Users (search: “fox”; is_active = True): 1 row.")
    assert count["url"] == "/admin/auth/user/?q=fox&is_active=1"
    assert row["title"] == "user: fox"
    assert row["url"] == f"/admin/auth/user/{fox.pk}/change/"
    assert row["looked_up"] == "looked up just now"
    assert "fox@wood.example" in answer["sources"][row["source"]]["content"]
    assert signed_in(clerk).get(row["url"]).status_code == 200
    assert HostToolCall.objects.get().state == "done"


def test_model_is_told_the_lists_of_this_person_and_no_other(clerk: User, model: ChatServer) -> None:
    looks_up(model, model="auth.group")
    ask(signed_in(clerk))
    told = offered(model)["admin_rows"]
    assert [line for line in told["description"].splitlines() if line.startswith("- ")] == [
        "- auth.user (Users, search), columns: username, email, first_name, last_name, is_staff; filters: "
        "is_staff: true, false; is_superuser: true, false; is_active: true, false; groups; username; email; "
        "first_name; last_name"
    ]
    assert set(told["parameters"]["properties"]) == {"model", "search", "filters", "order", "count_only"}
    read = json.loads(model.requests[1].body["messages"][-1]["content"])
    assert "There is no list named 'auth.group'; there are: auth.user" in json.dumps(read)


def test_password_is_not_guessed_through_the_model(clerk: User, model: ChatServer) -> None:
    looks_up(model, model="auth.user", filters={"password__startswith": "pbkdf2"})
    ask(signed_in(clerk))
    read = model.requests[1].body["messages"][-1]["content"]
    assert "Users can't be narrowed by 'password__startswith'" in read


def test_what_was_looked_up_is_shown_to_nobody_else(clerk: User, model: ChatServer) -> None:
    User.objects.create_user("fox", "fox@wood.example")
    looks_up(model, model="auth.user", search="fox")
    answer = ask(signed_in(clerk))
    run = Run.objects.get(pk=answer["run_id"])
    assert run.personal
    boss = signed_in(User.objects.create_superuser("boss"))
    for page in (f"/admin/chatsite/run/{run.pk}/change/", "/admin/chatsite/run/", f"/runs/{run.pk}/"):
        assert "fox@wood.example" not in boss.get(page).content.decode()


def test_tool_is_for_nobody_who_could_not_enter_the_admin(clerk: User, model: ChatServer, settings: Any) -> None:
    secret = "dc_a-clerks-key"
    ApiKey.objects.create(user=clerk, name="key", digest=ApiKey.digest_of(secret), all_collections=True)
    model.script(chat_server.text("Four minutes [1]."), chat_server.text("Four minutes [1]."))
    ask(Client(), "How long does tea take?", HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert set(offered(model)) == {"search"}
    reader = User.objects.create_user("reader")
    assert staff_tools(Reader(reader)) == ()
    assert staff_tools(TrialReader(clerk)) == ()
    assert [tool.name for tool in staff_tools(Reader(clerk))] == ["admin_rows"]
    User.objects.filter(pk=clerk.pk).update(is_staff=False)
    assert staff_tools(Reader(clerk)) == ()
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    settings.ADMIN_ASSISTANT = False
    assert staff_tools(Reader(clerk)) == ()


def test_description_is_bounded(db: None) -> None:
    boss = User.objects.create_superuser("boss")
    [tool] = staff_tools(Reader(boss))
    assert len(tool.description) <= tools.DESCRIPTION_CHARACTERS + 50
