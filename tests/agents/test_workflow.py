"""Workflows as they run: values, order, errors, limits, and whose thread the steps run on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from agents.agent import Agent
from agents.budget import Price
from agents.errors import LimitExceeded, ModelUnavailable
from agents.messages import ToolCall, Usage
from agents.testing import FunctionModel, ScriptedModel
from agents.tools import tool
from agents.workflows.errors import StepFailed, WorkflowInvalid
from agents.workflows.registry import Registry
from agents.workflows.workflow import Workflow, WorkflowResult, arun_workflow, run_workflow

Run = Callable[..., WorkflowResult]


@dataclass(frozen=True)
class Book:
    title: str
    pages: int


@tool
def shelf(topic: str, limit: int = 2) -> list[Book]:
    """The books about a topic."""
    return [Book(f"{topic} {number}", number * 100) for number in range(1, limit + 1)]


class Desk:
    """Functions that remember how they were called."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.registry = Registry()
        self.registry.tool(shelf)
        self.running = 0
        self.barrier = threading.Barrier(4, timeout=60)
        for function in (self.note, self.join, self.wait, self.fail, self.flaky, self.leave, self.meet, self.count):
            self.registry.function(function)
        for function in (self.hold, self.meet_on_a_thread):
            self.registry.function(function, thread_sensitive=False)

    def note(self, value: Any) -> Any:
        self.calls.append(value)
        return value

    def join(self, parts: list[Any], by: str = ", ") -> str:
        return by.join(map(str, parts))

    async def wait(self, seconds: float, value: Any = None) -> Any:
        await asyncio.sleep(seconds)
        return value

    def hold(self, seconds: float) -> str:
        time.sleep(seconds)
        return threading.current_thread().name

    def meet_on_a_thread(self) -> str:
        self.barrier.wait()
        return "met"

    async def meet(self) -> str:
        return await asyncio.to_thread(self.meet_on_a_thread)

    async def count(self, item: int) -> int:
        """How many run at once."""
        self.running += 1
        running = self.running
        await asyncio.sleep(0.02)
        self.running -= 1
        return running

    def fail(self, value: Any = None) -> None:
        self.calls.append(value)
        raise LookupError(f"no {value}")

    def flaky(self, times: int) -> int:
        self.calls.append(time.monotonic())
        if len(self.calls) < times:
            raise ConnectionError("not yet")
        return len(self.calls)

    def leave(self) -> None:
        raise SystemExit(3)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def run(desk: Desk, tmp_path: Path) -> Run:
    def run(text: str, **options: Any) -> WorkflowResult:
        path = tmp_path / "desk.yaml"
        path.write_text(text)
        return run_workflow(path, registry=desk.registry, **options)

    return run


# ---- values ----------------------------------------------------------------------------------------------------------
def test_values_flow_between_steps_with_their_types(run: Run) -> None:
    result = run(
        """
        inputs: {topic: {}, limit: {default: 2}}
        steps:
          find:
            tool: shelf
            with:
              topic: ${inputs.topic}
              limit: ${inputs.limit}
          last:
            function: note
            with:
              value:
                title: "${steps.find.output.1.title}!"
                pages: ${steps.find.output.1.pages}
                all: "${steps.find.output}"
                plain: $${inputs.topic}
                none: [1, 2.5, true, null, 2026-01-02]
        """,
        inputs={"topic": "whales"},
    )
    books = [{"title": "whales 1", "pages": 100}, {"title": "whales 2", "pages": 200}]
    assert result.error is None
    assert result.status == "completed"
    assert result.steps["find"].output == books
    assert result.output == {
        "title": "whales 2!",
        "pages": 200,
        "all": books,
        "plain": "${inputs.topic}",
        "none": [1, 2.5, True, None, "2026-01-02"],
    }


@pytest.mark.parametrize("twice", ["'${inputs.text}${inputs.text}'", "['${inputs.text}', '${inputs.text}']"])
def test_case_132_values_that_multiply_end_with_the_limit(run: Run, twice: str) -> None:
    steps = "\n".join(
        f"  s{n}: {{function: note, with: {{value: {twice.replace('inputs.text', f'steps.s{n - 1}.output')}}}}}"
        for n in range(1, 40)
    )
    result = run(
        f"inputs: {{text: {{}}}}\nsteps:\n  s0: {{function: note, with: {{value: '${{inputs.text}}'}}}}\n{steps}",
        inputs={"text": "whales " * 100},
    )
    assert result.status == "failed"
    assert "the value is larger than 10,000,000 characters" in str(result.error)


