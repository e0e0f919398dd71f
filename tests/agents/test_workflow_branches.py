"""Which steps of a workflow run: compound conditions, `else` and `switch`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from agents import Agent, Registry, replay, run_workflow
from agents.messages import Message
from agents.testing import FunctionModel
from agents.workflows.conditions import parse_condition
from agents.workflows.errors import WorkflowInvalid
from agents.workflows.workflow import Workflow, WorkflowResult

Run = Callable[..., WorkflowResult]


def answering(name: str) -> Agent:
    def speak(messages: object) -> str:
        assert isinstance(messages, tuple)
        (message,) = messages
        return f"{name}: {message.text}"

    return Agent(name, "", model=FunctionModel(speak))


def kind_of(messages: tuple[Message, ...]) -> str:
    text = messages[-1].text
    return " Bug.\n" if "crash" in text else "`feature`" if "add" in text else "Praise!"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.agent(Agent("triage", "Say bug, feature or other.", model=FunctionModel(kind_of)))  # type: ignore[arg-type]
    for name in ("fixer", "planner", "helper"):
        registry.agent(answering(name))

    @registry.function
    def note(value: object) -> object:
        return value

    return registry


@pytest.fixture
def go(tmp_path: Path, registry: Registry) -> Run:
    def run(text: str, **options: object) -> WorkflowResult:
        (tmp_path / "w.yaml").write_text(dedent(text))
        return run_workflow(tmp_path / "w.yaml", registry=registry, **options)  # type: ignore[arg-type]

    return run


# ---- conditions ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("${inputs.yes} and ${inputs.no}", False),
        ("${inputs.yes} or ${inputs.no}", True),
        ("not ${inputs.no}", True),
        ("not not ${inputs.yes}", True),
        ("not ${inputs.yes} or ${inputs.yes}", True),  # not binds closest
        ("not (${inputs.yes} or ${inputs.yes})", False),
        ("${inputs.yes} or ${inputs.yes} and ${inputs.no}", True),  # and binds closer than or
        ("(${inputs.yes} or ${inputs.yes}) and ${inputs.no}", False),
        ("${inputs.word} == 'go' and ${inputs.n} > 2", True),
        ("${inputs.word} == 'go' and ${inputs.word} == 'stop'", False),  # once taken for one long text
        ("${inputs.word} == 'stop' or not ${inputs.n} >= 4", True),
        ("'go' == ${inputs.word} and 2 < ${inputs.n}", True),
        ("${inputs.quoted} == 'it''s and or ('", True),
        ('${inputs.quoted} == "it\'s and or ("', True),
        ("${inputs.no} and ${inputs.no.deeper.still} > 3", False),  # not looked at
        ("${inputs.yes} or ${inputs.word} < 3", True),
        ("${inputs.n}==3 and ${inputs.n}!=-1.5e3", True),
    ],
)
def test_condition_holds_as_it_reads(condition: str, holds: bool) -> None:
    inputs = {"yes": True, "no": False, "word": "go", "n": 3, "quoted": "it's and or ("}
    assert parse_condition(condition).holds({"inputs": inputs, "steps": {}}) is holds  # type: ignore[dict-item]


def test_compound_condition_waits_for_every_step_it_names(go: Run) -> None:
    result = go("""
        steps:
          last: {function: note, with: {value: 3}, when: "${steps.a.output} and not (${steps.b.output} == 5)"}
          a: {function: note, with: {value: 1}}
          b: {function: note, with: {value: 5}}
        output: ${steps.last.status}
        """)
    assert result.output == "skipped"


def test_wrong_condition_says_where_it_goes_wrong(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "w.yaml").write_text(
        "steps:\n  a: {function: note, with: {value: 1}}\n  b:\n    function: note\n"
        "    with: {value: 1}\n    when: ${steps.a.output} == bug\n"
    )
    with pytest.raises(WorkflowInvalid) as caught:
        Workflow.load(tmp_path / "w.yaml", registry=registry)
    assert str(caught.value).endswith(
        "w.yaml:6: steps.b.when: '${steps.a.output} == bug' is no condition: "
        "at 'bug' there should be a ${path}, a number, true, false, null or 'text'"
    )


# ---- else ------------------------------------------------------------------------------------------------------------
ELSE = """
    inputs: {kind: }
    steps:
      bug: {function: note, with: {value: fixed}, when: "${inputs.kind} == 'bug'"}
      feature: {function: note, with: {value: planned}, when: "${inputs.kind} == 'feature'", else: bug}
      default: {function: note, with: {value: answered}, else: [bug, feature]}
    output: ["${steps.bug.output}", "${steps.feature.output}", "${steps.default.output}"]
    """


@pytest.mark.parametrize(
    ("kind", "output"),
    [("bug", ["fixed", None, None]), ("feature", [None, "planned", None]), ("thanks", [None, None, "answered"])],
)
def test_else_runs_when_the_others_were_skipped(go: Run, kind: str, output: object) -> None:
    assert go(ELSE, inputs={"kind": kind}).output == output


def test_else_of_a_step_that_failed_does_not_run(go: Run) -> None:
    result = go("""
        steps:
          a: {function: note, with: {value: "${inputs.x.y}"}, when: "${inputs.x}", on_error: continue}
          b: {function: note, with: {value: 1}, else: a}
        inputs: {x: {default: {z: 1}}}
        output: ["${steps.a.status}", "${steps.b.status}"]
        """)
    assert result.output == ["failed", "skipped"]


# ---- switch ----------------------------------------------------------------------------------------------------------
SWITCH = """
    inputs: {text: }
    steps:
      kind: {agent: triage, prompt: "${inputs.text}"}
      answer:
        switch: ${steps.kind.output}
        cases: {bug: {agent: fixer}, feature: {agent: planner, prompt: "Plan: ${inputs.text}"}}
        default: {agent: helper}
        prompt: ${inputs.text}
    output: ${steps.answer.output}
    """


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("It crashes", "fixer: It crashes"),
        ("Please add it", "planner: Plan: Please add it"),
        ("Thank you", "helper: Thank you"),
    ],
)
def test_s3_bug_feature_default_is_five_lines(go: Run, text: str, output: str) -> None:
    """S3 routes an issue to one of three agents by what a first one calls it."""
    sample = dedent(SWITCH).split("answer:")[1].split("output:")[0]
    assert len(f"answer:{sample}".strip().splitlines()) == 5
    assert go(SWITCH, inputs={"text": text}).output == output


def test_chosen_case_is_recorded_resumed_and_replayed(go: Run, tmp_path: Path, registry: Registry) -> None:
    runs = tmp_path / "runs"
    first = go(SWITCH, inputs={"text": "It crashes"}, checkpoints=runs, run_id="one")
    assert go(SWITCH, inputs={"text": "It crashes"}, checkpoints=runs, run_id="one").output == first.output
    assert [state.step for state in replay("one", checkpoints=runs, registry=registry)] == ["kind", "answer"]


def test_switch_without_a_case_is_skipped_and_a_foreach_chooses_for_each_item(go: Run) -> None:
    result = go("""
        steps:
          each:
            foreach: ["one", 2, true, null, "three"]
            switch: ${item}
            cases:
              One: {function: note, with: {value: first}}
              2: {function: note, with: {value: "second ${index}"}}
              "true": {function: note, with: {value: yes}}
        """)
    assert result.output == ["first", "second 1", True, None, None]


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("switch: ${inputs.x}", "w.yaml:4: steps.a.switch: a switch has cases"),
        ("switch: x\n    cases: {b: {function: note}}", "w.yaml:4: steps.a.switch: must be a ${path}, whose value"),
        ("switch: ${inputs.y}\n    cases: {b: {function: note}}", "w.yaml:4: steps.a.switch: ${inputs.y}: there is no"),
        (
            "switch: ${inputs.x}\n    cases: {b: {with: {value: 1}}}",
            "w.yaml:5: steps.a.cases.b: a case has one of agent, function, tool; this one has none",
        ),
        (
            "switch: ${inputs.x}\n    cases:\n      b: {function: note, with: {value: 1}}\n      B.: {function: note}",
            "w.yaml:7: steps.a.cases.B.: a case has a name of its own",
        ),
        (
            "switch: ${inputs.x}\n    cases: {b: {agent: fixer}}",
            "w.yaml:5: steps.a.cases.b: agent steps have a prompt",
        ),
        (
            "switch: ${inputs.x}\n    cases: {b: {agent: fixer, prompt: x, when: y}}",
            "w.yaml:5: steps.a.cases.b.when: unknown key",
        ),
        (
            "switch: ${inputs.x}\n    agent: fixer\n    cases: {b: {agent: fixer}}",
            "w.yaml:5: steps.a.agent: a step with a switch has its agents, functions and tools in its cases",
        ),
        ("function: note\n    default: {function: note}", "w.yaml:5: steps.a.default: is for a step with a switch"),
        ("function: note\n    with: {value: 1}\n    else: b", "w.yaml:6: steps.a.else: there is no step 'b'"),
        ("function: note\n    with: {value: 1}\n    else: z", "w.yaml:6: steps.a.else: step z has no when, so that it"),
        ("function: note\n    with: {value: 1}\n    else: a", "w.yaml:3: steps.a: needs itself: a needs a"),
    ],
)
def test_wrong_branch_is_named_with_its_line(tmp_path: Path, registry: Registry, step: str, problem: str) -> None:
    text = f"inputs: {{x: }}\nsteps:\n  a:\n    {step}\n  z: {{function: note, with: {{value: 1}}}}\n"
    (tmp_path / "w.yaml").write_text(text)
    with pytest.raises(WorkflowInvalid) as caught:
        Workflow.load(tmp_path / "w.yaml", registry=registry)
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(problem)
