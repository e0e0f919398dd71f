"""All that is wrong with a text is listed at once, and what may be picked for a step is said in words."""

from __future__ import annotations

from typing import Literal

import pytest

from agents.agent import Agent
from agents.testing import ScriptedModel
from agents.tools import tool
from agents.workflows.editing.choices import Argument, Choices, choices, problems
from agents.workflows.errors import ChangeRefused, WorkflowInvalid
from agents.workflows.registry import Registry
from agents.workflows.workflow import Workflow

TEXT = """\
inputs:
  topic: {description: what the books are about}
  limit:
steps:
  find: {tool: shelf, with: {topic: x}}
  review:
    foreach: ${steps.find.output}
    agent: clerk
    prompt: ${item}
  join: {function: join, with: {parts: "${steps.review.output}"}, when: "${inputs.limit}"}
  other: {tool: shelf, with: {topic: y}}
"""


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @registry.function
    def join(parts: list[str], by: Literal["-", "+"] = "-") -> str:
        """Put parts together.

        Args:
            by: what stands between them
        """
        return by.join(parts)

    @registry.function
    def note(value, label=""):  # type: ignore[no-untyped-def]
        return value

    @tool
    def shelf(topic: str, limit: int = 2) -> str:
        """Books about a topic."""
        return topic * limit

    @tool(approve=True)
    def publish() -> None:
        """Publish."""

    registry.tool(shelf)
    registry.tool(publish)
    registry.agent(Agent("clerk", "Answer.\nKindly.", models=[ScriptedModel([])]))
    return registry


def values(found: Choices) -> list[str]:
    return [value.label for value in found.values]


def test_whole_text_has_no_problems(registry: Registry) -> None:
    assert problems(TEXT, registry=registry) == []


def test_everything_that_is_wrong_is_listed(registry: Registry) -> None:
    text = """\
naem: x
inputs: {1a: {}}
steps:
  a: {tool: shelv, when: "${inputs.x", retry: -1, needs: [b, z], timeout: 0}
  b:
    tool: shelf
    with: {topic: "${steps.c.output}", tpoic: "${inputs.y}"}
    on_error: skip
  d: {agent: clerk, prompt: "${item}", foreach: 3}
  e: {}
output: ${steps.f.output}
parallel: 0
"""
    assert [
        (each.line, each.step, each.key, each.message.split(";")[0]) for each in problems(text, registry=registry)
    ] == [
        (1, "", "naem", "unknown key"),
        (2, "", "inputs.1a", "a name is made of letters, digits, - and _, and begins with no digit"),
        (
            4,
            "a",
            "steps.a.when",
            "'${inputs.x' is no condition: at '$' there should be a ${path}, a number, true, false, null or 'text'",
        ),
        (4, "a", "steps.a.tool", "there is no tool 'shelv' in the registry"),
        (4, "a", "steps.a.needs[1]", "there is no step 'z'"),
        (4, "a", "steps.a.retry", "must be at least 0, not -1"),
        (4, "a", "steps.a.timeout", "must be more than 0 seconds"),
        (7, "b", "steps.b.with.topic", "${steps.c.output}: there is no step 'c'"),
        (7, "b", "steps.b.with.tpoic", "${inputs.y}: there is no such input"),
        (7, "b", "steps.b.with", "shelf: got an unexpected keyword argument 'tpoic'"),
        (8, "b", "steps.b.on_error", "must be fail or continue, not 'skip'"),
        (9, "d", "steps.d.foreach", "must be a list, or a ${path} to one"),
        (10, "e", "steps.e", "a step has one of agent, function, tool, switch, person"),
        (11, "", "output", "${steps.f.output}: there is no step 'f'"),
        (12, "", "parallel", "must be at least 1, not 0"),
    ]


def test_no_yaml_is_one_problem(registry: Registry) -> None:
    assert [(each.line, each.step) for each in problems("steps: {\na", registry=registry)] == [(2, "")]
    assert [each.message for each in problems("", registry=registry)] == ["is empty"]
    circle = "steps:\n  a: {agent: clerk, prompt: x, needs: [b]}\n  b: {agent: clerk, prompt: x, needs: [a]}\n"
    assert [each.message for each in problems(circle, registry=registry)] == ["needs itself: a needs b needs a"]


def test_values_are_those_that_are_there_before_the_step(registry: Registry) -> None:
    found = choices(TEXT, "review", registry=registry)
    assert found.paths == {
        "${item}": "the item",
        "${index}": "the item's number, from 0",
        "${inputs.topic}": "topic: what the books are about",
        "${inputs.limit}": "input limit",
        "${steps.find.output}": "output of find",
        "${steps.other.output}": "output of other",
    }
    assert choices(TEXT, "find", registry=registry).steps == ("other",)
    assert choices(TEXT, "other", registry=registry).skippable == ("join",)
    assert values(choices(TEXT, "", registry=registry))[-1] == "output of other"


def test_arguments_are_described(registry: Registry) -> None:
    assert choices(TEXT, "join", registry=registry).arguments == (
        Argument("parts", "list", True, "", None, ()),
        Argument("by", "text", False, "what stands between them", "-", ("-", "+")),
    )
    assert [(each.name, each.type) for each in choices(TEXT, "find", registry=registry).arguments] == [
        ("topic", "text"),
        ("limit", "number"),
    ]
    untyped = choices("steps:\n  a: {function: note}", "a", registry=registry).arguments
    assert [(each.name, each.type, each.required) for each in untyped] == [
        ("value", "any", True),
        ("label", "any", False),
    ]
    assert choices(TEXT, "review", registry=registry).arguments == ()


def test_what_can_be_run_is_described(registry: Registry) -> None:
    found = choices(TEXT, "", registry=registry)
    assert [(each.name, each.description) for each in (*found.agents, *found.functions, *found.tools)] == [
        ("clerk", "Answer."),
        ("join", "Put parts together."),
        ("note", ""),
        ("shelf", "Books about a topic."),
    ]


def test_step_that_there_is_not_has_no_choices(registry: Registry) -> None:
    with pytest.raises(ChangeRefused, match="there is no step 'nobody'"):
        choices(TEXT, "nobody", registry=registry)


def test_text_is_loaded_without_a_file(registry: Registry) -> None:
    workflow = Workflow.parse("steps:\n  a: {function: join, with: {parts: [x, y]}}", name="two", registry=registry)
    assert (workflow.file.name, workflow.run().output) == ("two", "x-y")
    with pytest.raises(WorkflowInvalid, match="two:1: steps: a workflow has steps"):
        Workflow.parse("steps: {}", name="two", registry=registry)


def test_text_has_no_folder_for_instructions(registry: Registry) -> None:
    registry.model(ScriptedModel([]), name="fast")
    text = "agents:\n  b: {instructions_file: b.md, model: fast}\nsteps:\n  a: {agent: b, prompt: x}"
    with pytest.raises(WorkflowInvalid, match=r"two:2: agents\.b\.instructions_file: this workflow is no file"):
        Workflow.parse(text, name="two", registry=registry)