def test_foreach_gives_a_list_in_the_order_of_its_items(run: Run) -> None:
    result = run(
        """
        steps:
          each:
            foreach: [0.02, 0.0, 0.01]
            function: wait
            with: {seconds: "${item}", value: "${index}: ${item}"}
          none:
            foreach: ${steps.each.output.0.titles}
            function: note
            with: {value: "${item}"}
        output: {each: "${steps.each.output}"}
        """
    )
    assert result.steps["each"].output == ["0: 0.02", "1: 0.0", "2: 0.01"]
    assert isinstance(result.error, StepFailed)
    assert "desk.yaml:7: steps.none: ${steps.each.output.0.titles} has no 'titles': it is \"0: 0.02\"" in str(
        result.error
    )


def test_foreach_over_nothing_is_an_empty_list(run: Run) -> None:
    assert run("steps: {each: {foreach: [], function: note, with: {value: '${item}'}}}").output == []


def test_output_is_that_of_the_last_step_unless_it_is_told(run: Run) -> None:
    steps = "steps: {b: {function: note, with: {value: '${steps.a.output}'}}, a: {function: note, with: {value: 7}}}"
    assert run(steps).output == 7
    assert run(f"output: ['${{steps.b.output}}', '${{steps.b.status}}']\n{steps}").output == [7, "completed"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("${inputs.n}", "completed"),
        ("${inputs.none}", "skipped"),
        ("${inputs.none.deeper}", "skipped"),
        ("${inputs.n} > 2", "completed"),
        ("${inputs.n} >= 4", "skipped"),
        ("${inputs.word} == 'go'", "completed"),
        ('${inputs.word} != "go"', "skipped"),
        ("${inputs.n} == ${inputs.same}", "completed"),
        ("${inputs.none} == null", "completed"),
    ],
)
def test_when_decides(run: Run, condition: str, status: str) -> None:
    text = f"""
        inputs: {{n: {{default: 3}}, same: {{default: 3}}, none: {{default: null}}, word: {{default: go}}}}
        steps:
          maybe: {{function: note, with: {{value: 1}}, when: {condition!r}}}
          after: {{function: note, with: {{value: ["${{steps.maybe.output}}", "${{steps.maybe.status}}"]}}}}
        """
    assert run(text).output == [1 if status == "completed" else None, status]


def test_values_without_an_order_fail_the_step(run: Run) -> None:
    result = run("steps: {a: {function: note, with: {value: x}}, b: {when: '${steps.a.output} < 3', function: leave}}")
    assert "${steps.a.output} < 3: x and 3 have no order" in str(result.error)


def test_inputs_that_are_missing_or_unknown_are_named(run: Run) -> None:
    text = "steps: {a: {function: note, with: {value: 1}}}\ninputs:\n  topic: {description: what about}\n"
    with pytest.raises(WorkflowInvalid, match=r"desk.yaml:3: inputs.topic: this input is missing"):
        run(text)
    with pytest.raises(WorkflowInvalid, match=r"desk.yaml:1: inputs: there is no input 'tpoic'; there are: topic"):
        run(text, inputs={"topic": 1, "tpoic": 2})


# ---- order -----------------------------------------------------------------------------------------------------------
def test_independent_steps_run_at_once_and_dependent_ones_after(run: Run, desk: Desk) -> None:
    """The four of them end only when all have begun: two on the loop, two on threads."""
    result = run(
        """
        steps:
          end: {function: note, with: {value: "${steps.a.output}"}, needs: [b, c, d]}
          a: {function: meet}
          b: {function: meet}
          c: {function: meet_on_a_thread}
          d: {function: meet_on_a_thread}
        output: ${steps.end.output}
        """
    )
    assert result.output == "met"
    assert desk.calls == ["met"]


def test_parallel_bounds_what_runs_at_once(run: Run, desk: Desk) -> None:
    text = "steps: {each: {foreach: [1, 2, 3, 4, 5], function: count, with: {item: '${item}'}}}"
    assert max(run(text).output) == 5
    assert max(run(f"parallel: 2\n{text}").output) == 2


