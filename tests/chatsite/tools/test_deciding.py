"""What else happens at the moment of a decision, or while it is waited for: deletions, other hooks, the end of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from chatsite.answering import kept
from chatsite.assistants.hooks import AddNote, Withhold, after_answer, withdraw
from chatsite.models import Citation, Conversation, HostToolCall, Run
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
        kept.join(20)
        if not stood:  # all its moments have been tried
            break
        is_undecided = "waiting" in stood
        undecided += is_undecided
        expected = (404, 409) if is_undecided else (200, 303, 403, 404, 409, 503)  # later it is told as any answer's end
        if status not in expected or (is_undecided and shop.calls):
            faults.append((query, status, stood))
    assert undecided > 10
    assert faults == []
