"""A workflow as text."""

from __future__ import annotations

from agents.workflows.step import Step, WorkflowFile


def draw(file: WorkflowFile) -> str:
    """Its steps from top to bottom; those of one block wait for blocks above them, and not for each other."""
    depths: dict[str, int] = {}
    blocks: dict[int, list[Step]] = {}
    for step in file.steps:
        depths[step.name] = 1 + max((depths[need] for need in step.needs), default=0)
        blocks.setdefault(depths[step.name], []).append(step)
    name_width = max(len(step.name) for step in file.steps)
    target_width = max(len(_target(step)) for step in file.steps)
    inputs = ", ".join(file.inputs)
    lines = [f"{file.name} ({inputs})" if inputs else file.name]
    for depth in sorted(blocks):
        lines.append("│")
        last = depth == len(blocks)
        for step in blocks[depth]:
            corner = "└" if last and step is blocks[depth][-1] else "├"
            lines.append(f"{corner}─ {step.name:{name_width}}  {_target(step):{target_width}}  {_facts(step)}".rstrip())
    return "\n".join(lines)


def _target(step: Step) -> str:
    return f"{step.kind} {step.target.name}"


def _facts(step: Step) -> str:
    keys = step.where.mapping()
    facts = [f"after {', '.join(step.needs)}"] if step.needs else []
    if step.foreach is not None:
        facts.append(f"for each {'of a list' if isinstance(step.foreach, list) else step.foreach}")
    if step.when:
        facts.append(f"when {step.when.text}")
    if step.otherwise:
        facts.append(f"else of {', '.join(step.otherwise)}")
    if step.retry.times:
        facts.append(f"retry {step.retry.times}")
    if step.timeout:
        facts.append(f"timeout {step.timeout:g} s")
    if "on_error" in keys:
        facts.append(f"on error {step.on_error}")
    return "; ".join(facts)
