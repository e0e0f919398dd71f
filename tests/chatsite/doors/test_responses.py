"""`POST v1/responses`, as a program sees it; what it has in common with chat completions is tested there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from chatsite.models import Conversation, Run
from retrieval.models import Collection
from tests.chatsite.doors.keys import QUESTION, TEA, lines, make_key, post
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

ADDRESS = "/v1/responses"


@pytest.fixture
def key(reader: User, public: Collection, put: Any, settings: Any) -> str:
    settings.ANONYMOUS_CHAT = False
    put(public, "tea.md", TEA)
    return make_key(reader)


def body(given: Any = QUESTION, **more: Any) -> dict[str, Any]:
    return {"model": "documents", "input": given} | more


def test_answer_is_a_message_with_annotations(key: str) -> None:
    response = post(ADDRESS, body(), key).json()
    assert (response["object"], response["status"], response["error"]) == ("response", "completed", None)
    assert response["id"] == f"resp_{Run.objects.get().pk.hex}"
    [item] = response["output"]
    [part] = item["content"]
    assert (item["type"], item["role"], part["type"]) == ("message", "assistant", "output_text")
    [cited] = part["annotations"]
    assert cited["type"] == "url_citation"
    assert part["text"][cited["start_index"] : cited["end_index"]] == "[1]"
    assert response["usage"]["total_tokens"] == sum(response["usage"][f"{name}_tokens"] for name in ("input", "output"))


def test_stream_ends_with_the_whole_response(key: str) -> None:
    events = lines(post(ADDRESS, body(stream=True), key))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    names = [event["type"] for event in events]
    assert names[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"
    ]  # fmt: skip
    assert names[-5:] == [
        "response.output_text.annotation.added", "response.output_text.done", "response.content_part.done",
        "response.output_item.done", "response.completed",
    ]  # fmt: skip
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    ended = events[-1]["response"]
    assert text == ended["output"][0]["content"][0]["text"]
    assert ended["status"] == "completed"


def test_error_in_the_middle_ends_the_stream_as_failed(key: str, settings: Any) -> None:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL = server.url
        server.script(chat_server.stream(chat_server.chunk({"content": "Wait four [1]. And"}), abort=True))
        *_events, failed = lines(post(ADDRESS, body(stream=True), key))
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert failed["response"]["error"]["code"] == "model_interrupted"


def test_response_is_followed_up_by_its_id(key: str, reader: User) -> None:
    first = post(ADDRESS, body(), key).json()["id"]
    second = post(ADDRESS, body("And how long do I wait?", previous_response_id=first), key)
    assert second.json()["previous_response_id"] == first
    assert Conversation.objects.get().runs.count() == 2
    for other, previous in [(make_key(reader), first), (key, "resp_nothing"), (key, 7), (key, f"resp_{'0' * 32}")]:
        refused = post(ADDRESS, body("And?", previous_response_id=previous), other)
        assert (refused.status_code, refused.json()["error"]["param"]) == (404, "previous_response_id")


def test_messages_are_taken_as_well(key: str) -> None:
    given = [
        {"type": "message", "role": "system", "content": "Speak of pirates."},
        {"role": "user", "content": [{"type": "input_text", "text": "How is tea made?"}]},
        {"type": "function_call", "name": "pirate", "arguments": "{}"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "With leaves."}]},
        {"role": "user", "content": QUESTION},
    ]
    assert post(ADDRESS, body(given), key).json()["status"] == "completed"
    assert Run.objects.get().question == QUESTION


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": [7]}, "input.0"),
        ({"background": True}, "conversation"),
        ({"text": {"format": {"type": "json_schema"}}}, "response_format"),
    ],
)
def test_what_can_not_be_heeded_is_named(key: str, more: dict[str, Any], param: str) -> None:
    refused = post(ADDRESS, body() | more, key)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