def test_sync_functions_and_tools_run_on_the_callers_thread(run: Run, desk: Desk) -> None:
    desk.registry.function(lambda: threading.current_thread().name, name="where")

    @tool
    def here() -> str:
        """Where a tool runs."""
        return threading.current_thread().name

    model = ScriptedModel([ToolCall("1", "here", "{}"), "done"])
    desk.registry.agent(Agent("clerk", "", tools=[here], models=[model]))
    text = "steps: {a: {agent: clerk, prompt: go}, b: {function: where}, c: {function: where, needs: [a]}}"
    outputs: list[Any] = []

    def work() -> None:
        result = run(text + "\noutput: ['${steps.b.output}', '${steps.c.output}', '${steps.a.output}']")
        outputs.append(result.output)

    worker = threading.Thread(target=work, name="a-worker")
    worker.start()
    worker.join(60)
    assert outputs == [["a-worker", "a-worker", "done"]]
    assert model.requests[1][-1].value == "a-worker"  # type: ignore[union-attr]


@pytest.mark.django_db
def test_orm_in_steps_and_in_an_agents_tools_is_inside_the_callers_transaction(run: Run, desk: Desk) -> None:
    def add(name: str) -> int:
        Group.objects.create(name=name)
        return Group.objects.count()

    @tool
    def count() -> int:
        """How many groups there are."""
        return Group.objects.count()

    desk.registry.function(add)
    desk.registry.tool(count)
    desk.registry.agent(Agent("clerk", "", tools=[count], models=[ScriptedModel([ToolCall("1", "count", "{}"), "ok"])]))
    Group.objects.all().delete()
    Group.objects.create(name="of the test")
    text = """
        steps:
          each: {foreach: [a, b, c], function: add, with: {name: "${item}"}}
          look: {tool: count, needs: [each]}
          ask: {agent: clerk, prompt: count, needs: [look]}
        output: ["${steps.each.output}", "${steps.look.output}", "${steps.ask.output}"]
        """
    with transaction.atomic():
        result = run(text)
        transaction.set_rollback(True)
    assert result.output == [[2, 3, 4], 4, "ok"]
    assert [group.name for group in Group.objects.all()] == ["of the test"]


def test_it_runs_inside_a_running_loop(run: Run) -> None:
    async def cell() -> Any:
        return run(
            "steps: {a: {function: wait, with: {seconds: 0.0, value: 1}}, b: {function: note, with: {value: 2}}}"
        )

    assert asyncio.run(cell()).output == 2


