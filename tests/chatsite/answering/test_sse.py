"""A stream that is left at any moment records how its run ended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from chatsite.answering.sse import encode
from chatsite.answering.telling import BEAT, Event
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
