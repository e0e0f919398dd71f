"""What a run of a workflow is given: unknown options, events while it runs, and deps for tools."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Context, Registry, TextDelta, ToolCall, arun_workflow, resume_workflow, run_workflow, tool
from agents.testing import ScriptedModel
from agents.workflows.events import StepBegan, StepEnded, StepTold, WorkflowEvent
from agents.workflows.workflow import Workflow

STEPS = """
inputs: {topic: {default: whales}}
steps:
  find: {tool: whoami}
  write: {agent: writer, prompt: "${inputs.topic}"}
  skip: {tool: whoami, when: "not ${inputs.topic}"}
"""


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Registry]:
    registry = Registry()

    @registry.tool
    @tool
    def whoami(context: Context[Any]) -> object:
        """Say who asks."""
        return context.deps

    registry.agent(
        Agent("writer", "", tools=[whoami], model=ScriptedModel([ToolCall("1", "whoami", ""), ["A ", "whale."]]))
    )
    path = tmp_path / "w.yaml"
    path.write_text(STEPS)
    return path, registry


Door = Callable[..., Any]
DOORS: list[tuple[str, Door]] = [
    ("run_workflow()", lambda path, registry, **options: run_workflow(path, registry=registry, **options)),
    (
        "arun_workflow()",
        lambda path, registry, **options: asyncio.run(arun_workflow(path, registry=registry, **options)),
    ),
    ("Workflow.run()", lambda path, registry, **options: Workflow.load(path, registry=registry).run(**options)),
    (
        "Workflow.arun()",
        lambda path, registry, **options: asyncio.run(Workflow.load(path, registry=registry).arun(**options)),
    ),
]


@pytest.mark.parametrize(("name", "door"), DOORS)
@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"checkpoint": "runs"}, "has no option 'checkpoint'; did you mean 'checkpoints'?"),
        ({"input": {}}, "has no option 'input'; did you mean 'inputs'?"),
        ({"runid": "x"}, "has no option 'runid'; did you mean 'run_id'?"),
        ({"on_events": print}, "has no option 'on_events'; did you mean 'on_event'?"),
        ({"zzz": 1}, "has no option 'zzz'; there are: inputs, checkpoints, run_id, timeout, on_event, deps"),
        ({"on_event": 3}, "on_event must be a function of an event, not 3"),
        ({"inputs": ["whales"]}, "inputs must be a mapping of names to values, not ['whales']"),
    ],
)
def test_option_that_there_is_not_is_refused_and_the_nearest_named(
    given: tuple[Path, Registry], name: str, door: Door, option: dict[str, object], problem: str
) -> None:
    with pytest.raises(TypeError) as caught:
        door(*given, **option)
    assert str(caught.value).startswith(f"{name}")
    assert problem in str(caught.value)


def test_timeout_that_is_not_positive_is_named(given: tuple[Path, Registry]) -> None:
    with pytest.raises(ValueError, match=r"run_workflow\(\): timeout must be more than 0 seconds, not -1"):
        run_workflow(given[0], registry=given[1], timeout=-1)


def test_events_tell_what_happens_on_the_callers_thread(given: tuple[Path, Registry], tmp_path: Path) -> None:
    happened: list[WorkflowEvent] = []
    threads: set[int] = set()

    def note(event: WorkflowEvent) -> None:
        happened.append(event)
        threads.add(threading.get_ident())

    result = run_workflow(
        given[0], registry=given[1], on_event=note, deps="ada", checkpoints=tmp_path / "runs", run_id="one"
    )
    assert result.status == "completed"
    assert threads == {threading.get_ident()}
    ends = [event.state for event in happened if isinstance(event, StepEnded)]
    assert sorted((state.step, state.status) for state in ends) == [
        ("find", "completed"),
        ("skip", "skipped"),
        ("write", "completed"),
    ]
    assert [event.step for event in happened if isinstance(event, StepBegan)] in (["find", "write"], ["write", "find"])
    texts = [
        event.event.text for event in happened if isinstance(event, StepTold) and isinstance(event.event, TextDelta)
    ]
    assert texts == ["A ", "whale."]
    told = len(happened)
    resume_workflow("one", checkpoints=tmp_path / "runs", registry=given[1], on_event=note)
    assert len(happened) == told  # nothing is done again, so nothing is told


def test_events_may_be_awaited(given: tuple[Path, Registry]) -> None:
    happened: list[WorkflowEvent] = []

    async def note(event: WorkflowEvent) -> None:
        await asyncio.sleep(0)
        happened.append(event)

    assert asyncio.run(arun_workflow(given[0], registry=given[1], on_event=note)).success
    assert isinstance(happened[-1], StepEnded)


def test_one_who_looks_on_and_fails_is_for_the_log(
    given: tuple[Path, Registry], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: WorkflowEvent) -> None:
        raise ValueError("no room for events")

    with caplog.at_level(logging.ERROR, logger="agents"):
        assert run_workflow(given[0], registry=given[1], on_event=fail).success
    assert "no room for events" in caplog.text


def test_deps_reach_tools_of_steps_and_of_agents(given: tuple[Path, Registry]) -> None:
    result = run_workflow(given[0], registry=given[1], deps="ada")
    assert result.steps["find"].output == "ada"
    messages = result.steps["write"].messages
    assert isinstance(messages, list)
    assert messages[2]["text"] == "ada"  # type: ignore[index, call-overload]


def test_log_tells_how_a_workflow_and_its_steps_ended(
    given: tuple[Path, Registry], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="agents"):
        run_workflow(given[0], registry=given[1], run_id="one", deps="SECRET", inputs={"topic": "SECRET"})
    assert "workflow w, run one, ended as completed: 3 steps," in caplog.text
    assert "step find: completed, 1 attempts," in caplog.text
    assert "SECRET" not in caplog.text


def test_what_a_registry_can_not_hold_is_refused_by_name() -> None:
    def plain() -> None: ...

    with pytest.raises(TypeError, match=r"plain.* is no tool; mark the function with @tool"):
        Registry().tool(plain)  # type: ignore[type-var]
    with pytest.raises(TypeError, match=r"Registry.agent\(\) takes an agent, not 'writer'"):
        Registry().agent("writer")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"'gpt-5' is no model; one is OpenAIModel\(name\)"):
        Registry().model("gpt-5")  # type: ignore[arg-type]
