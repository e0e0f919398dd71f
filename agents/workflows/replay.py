"""Re-run a recorded workflow, and verify that each state comes out the same.

Functions are called again. Models and tools are not: a double says each agent's recorded turns, and tools answer from
the record. Agents put together as one, agents that hand over, and whatever failed, are answered as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from agents.agent import Agent
from agents.bridge import call
from agents.errors import ModelInterrupted
from agents.messages import AssistantMessage, Message, ToolMessage, load_message
from agents.testing import FunctionModel, Part
from agents.tools import ArgumentsInvalid, Definition, Tool
from agents.workflows.checkpoints import Record, State, StateKey, read_record
from agents.workflows.differences import state_differences
from agents.workflows.errors import ReplayDiffers, RunChanged, WorkflowError
from agents.workflows.registry import Function, Registry, registry
from agents.workflows.step import Step, WorkflowFile
from agents.workflows.values import Json
from agents.workflows.workflow import Attempt, Workflow, WorkflowRun


def replay(
    run_id: str,
    *,
    checkpoints: Path | str,
    registry: Registry = registry,
    until: str = "",
    workflow: Workflow | None = None,
) -> tuple[State, ...]:
    """Return the states of a recorded run, once they came out the same again. What had not finished then is not run;
    with `until`, neither is what that step doesn't need. `workflow` is that of a run whose workflow was no file.

    Raises ReplayDiffers at the first difference, in the order of the steps; RunUnknown, RunChanged, RecordInvalid,
    WorkflowInvalid, and WorkflowError when there is no step of the name `until`.
    """
    record = read_record(checkpoints, run_id=run_id)
    file = (workflow or Workflow.load(record.header.workflow, registry=registry)).file
    if file.digest != record.header.digest:
        raise RunChanged(f"{file.file} has changed since run {run_id!r} began")
    if until:
        wanted = _needed(file, until)
        record = replace(record, states={key: state for key, state in record.states.items() if state.step in wanted})
    return call(_replay, file, record)


def _needed(file: WorkflowFile, name: str) -> set[str]:
    """Return the names of that step and of all that it waits for. Raises WorkflowError."""
    by_name = {step.name: step for step in file.steps}
    if name not in by_name:
        raise WorkflowError(f"there is no step {name!r} in {file.file}; there are: {', '.join(by_name)}")
    needed = {name}
    for step in reversed(file.steps):  # each after what it needs
        if step.name in needed:
            needed |= set(step.needs)
    return needed


async def _replay(file: WorkflowFile, record: Record) -> tuple[State, ...]:
    run = Replay(file, record)
    await run.to_end(timeout=None)
    order = {step.name: position for position, step in enumerate(file.steps)}
    recorded = sorted(record.states.values(), key=lambda state: (order[state.step], state.item is None, state.item))
    for state in recorded:
        _compare(state, run.states.get(state.key))
    return tuple(recorded)


def _compare(recorded: State, replayed: State | None) -> None:
    for field, then, now in state_differences(recorded, replayed):
        raise ReplayDiffers(recorded.place, field=field, recorded=then, replayed=now)


class Replay(WorkflowRun):
    """A run whose models and tools are its record. It starts what is recorded, no less and no more."""

    def __init__(self, file: WorkflowFile, record: Record) -> None:
        patient = tuple(replace(step, timeout=None) for step in file.steps)
        super().__init__(replace(file, steps=patient, timeout=None), record.header.inputs, run_id=record.header.run_id)
        self.recorded: Mapping[StateKey, State] = record.states
        self.begun = {name for name, _ in record.states}

    def may_start(self, step: Step, item: int | None) -> bool:
        return step.name in self.begun if step.repeats and item is None else (step.name, item) in self.recorded

    async def ask(self, state: State) -> State | None:
        """Let the person answer as recorded."""
        recorded = self.recorded[state.key]
        if recorded.status == "waiting":
            return await super().ask(state)
        return await self.save(replace(state, status=recorded.status, output=recorded.output, final=True))

    async def once(self, step: Step, arguments: Json, *, item: int | None) -> Attempt:
        recorded = self.recorded[step.name, item]
        match step.target:
            case Function():
                return await super().once(step, arguments, item=item)
            case Agent(handoffs=()) as agent if recorded.messages is not None:
                return await super().once(replace(step, target=_double(agent, recorded)), arguments, item=item)
        return Attempt(recorded.output, recorded.messages, recorded.error, fatal=not recorded.final)


def _double(agent: Agent, recorded: State) -> Agent:
    """Return the agent with a model that says its recorded turns, and tools that give their recorded results."""
    messages = [load_message(row) for row in cast("list[dict[str, Any]]", recorded.messages)]
    turns = iter([message for message in messages if isinstance(message, AssistantMessage)])
    results = [message for message in messages if isinstance(message, ToolMessage)]
    # Tools that were known only when a toolkit was open are not in the toolbox, and are known by their results.
    discovered = {r.call.name for r in results if not r.failed} - agent.toolbox.keys()
    tools = [*agent.toolbox.values(), *(Tool(Definition(_unknown, name=name)) for name in sorted(discovered))]

    def speak(_: Sequence[Message]) -> list[Part]:
        if (turn := next(turns, None)) is None:
            return [ModelInterrupted("the agent asked for a turn that is not recorded")]
        return [turn.text, *turn.tool_calls]

    return Agent(  # whatever the agent's class: its tools are here, and nothing has to be open
        agent.name,
        agent.instructions,
        [replace(tool, definition=_Answers(tool, results, recorded), instance=None) for tool in tools],
        models=[FunctionModel(speak, name="record")],
        output=agent.output,
        guardrails=agent.guardrails,
        limits=replace(agent.limits, tokens=None, money=None),  # no more is used
    )


def _unknown() -> None:
    """Stand for a tool that is not here; the record answers."""


class _Answers(Definition):
    """Return what the tool answered then, in place of calling its function."""

    def __init__(self, tool: Tool, results: Sequence[ToolMessage], recorded: State) -> None:
        vars(self).update(vars(tool.definition))
        self.function = cast(Any, self._answer)
        self._results = [result for result in results if result.call.name == tool.name]
        self._ends_with = [recorded.output] if tool.terminates else []

    def validate(self, arguments: str | Mapping[str, object]) -> dict[str, Any]:
        return {"arguments": arguments}

    async def _answer(self, arguments: str) -> object:
        result = next((result for result in self._results if result.call.arguments == arguments), None)
        if result is None:
            raise ArgumentsInvalid("this call is not recorded")
        self._results.remove(result)
        if result.failed:
            raise ArgumentsInvalid(json.loads(result.text)["error"])
        return self._ends_with[0] if self._ends_with else result.text