def test_it_can_be_awaited_and_cancelled(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text("steps: {a: {function: wait, with: {seconds: 0.0, value: 1}}}")

    async def main() -> None:
        assert (await arun_workflow(path, registry=desk.registry)).output == 1
        path.write_text(
            "steps: {a: {function: wait, with: {seconds: 600}}, b: {function: note, needs: [a], with: {value: 1}}}"
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(arun_workflow(path, registry=desk.registry), 0.1)

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 60
    assert desk.calls == []


# ---- agents ----------------------------------------------------------------------------------------------------------
def test_agent_step_gives_the_answer(run: Run, desk: Desk) -> None:
    model = FunctionModel(lambda messages: f"about {messages[-1].text}")  # type: ignore[union-attr]
    desk.registry.agent(Agent("clerk", "", models=[model]))
    text = "steps: {ask: {foreach: [{a: 1}, whales], agent: clerk, prompt: '${item}'}}"
    assert run(text).output == ['about {"a":1}', "about whales"]


def test_agent_that_fails_fails_its_step(run: Run, desk: Desk) -> None:
    desk.registry.agent(Agent("clerk", "", models=[ScriptedModel([ModelUnavailable("no connection")])]))
    result = run("steps: {ask: {agent: clerk, prompt: go}}")
    assert (result.status, str(result.error)) == ("failed", "step ask failed: ModelUnavailable: no connection")


def test_what_agents_used_is_counted(run: Run, desk: Desk) -> None:
    price = Price(input=Decimal(1), output=Decimal(2))
    model = ScriptedModel([["a", Usage(10, 1)], ["b", Usage(20, 2)]], price=price)
    desk.registry.agent(Agent("clerk", "", models=[model]))
    result = run("steps: {ask: {foreach: [1, 2], agent: clerk, prompt: go}}")
    assert result.usage == Usage(30, 3)
    assert result.cost == Decimal("0.000036")


def test_file_defines_agents_from_declared_models_and_tools(run: Run, desk: Desk, tmp_path: Path) -> None:
    model = ScriptedModel([ToolCall("1", "shelf", '{"topic": "bees"}'), "two books"])
    desk.registry.model(model, name="fast")
    (tmp_path / "clerk.md").write_text("Count the books.")
    result = run(
        """
        agents:
          clerk: {instructions_file: clerk.md, model: fast, tools: [shelf], limits: {steps: 3}}
        steps:
          ask: {agent: clerk, prompt: "How many?"}
        """
    )
    assert result.output == "two books"
    model.assert_finished()


# ---- errors ----------------------------------------------------------------------------------------------------------
def test_failed_step_ends_the_run_once_what_had_started_is_done(run: Run, desk: Desk) -> None:
    result = run(
        """
        steps:
          broken: {function: fail, with: {value: ink}}
          slow: {function: wait, with: {seconds: 0.1, value: 1}}
          after: {function: note, with: {value: "${steps.broken.output}"}}
          later: {function: note, with: {value: "${steps.slow.output}"}}
        """
    )
    assert (result.status, result.success, result.output) == ("failed", False, None)
    assert isinstance(result.error, StepFailed)
    assert str(result.error) == "step broken failed: LookupError: no ink"
    assert {name: state.status for name, state in result.steps.items()} == {"broken": "failed", "slow": "completed"}


def test_on_error_continue_leaves_null_and_tells_why(run: Run) -> None:
    result = run(
        """
        steps:
          broken: {function: fail, with: {value: ink}, on_error: continue}
          each: {foreach: [1, 2], function: fail, with: {value: "${item}"}, on_error: continue}
        output: ["${steps.broken.output}", "${steps.broken.error}", "${steps.each.output}"]
        """
    )
    assert result.output == [None, "LookupError: no ink", [None, None]]
    assert result.steps["each"].error == "2 of 2 items failed; item 0: LookupError: no 1"


def test_retry_tries_again_with_growing_pauses(run: Run, desk: Desk) -> None:
    text = "steps: {a: {function: flaky, with: {times: 3}, retry: {times: %d, seconds: 0.04}}}"
    result = run(text % 2)
    first, second, third = desk.calls
    assert (result.output, result.steps["a"].attempts) == (3, 3)
    assert second - first >= 0.04
    assert third - second >= 0.08
    desk.calls.clear()
    assert str(run(text % 1).error) == "step a failed: ConnectionError: not yet"
    assert len(desk.calls) == 2


def test_timeout_bounds_an_attempt_and_another_one_the_run(run: Run) -> None:
    result = run("steps: {a: {function: wait, with: {seconds: 5}, timeout: 0.05}}")
    assert str(result.error) == "step a failed: it took longer than 0.05 seconds"
    slow = "steps: {a: {function: wait, with: {seconds: 5}}}"
    for result in (run(slow, timeout=0.05), run(f"timeout: 0.05\n{slow}", timeout=9)):
        assert (result.status, type(result.error)) == ("limited", LimitExceeded)
        assert result.total_seconds < 2


def test_sync_step_that_is_too_slow_is_given_up(run: Run) -> None:
    result = run("steps: {a: {function: hold, with: {seconds: 0.5}, timeout: 0.05}}")
    assert str(result.error) == "step a failed: it took longer than 0.05 seconds"


def test_exit_in_a_step_ends_the_run_and_nothing_else(run: Run) -> None:
    result = run("steps: {a: {function: leave, on_error: continue, retry: 3}}")
    assert (result.status, str(result.error)) == ("failed", "step a failed: ExitRequested: SystemExit was raised")
    assert result.steps["a"].attempts == 1
    assert run("steps: {a: {function: note, with: {value: 1}}}").output == 1


def test_value_without_a_json_form_fails_its_step(run: Run, desk: Desk) -> None:
    desk.registry.function(lambda: threading.Lock(), name="odd")
    assert "PydanticSerializationError" in str(run("steps: {a: {function: odd}}").error)


# ---- the trace -------------------------------------------------------------------------------------------------------
def test_run_is_traced_as_a_tree(run: Run, desk: Desk) -> None:
    desk.registry.agent(Agent("clerk", "", models=[ScriptedModel(["yes"])]))
    result = run("name: daily\nsteps: {a: {tool: shelf, with: {topic: x}}, b: {agent: clerk, prompt: go}}")
    assert result.trace is not None
    spans = {(span.kind, span.name) for span in result.trace.walk()}
    assert {("workflow", "daily"), ("tool", "shelf")} <= spans


def test_workflow_can_be_loaded_once_and_run_often(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text("inputs: {n: {}}\nsteps: {a: {function: note, with: {value: '${inputs.n}'}}}")
    workflow = Workflow.load(path, registry=desk.registry)
    assert [workflow.run(inputs={"n": n}).output for n in range(3)] == [0, 1, 2]
