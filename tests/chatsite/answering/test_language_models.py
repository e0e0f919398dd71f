"""What language models are asked for, and what readers are told when one fails or says what no passage supports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chatsite.answering import assistant
from chatsite.answering.model_state import model_state, try_model
from chatsite.conf import chat_models
from chatsite.models import Run
from chatsite.reader import Reader
from retrieval.errors import IndexUnavailable
from retrieval.models import Collection
from tests.chatsite.answering.streamed import QUESTION, events
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

TEA = "# Tea\n\nWait four minutes before you pour the tea. The kettle is in the blue cupboard.\n"
NOTHING = "Nothing that was found answers this question."


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


# ---- what is sent ----------------------------------------------------------------------------------------------------
@pytest.mark.case(101)
def test_passages_stand_with_the_question_and_no_call_is_forged(client: Client, model: ChatServer) -> None:
    answer = ask(client)
    assert answer["answered"]
    [request] = model.requests
    assert [message["role"] for message in request.body["messages"]] == ["system", "user"]
    assert "Wait four minutes" in request.body["messages"][1]["content"]
    assert [tool["function"]["name"] for tool in request.body["tools"]] == ["search"]


def test_settings_of_the_site_reach_the_model(client: Client, model: ChatServer, settings: Any) -> None:
    settings.CHAT_TEMPERATURE, settings.CHAT_MAX_TOKENS, settings.CHAT_EXTRA_BODY = 0.2, 700, {"top_k": 20}
    ask(client)
    body = model.requests[0].body
    assert (body["temperature"], body["max_tokens"], body["top_k"]) == (0.2, 700, 20)


def test_mock_execution_asks_nobody(
    client: Client, model: ChatServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USE_MOCK_EXECUTION = True
    monkeypatch.setenv("USE_MOCK_EXECUTION", "true")  # as the library reads it
    answer = ask(client)
    assert (answer["model"], answer["answered"]) == ("extractive", True)
    assert model.requests == []


# ---- what no passage supports ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("invented", ["Tea was invented in 1847.", "Wait ten minutes [7].", "It is [12] and [99]."])
def test_text_without_a_citation_is_no_answer(client: Client, model: ChatServer, invented: str) -> None:
    model.script(chat_server.text(invented))
    answer = ask(client)
    assert (answer["answered"], answer["answer"], answer["citations"]) == (False, NOTHING, [])
    assert answer["unsupported"]
    run = Run.objects.get()
    assert (run.state, run.answer, run.unsupported) == ("completed", NOTHING, answer["unsupported"])


def test_stream_ends_with_the_same_body(client: Client, model: ChatServer) -> None:
    model.script(chat_server.text("Tea was ", "invented in 1847."))
    told = events(client)
    assert "".join(body["text"] for name, body in told if name == "text") == "Tea was invented in 1847."
    name, body = told[-1]
    assert (name, body["answer"], body["unsupported"]) == ("done", NOTHING, "Tea was invented in 1847.")


def test_later_questions_do_not_bring_it_back(client: Client, model: ChatServer) -> None:
    client.get("/")
    model.script(chat_server.text("Tea was invented in 1847."))
    first = ask(client)
    ask(client, "And where is the kettle?", session_id=first["session_id"])
    assert "1847" not in json.dumps(model.requests[-1].body)


def test_free_chat_takes_it_for_an_answer(client: Client, model: ChatServer, settings: Any) -> None:
    settings.FREE_CHAT = True
    model.script(chat_server.text("Hello! Ask me about tea."))
    answer = ask(client)
    assert (answer["answered"], answer["answer"], answer["unsupported"]) == (False, "Hello! Ask me about tea.", "")


def test_quoting_model_that_declines_says_so_itself(client: Client, model: ChatServer, settings: Any) -> None:
    settings.OPENAI_BASE_URL = ""
    answer = ask(client, "Who won the race?")
    assert (answer["answered"], answer["unsupported"]) == (False, "")
    assert answer["answer"].endswith("No passage that was found answers this question.")


def test_unsupported_text_that_was_cut_short_can_be_continued(client: Client, model: ChatServer) -> None:
    client.get("/")
    pieces = [chat_server.chunk({"content": "The tea needs"}), chat_server.chunk({}, finish="length")]
    model.script(chat_server.stream(*pieces, chat_server.DONE))
    first = ask(client)
    assert (first["cut_short"], first["unsupported"]) == (True, "The tea needs")
    model.script(chat_server.text(" four minutes [1]."))
    whole = ask(client, session_id=first["session_id"], continues=first["run_id"])
    assert (whole["answer"], whole["answered"], whole["cut_short"]) == ("The tea needs four minutes [1].", True, False)


def cut_short(client: Client, model: ChatServer, text: str) -> dict[str, Any]:
    pieces = [chat_server.chunk({"content": text}), chat_server.chunk({}, finish="length")]
    model.script(chat_server.stream(*pieces, chat_server.DONE))
    return ask(client)


def test_what_is_continued_is_not_lost_when_the_index_fails(
    client: Client, model: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/")
    first = cut_short(client, model, "Wait four minutes [1] and")

    def fail(*args: Any, **scope: Any) -> None:
        raise IndexUnavailable

    monkeypatch.setattr(assistant, "search", fail)
    failed = ask(client, session_id=first["session_id"], continues=first["run_id"])
    assert failed["error"] == "index_unavailable"
    assert Run.objects.get(continues=first["run_id"]).answer == "Wait four minutes [1] and"


def test_unsupported_text_is_no_answer_when_the_quoting_model_goes_on_with_it(
    client: Client, model: ChatServer
) -> None:
    client.get("/")
    first = cut_short(client, model, "Tea was invented in 1847 and")
    model.script(chat_server.failure(404, message="no such model"))
    whole = ask(client, session_id=first["session_id"], continues=first["run_id"], query="Who is Ahab?")
    if not whole["answered"]:
        assert "1847" not in whole["answer"]
    assert "1847" in whole["answer"] + whole["unsupported"]


def test_unsupported_text_goes_with_the_right_to_read_what_was_found(
    client: Client, model: ChatServer, reader: User, public: Collection
) -> None:
    client.force_login(reader)
    model.script(chat_server.text("Tea was invented in 1847."))
    first = ask(client)
    page = f"/c/{first['session_id']}/"
    assert "1847" in client.get(page).content.decode()
    Collection.objects.update(public=False)
    assert "1847" not in client.get(page).content.decode()
    again = client.get(f"/api/v1/chat/runs/{first['run_id']}/events").getvalue().decode()
    assert '"unsupported": ""' in again


# ---- thoughts --------------------------------------------------------------------------------------------------------
def test_thoughts_are_events_and_in_no_answer(client: Client, model: ChatServer) -> None:
    pieces = [
        chat_server.chunk({"reasoning_content": "The reader "}),
        chat_server.chunk({"reasoning_content": "waits."}),
    ]
    said = [chat_server.chunk({"content": "Four minutes [1]."}), chat_server.chunk({}, finish="stop"), chat_server.DONE]
    model.script(chat_server.stream(*pieces, *said))
    told = events(client)
    assert "".join(body["text"] for name, body in told if name == "thinking") == "The reader waits."
    assert told[-1][1]["answer"] == "Four minutes [1]."
    assert "reader waits" not in json.dumps(Run.objects.values_list("answer", "steps", "unsupported").get())


@pytest.mark.django_db(transaction=True)  # a kept run is driven by another thread
@pytest.mark.parametrize("keep", [False, True])
def test_thoughts_that_only_end_are_taken_back(client: Client, model: ChatServer, keep: bool) -> None:
    pieces = ["The tea [1] needs ", "four minutes, I think.\n</thi", "nk>\n\nFour minutes", " [1]."]
    model.script(chat_server.text(*pieces))
    told = events(client, keep=keep)
    names = [name for name, _ in told]
    assert names.count("withdrawn") == 1
    behind = told[names.index("withdrawn") :]
    assert "".join(body["text"] for name, body in behind if name == "text") == "Four minutes [1]."
    body = told[-1][1]
    assert (body["answer"], body["answered"], len(body["citations"])) == ("Four minutes [1].", True, 1)
    run = Run.objects.get()
    assert (run.answer, run.citations.count()) == ("Four minutes [1].", 1)


# ---- models that fail ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (chat_server.failure(401), "model_refused", "refused the question"),
        (chat_server.failure(404, message="no such model"), "model_refused", "refused the question"),
        (chat_server.page(), "model_answer_invalid", "gave no answer"),
        (chat_server.text(""), "model_answer_invalid", "gave no answer"),
    ],
)
@pytest.mark.case(111)
def test_reader_is_told_what_is_true_of_a_model_that_failed(
    client: Client, model: ChatServer, failure: chat_server.Reply, code: str, said: str
) -> None:
    model.script(failure)
    answer = ask(client)
    assert (answer["model"], answer["answered"]) == ("extractive", True)
    assert said in answer["answer"]
    assert "can't be reached" not in answer["answer"]
    assert Run.objects.get().model_fault == code
    assert (model_state().fault, model_state().is_well) == (code, False)
    staff = Client()
    staff.force_login(User.objects.create_user("staff", is_staff=True))
    assert staff.get("/api/v1/health").json()["chat_model_fault"] == code
    ask(client)
    assert model_state().is_well
    assert staff.get("/api/v1/health").json()["chat_model_fault"] == ""


def test_trying_the_model_says_what_to_do(db: None, model: ChatServer) -> None:
    assert try_model() == ("", "")
    model.script(chat_server.failure(401))
    fault, fix = try_model()
    assert fault.startswith("model_refused: ")
    assert "OPENAI_API_KEY" in fix


# ---- several models --------------------------------------------------------------------------------------------------
@pytest.fixture
def two(model: ChatServer, settings: Any) -> ChatServer:
    settings.CHAT_MODELS = ["small", "large"]
    return model


def test_next_model_answers_when_the_first_fails(client: Client, two: ChatServer) -> None:
    two.script(chat_server.failure(404, message="no such model"))
    assert ask(client)["model"] == "large"
    assert [request.body["model"] for request in two.requests] == ["small", "large"]
    assert Run.objects.get().model_fault == "model_refused"


def test_whoever_may_chooses_the_model(client: Client, two: ChatServer, reader: User) -> None:
    client.force_login(reader)
    refused = ask(client, model="large")
    assert (refused["error"], list(refused["details"])) == ("invalid_request", ["model"])
    reader.user_permissions.add(Permission.objects.get(codename="choose_model"))
    assert ask(client, model="large")["model"] == "large"
    unknown = ask(client, model="huge")
    assert "small, large" in unknown["message"]
    assert [request.body["model"] for request in two.requests] == ["large"]


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ([], ["tiny"]),
        (["small"], ["small"]),
        (["small", " large", "", "small", "extractive"], ["small", "large"]),
    ],
)
def test_names_of_models_are_read_as_people_write_them(
    model: ChatServer, settings: Any, named: list[str], asked: list[str]
) -> None:
    settings.CHAT_MODELS = named
    assert chat_models() == asked


def test_without_an_address_or_key_there_is_no_choice(settings: Any, reader: User) -> None:
    settings.CHAT_MODELS = ["small", "large"]
    reader.user_permissions.add(Permission.objects.get(codename="choose_model"))
    assert Reader(reader).models() == []
