"""Answers that go on while nobody reads them: followed, replayed, stopped, lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chatsite.answering import kept as live
from chatsite.models import ApiKey, Conversation, EmbedSite, Run
from retrieval.models import Collection
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # a kept run has a thread and a connection of its own

TEA = "Wait four minutes before you pour the tea. The kettle is in the blue cupboard."
QUESTION = {"query": "How long do I wait before I pour the tea?", "stream": True, "keep": True}
NO_RUN = "7b0f5a9e-0000-4000-8000-000000000000"
SLOW = [*["word "] * 400, threading.Event()]  # which is never set: it does not end by itself


@pytest.fixture
def model(settings: Any, transactional_db: None, put: Any) -> Iterator[ChatServer]:
    settings.RUN_SAVE_SECONDS, settings.RUN_LOOK_SECONDS = 0.1, 1.0
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server
        for run in list(live._here.values()):
            run.stop()
        live.join(60)


@pytest.fixture
def reading(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("tea-reader"))
    return client


def ask(client: Client, **more: Any) -> Any:
    return client.post("/api/v1/chat/query", json.dumps(QUESTION | more), content_type="application/json")


def events(response: Any) -> list[tuple[str, dict[str, Any]]]:
    return list(told(response))


def told(response: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in response.streaming_content:
        if not block.startswith(b":"):
            name, data, *_id = block.decode().strip().split("\n")
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def begin(client: Client, **more: Any) -> Run:
    """Ask, leave at the first word, and give the run."""
    response = ask(client, **more)
    run_id = ""
    for name, body in told(response):
        run_id = run_id or body["run_id"]
        if name == "text":
            break
    response.close()
    return Run.objects.get(pk=run_id)


def until_ended(run: Run, seconds: float = 60) -> Run:
    deadline = time.monotonic() + seconds
    while run.state == Run.State.RUNNING and time.monotonic() < deadline:
        time.sleep(0.02)
        run.refresh_from_db()
    return run


def joined(happened: list[tuple[str, dict[str, Any]]]) -> str:
    return "".join(body["text"] for name, body in happened if name == "text")


def test_kept_answer_goes_on_when_its_reader_leaves(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text("Wait ", "four ", "minutes [1].", delay=0.2))
    run = until_ended(begin(reading))
    assert (run.state, run.answer, run.answered) == ("completed", "Wait four minutes [1].", True)
    assert [citation.quote for citation in run.citations.all()] == ["Wait four minutes"]
    assert [(step["passages"], step["failed"]) for step in run.steps] == [(1, False)]


def test_late_reader_is_told_everything_from_the_beginning(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text("Wait ", "four ", "minutes [1]. ", *["more "] * 10, delay=0.1))
    run = begin(reading)
    happened = events(reading.get(f"/api/v1/chat/runs/{run.pk}/events"))
    names = [name for name, _ in happened]
    assert names[:4] == ["run", "tool_call", "tool_result", "sources"]
    assert names[-1] == "done"
    assert joined(happened).strip() == happened[-1][1]["answer"]
    assert names.count("citation") == 1


def test_ended_run_is_told_from_its_row_as_the_stream_told_it(reading: Client, model: ChatServer) -> None:
    first = events(ask(reading))
    again = events(reading.get(f"/api/v1/chat/runs/{first[0][1]['run_id']}/events"))
    assert joined(again) == joined(first).strip()
    kept = ("run", "sources", "citation", "done")
    assert [one for one in again if one[0] in kept] == [one for one in first if one[0] in kept]


def test_source_that_may_no_longer_be_read_is_empty_when_told_again(model: ChatServer, reading: Client) -> None:
    first = events(ask(reading))
    Collection.objects.update(public=False)
    done = events(reading.get(f"/api/v1/chat/runs/{first[0][1]['run_id']}/events"))[-1][1]
    assert [(s["title"], s["url"], s["content"]) for s in done["sources"]] == [("", None, "")]
    assert [citation["quote"] for citation in done["citations"]] == [""]


def test_run_of_another_process_is_followed_in_sql(reading: Client, model: ChatServer) -> None:
    seen = threading.Event()
    model.script(chat_server.text("Wait four minutes [1]. ", *["more "] * 10, seen, *["more "] * 10, delay=0.1))
    run = begin(reading)
    here = live._here.pop(run.pk)  # as if it ran elsewhere
    happened = []
    for event in told(reading.get(f"/api/v1/chat/runs/{run.pk}/events")):
        happened.append(event)
        if event[0] == "text":
            seen.set()
    here.join(60)
    names = [name for name, _ in happened]
    assert names.count("text") >= 2  # it came as it was saved
    assert names[-1] == "done"
    assert joined(happened) == happened[-1][1]["answer"]
    citation = names.index("citation")
    assert happened[citation - 1] == ("text", {"text": "Wait four minutes [1]"})


def test_stop_ends_it_at_once_and_keeps_what_was_written(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text(*SLOW, delay=0.05))
    run = begin(reading)
    assert reading.post(f"/api/v1/chat/runs/{run.pk}/stop").status_code == 204
    run = until_ended(run)
    assert (run.state, run.error) == ("cancelled", "cancelled")
    assert run.answer.startswith("word")


def test_stop_from_another_process_is_seen_at_the_next_sign_of_life(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text(*SLOW, delay=0.05))
    run = begin(reading)
    Run.objects.filter(pk=run.pk).update(stop_asked=True)
    assert until_ended(run).state == "cancelled"


@pytest.mark.parametrize("action", ["events", "stop", "feedback"])
def test_case_03_04_run_of_another_reader_is_404_like_one_that_is_not_there(
    reading: Client, model: ChatServer, action: str
) -> None:
    run_id = events(ask(reading))[0][1]["run_id"]
    other = Client()
    other.force_login(User.objects.create_user("other"))
    answers = []
    for client in (other, Client()):
        for wanted in (run_id, NO_RUN):
            address = f"/api/v1/chat/runs/{wanted}/{action}"
            body = {"data": '{"helpful": true}', "content_type": "application/json"}
            method = {"events": client.get, "stop": client.post, "feedback": client.put}[action]
            response = method(address, **({} if action == "events" else body))
            answers.append((response.status_code, response.json() | {"request_id": ""}))
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 404


def test_case_12_run_of_a_deactivated_user_ends(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text(*SLOW, delay=0.05))
    run = begin(reading)
    User.objects.update(is_active=False)
    assert until_ended(run).state == "cancelled"
    assert reading.get(f"/api/v1/chat/runs/{run.pk}/events").status_code == 404


def test_case_12_run_of_a_revoked_key_ends(model: ChatServer) -> None:
    key = ApiKey(name="program", user=User.objects.create_user("program"), all_collections=True)
    secret = key.make_secret()
    key.save()
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    model.script(chat_server.text(*SLOW, delay=0.05))
    run = begin(client)
    ApiKey.objects.update(revoked=True)
    assert until_ended(run).state == "cancelled"


def embedded() -> tuple[EmbedSite, Client]:
    """A site of another origin, and a program that asks with its public token."""
    site = EmbedSite.objects.create(name="Partner", origins="https://www.example.org")
    site.collections.add(Collection.objects.get())
    return site, Client(headers={"Authorization": f"Bearer {site.token}"})


def test_token_that_comes_again_is_told_the_addresses_it_may_open(model: ChatServer) -> None:
    site, client = embedded()
    model.script(chat_server.text("Wait four minutes [1]. ", *["more "] * 20, delay=0.1))
    run = begin(client)
    here = live._here.pop(run.pk)  # as if it ran elsewhere
    followed = dict(events(client.get(f"/api/v1/chat/runs/{run.pk}/events")))
    here.join(60)
    ended = dict(events(client.get(f"/api/v1/chat/runs/{run.pk}/events")))
    urls = [
        source["url"] for told in (followed, ended) for end in ("sources", "done") for source in told[end]["sources"]
    ]
    assert len(urls) == 4
    for url in urls:
        assert url.startswith(f"/embed/{site.token}/passages/")
        assert "Wait four minutes" in Client().get(url).content.decode()


def test_continued_answer_gives_a_token_the_addresses_it_may_open(model: ChatServer) -> None:
    site, client = embedded()
    model.script(chat_server.stream(chat_server.chunk({"content": "Wait four minutes [1]"}), abort=True))
    first = dict(events(ask(client)))["run"]
    model.script(chat_server.text(" before you pour."))
    done = dict(events(ask(client, continues=first["run_id"], session_id=first["session_id"])))["done"]
    assert [source["url"].split("/passages/")[0] for source in done["sources"]] == [f"/embed/{site.token}"]


def test_source_that_its_site_no_longer_asks_is_empty_when_told_again(model: ChatServer) -> None:
    site, client = embedded()
    run_id = events(ask(client))[0][1]["run_id"]
    site.collections.clear()
    done = events(client.get(f"/api/v1/chat/runs/{run_id}/events"))[-1][1]
    assert [(s["title"], s["url"], s["content"]) for s in done["sources"]] == [("", None, "")]
    page = Client().get(f"/embed/{site.token}/runs/{run_id}/").content.decode()
    assert 'class="gone"' in page
    assert "/passages/" not in page


@pytest.mark.parametrize("withdraw", ["site", "reader"])
@pytest.mark.parametrize("keep", [True, False])
def test_case_12_run_of_a_withdrawn_token_ends(model: ChatServer, withdraw: str, keep: bool) -> None:
    site, client = embedded()
    site.reader = User.objects.create_user("lends-their-right")
    site.save()
    model.script(chat_server.text(*SLOW, delay=0.05))
    response = ask(client, keep=keep)
    happened = told(response)
    run = Run.objects.get(pk=next(happened)[1]["run_id"])
    if withdraw == "site":
        EmbedSite.objects.update(active=False)
    else:
        User.objects.update(is_active=False)
    *_, last = happened
    assert last[0] == "error"
    assert until_ended(run).state == "cancelled"
    assert client.get(f"/api/v1/chat/runs/{run.pk}/events").status_code == 401


def test_conversation_deleted_under_a_run_ends_it_and_stays_deleted(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text(*SLOW, delay=0.05))
    begin(reading)
    Conversation.objects.all().delete()
    live.join(60)
    assert live._here == {}
    assert Run.objects.count() == 0


def test_run_whose_process_died_is_closed_by_who_looks_at_it_next(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.text("Wait four minutes [1]. ", *SLOW, delay=0.05))
    run = begin(reading)
    while "word" not in run.answer:  # it has been saved in the middle
        run.refresh_from_db()
    here = live._here.pop(run.pk)
    here._driving._looked = time.monotonic() + 60  # its process gives no sign of life any more
    Run.objects.filter(pk=run.pk).update(checked_at=timezone.now() - timedelta(seconds=40))
    happened = events(reading.get(f"/api/v1/chat/runs/{run.pk}/events"))
    assert happened[-1][0] == "error"
    assert happened[-1][1]["error"] == "loop_stopped"
    assert happened[-1][1]["details"]["answer"].startswith("Wait four minutes [1]. word")
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "loop_stopped")
    here.stop()
    here.join(60)


def test_plain_answer_can_be_kept_too(reading: Client, model: ChatServer) -> None:
    response = ask(reading, stream=False)
    assert response.status_code == 200
    assert response.json()["answered"] is True
    assert Run.objects.get().kept is True


def test_plain_kept_answer_that_fails_has_the_error_of_any_other(reading: Client, model: ChatServer) -> None:
    model.script(chat_server.stream(chat_server.chunk({"content": "Wait four"}), abort=True))
    response = ask(reading, stream=False)
    assert (response.status_code, response.json()["error"]) == (502, "model_interrupted")
    assert response.json()["details"]["answer"] == "Wait four"


def test_case_87_reader_with_too_many_questions_is_told_when_to_come_back(
    reading: Client, model: ChatServer, settings: Any
) -> None:
    settings.RUNS_PER_USER = 2
    for _ in range(2):
        model.script(chat_server.text(*SLOW, delay=0.05))
        begin(reading)
    refused = ask(reading)
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_questions")
    assert int(refused["Retry-After"]) > 0
    assert Run.objects.count() == 2
    for run in list(live._here.values()):
        run.stop()
    live.join(60)
    assert events(ask(reading))[-1][0] == "done"


def test_case_87_full_process_refuses_within_a_tenth_of_a_second_and_health_answers(
    reading: Client, model: ChatServer, settings: Any
) -> None:
    settings.RUNS_PER_PROCESS = 1
    model.script(chat_server.text(*SLOW, delay=0.05))
    run = begin(reading)
    other = Client()
    ask(other).close()
    took, until = [1.0], time.monotonic() + 60
    while min(took) >= 0.1 and time.monotonic() < until:  # the quickest tells what the site needs
        began = time.monotonic()
        refused = ask(other)
        took.append(time.monotonic() - began)
    assert min(took) < 0.1
    assert (refused.status_code, refused.json()["error"]) == (503, "busy")
    assert int(refused["Retry-After"]) > 0
    assert other.get("/api/v1/health").status_code == 200
    reading.post(f"/api/v1/chat/runs/{run.pk}/stop")
    live.join(60)
    assert events(ask(other))[-1][0] == "done"


def test_refused_and_failed_questions_give_their_place_back(reading: Client, model: ChatServer, settings: Any) -> None:
    settings.RUNS_PER_PROCESS = 1
    for _ in range(3):
        assert ask(reading, document_ids=[10**9]).status_code == 404
        model.script(chat_server.stream(chat_server.chunk({"content": "Wait"}), abort=True))
        assert events(ask(reading))[-1][0] == "error"
        response = ask(reading, keep=False)
        response.close()
    assert events(ask(reading))[-1][0] == "done"
