"""The workflows to begin with can be loaded and run, with a registry that has what they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.agent import Agent
from agents.testing import FunctionModel
from agents.tools import tool
from agents.workflows.editing.choices import problems
from agents.workflows.registry import Registry
from agents.workflows.templates import NAMES, WorkflowTemplate, template, templates
from agents.workflows.workflow import Workflow, WorkflowResult

AGENTS = ("assistant", "writer", "editor", "advocate", "critic", "researcher", "triage", "fixer", "planner", "helper")


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @tool
    def search(query: str) -> list[str]:
        """Find passages."""
        return [f"About {query}."]

    @tool
    def publish(text: str) -> str:
        """Publish a text."""
        return f"published: {text}"

    registry.tool(search)
    registry.tool(publish)
    for name in AGENTS:
        answer = "bug" if name == "triage" else f"by {name}"
        registry.agent(Agent(name, "", models=[FunctionModel(lambda _, answer=answer: answer)]))
    return registry


def run(name: str, registry: Registry, folder: Path, **inputs: object) -> WorkflowResult:
    workflow = Workflow.parse(template(name).text, name=name, registry=registry)
    return workflow.run(inputs=inputs, checkpoints=folder, run_id="one")


@pytest.mark.parametrize("each", templates(), ids=lambda each: each.name)
def test_template_is_whole_and_says_what_it_needs(each: WorkflowTemplate, registry: Registry) -> None:
    assert problems(each.text, registry=registry) == []
    assert each.title
    assert each.description.endswith(".")
    known = {"agent": registry.agents, "tool": registry.tools, "function": registry.functions}
    assert each.needs
    assert all(name in known[kind] for kind, name in each.needs)


def test_there_is_one_for_each_way(registry: Registry) -> None:
    assert [each.name for each in templates()] == list(NAMES)
    files = {path.stem for path in (Path(__file__).parents[2] / "agents/workflows/templates").glob("*.yaml")}
    assert files == set(NAMES)
    assert template("routed").needs == (
        ("agent", "triage"),
        ("agent", "fixer"),
        ("agent", "planner"),
        ("agent", "helper"),
    )


@pytest.mark.parametrize(
    ("name", "inputs", "output"),
    [
        ("simple", {"question": "x"}, "by assistant"),
        ("sequential", {"topic": "x"}, "by editor"),
        ("collaborative", {"question": "x"}, "by writer"),
        ("routed", {}, "by fixer"),
        ("report", {}, "by editor"),
    ],
)
def test_template_runs(name: str, inputs: dict[str, object], output: str, registry: Registry, tmp_path: Path) -> None:
    assert run(name, registry, tmp_path, **inputs).output == output


def test_review_waits_for_its_person(registry: Registry, tmp_path: Path) -> None:
    first = run("review", registry, tmp_path, topic="whales")
    assert [(each.step, each.value) for each in first.waiting] == [("change", "by writer")]
    workflow = Workflow.parse(template("review").text, name="review", registry=registry)
    again = {"inputs": {"topic": "whales"}, "checkpoints": tmp_path, "run_id": "one"}
    workflow.run(**again, answers={"change": "better"})
    assert workflow.run(**again, answers={"approve": True}).output == "published: better"
