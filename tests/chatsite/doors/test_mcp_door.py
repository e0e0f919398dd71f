"""The MCP door on the wire. `test_clients.py` has the official client ask it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.models import Conversation, Run
from retrieval.models import Collection, Document
from tests.chatsite.doors.keys import QUESTION, TEA, get, lines, make_key, post

ADDRESS = "/mcp"
MODERN = "2026-07-28"


@pytest.fixture
def tea(public: Collection, put: Any) -> Document:
    found: Document = put(public, "tea.md", TEA)
    return found


@pytest.fixture
def key(reader: User, tea: Document, settings: Any) -> str:
    settings.ANONYMOUS_CHAT = False
    return make_key(reader)


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def call(tool: str, key: str, **arguments: Any) -> dict[str, Any]:
    response = post(ADDRESS, rpc("tools/call", name=tool, arguments=arguments), key)
    assert response.status_code == 200
    result: dict[str, Any] = response.json()["result"]
    return result


def modern(method: str, key: str, *, headers: dict[str, str] | None = None, **params: Any) -> Any:
    """Send a request as the version without a handshake has it."""
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method} | (headers or {})
    if "name" in params and "Mcp-Name" not in sent:
        sent["Mcp-Name"] = params["name"]
    return post(ADDRESS, rpc(method, _meta=meta, **params), key, **sent)


# ---- the envelope ----------------------------------------------------------------------------------------------------
def test_handshake_agrees_on_a_version(key: str) -> None:
    for wanted, agreed in [("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25")]:
        said = rpc("initialize", protocolVersion=wanted, capabilities={}, clientInfo={"name": "t", "version": "1"})
        response = post(ADDRESS, said, key)
        assert "Mcp-Session-Id" not in response
        result = response.json()["result"]
        assert result["protocolVersion"] == agreed
        assert result["capabilities"] == {"tools": {"listChanged": False}}
        assert result["serverInfo"]["name"] == "docchat"
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    noted = post(ADDRESS, note, key)
    assert (noted.status_code, noted.content) == (202, b"")
    assert post(ADDRESS, rpc("ping"), key).json() == {"jsonrpc": "2.0", "id": 7, "result": {}}


def test_version_without_a_handshake_is_discovered(key: str) -> None:
    result = modern("server/discover", key).json()["result"]
    assert MODERN in result["supportedVersions"]
    assert result["resultType"] == "complete"
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "docchat"
    listed = modern("tools/list", key).json()["result"]
    assert {"ttlMs", "cacheScope", "resultType", "tools"} <= set(listed)
    assert modern("ping", key).status_code == 404
    called = modern("tools/call", key, name="list_collections").json()["result"]
    assert called["structuredContent"]["collections"][0]["slug"] == "handbook"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"MCP-Protocol-Version": "2025-06-18"}, -32020),
        ({"Mcp-Method": "tools/list"}, -32020),
        ({"Mcp-Name": "ask"}, -32020),
        ({"Mcp-Name": "=?base64?YXNr?="}, -32020),
        ({"Mcp-Name": "=?base64?bGlzdF9jb2xsZWN0aW9ucw==?="}, 0),
        ({"Mcp-Name": "=?base64?*?="}, -32020),
    ],
)
def test_headers_have_to_say_what_the_request_says(key: str, headers: dict[str, str], code: int) -> None:
    response = modern("tools/call", key, headers=headers, name="list_collections")
    assert response.status_code == (400 if code else 200)
    assert response.json().get("error", {"code": 0})["code"] == code


@pytest.mark.parametrize("meta", [None, 7, {}, {"io.modelcontextprotocol/protocolVersion": MODERN}])
def test_request_without_its_envelope_is_refused(key: str, meta: Any) -> None:
    sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
    response = post(ADDRESS, rpc("tools/list", _meta=meta), key, **sent)
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize("version", ["2024-11-05", "2099-01-01", "x"])
def test_version_that_is_not_spoken_here_is_told_which_are(key: str, version: str) -> None:
    response = post(ADDRESS, rpc("tools/list"), key, **{"MCP-Protocol-Version": version})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["data"]["requested"]) == (400, -32022, version)
    assert MODERN in error["data"]["supported"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ("{", 400, -32700),
        ([rpc("ping")], 400, -32600),
        ([], 400, -32600),
        (7, 400, -32600),
        ({}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 7, "result": {}}, 400, -32600),
        ({"jsonrpc": "1.0", "id": 7, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": [7], "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 7, "method": ["ping"]}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 7, "method": "ping", "params": [1]}, 400, -32600),
        (rpc("resources/list"), 200, -32601),
        (rpc("tools/call", name="delete_everything"), 200, -32602),
        (rpc("tools/call", name=["search"]), 200, -32602),
        (rpc("tools/call"), 200, -32602),
    ],
)
def test_what_is_no_request_is_answered_as_json_rpc(key: str, sent: Any, status: int, code: int) -> None:
    response = post(ADDRESS, sent, key)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_other_verbs_are_405_and_pages_of_other_origins_403(key: str) -> None:
    assert get(ADDRESS, key).status_code == 405
    assert Client().delete(ADDRESS, headers={"authorization": f"Bearer {key}"}).status_code == 405
    refused = post(ADDRESS, rpc("ping"), key, Origin="https://evil.example")
    assert (refused.status_code, refused.json()["jsonrpc"]) == (403, "2.0")
    assert post(ADDRESS, rpc("ping"), key, Origin="http://testserver").status_code == 200


def test_session_is_no_key(key: str, reader: User, client: Client) -> None:
    client.force_login(reader)
    refused = client.post(ADDRESS, rpc("ping"), content_type="application/json")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.json()["error"]["data"] == {"error": "sign_in_required"}


def test_stream_of_one_event_for_who_takes_nothing_else(key: str) -> None:
    response = post(ADDRESS, rpc("ping"), key, Accept="text/event-stream")
    assert response["Content-Type"].startswith("text/event-stream")
    assert response.content == b'event: message\ndata: {"jsonrpc": "2.0", "id": 7, "result": {}}\n\n'


# ---- tools -----------------------------------------------------------------------------------------------------------
def test_tools_are_listed_with_their_schemas(key: str) -> None:
    tools = {tool["name"]: tool for tool in post(ADDRESS, rpc("tools/list"), key).json()["result"]["tools"]}
    assert set(tools) == {"search", "ask", "read_document", "list_collections"}
    schema = tools["search"]["inputSchema"]
    assert schema["required"] == ["query"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["limit"] | {"description": ""} == {
        "description": "", "type": "integer", "minimum": 1, "maximum": 10, "default": 5
    }  # fmt: skip


def test_ask_answers_with_citations_and_follows_up(key: str, tea: Document) -> None:
    result = call("ask", key, question=QUESTION)
    assert result["isError"] is False
    values = result["structuredContent"]
    assert values["answered"] is True
    [citation] = values["citations"]
    assert citation["quote"] == "The kettle is kept in the blue cupboard."
    assert citation["document_id"] == tea.pk
    assert citation["url"].startswith(f"http://testserver/documents/{tea.pk}/")
    assert result["content"][0]["text"].startswith(values["answer"])
    assert citation["url"] in result["content"][0]["text"]
    call("ask", key, question="And how long do I wait?", conversation=values["conversation"])
    assert Conversation.objects.get().runs.count() == 2


def test_ask_says_how_far_it_is_to_who_wants_to_hear(key: str) -> None:
    asked = rpc("tools/call", name="ask", arguments={"question": QUESTION}, _meta={"progressToken": "t"})
    *progress, last = lines(post(ADDRESS, asked, key, Accept="application/json, text/event-stream"))
    assert [one["method"] for one in progress] == ["notifications/progress"] * 3
    assert [one["params"]["progress"] for one in progress] == [1, 2, 3]
    assert {one["params"]["progressToken"] for one in progress} == {"t"}
    assert last["result"]["structuredContent"]["answered"] is True
    assert Run.objects.get().state == "completed"
    whole = post(ADDRESS, asked, key).json()  # to who takes no stream
    assert whole["result"]["structuredContent"]["answer"] == last["result"]["structuredContent"]["answer"]


def test_search_and_read_document_give_the_exact_text(key: str, tea: Document) -> None:
    [passage, *_] = call("search", key, query="kettle", limit=1)["structuredContent"]["passages"]
    assert passage["document_id"] == tea.pk
    length = passage["end"] - passage["start"]
    read = call("read_document", key, document_id=tea.pk, start=passage["start"], length=length)["structuredContent"]
    assert read["text"] == passage["text"]
    whole = call("read_document", key, document_id=tea.pk)
    assert whole["content"][0]["text"] == TEA
    assert whole["structuredContent"]["next_start"] is None
    behind = call("read_document", key, document_id=tea.pk, start=10**6)["structuredContent"]
    assert (behind["text"], behind["next_start"]) == ("", None)


def test_tools_of_a_limited_key_reach_its_collections_and_no_others(
    reader: User, key: str, tea: Document, put: Any
) -> None:
    other = Collection.objects.create(name="Other", slug="other", public=True)
    put(other, "two.md", "The kettle is kept in the red cupboard.")
    limited = make_key(reader, other)
    listed = call("list_collections", limited)["structuredContent"]["collections"]
    assert [one["slug"] for one in listed] == ["other"]
    found = call("search", limited, query="kettle")["structuredContent"]["passages"]
    assert {passage["title"] for passage in found} == {"two"}
    for tool, arguments in [
        ("search", {"query": "kettle", "collections": ["handbook"]}),
        ("ask", {"question": QUESTION, "collections": ["handbook"]}),
        ("read_document", {"document_id": tea.pk}),
        ("read_document", {"document_id": tea.pk + 999}),
    ]:
        refused = call(tool, limited, **arguments)
        assert (refused["isError"], refused["structuredContent"]["error"]) == (True, "not_found")
    first = call("ask", key, question=QUESTION)["structuredContent"]["conversation"]
    assert call("ask", limited, question=QUESTION, conversation=first)["isError"] is True


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("search", {}, "query"),
        ("search", None, "query"),
        ("search", {"query": "?" * 4_001}, "query"),
        ("search", {"query": "x", "limit": 11}, "limit"),
        ("search", {"query": "x", "limit": "5"}, "limit"),
        ("search", {"query": "x", "user": 1}, "user"),
        ("search", {"query": "\x00"}, "query"),
        ("ask", {"question": 7}, "question"),
        ("ask", {"question": "x", "conversation": "x"}, "conversation"),
        ("read_document", {"document_id": 10**20}, "document_id"),
        ("read_document", {"document_id": 1, "length": 20_001}, "length"),
        ("list_collections", {"all": True}, "all"),
        ("list_collections", [1], "Invalid data"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_a_result_that_says_so(key: str, tool: str, arguments: Any, named: str) -> None:
    sent = json.dumps(rpc("tools/call", name=tool, arguments=arguments))
    result = post(ADDRESS, sent, key).json()["result"]
    assert result["isError"] is True
    assert result["structuredContent"]["error"] == "invalid_request"
    assert result["content"][0]["text"].startswith(named)


def test_more_questions_at_once_than_a_reader_has_are_a_result_that_says_when(
    key: str, reader: User, settings: Any
) -> None:
    settings.RUNS_PER_USER = 1
    conversation = Conversation.objects.create(user=reader, title="Other")
    Run.objects.create(conversation=conversation, question="Other?")
    result = call("ask", key, question=QUESTION)
    assert result["isError"] is True
    assert result["structuredContent"]["error"] == "too_many_questions"
    assert result["structuredContent"]["retry_after"] > 0
