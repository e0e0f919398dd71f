"""Published workflows as tools of the MCP door, on the wire. `test_clients.py` has the official client run one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError

from agents import Registry
from chatsite.doors.mcp_tools import TOOLS
from chatsite.models import ApiKey, Workflow, WorkflowRun
from chatsite.models.workflows import TOOL_PREFIX
from chatsite.workflows import running
from retrieval.models import Collection
from tests.chatsite.doors.keys import get, lines, make_key, post
from tests.chatsite.workflows.flows import FIND, TEA, made

pytestmark = pytest.mark.django_db(transaction=True)  # a run has a thread and a connection of its own

KINDS = """\
inputs:
  question: {description: what is asked}
  often: {default: 3}
  plain: {default: true}
  words: {default: [tea]}
  facts: {default: {a: 1}}
steps:
  find: {tool: search_documents, with: {query: "${inputs.question}"}}
"""
ASKS = 'steps:\n  tone: {person: answer, prompt: "Which tone?", choices: [plain, warm]}\n'
FAILS = "steps:\n  find: {tool: search_documents, with: {query: tea, collections: [nowhere]}}\n"
PAUSE = "steps:\n  pause: {function: pause}\n"

opened = threading.Event()
project = Registry()


@project.function(thread_sensitive=False)
def pause() -> str:
    """Wait until the test lets it go on."""
    opened.wait(60)
    return "went on"


@pytest.fixture
def handbook(settings: Any, tmp_path: Path, transactional_db: None, put: Any) -> Iterator[Collection]:
    settings.DATA_DIR = tmp_path
    handbook = Collection.objects.create(name="Handbook", slug="handbook", public=True)
    put(handbook, "tea.md", TEA)
    yield handbook
    opened.set()
    running.join(60)


@pytest.fixture
def user(handbook: Collection) -> User:
    user = User.objects.create_user("eva")
    user.user_permissions.add(Permission.objects.get(codename="run_workflow"))
    return user


@pytest.fixture
def key(user: User, handbook: Collection) -> str:
    return make_key(user, handbook)


def offer(text: str = FIND, **fields: Any) -> Workflow:
    workflow = made(text, is_tool=True, **fields)
    workflow.versions.create(number=1, text=text)
    return workflow


def listed(key: str) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
    return {tool["name"]: tool for tool in post("/mcp", body, key).json()["result"]["tools"]}


def asked(key: str, name: str, arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    answer = post("/mcp", {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}, key)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def call(key: str, name: str, **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = asked(key, name, arguments)["result"]
    return result


def test_workflow_is_listed_with_its_inputs(key: str) -> None:
    offer(KINDS, slug="tea-and-more", title="Tea and more", description="Finds what is said of tea.")
    tool = listed(key)["run_tea_and_more"]
    assert (tool["title"], tool["description"]) == ("Tea and more", "Tea and more. Finds what is said of tea.")
    assert tool["annotations"] == {"readOnlyHint": False}
    assert tool["inputSchema"] == {
        "type": "object",
        "properties": {
            "question": {"type": "string", "description": "what is asked"},
            "often": {"type": "number", "default": 3},
            "plain": {"type": "boolean", "default": True},
            "words": {"type": "array", "items": {}, "default": ["tea"]},
            "facts": {"type": "object", "default": {"a": 1}},
        },
        "required": ["question"],
        "additionalProperties": False,
    }


def test_only_what_is_published_and_offered_is_listed_to_whoever_may_run_it(key: str, handbook: Collection) -> None:
    offer()
    made(slug="draft", is_tool=True)
    made(slug="quiet").versions.create(number=1, text=FIND)
    assert set(listed(key)) == {*TOOLS, "run_tea"}
    other = make_key(User.objects.create_user("other"), handbook)
    assert set(listed(other)) == set(TOOLS)
    for secret, name in [(key, "run_draft"), (key, "run_quiet"), (other, "run_tea")]:
        assert asked(secret, name, {})["error"]["code"] == -32602
    assert WorkflowRun.objects.count() == 0


def test_call_runs_the_newest_version_and_gives_what_it_ends_with(key: str, user: User) -> None:
    offer(FAILS).versions.create(number=2, text=FIND)
    result = call(key, "run_tea", topic="kettle")
    values = result["structuredContent"]
    assert (result["isError"], values["state"], values["version"]) == (False, "completed", 2)
    assert [passage["text"] for passage in values["output"]] == [TEA]
    assert json.loads(result["content"][0]["text"]) == values["output"]
    run = WorkflowRun.objects.get(pk=values["run_id"])
    assert (run.inputs, run.started_by_id) == ({"topic": "kettle"}, user.pk)
    again = get(httpx.URL(values["url"]).path, key).json()
    assert again == values | {"error": "", "url": again["url"]}


def test_run_finds_what_its_key_may_read(key: str, user: User, handbook: Collection) -> None:
    offer()
    elsewhere = make_key(user, Collection.objects.create(name="Board", slug="board", owner=user))
    result = call(elsewhere, "run_tea")
    assert (result["structuredContent"]["state"], result["structuredContent"]["output"]) == ("completed", [])


def test_run_that_waits_for_a_person_says_where_to_ask_again(key: str) -> None:
    offer(ASKS)
    result = call(key, "run_tea")
    values = result["structuredContent"]
    assert (result["isError"], values["state"], values["output"]) == (False, "waiting", None)
    assert values["url"] == f"http://testserver/api/v1/workflows/tea/runs/{values['run_id']}"
    assert values["url"] in result["content"][0]["text"]
    assert get(httpx.URL(values["url"]).path, key).json()["state"] == "waiting"


def test_run_that_takes_longer_says_where_to_ask_again(key: str, settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = "tests.chatsite.doors.test_mcp_workflows.project"
    settings.CHAT_TOTAL_SECONDS = 0.05
    opened.clear()
    offer(PAUSE)
    result = call(key, "run_tea")
    values = result["structuredContent"]
    assert (result["isError"], values["state"]) == (False, "running")
    assert values["url"] in result["content"][0]["text"]
    opened.set()
    running.join(60)
    ended = get(httpx.URL(values["url"]).path, key).json()
    assert (ended["state"], ended["output"]) == ("completed", "went on")


def test_run_says_which_step_it_is_at_to_who_wants_to_hear(key: str, settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = "tests.chatsite.doors.test_mcp_workflows.project"
    opened.clear()
    offer(PAUSE)
    params = {"name": "run_tea", "arguments": {}, "_meta": {"progressToken": "t"}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    told = []
    for piece in post("/mcp", body, key, Accept="application/json, text/event-stream").streaming_content:
        if piece.startswith(b"event"):
            told.append(json.loads(piece.decode().partition("data: ")[2]))
            opened.set()
    first, last = told
    assert first["params"] == {"progressToken": "t", "progress": 1, "message": "pause"}
    assert last["result"]["structuredContent"]["output"] == "went on"


def test_run_of_a_key_that_is_revoked_meanwhile_is_not_told(key: str) -> None:
    offer()
    params = {"name": "run_tea", "arguments": {}, "_meta": {"progressToken": "t"}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    response = post("/mcp", body, key, Accept="application/json, text/event-stream")
    ApiKey.objects.all().delete()
    last = lines(response)[-1]["result"]
    assert (last["isError"], last["structuredContent"]["error"]) == (True, "invalid_api_key")


def test_run_that_fails_is_an_error_that_says_why(key: str) -> None:
    offer(FAILS)
    result = call(key, "run_tea")
    values = result["structuredContent"]
    assert (result["isError"], values["state"], values["error"]) == (True, "failed", "workflow_failed")
    assert "step find failed" in values["message"]
    assert result["content"][0]["text"] == values["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"top": "tea"}, "arguments: There is no top; there are: topic."),
        ({"topic": 3}, "arguments: “topic” must be like tea."),
        ({"topic": "te\x00a"}, "arguments: “topic” holds what is no character."),
        ([1], "arguments: Must be a JSON object."),
    ],
)
def test_wrong_arguments_are_a_result_that_says_so(key: str, arguments: Any, said: str) -> None:
    offer()
    result = asked(key, "run_tea", arguments)["result"]
    assert (result["isError"], result["structuredContent"]["error"]) == (True, "invalid_request")
    assert result["content"][0]["text"] == said
    assert WorkflowRun.objects.count() == 0


def test_more_runs_than_a_process_takes_are_a_result_that_says_when(key: str, settings: Any) -> None:
    settings.WORKFLOW_REGISTRY = "tests.chatsite.doors.test_mcp_workflows.project"
    settings.CHAT_TOTAL_SECONDS = 0.0
    opened.clear()
    offer(PAUSE)
    for _number in range(running.AT_ONCE):
        assert call(key, "run_tea")["isError"] is False
    refused = call(key, "run_tea")
    assert (refused["isError"], refused["structuredContent"]["error"]) == (True, "busy")
    assert refused["structuredContent"]["retry_after"] > 0


def test_names_of_tools_never_collide(key: str) -> None:
    offer(slug="tea-time")
    with pytest.raises(IntegrityError):
        offer(slug="tea_time")
    assert not any(name.startswith(TOOL_PREFIX) for name in TOOLS)
