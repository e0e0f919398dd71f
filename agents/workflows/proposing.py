"""Propose a workflow for a sentence that describes it: a model writes it, or the nearest template is filled.

What a model writes is checked as every workflow is, and it is told once what is wrong with it. Nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agents.agent import Agent, run
from agents.messages import Message
from agents.models.model import Model
from agents.workflows.editing.choices import Argument, Described, Problem, arguments_of, choices, problems
from agents.workflows.filling import ProposalNote, fill, nearest
from agents.workflows.registry import Registry

PROBLEMS_SHOWN = 20

INSTRUCTIONS = """\
You write workflows for people who don't program. A workflow is YAML:
- `inputs`: names, each with a `description` and, if it may be left out, a `default`.
- `steps`: names (letters, digits, - and _), each with one of
  `agent` with a `prompt`; `tool` or `function` with their arguments in `with`;
  `person: approve` with a `prompt` (its output has `approved` and `comment`), `person: edit` with a `prompt` and the
  `value` to change, `person: answer` with a `prompt` and, if wanted, a list of `choices`;
  `switch: ${path}` with `cases` (a mapping of values to what runs) and a `default`.
- also in a step, if needed: `needs: [step]`, `when: ${path}` (or a comparison: ${path} == 'text'), `else: step`,
  `foreach: ${path}` (then ${item} is there), `retry: 2`, `timeout: 30`, `on_error: continue`.
- `output`: what the workflow gives back.
Values are `${inputs.name}`, `${steps.name.output}`, `${item}`. A value that has one inside {} or [] needs quotes.
Steps that don't use each other's output run at once. Use only what there is:

"""
EXAMPLE = "\nAn example of another workflow, whose agents and tools you may not have:\n\n"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A workflow's text, what to know about it, and who wrote it. A template may still have problems: what its registry
    lacks is in the notes."""

    text: str
    notes: tuple[ProposalNote, ...]
    source: Literal["model", "template"]


@dataclass(frozen=True, slots=True)
class WrittenWorkflow:
    """What the model answers with."""

    workflow: str


def propose(sentence: str, *, registry: Registry, text: str = "", model: Model | None = None) -> Proposal:
    """Return a workflow for a sentence; with a model, `text` is one to change accordingly."""
    if model is None:
        return _from_template(sentence, [ProposalNote("kept", {})] if text.strip() else [], registry=registry)
    builder = Agent("workflow-builder", _instructions(sentence, registry), models=[model], output=WrittenWorkflow)
    asked = f"Change this workflow:\n\n{text}\n\nas follows: {sentence}" if text.strip() else sentence
    history: tuple[Message, ...] = ()
    wrong = ""
    for _ in range(2):
        result = run(builder, asked, history=history)
        if not result.success or not isinstance(result.output, WrittenWorkflow):
            note = ProposalNote("unavailable", {"error": str(result.error or result.status)})
            return _from_template(sentence, [note], registry=registry)
        written = _without_fence(result.output.workflow)
        if not (found := problems(written, registry=registry)):
            return Proposal(written, (), "model")
        wrong = "\n".join(map(_said, found[:PROBLEMS_SHOWN]))
        asked, history = f"This is wrong with it; give me all of it again, mended:\n{wrong}", result.messages
    return _from_template(sentence, [ProposalNote("invalid", {"error": wrong.split("\n")[0]})], registry=registry)


def _from_template(sentence: str, notes: list[ProposalNote], *, registry: Registry) -> Proposal:
    text, missing = fill(sentence, registry=registry)
    return Proposal(text, (*notes, *missing), "template")


def _said(problem: Problem) -> str:
    return f"line {problem.line}: {f'{problem.key}: ' if problem.key else ''}{problem.message}"


def _without_fence(text: str) -> str:
    """Return the YAML of an answer that has it between ``` as well."""
    fenced = re.fullmatch(r"\s*```\w*\n(.*?)\n?```\s*", text, flags=re.DOTALL)
    return f"{(fenced[1] if fenced else text).strip()}\n"


# ---- what the model is told ------------------------------------------------------------------------------------------
def _instructions(sentence: str, registry: Registry) -> str:
    there = "\n".join(_described(registry)) or "There is nothing but persons."
    return INSTRUCTIONS + there + "\n" + EXAMPLE + nearest(sentence).text


def _described(registry: Registry) -> Iterator[str]:
    there = choices("", "", registry=registry)
    for kind, known in (("agent", there.agents), ("tool", there.tools), ("function", there.functions)):
        for each in known:
            yield _line(kind, each, arguments_of(kind, each.name, registry=registry))


def _line(kind: str, each: Described, arguments: tuple[Argument, ...]) -> str:
    given = ", ".join(f"{a.name}: {a.type}" + ("" if a.required else ", optional") for a in arguments)
    return f"- {kind} {each.name}{f' ({given})' if given else ''}: {each.description}".rstrip(": ")
