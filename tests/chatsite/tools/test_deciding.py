"""What else happens at the moment of a decision, or while it is waited for: deletions, other hooks, the end of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from chatsite.answering import kept
from chatsite.asking.overdue import end_overdue, end_overdue_while_idle
from chatsite.assistants.hooks import AddNote, Withhold, after_answer, withdraw
from chatsite.models import Citation, Conversation, HostToolCall, Run
from retrieval.ingestion import tasks
from tests.chatsite.tools.conftest import Asks, decide
from tests.chatsite.tools.shop import Seen
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # what goes on has a thread and a connection of its own


# ---- a conversation that is deleted meanwhile ------------------------------------------------------------------------
@contextmanager
def deleted_before(query: int) -> Iterator[list[str]]:
    """Delete all conversations before the query of that number, from 0. Give how calls of tools stood then."""
    stood: list[str] = []
    count = 0

    def execute(run: Callable[..., Any], sql: str, *given: Any) -> Any:
        nonlocal count
        count += 1
        if count == query + 1:
            stood.extend([sql, *HostToolCall.objects.values_list("state", flat=True)])
            Conversation.objects.all().delete()
        return run(sql, *given)

    with connection.execute_wrapper(execute):
        yield stood


def confirm_on_the_page(client: Client, answer: dict[str, Any]) -> Any:
    sent = {"call_id": answer["approvals"][0]["call_id"], "confirm": "1"}
    return client.post(f"/runs/{answer['run_id']}/decide/", sent)


@pytest.mark.parametrize("confirm", [decide, confirm_on_the_page])
def test_conversation_deleted_at_any_moment_of_a_decision_is_told_and_nothing_is_done(
    asks_first: None, fox: User, shop: Seen, client: Client, model: ChatServer, ask: Asks, confirm: Any
) -> None:
    faults: list[tuple[int, int, list[str]]] = []
    undecided = 0
    client.raise_request_exception = False
    for query in count():
        model.script(chat_server.calls(("cancel_order", {"number": 1234})))
        waiting = ask("Cancel my order 1234.")
        shop.calls.clear()
        with deleted_before(query) as stood:
            status = confirm(client, waiting).status_code
        kept.join(60)
        if not stood:  # all its moments have been tried
            break
        is_undecided = "waiting" in stood
        undecided += is_undecided
        expected = (
            (404, 409) if is_undecided else (200, 303, 403, 404, 409, 503)
        )  # later it is told as any answer's end
        if status not in expected or (is_undecided and shop.calls):
            faults.append((query, status, stood))
    assert undecided > 10
    assert faults == []


# ---- hooks that hold when the answer is given ------------------------------------------------------------------------
@pytest.fixture
def registered() -> Iterator[Callable[..., Any]]:
    """Register hooks for after the answer, for this test."""
    known: list[Any] = []

    def register(hook: Any) -> None:
        known.append(after_answer(hook))

    yield register
    for hook in known:
        withdraw(hook)


@pytest.fixture
def cited_and_waiting(asks_first: None, fox: User, model: ChatServer, ask: Asks) -> dict[str, Any]:
    """Return an answer that has cited a passage before it waits."""
    before = chat_server.calls(("cancel_order", {"number": 1234}), said="Wait four minutes [1].")
    model.script(before, chat_server.text("It is cancelled [2]."))
    return ask("How long do I wait before I pour the tea? Then cancel my order 1234.")


def test_hook_that_is_added_while_it_waits_sees_the_whole_answer(
    cited_and_waiting: dict[str, Any], client: Client, registered: Callable[..., Any]
) -> None:
    assert len(cited_and_waiting["citations"]) == 1
    seen: list[str] = []

    def note(question: Any, answer: Any) -> AddNote:
        seen.append(answer.text)
        return AddNote("Opening hours: 9 to 17.")

    registered(note)
    answer = decide(client, cited_and_waiting).json()
    whole = "Wait four minutes [1].\n\nIt is cancelled [2]."
    assert seen == [whole]
    assert answer["answer"] == f"{whole}\n\nOpening hours: 9 to 17."
    assert [row.marker for row in Citation.objects.order_by("pk")] == [1, 2]
    assert [citation["marker"] for citation in answer["citations"]] == [1, 2]


def test_what_such_a_hook_withholds_leaves_nothing_of_the_answer(
    cited_and_waiting: dict[str, Any], client: Client, registered: Callable[..., Any], shop: Seen
) -> None:
    registered(lambda question, answer: Withhold("This is not for customers."))
    answer = decide(client, cited_and_waiting).json()
    assert (answer["answer"], answer["answered"], answer["citations"]) == ("This is not for customers.", False, [])
    assert not Citation.objects.exists()
    assert shop.calls == [("cancel_order", 1234)]
    page = client.get(f"/c/{answer['session_id']}/").content.decode()
    assert "This is not for customers." in page
    assert "is cancelled" not in page
    told = client.get(f"/api/v1/chat/runs/{answer['run_id']}").json()["answer"]
    assert (told["answer"], told["citations"]) == ("This is not for customers.", [])


def test_what_was_told_before_is_told_no_more_once_a_hook_holds_it_back(
    cited_and_waiting: dict[str, Any], client: Client, registered: Callable[..., Any]
) -> None:
    """While the answer goes on its row has no text of it: nobody knows yet what the hook will leave."""
    rows: list[tuple[str, int]] = []

    def look(question: Any, answer: Any) -> None:
        rows.append((Run.objects.get(pk=question.run_id).answer, Citation.objects.count()))

    registered(look)
    assert decide(client, cited_and_waiting).json()["answered"]
    assert rows == [("", 0)]
    assert Citation.objects.count() == 2


def test_hook_that_is_taken_away_while_it_waits_is_not_asked(
    asks_first: None, fox: User, model: ChatServer, ask: Asks, client: Client
) -> None:
    hook = after_answer(lambda question, answer: Withhold("Nothing."))
    try:
        before = chat_server.calls(("cancel_order", {"number": 1234}), said="Wait four minutes [1].")
        model.script(before, chat_server.text("It is cancelled [2]."))
        waiting = ask("How long do I wait before I pour the tea? Then cancel my order 1234.")
    finally:
        withdraw(hook)
    assert waiting["answer"] == ""
    answer = decide(client, waiting).json()
    assert answer["answer"] == "Wait four minutes [1].\n\nIt is cancelled [2]."
    assert [row.marker for row in Citation.objects.order_by("pk")] == [1, 2]


# ---- the end of its time ---------------------------------------------------------------------------------------------
def test_what_nobody_opens_is_ended_once_by_whoever_ingests(waiting: dict[str, Any], shop: Seen) -> None:
    assert end_overdue() == 0
    HostToolCall.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    begin, ended = threading.Barrier(4), []

    def look() -> None:
        begin.wait()
        ended.append(end_overdue())
        connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert sorted(ended) == [0, 0, 0, 1]
    run, call = Run.objects.get(), HostToolCall.objects.get()
    assert (run.state, run.error, run.paused) == ("cancelled", "approval_expired", None)
    assert (run.ended_at is None, call.state, shop.calls) == (False, "expired", [])


def test_whoever_ingests_looks_for_it() -> None:
    assert end_overdue_while_idle in tasks.idle
    assert not end_overdue_while_idle()


def test_what_was_under_way_in_a_process_that_died_is_ended_too(waiting: dict[str, Any]) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    HostToolCall.objects.update(state="confirmed", expires_at=long_ago)
    Run.objects.update(state="running", kept=True, checked_at=long_ago)
    assert end_overdue() == 1
    assert (Run.objects.get().state, Run.objects.get().error) == ("failed", "loop_stopped")
