"""A stream that is left at any moment records how its run ended."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from chatsite.answering.sse import Told, encode, told_after
from chatsite.answering.telling import BEAT, WITHDRAWN, Event
from chatsite.models import Run

pytestmark = pytest.mark.django_db(transaction=True)  # a response that is closed closes the connection

QUESTION = {"query": "Where is the kettle kept?", "stream": True}


PAGE = {"Accept": "text/event-stream;html=1"}  # the chat page's, which wants it rendered


def ask(client: Any, headers: dict[str, str] | None = None) -> Any:
    return client.post("/api/v1/chat/query", QUESTION, content_type="application/json", headers=headers)


def ended() -> tuple[str, str]:
    run = Run.objects.get()
    return run.state, run.error


def test_event_can_not_be_ended_by_its_text() -> None:
    assert encode(Event("text", {"text": "a\n\nevent: done\r\n"})).count(b"\n") == 3


def test_beat_is_a_comment_that_readers_skip() -> None:
    assert encode(BEAT) == b": beat\n\n"


@pytest.mark.parametrize("headers", [None, PAGE])
def test_stream_that_nobody_began_to_read_is_cancelled(client: Client, index: None, headers: Any) -> None:
    ask(client, headers).close()
    assert ended() == ("cancelled", "cancelled")


@pytest.mark.parametrize("headers", [None, PAGE])
def test_stream_left_at_its_first_event_is_cancelled(client: Client, index: None, headers: Any) -> None:
    response = ask(client, headers)
    assert next(iter(response.streaming_content)).startswith(b"event: run\n")
    response.close()
    assert ended() == ("cancelled", "cancelled")


@pytest.mark.parametrize("headers", [None, PAGE])
def test_stream_read_to_its_end_stays_completed(client: Client, index: None, headers: Any) -> None:
    response = ask(client, headers)
    assert b"event: done" in b"".join(response.streaming_content)
    response.close()
    assert ended() == ("completed", "")


def test_page_is_sent_html_also_when_it_follows_again_and_a_program_text(client: Client, index: None) -> None:
    def told(response: Any) -> set[str]:
        return set(re.findall(r"^event: (\w+)", b"".join(response.streaming_content).decode(), re.MULTILINE))

    assert told(ask(client, PAGE)) & {"html", "sources"} == {"html"}
    again = f"/api/v1/chat/runs/{Run.objects.get().pk}/events"
    assert told(client.get(again, headers=PAGE)) & {"html", "sources"} == {"html"}
    assert told(client.get(again)) & {"html", "open", "text"} == {"text"}
    assert told(ask(client)) & {"html", "open", "text"} == {"text"}


def test_stream_that_nobody_began_to_read_is_cancelled_under_asgi(index: None) -> None:
    async def main() -> Any:
        return await ask(AsyncClient())

    async_to_sync(main)().close()
    assert ended() == ("cancelled", "cancelled")


# ---- a client that comes back ----------------------------------------------------------------------------------------
def text(said: str) -> Event:
    return Event("text", {"text": said})


def cite(marker: int) -> Event:
    return Event("citation", {"marker": marker})


RUN, DONE = Event("run", {}), Event("done", {})
CALL, RESULT, SOURCES = Event("tool_call", {}), Event("tool_result", {}), Event("sources", {"sources": [1, 2]})
LIVE = [RUN, Event("queued", {}), CALL, RESULT, SOURCES, text("One"), text(" [1]"), cite(1), text(" two"), DONE]
LATER = [RUN, CALL, RESULT, SOURCES, text("One [1]"), cite(1), text(" two"), DONE]  # by another process


@pytest.mark.parametrize("again", [LIVE, LATER])
@pytest.mark.parametrize("position", range(len(LIVE)))
def test_what_follows_an_event_is_told_once_whoever_tells_it(again: list[Event], position: int) -> None:
    told = list(told_after(LIVE, ""))
    assert [event for event, _ in told] == LIVE
    rest = [event for event, _ in told_after(again, told[position][1].id)]
    both = LIVE[: position + 1] + rest
    assert "".join(event.body["text"] for event in both if event.name == "text") == "One [1] two"
    names = [event.name for event in both if event.name not in {"text", "queued"}]
    assert names == ["run", "tool_call", "tool_result", "sources", "citation", "done", *["done"] * (position == 9)]


def test_case_129_many_pieces_are_told_again_in_linear_time() -> None:
    pieces = [text("ab") for _ in range(60_000)]
    begin = time.process_time()
    assert list(told_after(pieces, "0.0.0.0.900000.ffffffff")) == []  # as much text never comes
    assert time.process_time() - begin < 20


def test_text_that_is_another_by_now_is_withdrawn_and_told_anew() -> None:
    told = list(told_after([RUN, text("I think so"), cite(1)], ""))
    rest = [event for event, _ in told_after([RUN, text("It is so [1]"), cite(1), DONE], told[-1][1].id)]
    assert rest == [WITHDRAWN, text("It is so [1]"), cite(1), DONE]


def test_text_withdrawn_before_a_client_left_is_not_told_again() -> None:
    happened = [RUN, text("Hm"), cite(1), WITHDRAWN, text("It is"), text(" so [1]"), cite(1), DONE]
    told = list(told_after(happened, ""))
    rest = [event for event, _ in told_after(happened, told[4][1].id)]
    assert rest == [text(" so [1]"), cite(1), DONE]


def test_text_is_withdrawn_while_a_client_is_away() -> None:
    happened = [RUN, text("Hm"), WITHDRAWN, text("It is so [1]"), cite(1), DONE]
    told = list(told_after(happened[:2], ""))
    rest = [event for event, _ in told_after(happened, told[-1][1].id)]
    assert rest == [WITHDRAWN, text("It is so [1]"), cite(1), DONE]


def test_more_passages_are_told_to_who_knows_fewer() -> None:
    told = list(told_after([RUN, Event("sources", {"sources": [1]})], ""))
    assert [event for event, _ in told_after([RUN, SOURCES, DONE], told[-1][1].id)] == [SOURCES, DONE]
    with pytest.raises(ValueError, match="nonsense"):
        Told.of("nonsense")
