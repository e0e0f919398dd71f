"""Where other people's agent code is called from, and broke: S3's entry points and S2's samples, each as it was told.

S3 is an SDK whose `run_workflow()` raised inside notebooks and web servers, because a loop was running there.
S2 is a visual workflow builder, whose runs went to processes, then to threads, then to canned suggestions.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import nbformat
import pytest
import uvicorn
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from nbclient import NotebookClient

from agents import Agent, Registry, Workflow, arun_workflow, run_workflow, tool
from agents.errors import ModelUnavailable
from agents.testing import FunctionModel
from agents.workflows.events import StepBegan, StepEnded, WorkflowEvent

ROOT = Path(__file__).parents[2]

TRIAGE = """
inputs: {text: }
steps:
  kind: {agent: triage, prompt: "${inputs.text}"}
  answer:
    switch: ${steps.kind.output}
    cases: {bug: {agent: fixer}, feature: {agent: planner}}
    default: {agent: helper}
    prompt: ${inputs.text}
  where: {function: where}
output: {answer: "${steps.answer.output}", thread: "${steps.where.output}"}
"""


def registry_of_three() -> Registry:
    registry = Registry()
    kinds = FunctionModel(lambda messages: "bug" if "crash" in messages[-1].text else "praise")
    registry.agent(Agent("triage", "One word.", model=kinds))
    for name in ("fixer", "planner", "helper"):
        registry.agent(Agent(name, "", model=FunctionModel(lambda messages, name=name: f"{name} answers")))  # type: ignore[misc]
    registry.function(lambda: threading.get_ident(), name="where")
    return registry


@pytest.fixture
def triage(tmp_path: Path) -> Workflow:
    (tmp_path / "triage.yaml").write_text(TRIAGE)
    shown.workflow = Workflow.load(tmp_path / "triage.yaml", registry=registry_of_three())
    return shown.workflow


class Shown:
    """The workflow that the views below run."""

    workflow: Workflow


shown = Shown()


# ---- S3: a loop is running -------------------------------------------------------------------------------------------
def test_s3_run_workflow_in_a_running_loop(triage: Workflow, tmp_path: Path) -> None:
    async def main() -> list[object]:
        path, registry = tmp_path / "triage.yaml", registry_of_three()
        here = run_workflow(path, inputs={"text": "It crashes"}, registry=registry)
        awaited = await arun_workflow(path, inputs={"text": "Thanks"}, registry=registry)
        both = await asyncio.gather(*(triage.arun(inputs={"text": text}) for text in ("crash", "hello")))
        return [result.output["answer"] for result in (here, awaited, *both)]  # type: ignore[index, call-overload]

    assert asyncio.run(main()) == ["fixer answers", "helper answers", "fixer answers", "helper answers"]


async def application(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Awaitable[None]]) -> None:
    """Do what FastAPI and Starlette do with an endpoint: `async def` on the loop, `def` on a worker thread."""
    text = scope["query_string"].decode()
    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "/async": lambda: shown.workflow.arun(inputs={"text": text}),
        "/sync-in-async": lambda: _at_once(lambda: shown.workflow.run(inputs={"text": text})),
        "/sync": lambda: anyio.to_thread.run_sync(lambda: shown.workflow.run(inputs={"text": text})),
    }
    result = await ways[scope["path"]]()
    body = json.dumps(result.output["answer"]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


async def _at_once(function: Callable[[], Any]) -> Any:
    return function()


@contextmanager
def served() -> Iterator[str]:
    """Serve the application with uvicorn, and give its address."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="warning", lifespan="off"))
    ready = threading.Event()
    begun = server.startup

    async def startup(*arguments: Any, **options: Any) -> None:
        await begun(*arguments, **options)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)


def test_s3_run_workflow_in_an_asgi_app(triage: Workflow) -> None:
    with served() as url, httpx.Client(timeout=60) as client:
        for way in ("async", "sync-in-async", "sync"):
            assert client.get(f"{url}/{way}?crash").json() == "fixer answers"
            assert client.get(f"{url}/{way}?hello").json() == "helper answers"


CELLS = """
from agents import Agent, Registry, run_workflow, arun_workflow
from agents.testing import FunctionModel
registry = Registry()
registry.agent(Agent("helper", "", model=FunctionModel(lambda messages: "helped")))
open("one.yaml", "w").write("steps: {help: {agent: helper, prompt: x}}")
print(run_workflow("one.yaml", registry=registry).output)
---
print((await arun_workflow("one.yaml", registry=registry)).output)
"""


@pytest.mark.hosts
def test_s3_run_workflow_in_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS.split("---")]
    NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert [cell.outputs[-1]["text"] for cell in notebook.cells] == ["helped\n", "helped\n"]


