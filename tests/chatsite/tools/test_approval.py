"""A tool that asks first: confirmed, refused or expired once, and done once."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from chatsite.answering import capacity, kept
from chatsite.models import HostToolCall, Run
from chatsite.reader import Reader
from chatsite.tools import calls, tool
from chatsite.tools.declaring import withdraw
from chatsite.tools.shown import tool_view
from tests.chatsite.tools import shop as tools
from tests.chatsite.tools.conftest import Asks, decide
from tests.chatsite.tools.shop import Seen
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # what goes on has a thread and a connection of its own


def test_answer_says_that_it_waits_and_where_to_decide(waiting: dict[str, Any], shop: Seen, client: Client) -> None:
    [approval] = waiting["approvals"]
    assert (approval["tool"], approval["title"]) == ("cancel_order", "Cancel an order")
    assert approval["arguments"] == {"number": 1234}
    assert approval["url"] == f"/api/v1/chat/runs/{waiting['run_id']}/decision"
    assert (waiting["answered"], shop.calls) == (False, [])
    told = client.get(f"/api/v1/chat/runs/{waiting['run_id']}").json()
    assert (told["state"], told["answer"]["approvals"], told["error"]) == ("waiting", [approval], None)


def test_confirmed_it_is_done_once_and_cited(waiting: dict[str, Any], shop: Seen, client: Client) -> None:
    answer = decide(client, waiting).json()
    assert (answer["answer"], answer["answered"], answer["approvals"]) == ("It is cancelled [2].", True, [])
    assert answer["citations"][0]["quote"] == "Order 1234 is cancelled."
    assert shop.calls == [("cancel_order", 1234)]
    run = Run.objects.get()
    assert (run.state, run.paused, run.personal) == ("completed", None, True)
    again = decide(client, waiting)  # a second click
    assert (again.status_code, again.json()["answer"]) == (200, answer["answer"])
    assert shop.calls == [("cancel_order", 1234)]
    other = decide(client, waiting, approved=False)
    assert (other.status_code, other.json()["error"], other.json()["message"]) == (409, "already_decided", "Done.")


def test_refused_it_is_not_done_and_the_model_is_told(
    waiting: dict[str, Any], model: ChatServer, shop: Seen, client: Client
) -> None:
    answer = decide(client, waiting, approved=False).json()
    assert "not confirmed it, so it was not done" in model.requests[-1].body["messages"][-1]["content"]
    assert (shop.calls, answer["approvals"]) == ([], [])
    assert HostToolCall.objects.get().state == "refused"
    assert decide(client, waiting).status_code == 409
    assert "You refused it. It was not done." in client.get(f"/c/{answer['session_id']}/").content.decode()


def test_out_of_time_it_can_no_longer_be_confirmed(waiting: dict[str, Any], shop: Seen, client: Client) -> None:
    HostToolCall.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert decide(client, waiting).status_code == 409
    told = client.get(f"/api/v1/chat/runs/{waiting['run_id']}").json()
    assert (told["state"], told["error"]["error"]) == ("cancelled", "approval_expired")
    assert (HostToolCall.objects.get().state, shop.calls) == ("expired", [])


@pytest.mark.parametrize("decisions", [[True] * 6, [True, False] * 3])
def test_clicks_at_once_decide_once(waiting: dict[str, Any], shop: Seen, client: Client, decisions: list[bool]) -> None:
    begin = threading.Barrier(len(decisions))
    statuses: list[tuple[bool, int]] = []

    def click(approved: bool) -> None:
        tab = Client()
        tab.cookies = client.cookies
        begin.wait()
        statuses.append((approved, decide(tab, waiting, approved=approved).status_code))
        connections.close_all()

    threads = [threading.Thread(target=click, args=(approved,)) for approved in decisions]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    kept.join(60)
    call = HostToolCall.objects.get()
    won = call.state == "done"
    assert call.state == ("done" if won else "refused")
    assert shop.calls == [("cancel_order", 1234)] * won
    assert {status for approved, status in statuses if approved == won} == {200}
    assert {status for approved, status in statuses if approved != won} <= {409}


def test_stopped_while_it_waits_it_is_not_done(waiting: dict[str, Any], shop: Seen, client: Client) -> None:
    assert client.post(f"/api/v1/chat/runs/{waiting['run_id']}/stop").status_code == 204
    assert (Run.objects.get().state, HostToolCall.objects.get().state) == ("cancelled", "refused")
    assert decide(client, waiting).status_code == 409
    assert shop.calls == []


def test_it_is_decided_and_not_continued(waiting: dict[str, Any], model: ChatServer, ask: Asks, client: Client) -> None:
    Run.objects.update(answer="Let me see.")
    more = {"session_id": waiting["session_id"], "continues": waiting["run_id"]}
    assert list(ask("?", **more)["details"]) == ["continues"]
    assert decide(client, waiting).json()["answered"] is True


def test_card_shows_all_that_is_confirmed() -> None:
    run = Run(state="waiting", personal=True)
    mail = "Dear shop, " + "thank you. " * 100 + "Send it to Main Street 6."
    call = HostToolCall(run=run, tool="mail", arguments={"body": mail, "to": ["a@b.example"] * 99}, state="waiting")
    shown = dict(tool_view(call, run).arguments)
    assert shown["Body"] == mail
    assert shown["To"].count("a@b.example") == 99
    call.state = "done"
    assert all(len(value) == 500 for _name, value in tool_view(call, run).arguments)


def test_what_nobody_would_see_of_an_argument_is_written_out_on_the_card_and_kept_for_programs(
    asks_first: None, fox: User, model: ChatServer, ask: Asks, client: Client
) -> None:
    shop_mail = {"to": "billing\u202emoc.live@\u202c", "lines": [{"no\u200bte": "\U000e0041<b>"}]}
    withdraw(tools.cancel_order)
    tool(approve=True)(tools.mail)
    try:
        model.script(chat_server.calls(("mail", shop_mail)))
        waiting = ask("Write to the shop.")
        page = client.get(f"/c/{waiting['session_id']}/").content.decode()
    finally:
        withdraw(tools.mail)
    assert waiting["approvals"][0]["arguments"] == shop_mail
    assert "<dt>To</dt><dd>billing‹U+202E›moc.live@‹U+202C›</dd>" in page
    assert "<dt>Lines</dt><dd>No‹U+200B›te: ‹U+E0041›&lt;b&gt;</dd>" in page


@pytest.mark.parametrize("order", [[(666, False), (1234, True)], [(1234, True), (666, False)]])
def test_calls_of_one_id_are_shown_and_confirmed_one_by_one(
    asks_first: None, fox: User, model: ChatServer, shop: Seen, ask: Asks, client: Client, order: Any
) -> None:
    begun = chat_server.calls(("cancel_order", {"number": 666}), ("cancel_order", {"number": 1234}))
    same = [piece.replace(b"call_1", b"call_0") if isinstance(piece, bytes) else piece for piece in begun.pieces]
    model.script(replace(begun, pieces=same), chat_server.text("It is cancelled [2]."))
    waiting = ask("Cancel my order 1234.")
    approvals = {approval["arguments"]["number"]: approval for approval in waiting["approvals"]}
    assert set(approvals) == {666, 1234}
    for number, approved in order:
        decided = decide(client, {"approvals": [approvals[number]]}, approved)
    assert decided.status_code == 200
    assert shop.calls == [("cancel_order", 1234)]
    assert set(HostToolCall.objects.values_list("arguments__number", "state")) == {(666, "refused"), (1234, "done")}


def test_nobody_else_can_decide_or_see_it(waiting: dict[str, Any], shop: Seen) -> None:
    other = Client()
    other.force_login(User.objects.create_superuser("root"))
    assert decide(other, waiting).status_code == 404
    assert other.post(f"/runs/{waiting['run_id']}/decide/", {"confirm": "1"}).status_code == 404
    assert Client().get(f"/api/v1/chat/runs/{waiting['run_id']}").status_code == 404
    assert (HostToolCall.objects.get().state, shop.calls) == ("waiting", [])


def test_going_on_counts_as_a_question_under_way(waiting: dict[str, Any], client: Client, settings: Any) -> None:
    settings.RUNS_PER_USER = 1
    own = Run.objects.get()
    other = Run.objects.create(
        conversation=own.conversation, mode="retrieval", question="?", kept=True, checked_at=timezone.now()
    )
    assert decide(client, waiting).json()["error"] == "too_many_questions"
    assert HostToolCall.objects.get().state == "waiting"
    Run.objects.filter(pk=other.pk).update(state="completed", ended_at=timezone.now())
    assert decide(client, waiting).json()["answered"] is True


def test_who_follows_too_much_has_decided_nothing(waiting: dict[str, Any], client: Client, settings: Any) -> None:
    settings.RUNS_PER_PROCESS = 1
    followed = capacity.place_for_follower(Reader(User.objects.get()))
    assert decide(client, waiting).json()["error"] == "too_many_followed"
    assert (Run.objects.get().state, HostToolCall.objects.get().state) == ("waiting", "waiting")
    followed.release()
    assert decide(client, waiting).json()["answered"] is True


@pytest.mark.parametrize("body", [{}, {"call_id": "x", "approved": True}, {"call_id": None, "approved": "perhaps"}])
def test_what_is_no_decision_is_refused(waiting: dict[str, Any], client: Client, body: dict[str, Any]) -> None:
    sent = client.post(waiting["approvals"][0]["url"], json.dumps(body), content_type="application/json")
    assert sent.status_code == 400
    assert HostToolCall.objects.get().state == "waiting"


def test_card_works_without_scripts(waiting: dict[str, Any], shop: Seen, client: Client) -> None:
    page = client.get(f"/c/{waiting['session_id']}/").content.decode()
    for shown in ("Shall this be done? Cancel an order", "<dt>Number</dt><dd>1234</dd>", "Confirm"):
        assert shown in page, shown
    sent = {"call_id": waiting["approvals"][0]["call_id"], "confirm": "1"}
    response = client.post(f"/runs/{waiting['run_id']}/decide/", sent)
    assert (response.status_code, response["Location"]) == (303, f"/c/{waiting['session_id']}/")
    assert shop.calls == [("cancel_order", 1234)]
    assert "Order 1234 is cancelled." in client.get(response["Location"]).content.decode()


def test_confirmed_and_killed_before_it_began_it_waits_again_and_goes_on(
    waiting: dict[str, Any], shop: Seen, client: Client
) -> None:
    now = timezone.now()
    HostToolCall.objects.update(state="confirmed", decided_at=now)
    Run.objects.update(state="running", kept=True, checked_at=now - timedelta(minutes=5))
    page = client.get(f"/c/{waiting['session_id']}/").content.decode()
    assert "You confirmed it. It is not done yet." in page
    assert decide(client, waiting).json()["answered"] is True
    assert shop.calls == [("cancel_order", 1234)]


def test_killed_while_it_ran_it_is_said_and_not_repeated(waiting: dict[str, Any], shop: Seen, client: Client) -> None:
    now = timezone.now()
    HostToolCall.objects.update(state="running", decided_at=now, began_at=now)
    Run.objects.update(state="running", kept=True, checked_at=now - timedelta(minutes=5))
    page = client.get(f"/c/{waiting['session_id']}/").content.decode()
    assert "it can&#x27;t be told whether it was done" in page
    assert Run.objects.get().state == "failed"
    assert decide(client, waiting).status_code in (200, 503)
    assert shop.calls == []


def test_arguments_that_do_not_fit_are_no_question(asks_first: None, fox: User, model: ChatServer, ask: Asks) -> None:
    model.script(chat_server.calls(("cancel_order", {"number": "twelve"})), chat_server.text("I can't [1]."))
    assert ask("Cancel my order.")["approvals"] == []
    assert "valid integer" in model.requests[-1].body["messages"][-1]["content"]
    assert not HostToolCall.objects.exists()


def test_stream_ends_with_what_waits_and_goes_on_with_the_decision(
    asks_first: None, fox: User, model: ChatServer, shop: Seen, client: Client
) -> None:
    begun = chat_server.calls(("cancel_order", {"number": 7}))
    model.script(begun, chat_server.text("It is cancelled [2]."))
    sent = json.dumps({"query": "Cancel my order 7.", "stream": True, "keep": True})
    told = events(client.post("/api/v1/chat/query", sent, content_type="application/json"))
    assert [name for name, _ in told][-1] == "approval"
    waiting = told[-1][1]
    [approval] = waiting["approvals"]
    body = json.dumps({"call_id": approval["call_id"], "approved": True})
    accept = {"HTTP_ACCEPT": "text/event-stream"}
    after = events(client.post(approval["url"], body, content_type="application/json", **accept))
    names = [name for name, _ in after]
    assert (names[0], names[-1]) == ("run", "done")
    assert {"tool_call", "tool_result", "citation"} <= set(names)
    assert after[-1][1]["citations"][0]["quote"] == "Order 7 is cancelled."


def events(response: Any) -> list[tuple[str, dict[str, Any]]]:
    blocks = [block.decode().strip().split("\n") for block in response.streaming_content if not block.startswith(b":")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]


def test_tool_is_told_who_asks_though_nothing_of_the_run_is_known_yet(
    asks_first: None, fox: User, model: ChatServer, ask: Asks, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is told is looked up on the thread of the run: Django refuses to on that of the event loop."""
    asker = calls.ToolUse.asker

    def looked_up(use: calls.ToolUse) -> dict[str, Any]:
        use.run.refresh_from_db()
        return asker(use)

    monkeypatch.setattr(calls.ToolUse, "asker", looked_up)
    model.script(chat_server.calls(("cancel_order", {"number": 7})), chat_server.text("It is cancelled [2]."))
    assert decide(client, ask("Cancel my order 7.")).json()["answered"]
