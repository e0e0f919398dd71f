"""What is wrong with a workflow file is found when it is loaded, and named with its line and key."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from agents.agent import Agent
from agents.testing import ScriptedModel
from agents.tools import tool
from agents.workflows.errors import WorkflowInvalid
from agents.workflows.registry import Registry
from agents.workflows.workflow import Workflow

A = "a: {function: note, with: {value: 1}}"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @registry.function
    def note(value: object, label: str = "") -> object:
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
    registry.model(ScriptedModel([]), name="fast")
    registry.agent(Agent("clerk", "", models=[ScriptedModel([])]))
    registry.agent(Agent("pausing", "", tools=[publish], models=[ScriptedModel([])]))
    registry.function(max, name="max")
    return registry


def problem(tmp_path: Path, registry: Registry, text: str | bytes) -> str:
    """What loading this file says, without the folder."""
    path = tmp_path / "w.yaml"
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
    with pytest.raises(WorkflowInvalid) as caught:
        Workflow.load(path, registry=registry)
    assert caught.value.file == str(path)
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "w.yaml:1: is empty"),
        ("[1]", "w.yaml:1: must be a mapping, not a list"),
        ("name: x", "w.yaml:1: a workflow has steps"),
        ("name: x\nsteps: {}", "w.yaml:2: steps: a workflow has steps"),
        (f"steps:\n  {A}\nsteeps: 1", "w.yaml:3: steeps: unknown key; known: name, inputs, agents, steps, output"),
        ("steps:\n  a:\n    function: note\n    wiht: {}", "w.yaml:4: steps.a.wiht: unknown key; known: agent"),
        (f"steps:\n  {A}\n  {A}", "w.yaml:3: steps.a: is given twice, first in line 2"),
        ("steps:\n  1a: {function: note}", "w.yaml:2: steps.1a: a name is made of"),
        ("steps:\n  a.b: {function: note}", "w.yaml:2: steps.a.b: a name is made of"),
        ("steps:\n  a: {}", "w.yaml:2: steps.a: a step has one of agent, function, tool, switch"),
        (
            "steps:\n  a: {function: x, tool: y}",
            "w.yaml:2: steps.a: a step has one of agent, function, tool, switch",
        ),
        (
            "steps:\n  a:\n    function: os.system",
            "w.yaml:3: steps.a.function: there is no function 'os.system' in the",
        ),
        (
            "steps:\n  a: {tool: shelv}",
            "w.yaml:2: steps.a.tool: there is no tool 'shelv' in the registry; there are: shelf",
        ),
        (
            "steps:\n  a: {agent: clark, prompt: x}",
            "w.yaml:2: steps.a.agent: there is no agent 'clark' in the registry",
        ),
        ("steps:\n  a: {agent: pausing, prompt: x}", "w.yaml:2: steps.a.agent: agent pausing needs approval, and a"),
        (
            "steps:\n  a: {tool: publish}",
            "w.yaml:2: steps.a.tool: tool publish needs approval, and a workflow",
        ),
        ("steps:\n  a: {agent: clerk, prompt: }", "w.yaml:2: steps.a: agent steps have a prompt"),
        ("steps:\n  a: {function: note, with: }", "w.yaml:2: steps.a.with: note: missing a required argument: 'value'"),
        ("steps:\n  a: {function: max}", "w.yaml:2: steps.a: max: no signature found for builtin"),
        (
            "steps:\n  a: {function: note, with: {value: ${item}}}",
            "w.yaml:2: expected ',' or '}', but got '{'; between {} or [], a ${path} needs quotes",
        ),
        ("steps:\n  a: {agent: clerk}", "w.yaml:2: steps.a: agent steps have a prompt"),
        (
            "steps:\n  a: {agent: clerk, prompt: x, with: {}}",
            "w.yaml:2: steps.a.with: agent steps have no with, but prompt",
        ),
        ("steps:\n  a: {function: note}", "w.yaml:2: steps.a: note: missing a required argument: 'value'"),
        (
            "steps:\n  a:\n    function: note\n    with: {value: 1, lable: x}",
            "w.yaml:4: steps.a.with: note: got an unexpected keyword argument 'lable'",
        ),
        ("steps:\n  a: {tool: shelf}", "w.yaml:2: steps.a: shelf: missing a required argument: 'topic'"),
        ("steps:\n  a: {tool: shelf, with: {topic: x, top: 1}}", "w.yaml:2: steps.a.with: shelf: got an unexpected"),
        ("steps:\n  a: {function: note, with: [1]}", "w.yaml:2: steps.a.with: must be a mapping, not a list"),
        (f"steps:\n  {A[:-1]}, needs: [b]}}", "w.yaml:2: steps.a.needs[0]: there is no step 'b'; there are: a"),
        (f"steps:\n  {A[:-1]}, needs: b}}", "w.yaml:2: steps.a.needs: must be a list, not text"),
        (f"steps:\n  {A[:-1]}, retry: -1}}", "w.yaml:2: steps.a.retry: must be at least 0, not -1"),
        (f"steps:\n  {A[:-1]}, retry: 1.5}}", "w.yaml:2: steps.a.retry: must be a whole number, not 1.5"),
        (f"steps:\n  {A[:-1]}, retry: .inf}}", "w.yaml:2: steps.a.retry: must be a whole number, not inf"),
        (
            f"steps:\n  {A[:-1]}, retry: {{time: 1}}}}",
            "w.yaml:2: steps.a.retry.time: unknown key; known: times, seconds",
        ),
        (f"steps:\n  {A[:-1]}, timeout: 0}}", "w.yaml:2: steps.a.timeout: must be more than 0 seconds"),
        (f"steps:\n  {A[:-1]}, timeout: .nan}}", "w.yaml:2: steps.a.timeout: must be at least 0, not nan"),
        (f"steps:\n  {A[:-1]}, timeout: yes}}", "w.yaml:2: steps.a.timeout: must be a number, not true or false"),
        (f"steps:\n  {A[:-1]}, on_error: skip}}", "w.yaml:2: steps.a.on_error: must be fail or continue, not 'skip'"),
        (f"steps:\n  {A[:-1]}, foreach: 3}}", "w.yaml:2: steps.a.foreach: must be a list, or a ${path} to one"),
        (f"parallel: 0\nsteps: {{{A}}}", "w.yaml:1: parallel: must be at least 1, not 0"),
        (f"inputs:\n  x: {{defualt: 1}}\nsteps: {{{A}}}", "w.yaml:2: inputs.x.defualt: unknown key; known: default"),
        (f"inputs: {{x: 3}}\nsteps: {{{A}}}", "w.yaml:1: inputs.x: must be a mapping, not a number"),
    ],
)
def test_mistake_is_named(tmp_path: Path, registry: Registry, text: str, said: str) -> None:
    assert problem(tmp_path, registry, text).startswith(said)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${inputs.y}", "${inputs.y}: there is no such input; there are: x"),
        ("${steps.b.output}", "${steps.b.output}: there is no step 'b'; there are: a"),
        (
            "${steps.a.outptu}",
            "${steps.a.outptu}: a path begins with inputs.name, steps.name.output (status, error) or",
        ),
        ("${item}", "${item} is for the prompt and the arguments of a step with foreach"),
        ("${__import__}", "${__import__}: a path begins with"),
        ("see ${", "'${' is no ${path}; write $${ for a plain ${"),
        ("${inputs.x[0]}", "'${inputs.x[0]}' is no ${path}"),
        ("${inputs.x()}", "'${inputs.x()}' is no ${path}"),
        ("${1 + 1}", "'${1 + 1}' is no ${path}"),
    ],
)
def test_path_that_leads_nowhere_is_named(tmp_path: Path, registry: Registry, value: str, said: str) -> None:
    text = f"inputs: {{x: {{}}}}\nsteps:\n  a:\n    function: note\n    with:\n      value:\n        - '{value}'"
    assert problem(tmp_path, registry, text).startswith(f"w.yaml:7: steps.a.with.value[0]: {said}")


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "${inputs.x} and",
        "or ${inputs.x}",
        "${inputs.x} ${inputs.x}",
        "${inputs.x} == f(1)",
        "${inputs.x} == [1]",
        "not",
        "${inputs.x} ==",
        "${inputs.x} == bug",
        "${inputs.x} == 1 == 2",
        "(${inputs.x}",
        "${inputs.x})",
        "()",
        "1 == 1",
        "${inputs.x} && ${inputs.x}",
        "${inputs.x} = 1",
        "${inputs.x} == 1_000",
        "${inputs.x} == 0x10",
        "${inputs.x} == 1; import os",
        "(" * 41 + "${inputs.x}" + ")" * 41,
        "not " * 100_000 + "${inputs.x}",
        "${inputs.y} and ${inputs.x}",
        "not (${inputs.x} or ${steps.z.output})",
    ],
)
def test_when_is_a_condition_and_nothing_more(tmp_path: Path, registry: Registry, condition: str) -> None:
    text = f'inputs: {{x: {{}}}}\nsteps:\n  a:\n    function: note\n    with: {{value: 1}}\n    when: "{condition}"'
    assert problem(tmp_path, registry, text).startswith("w.yaml:6: steps.a.when: ")


def test_cycle_is_named(tmp_path: Path, registry: Registry) -> None:
    text = """
        steps:
          first: {function: note, with: {value: 1}}
          a: {function: note, with: {value: "${steps.b.output}"}}
          b: {function: note, with: {value: 1}, needs: [c]}
          c: {function: note, with: {value: 1}, when: "${steps.a.output}"}
        """
    assert problem(tmp_path, registry, text) in {
        "w.yaml:3: steps.a: needs itself: a needs b needs c needs a",
        "w.yaml:4: steps.b: needs itself: b needs c needs a needs b",
        "w.yaml:5: steps.c: needs itself: c needs a needs b needs c",
    }
    text = "steps:\n  a: {function: note, with: {value: '${steps.a.output}'}}"
    assert problem(tmp_path, registry, text) == "w.yaml:2: steps.a: needs itself: a needs a"


# ---- case 46 ---------------------------------------------------------------------------------------------------------
BOMB = "\n".join(["a: &a [x]", *(f"b{n}: &b{n} [{', '.join(['*a'] * 9)}]" for n in range(9))])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "w.yaml:1: anchors and aliases are refused"),
        ("steps:\n  a: *nowhere", "w.yaml:2: anchors and aliases are refused"),
        ("steps:\n  a: !!python/object/apply:os.system [id]", "w.yaml:2: steps.a: tag tag:yaml.org,2002:python/object"),
        ("steps:\n  a: !mine {function: note}", "w.yaml:2: steps.a: tag !mine is refused"),
        ("steps:\n  a: !!binary aGk=", "w.yaml:2: steps.a: tag tag:yaml.org,2002:binary is refused"),
        ("steps:\n  a:\n    <<: {function: note}", "w.yaml:3: steps.a.<<: unknown key"),
        ("steps:\n  ? [1]\n  : 2", "w.yaml:2: steps: a key must be text"),
        ("name: !!int nine", "w.yaml:1: name: 'nine' is no int"),
        ("a: " + "[" * 100_000, "w.yaml:1: is nested more than 40 deep"),
        ("steps:\n  a: [", "w.yaml:2: "),
        ("steps: {}\n---\nsteps: {}", "w.yaml:2: but found another document"),
        ("name: \x00", "w.yaml:1: character"),
        (b"steps:\n  \xff: 1", "w.yaml:2: is not UTF-8"),
        (b"#" * 1_000_001, "w.yaml:1: is larger than 1000000 bytes"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_case_46_what_grows_or_runs_is_refused(
    tmp_path: Path, registry: Registry, text: str | bytes, said: str
) -> None:
    assert problem(tmp_path, registry, text).startswith(said)


def test_case_46_no_file_outside_the_folder_is_read(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "secret.md").write_text("secret")
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "good.md").write_text("Be kind.")
    text = "agents:\n  a: {{instructions_file: {}, model: fast}}\nsteps: {{a: {{agent: a, prompt: x}}}}"
    for name in ("../secret.md", str(tmp_path / "secret.md"), "link.md"):
        said = problem(folder, registry, text.format(name))
        assert said == f"w.yaml:2: agents.a.instructions_file: {name!r} is outside the workflow's folder"
    assert "can't be read" in problem(folder, registry, text.format("none.md"))
    assert "can't be read" in problem(folder, registry, text.format('"a\\0b"'))
    (folder / "w.yaml").write_text(text.format("good.md"))
    assert Workflow.load(folder / "w.yaml", registry=registry).file.steps[0].name == "a"


def test_case_132_only_regular_files_are_read_and_not_beyond_their_limit(tmp_path: Path, registry: Registry) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(300_000_000)
    text = "agents:\n  a: {{instructions_file: {}, model: fast}}\nsteps: {{a: {{agent: a, prompt: x}}}}"
    assert problem(tmp_path, registry, text.format("pipe")).endswith("'pipe' can't be read: is no regular file")
    assert problem(tmp_path, registry, text.format("large")).endswith("can't be read: is larger than 1000000 bytes")
    with pytest.raises(WorkflowInvalid, match="is no regular file"):
        Workflow.load(tmp_path / "pipe", registry=registry)


def test_file_that_is_not_there_is_named(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(WorkflowInvalid, match=r"none\.yaml:1: can't be read: No such file or directory"):
        Workflow.load(tmp_path / "none.yaml", registry=registry)


# ---- agents in the file ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("{model: fast}", "agents.scribe: an agent has instructions, or an instructions_file"),
        ("{instructions: x}", "agents.scribe: an agent has a model, or models"),
        (
            "{instructions: x, model: slow}",
            "agents.scribe.model: there is no model 'slow' in the registry; there are: fast",
        ),
        ("{instructions: x, models: [fast, slow]}", "agents.scribe.models[1]: there is no model 'slow'"),
        ("{instructions: x, model: fast, tools: [hammer]}", "agents.scribe.tools[0]: there is no tool 'hammer'"),
        (
            "{instructions: x, model: fast, tools: [shelf, shelf]}",
            "agents.scribe: agent scribe has two tools named shelf",
        ),
        ("{instructions: x, model: fast, limits: {steps: 0}}", "agents.scribe.limits: limit steps must be more than 0"),
        ("{instructions: x, model: fast, limits: {hops: 1}}", "agents.scribe.limits.hops: unknown key; known: steps"),
    ],
)
def test_mistake_in_an_agent_is_named(tmp_path: Path, registry: Registry, agent: str, said: str) -> None:
    text = f"agents:\n  scribe: {agent}\nsteps: {{a: {{agent: scribe, prompt: x}}}}"
    assert problem(tmp_path, registry, text).startswith(f"w.yaml:2: {said}")


def test_agent_of_the_registry_is_not_defined_again(tmp_path: Path, registry: Registry) -> None:
    text = f"agents:\n  clerk: {{instructions: x, model: fast}}\nsteps: {{{A}}}"
    assert problem(tmp_path, registry, text) == "w.yaml:2: agents.clerk: the registry has an agent of this name"


def test_name_is_declared_once(registry: Registry) -> None:
    with pytest.raises(ValueError, match="there are two functions named 'note'"):
        registry.function(lambda: 1, name="note")
