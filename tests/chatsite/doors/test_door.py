"""Whatever is sent to a door is answered in its protocol, and is never a fault of the site."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.models import Collection
from tests.chatsite.doors.keys import make_key, post

OPENAI = ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"]
NAMES = st.sampled_from(
    "model messages input role content type text user system assistant documents stream tools n jsonrpc id method "
    "params name arguments _meta progressToken initialize tools/call tools/list search ask query question 2.0 "
    "previous_response_id stream_options include_usage io.modelcontextprotocol/protocolVersion 2026-07-28".split()
)
TEXTS = NAMES | st.text(st.characters() | st.sampled_from("\ud800\x00\u202e[]"), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5), max_leaves=12
)
CHAT = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just("documents") | VALUES,
        "messages": st.lists(st.fixed_dictionaries({"role": NAMES, "content": VALUES}) | VALUES, max_size=4),
        "input": VALUES,
        "stream": st.booleans() | VALUES,
        "n": VALUES,
        "response_format": VALUES,
        "tool_choice": VALUES,
        "modalities": VALUES,
        "previous_response_id": VALUES,
    },
)
TOOL = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": st.integers() | TEXTS,
        "method": st.just("tools/call"),
        "params": st.fixed_dictionaries(
            {"name": st.sampled_from(["search", "ask", "read_document", "list_collections"])},
            optional={
                "arguments": st.dictionaries(
                    st.sampled_from(["query", "question", "collections", "limit", "document_id", "start", "length"])
                    | TEXTS,
                    VALUES,
                    max_size=4,
                ),
                "_meta": VALUES,
            },
        ),
    }
)
fuzzed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def key(reader: User, public: Collection, index: None) -> str:
    return make_key(reader)


def answered(address: str, body: Any, key: str) -> tuple[int, Any]:
    """Return the status, and the JSON of an answer; a stream is read to its end. A fault of the site is raised."""
    accepts = {"Accept": "application/json, text/event-stream"} if len(str(body)) % 2 else {}
    response = post(address, json.dumps(body), key, **accepts)
    if response.streaming:
        b"".join(response.streaming_content)
        return response.status_code, None
    return response.status_code, json.loads(response.content or b"null")


@fuzzed
@given(address=st.sampled_from(OPENAI), body=VALUES | CHAT)
def test_any_json_is_answered_in_openais_shape(key: str, address: str, body: Any) -> None:
    status, told = answered(address, body, key)
    assert status < 500
    if status >= 400:
        assert set(told["error"]) == {"message", "type", "param", "code"}


@fuzzed
@given(body=VALUES | TOOL)
def test_any_json_is_answered_as_json_rpc(key: str, body: Any) -> None:
    status, told = answered("/mcp", body, key)
    assert status < 500
    if told is not None:
        assert told["jsonrpc"] == "2.0"
        assert ("result" in told) != ("error" in told)


@pytest.mark.parametrize("address", [*OPENAI, "/mcp"])
def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(key: str, address: str) -> None:
    for body in ({"model": "documents:\ud800"}, {"\ud800": 1}, {"jsonrpc": "2.0", "id": "\ud800", "method": "ping"}):
        status, told = answered(address, body, key)
        assert (status, "surrogate" in json.dumps(told)) == (400, True)