def view(request: HttpRequest) -> JsonResponse:
    """A sync view: its functions run on its own thread, under WSGI and ASGI."""
    output = shown.workflow.run(inputs={"text": request.GET["text"]}).output
    assert isinstance(output, dict)
    return JsonResponse({"answer": output["answer"], "same_thread": output["thread"] == threading.get_ident()})


urlpatterns = [path("triage", view)]


def test_s3_run_workflow_in_a_sync_view(triage: Workflow) -> None:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        wsgi = Client().get("/triage", {"text": "crash"}).json()

        async def ask() -> Any:
            return (await AsyncClient().get("/triage", {"text": "hello"})).json()

        asgi = asyncio.run(ask())
    assert wsgi == {"answer": "fixer answers", "same_thread": True}
    assert asgi == {"answer": "helper answers", "same_thread": True}


# ---- S2: what a visual builder draws ---------------------------------------------------------------------------------
DRAWN = {
    "nodes": [
        {"id": "search", "tool": "search", "with": {"topic": "${inputs.topic}"}},
        {"id": "news", "tool": "search", "with": {"topic": "news of ${inputs.topic}"}},
        {"id": "write", "agent": "writer", "prompt": "${steps.search.output} ${steps.news.output}"},
        {"id": "canned", "function": "canned", "with": {"topic": "${inputs.topic}"}},
    ],
    "edges": [["search", "write"], ["news", "write"], ["write", "canned"]],
}


def workflow_of(drawing: dict[str, Any]) -> str:
    """Return the file of what was drawn. JSON is YAML, so a builder needs no more than this."""
    steps: dict[str, dict[str, Any]] = {}
    for node in drawing["nodes"]:
        needs = [start for start, end in drawing["edges"] if end == node["id"]]
        steps[node["id"]] = {key: value for key, value in node.items() if key != "id"} | {"needs": needs}
    steps["write"]["on_error"] = "continue"
    steps["canned"]["when"] = "${steps.write.status} == 'failed'"
    output = {"written": "${steps.write.output}", "canned": "${steps.canned.output}"}
    return json.dumps({"inputs": {"topic": {}}, "steps": steps, "output": output})


def builders_registry(*, reachable: bool) -> tuple[Registry, threading.Barrier]:
    registry, both = Registry(), threading.Barrier(2, timeout=60)

    @registry.tool
    @tool(thread_sensitive=False)
    def search(topic: str) -> str:
        """Block, as a client of the sync kind does, until the other search is under way too."""
        both.wait()
        return f"about {topic}"

    @registry.function
    def canned(topic: str) -> list[str]:
        return [f"What is {topic}?", f"Why {topic}?"]

    says = "An article." if reachable else ModelUnavailable("no connection")
    registry.agent(Agent("writer", "", model=FunctionModel(lambda _: says)))
    return registry, both


def test_s2_drawn_workflow_runs_its_blocking_steps_at_once_without_processes(tmp_path: Path) -> None:
    (tmp_path / "drawn.json").write_text(workflow_of(DRAWN))
    registry, _ = builders_registry(reachable=True)
    result = run_workflow(tmp_path / "drawn.json", inputs={"topic": "whales"}, registry=registry)
    assert result.output == {"written": "An article.", "canned": None}


def test_s2_canned_suggestions_stand_in_for_a_model_that_can_not_be_reached(tmp_path: Path) -> None:
    (tmp_path / "drawn.json").write_text(workflow_of(DRAWN))
    registry, _ = builders_registry(reachable=False)
    result = run_workflow(tmp_path / "drawn.json", inputs={"topic": "whales"}, registry=registry)
    assert result.output == {"written": None, "canned": ["What is whales?", "Why whales?"]}
    assert result.steps["write"].error == "ModelUnavailable: no connection"


def test_s2_builder_sees_each_node_begin_and_end(tmp_path: Path) -> None:
    (tmp_path / "drawn.json").write_text(workflow_of(DRAWN))
    registry, _ = builders_registry(reachable=True)
    lit: list[tuple[str, str]] = []

    def light(event: WorkflowEvent) -> None:
        if isinstance(event, StepBegan):
            lit.append((event.step, "running"))
        elif isinstance(event, StepEnded):
            lit.append((event.state.step, event.state.status))

    run_workflow(tmp_path / "drawn.json", inputs={"topic": "whales"}, registry=registry, on_event=light)
    assert sorted(lit[:2]) == [("news", "running"), ("search", "running")]
    assert lit[-3:] == [("write", "running"), ("write", "completed"), ("canned", "skipped")]
