"""Runs in the background, followed again, and how they came about."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.utils import timezone

from chatsite.answering import kept
from chatsite.models import Conversation, IdempotentRequest, Run
from retrieval.models import Collection
from tests.chatsite.api.programs import Program
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # a kept run has a thread and a connection of its own

TEA = "Wait four minutes before you pour the tea. The kettle is in the blue cupboard."
RUNS = "/api/v1/chat/runs"


@pytest.fixture
def tea(transactional_db: None, put: Any) -> Collection:
    collection = Collection.objects.create(name="Handbook", slug="handbook", public=True)
    put(collection, "tea.md", TEA)
    return collection


@pytest.fixture
def model(settings: Any, tea: Collection) -> Iterator[ChatServer]:
    settings.RUN_SAVE_SECONDS, settings.RUN_LOOK_SECONDS = 0.1, 1.0
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server
        for run in list(kept._here.values()):
            run.stop()
        kept.join(60)


@pytest.fixture
def asking(tea: Collection) -> Program:
    return Program(User.objects.create_user("asking"))


def until_ended(program: Any, address: str, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (body := program.get(address).json())["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return dict(body)


def blocks(response: Any) -> list[dict[str, str]]:
    """Return the events of a stream, each with its fields."""
    text = b"".join(response.streaming_content).decode()
    found = [block.split("\n") for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block) for block in found]


def texts(told: list[dict[str, str]]) -> str:
    return "".join(json.loads(event["data"])["text"] for event in told if event["event"] == "text")


def test_background_run_is_answered_at_once_and_polled_to_its_end(asking: Program, model: ChatServer) -> None:
    model.script(chat_server.text("Wait ", "four ", "minutes [1].", delay=0.2))
    response = asking.ask(background=True)
    assert response.status_code == 202
    begun = response.json()
    assert response["Location"] == begun["links"]["self"] == f"{RUNS}/{begun['run_id']}"
    body = until_ended(asking, response["Location"])
    assert (body["state"], body["error"]) == ("completed", None)
    assert body["answer"]["answer"] == "Wait four minutes [1]."
    assert body["answer"]["citations"][0]["quote"] in TEA
    assert blocks(asking.get(body["links"]["events"]))[-1]["event"] == "done"


def test_run_under_way_has_no_answer_yet_and_can_be_stopped(asking: Program, model: ChatServer) -> None:
    model.script(chat_server.text(*["word "] * 200, delay=0.05))
    begun = asking.ask(background=True).json()
    under_way = asking.get(begun["links"]["self"]).json()
    assert (under_way["state"], under_way["answer"], under_way["error"]) == ("running", None, None)
    assert asking.post(begun["links"]["stop"]).status_code == 204
    ended = until_ended(asking, begun["links"]["self"])
    assert (ended["state"], ended["answer"], ended["error"]["error"]) == ("cancelled", None, "cancelled")


def test_background_run_that_was_lost_with_its_process_ends_in_a_recorded_state(asking: Program) -> None:
    conversation = Conversation.objects.create(user=asking.key.user, api_key=asking.key, title="Tea")
    run = Run.objects.create(
        conversation=conversation, question="Tea?", kept=True, checked_at=timezone.now() - timedelta(minutes=10)
    )
    body = asking.get(f"{RUNS}/{run.pk}").json()
    assert (body["state"], body["error"]["error"]) == ("failed", "loop_stopped")


def test_background_takes_no_stream(asking: Program) -> None:
    response = asking.ask(background=True, stream=True)
    assert (response.status_code, list(response.json()["details"])) == (400, ["background"])
    assert not Run.objects.exists()


def test_case_3_and_4_run_of_another_is_404(asking: Program, client: Client) -> None:
    run_id = asking.ask().json()["run_id"]
    other = Program(User.objects.create_user("other"))
    for address in (f"{RUNS}/{run_id}", f"{RUNS}/{run_id}/events", f"{RUNS}/{run_id}/trace"):
        assert other.get(address).status_code == 404
        assert client.get(address).status_code == 404
    assert other.post(f"{RUNS}/{run_id}/stop").status_code == 404


def test_ended_run_is_told_with_the_rights_of_now(asking: Program, tea: Collection) -> None:
    run_id = asking.ask().json()["run_id"]
    tea.public = False
    tea.save()
    body = asking.get(f"{RUNS}/{run_id}").json()
    assert "four minutes" not in json.dumps(body["answer"]["sources"])
    assert [citation["quote"] for citation in body["answer"]["citations"]] == [""] * len(body["answer"]["citations"])


# ---- sent again ------------------------------------------------------------------------------------------------------
def test_question_is_asked_once_under_one_idempotency_key(asking: Program) -> None:
    first = asking.ask(headers={"idempotency-key": "q-1"})
    again = asking.ask(headers={"idempotency-key": "q-1"})
    assert again.status_code == first.status_code == 200
    assert again.json()["run_id"] == first.json()["run_id"]
    assert again.json()["answer"] == first.json()["answer"]
    streamed = blocks(asking.post("/api/v1/chat/query", {"query": "How long do I wait before I pour the tea?"},
                                  **{"idempotency-key": "q-1", "accept": "text/event-stream"}))  # fmt: skip
    assert json.loads(streamed[0]["data"])["run_id"] == first.json()["run_id"]
    assert Run.objects.count() == 1


def test_idempotency_key_with_another_question_is_422(asking: Program) -> None:
    asking.ask(headers={"idempotency-key": "q-1"})
    other = asking.ask("Where is the kettle?", headers={"idempotency-key": "q-1"})
    assert (other.status_code, other.json()["error"]) == (422, "idempotency_key_reused")
    assert list(other.json()["details"]) == ["Idempotency-Key"]
    assert Run.objects.count() == 1


def test_idempotency_key_is_its_readers_own_and_lasts_a_day(asking: Program) -> None:
    key = {"idempotency-key": "q-1"}
    first = asking.ask(headers=key).json()["run_id"]
    assert Program(User.objects.create_user("other")).ask(headers=key).json()["run_id"] != first
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert asking.ask(headers=key).json()["run_id"] != first
    assert IdempotentRequest.objects.count() == 1


def test_question_sent_twice_at_once_is_one_run(asking: Program) -> None:
    told: list[tuple[int, str]] = []
    ready = threading.Barrier(4)

    def ask() -> None:
        program = Program.__new__(Program)
        vars(program).update(vars(asking), _client=Client())
        ready.wait()
        response = program.ask(headers={"idempotency-key": "q-1"}, background=True)
        told.append((response.status_code, response.json().get("run_id", "")))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [run] = Run.objects.all()
    assert told == [(202, str(run.pk))] * 4
    kept.join(60)


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "\u00fc"])
def test_idempotency_key_that_is_none_is_named(asking: Program, key: str) -> None:
    response = asking.ask(headers={"idempotency-key": key})
    assert (response.status_code, list(response.json()["details"])) == (400, ["Idempotency-Key"])


def test_idempotency_key_of_a_stranger_is_401(client: Client, tea: Collection) -> None:
    """Nothing tells one stranger from another."""
    headers = {"idempotency-key": "q-1"}
    response = client.post("/api/v1/chat/query", {"query": "a"}, content_type="application/json", headers=headers)
    assert (response.status_code, list(response.json()["details"])) == (401, ["Idempotency-Key"])
    assert response["WWW-Authenticate"] == "Bearer"
    assert not Run.objects.exists()


# ---- followed again --------------------------------------------------------------------------------------------------
def test_stream_goes_on_behind_the_last_event_that_a_client_has(asking: Program, model: ChatServer) -> None:
    model.script(chat_server.text("Wait ", "four ", "minutes [1]. ", "Then ", "pour."))
    told = blocks(asking.ask(stream=True, keep=True))
    run_id = json.loads(told[0]["data"])["run_id"]
    whole = texts(told)
    assert whole.strip() == json.loads(told[-1]["data"])["answer"]
    for position, event in enumerate(told):
        rest = blocks(asking.get(f"{RUNS}/{run_id}/events", headers={"last-event-id": event["id"]}))
        assert texts(told[: position + 1]) + texts(rest) == whole
        assert [one["event"] for one in rest].count("citation") == [one["event"] for one in told[position + 1 :]].count(
            "citation"
        )
        assert "run" not in {one["event"] for one in rest}
        assert rest[-1]["event"] == "done"


def test_id_that_is_none_is_named(asking: Program) -> None:
    run_id = asking.ask().json()["run_id"]
    response = asking.get(f"{RUNS}/{run_id}/events", headers={"last-event-id": "five"})
    assert (response.status_code, list(response.json()["details"])) == (400, ["Last-Event-ID"])


# ---- how it came about -----------------------------------------------------------------------------------------------
def test_trace_tells_the_searches_and_what_they_took(asking: Program, model: ChatServer, settings: Any) -> None:
    model.script(chat_server.text("Wait four minutes [1]."))
    run_id = asking.ask().json()["run_id"]
    trace = asking.get(f"{RUNS}/{run_id}/trace").json()
    assert [search["query"] for search in trace["searches"]] == ["How long do I wait before I pour the tea?"]
    assert trace["searches"][0]["passages"] > 0
    assert (trace["model"], trace["cost"]) == ("tiny", None)
    assert trace["retrieval_time_ms"] <= trace["first_text_time_ms"] <= trace["total_time_ms"]
    Run.objects.update(model="gpt-4.1-mini", usage={"input_tokens": 1_000_000, "output_tokens": 0})
    settings.OPENAI_BASE_URL = ""
    priced = asking.get(f"{RUNS}/{run_id}/trace").json()
    assert priced["usage"]["input_tokens"] == 1_000_000
    assert 0.1 < priced["cost"] < 10


def test_trace_keeps_searches_to_itself_whose_findings_may_no_longer_be_read(asking: Program, tea: Collection) -> None:
    run_id = asking.ask().json()["run_id"]
    Collection.objects.update(public=False)
    assert [search["query"] for search in asking.get(f"{RUNS}/{run_id}/trace").json()["searches"]] == [""]


def test_trace_is_shown_to_the_staff_who_may_view_runs_but_not_to_their_keys(asking: Program, client: Client) -> None:
    run_id = asking.ask().json()["run_id"]
    staff = User.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert client.get(f"{RUNS}/{run_id}/trace").status_code == 404
    staff.user_permissions.add(Permission.objects.get(codename="view_run"))
    assert client.get(f"{RUNS}/{run_id}/trace").json()["run_id"] == run_id
    assert Program(staff).get(f"{RUNS}/{run_id}/trace").status_code == 404
    assert client.get(f"{RUNS}/{run_id}").status_code == 404


def test_trace_tells_the_staff_no_word_of_documents_that_they_may_not_read(asking: Program, client: Client) -> None:
    run_id = asking.ask().json()["run_id"]
    step = {"query": "blue cupboard", "failed": False, "passages": 1, "corrections": [["cupbord", "cupboard"]]}
    Run.objects.update(steps=[step])
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(staff)
    for public, query in ((True, "blue cupboard"), (False, "blue cupbord")):
        Collection.objects.update(public=public)
        trace = client.get(f"{RUNS}/{run_id}/trace").json()
        assert [search["query"] for search in trace["searches"]] == [query]
