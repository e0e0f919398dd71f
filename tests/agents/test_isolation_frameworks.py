"""Agents of any-agent and openai-agents, each in its own environment beside this site: from sync code and its hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from agents import (
    AssistantMessage,
    ForeignFailed,
    RunEnded,
    TextDelta,
    Usage,
    UserMessage,
    run_isolated,
    shutdown,
    stream_isolated,
)
from tests.apart import APART, interpreter, recipe
from tests.fakes import chat_server
from tests.fakes.shelf_server import ShelfServer
from tests.servers import migrate, site


def framework_or_skip(framework: str) -> object:
    missing = not interpreter(framework).exists() and not os.environ.get("CI")
    return pytest.param(framework, marks=pytest.mark.skipif(missing, reason=f"`make .venv-{framework}/installed`"))


frameworks = pytest.mark.parametrize("framework", [framework_or_skip(name) for name in APART])
MODELS = {"any-agent": "openai:fake-model", "openai-agents": "fake-model"}


@pytest.fixture
def model() -> Iterator[ShelfServer]:
    with ShelfServer() as server:
        yield server
    shutdown(0)


@frameworks
def test_agent_answers_through_its_tool(framework: str, model: ShelfServer) -> None:
    results = [run_isolated(recipe(framework, model.url), title, deadline=60) for title in ("Emma", "Persuasion")]
    assert [result.content for result in results] == ["There are 3 copies of Emma", "There are 3 copies of Persuasion"]
    first = results[0]
    assert (first.status, first.tier, first.error) == ("completed", "process", None)
    assert (first.usage, first.model, first.steps) == (Usage(2, 2), MODELS[framework], 2)
    assert first.messages == (UserMessage("Emma"), AssistantMessage(first.content))
    assert model.connections == 1  # the second run found the first one's agent, and its client


@frameworks
def test_agent_streams_and_hears_what_was_said_before(framework: str, model: ShelfServer) -> None:
    history = (UserMessage("Have you novels?"), AssistantMessage("We have."))
    *said, last = list(stream_isolated(recipe(framework, model.url), "Emma", history=history, deadline=60))
    assert isinstance(last, RunEnded)
    assert "".join(event.text for event in said if isinstance(event, TextDelta)) == last.result.content
    assert "Emma" in last.result.content
    assert len(said) > 1 or framework == "any-agent"  # which has no way to stream
    sent = str(model.requests[0].body["messages"])
    assert "Have you novels?" in sent
    assert "We have." in sent


@frameworks
def test_error_of_the_model_server_is_typed(framework: str, model: ShelfServer) -> None:
    model.script(chat_server.failure(400, message="the shelf is on fire"))
    result = run_isolated(recipe(framework, model.url), "Emma", deadline=60)
    assert (result.status, result.content) == ("failed", "")
    assert isinstance(result.error, ForeignFailed)
    assert "the shelf is on fire" in str(result.error)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a site without documents."""
    data_dir = tmp_path_factory.mktemp("apart")
    migrate(data_dir)
    return data_dir


@pytest.mark.hosts
@frameworks
@pytest.mark.parametrize("host", ["gunicorn gthread", "uvicorn"])
def test_forty_eight_requests_of_a_sync_view_twelve_at_once(
    framework: str, host: str, model: ShelfServer, migrated: Path
) -> None:
    def ask(number: int) -> object:
        response = httpx.get(f"{running.url}/isolated/{framework}", params={"shelf": str(number)}, timeout=90)
        return response.json()

    def read(number: int) -> str:
        address = f"{running.url}/isolated/{framework}/stream"
        return httpx.get(address, params={"shelf": str(number)}, timeout=90).text

    settings = {"DJANGO_SETTINGS_MODULE": "tests.agents.foreign", "MODEL_URL": model.url}
    with site(host, data_dir=migrated, **settings) as running, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(48)))
        streams = list(pool.map(read, range(48)))
    told = [f"There are 3 copies of {number}" for number in range(48)]
    assert answers == [{"answer": answer, "tier": "process", "error": "None"} for answer in told], running.output
    assert streams == [f"{answer}[completed]" for answer in told], running.output
    assert len(model.requests) == 4 * 48
    assert "Traceback" not in running.output
