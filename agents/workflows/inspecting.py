"""Say what a workflow, an agent or a registry is made of, as text."""

from __future__ import annotations

from collections.abc import Iterator

from agents.agent import Agent, Runnable
from agents.orchestration import Orchestration
from agents.tools import Tool
from agents.workflows.drawing import draw
from agents.workflows.persons import Person
from agents.workflows.registry import Function, Registry
from agents.workflows.step import Case, Switch, Target, WorkflowFile

SHOWN_CHARACTERS = 72


def inspect_workflow(file: WorkflowFile) -> str:
    """Return its steps, what they run, and of what that is made."""
    targets: dict[str, Target] = {}
    for step in file.steps:
        target = step.target
        cases = target.all_cases if isinstance(target, Switch) else [Case(step.kind, target, None)]
        for case in cases:
            targets.setdefault(f"{case.kind} {case.target.name}", case.target)
    lines = [draw(file), ""]
    for target in targets.values():
        lines += _described(target)
    return "\n".join(lines)


def inspect_registry(registry: Registry) -> str:
    """Return all it holds."""
    lines: list[str] = []
    targets: list[Target] = [*registry.agents.values(), *registry.tools.values(), *registry.functions.values()]
    for target in targets:
        lines += _described(target)
    lines += [f"model {name}" for name in registry.models]
    return "\n".join(lines) or "nothing is registered"


def inspect_agent(agent: Runnable) -> str:
    return "\n".join(_described(agent))


def _described(target: Target, *, indent: str = "") -> Iterator[str]:
    match target:
        case Agent():
            yield f"{indent}agent {target.name}: {_shown(target.instructions)}"
            yield f"{indent}  models {', '.join(model.name for model in target.models)}"
            limits = target.limits
            yield f"{indent}  limits {limits.steps} steps, {limits.tool_calls} tool calls, {limits.seconds:g} s"
            if target.output is not None:
                yield f"{indent}  output {getattr(target.output, '__name__', target.output)}"
            for tool in target.toolbox.values():
                yield from _described(tool, indent=f"{indent}  ")
            for toolkit in target.toolkits:
                yield f"{indent}  toolkit {toolkit!r}, opened for each run"
        case Orchestration():
            yield f"{indent}team {target.name}"
            for part in target.parts:
                yield from _described(part, indent=f"{indent}  ")
        case Tool():
            given = ", ".join(target.parameters.get("properties", {}))
            approval = ", needs approval" if target.approve else ""
            yield f"{indent}tool {target.name}({given}): {_shown(target.description)}{approval}"
        case Function():
            yield f"{indent}function {target.name}"
        case Person():
            yield f"{indent}person: the run waits for one to {target.name}"


def _shown(text: object) -> str:
    if callable(text):
        return f"as {getattr(text, '__name__', text)} says"
    first = str(text).strip().split("\n")[0]
    return first if len(first) <= SHOWN_CHARACTERS else f"{first[:SHOWN_CHARACTERS]}…"
