"""Greetings, thanks and the like: a fixed answer, no search, no model. And whatever asks behind them is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from chatsite.asking.small_talk import asks_nothing, reply_to, small_talk_in
from chatsite.models import Run
from retrieval.models import Collection
from tests.chatsite.answering.streamed import events
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

TEA = "# Tea\n\nWait four minutes before you pour the tea. The kettle is in the blue cupboard.\n"


@pytest.fixture
def tea(put: Any, public: Collection) -> None:
    put(public, "tea.md", TEA)


@pytest.fixture
def model(settings: Any, tea: None) -> Iterator[ChatServer]:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server


def ask(client: Client, query: str, **more: Any) -> dict[str, Any]:
    body = json.dumps({"query": query} | more)
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


# ---- what it is ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Hi", "greeting"), ("Hello there!", "greeting"), ("Good morning everyone", "greeting"),
        ("Hey, how are you?", "greeting"), ("Hallo zusammen!", "greeting"),
        ("Guten Tag, wie geht es Ihnen?", "greeting"),
        ("Grüß Gott", "greeting"), ("Bonjour à tous", "greeting"), ("¡Hola! ¿Qué tal?", "greeting"),
        ("Здравствуйте", "greeting"), ("👋", "greeting"), ("Good day, sir", "greeting"),
        ("Thanks!", "thanks"), ("Thank you very much for your help.", "thanks"), ("ok, got it, thanks", "thanks"),
        ("你好", "greeting"), ("नमस्ते", "greeting"), ("สวัสดีครับ", "greeting"), ("안녕하세요!", "greeting"),
        ("こんにちは", "greeting"), ("مرحبا", "greeting"), ("谢谢！", "thanks"), ("🚀🚀🚀", ""),
        ("Vielen Dank für die Hilfe!", "thanks"), ("Super, danke dir", "thanks"), ("Merci beaucoup", "thanks"),
        ("👍", "thanks"), ("That's great", "thanks"), ("Thanks, bye!", "thanks"),
        ("Bye", "goodbye"), ("Auf Wiedersehen!", "goodbye"), ("Have a nice day", "goodbye"),
        ("What can you do?", "abilities"), ("Hello! What can you do for me?", "abilities"), ("help", "abilities"),
        ("Who are you?", "abilities"), ("Was kannst du?", "abilities"),
        ("Hallo, was können Sie für mich tun?", "abilities"),
        ("I have a question.", "abilities"), ("Ich habe eine Frage", "abilities"), ("???", "abilities"),
        ("¿Qué puedes hacer?", "abilities"), ("Was kann ich dich fragen?", "abilities"),
    ],
)  # fmt: skip
def test_small_talk_is_told_by_its_kind(message: str, kind: str) -> None:
    assert small_talk_in(message) == kind


@pytest.mark.parametrize(
    "message",
    [
        "Hello, how long does the tea take?", "Thanks, and in version 2?", "Hi! Opening hours", "hello world",
        "How does it work?", "What is this?", "why?", "and then?", "Thanks. How do I reset it?", "tea",
        "Hallo, wie lange muss der Tee ziehen?", "Danke, und wo steht der Kessel?", "ok and what about error E1279",
        "What can you do with the kettle?", "Who are you going to call when it leaks?", "help command", "yes", "no",
        "Good morning routine", "Thank you letter", "What do you know about tea?", "Thanksgiving opening hours",
        "the answer", "information", "Hello Anna", "thanks to whom was it written", "Guten Tag im Handel",
    ],
)  # fmt: skip
def test_a_question_is_none_however_it_begins(message: str) -> None:
    assert small_talk_in(message) == ""


def test_question_about_a_selection_is_none() -> None:
    assert small_talk_in("What can you do?", selected=True) == ""
    assert small_talk_in("Thanks!", selected=True) == "thanks"


@pytest.mark.parametrize(
    ("message", "nothing"),
    [
        ("I am just looking around.", True), ("Hello Anna", True), ("My name is Peter.", True),
        ("Ich bin neu hier.", True),
        ("Hi, I'm Peter from the office", True), ("Je suis nouveau ici.", True),
        ("I wonder how long tea takes.", False), ("I get error E1279.", False), ("Tea needs four minutes.", False),
        ("Hello, how long does tea take?", False), ("I need to know which kettle is mine", False),
        ("opening hours", False),
    ],
)  # fmt: skip
def test_statement_about_oneself_asks_nothing(message: str, nothing: bool) -> None:
    assert asks_nothing(message) is nothing


def test_answer_speaks_the_language_of_the_message() -> None:
    assert reply_to("Hello", "greeting").startswith("Hello! Ask me")
    assert reply_to("Bonjour", "greeting").startswith("Hello! Ask me")  # the site doesn't speak French


def test_long_messages_are_read_at_once() -> None:
    began = time.process_time()
    assert small_talk_in("hello " * 40_000) == ""
    assert small_talk_in("👋" * 200_000) == "greeting"
    assert asks_nothing("I am here. " * 20_000)
    assert time.process_time() - began < 20


# ---- how it is answered ----------------------------------------------------------------------------------------------
def test_greeting_is_answered_without_search_and_model(client: Client, model: ChatServer) -> None:
    answer = ask(client, "Hello!")
    assert answer["answer"].startswith("Hello! Ask me")
    assert (answer["small_talk"], answer["answered"], answer["unsupported"]) == ("greeting", False, "")
    assert (answer["sources"], answer["citations"], answer["model"]) == ([], [], "")
    assert model.requests == []
    run = Run.objects.get()
    assert (run.state, run.small_talk, run.steps, run.answer) == ("completed", "greeting", [], answer["answer"])


def test_greeting_is_streamed_as_any_answer(client: Client, tea: None) -> None:
    told = events(client, query="Hello!")
    assert [name for name, _ in told][:2] == ["run", "small_talk"]
    assert told[1][1] == {"kind": "greeting"}
    assert "".join(body["text"] for name, body in told if name == "text") == told[-1][1]["answer"]
    assert (told[-1][0], told[-1][1]["small_talk"]) == ("done", "greeting")
    run_id = told[0][1]["run_id"]
    again = client.get(f"/api/v1/chat/runs/{run_id}/events").getvalue().decode()
    assert 'event: small_talk\ndata: {"kind": "greeting"}' in again


def test_question_behind_a_greeting_is_answered(client: Client, tea: None) -> None:
    answer = ask(client, "Hello! How long do I wait before I pour the tea?")
    assert (answer["small_talk"], answer["answered"]) == ("", True)


def test_page_shows_starters_below_a_greeting_and_nothing_to_judge(client: Client, put: Any, public: Any) -> None:
    put(public, "tea.md", "# Tea\n\n## How long does tea take?\n\nWait four minutes before you pour the tea.\n")
    client.get("/")
    answer = ask(client, "Hello!")
    page = " ".join(client.get(f"/runs/{answer['run_id']}/").content.decode().split())
    assert "data-suggestion>How long does tea take?<" in page
    assert 'data-summary="Hello! Ask me' in page
    for gone in ("unsupported", "nearest", "data-helpful", "data-regenerate"):
        assert gone not in page


def test_thanks_are_left_out_of_what_follows(client: Client, model: ChatServer) -> None:
    client.get("/")
    model.script(chat_server.text("Four minutes [1]."))
    first = ask(client, "How long do I wait before I pour the tea?")
    ask(client, "Thanks!", session_id=first["session_id"])
    ask(client, "And where is the kettle?", session_id=first["session_id"])
    assert "Thanks!" not in json.dumps(model.requests[-1].body)
    assert len(model.requests) == 2


def test_statement_that_the_documents_know_nothing_of_is_no_question(client: Client, tea: None) -> None:
    answer = ask(client, "I have been skiing in Norway with my brother.")
    assert (answer["small_talk"], answer["answered"]) == ("statement", False)
    assert "no question" in answer["answer"]


def test_statement_that_the_documents_know_of_is_searched_for(client: Client, tea: None) -> None:
    answer = ask(client, "I wait four minutes before I pour the tea.")
    assert (answer["small_talk"], answer["answered"]) == ("", True)


def test_statement_is_left_to_a_language_model(client: Client, model: ChatServer) -> None:
    assert ask(client, "I have been skiing in Norway with my brother.")["small_talk"] == ""
    assert len(model.requests) == 1


def test_selected_text_is_asked_about(client: Client, tea: None) -> None:
    answer = ask(client, "What can you do?", selected_text="You can pour the tea.")
    assert (answer["mode_used"], answer["small_talk"]) == ("selected_text", "")
    assert ask(client, "Thanks", selected_text="You can pour the tea.")["small_talk"] == "thanks"


def test_greetings_are_no_evaluation_questions(admin_client: Client, client: Client, tea: None) -> None:
    ask(client, "Hello!")
    ask(client, "How long do I wait before I pour the tea?")
    chosen = [str(pk) for pk in Run.objects.values_list("pk", flat=True)]
    body = {"action": "save_as_questions", "_selected_action": chosen}
    table = admin_client.post("/admin/chatsite/run/", body).content.decode()
    assert "pour the tea" in table
    assert "Hello" not in table
