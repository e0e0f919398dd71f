"""Replaying a recorded run: no model and no tool is asked, and every state must come out the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.agent import Agent
from agents.errors import ModelUnavailable
from agents.messages import ToolCall
from agents.orchestration import sequential
from agents.testing import ScriptedModel, Step
from agents.tools import tool
from agents.workflows.checkpoints import read_record
from agents.workflows.errors import ReplayDiffers
from agents.workflows.registry import Registry
from agents.workflows.replay import replay
from agents.workflows.workflow import run_workflow

ASKED = """
steps:
  ask: {agent: clerk, prompt: "How many ${steps.pages.output}?"}
  pages: {tool: look, with: {topic: pages}}
  each: {foreach: [1, 2], agent: clerk, prompt: "item ${item}", on_error: continue}
  total: {function: total, with: {texts: ["${steps.ask.output}", "${steps.each.output}"]}}
"""


class Library:
    """An agent, a tool and a function that say how often they were asked; `suffix` makes the function change."""

    def __init__(self, *turns: Step) -> None:
        self.looked: list[str] = []
        self.suffix = ""
        self.model = ScriptedModel(turns)

        @tool
        def look(topic: str) -> dict[str, str]:
            """Look something up."""
            self.looked.append(topic)
            if topic == "nothing":
                raise LookupError("no such topic")
            return {"about": topic}

        self.registry = Registry()
        self.registry.tool(look)
        self.registry.function(lambda texts: str(texts) + self.suffix, name="total")
        self.registry.agent(Agent("clerk", "Count.", tools=[look], models=[self.model]))


def look(topic: str, *, call_id: str = "1") -> ToolCall:
    return ToolCall(call_id, "look", json.dumps({"topic": topic}))


def record_of(tmp_path: Path, library: Library, *, text: str = ASKED) -> Path:
    path = tmp_path / "asked.yaml"
    path.write_text("parallel: 1\n" + text)
    run_workflow(path, registry=library.registry, checkpoints=tmp_path / "runs", run_id="one")
    return tmp_path / "runs"


def test_replay_asks_no_model_and_no_tool_and_finds_every_state_the_same(tmp_path: Path) -> None:
    library = Library(
        "one",
        ModelUnavailable("gone"),
        ["Looking.", look("a"), look("a", call_id="2"), look("nothing", call_id="3"), ToolCall("4", "lok", "{}")],
        "Two pages.",
    )
    runs = record_of(tmp_path, library)
    library.model.assert_finished()
    assert library.looked == ["pages", "a", "a", "nothing"]
    states = replay("one", checkpoints=runs, registry=library.registry)
    assert [(state.step, state.item, state.status) for state in states] == [
        ("pages", None, "completed"),
        ("each", 0, "completed"),
        ("each", 1, "failed"),
        ("each", None, "completed"),
        ("ask", None, "completed"),
        ("total", None, "completed"),
    ]
    assert states[-1].output == "['Looking.\\n\\nTwo pages.', ['one', None]]"
    assert len(library.looked) == 4


def test_replay_names_the_first_difference(tmp_path: Path) -> None:
    library = Library("one", "two", "three")
    runs = record_of(tmp_path, library)
    library.suffix = "!"
    with pytest.raises(ReplayDiffers) as caught:
        replay("one", checkpoints=runs, registry=library.registry)
    assert (caught.value.place, caught.value.field) == ("total", "output")
    assert str(caught.value) == (
        "total.output: recorded \"['three', ['one', 'two']]\", replayed \"['three', ['one', 'two']]!\""
    )


def test_replay_notices_an_agent_that_asks_for_more(tmp_path: Path) -> None:
    library = Library("one", "two", look("a"), "three")
    runs = record_of(tmp_path, library)
    path = runs / "one.jsonl"
    forged = path.read_text().replace(
        '{"role": "assistant", "text": "three", "tool_calls": []}',
        '{"role": "user", "text": "three", "passages": []}',
    )
    path.write_text(forged)
    with pytest.raises(
        ReplayDiffers, match=r"ask\.error: recorded None, replayed 'ModelInterrupted: the agent asked for"
    ):
        replay("one", checkpoints=runs, registry=library.registry)


def test_replay_of_a_failed_run_repeats_its_failure(tmp_path: Path) -> None:
    library = Library("one", ModelUnavailable("gone"))
    runs = record_of(tmp_path, library, text=ASKED.replace(", on_error: continue", ""))
    assert read_record(runs, run_id="one").ended == "failed"
    states = replay("one", checkpoints=runs, registry=library.registry)
    assert [(state.step, state.item, state.status) for state in states][1:] == [
        ("each", 0, "completed"),
        ("each", 1, "failed"),
        ("each", None, "failed"),
    ]


def test_replay_of_a_killed_run_ends_where_it_was_killed(tmp_path: Path) -> None:
    library = Library("one", "two", "three")
    runs = record_of(tmp_path, library)
    path = runs / "one.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    states = replay("one", checkpoints=runs, registry=library.registry)
    assert [(state.step, state.item) for state in states] == [("pages", None), ("each", 0)]


def test_replay_of_a_run_that_was_resumed_forgets_the_failure(tmp_path: Path) -> None:
    library = Library("one", ModelUnavailable("gone"), "two", "three")
    text = ASKED.replace(", on_error: continue", "")
    runs = record_of(tmp_path, library, text=text)
    record_of(tmp_path, library, text=text)
    path = runs / "one.jsonl"
    path.write_text(path.read_text().partition('{"state": {"step": "each", "status": "completed", "item": null')[0])
    states = replay("one", checkpoints=runs, registry=library.registry)
    assert [(state.place, state.status) for state in states] == [
        ("pages", "completed"),
        ("each[0]", "completed"),
        ("each[1]", "completed"),
        ("ask", "completed"),
    ]


@dataclass
class Answer:
    books: int


ENDS = "steps: {ask: {agent: asked, prompt: go}}"


def test_replay_of_an_answer_with_a_type_and_its_repair(tmp_path: Path) -> None:
    library = Library()
    model = ScriptedModel(["many", '{"books": 3}'])
    library.registry.agent(Agent("asked", "", model=model, output=Answer))
    runs = record_of(tmp_path, library, text=ENDS)
    assert replay("one", checkpoints=runs, registry=library.registry)[0].output == {"books": 3}


def test_replay_of_a_tool_that_ends_the_run(tmp_path: Path) -> None:
    @tool(terminates=True)
    def submit(books: int) -> dict[str, int]:
        """Give the answer."""
        counted.append(books)
        return {"books": books}

    counted: list[int] = []
    library = Library()
    model = ScriptedModel([ToolCall("1", "submit", '{"books": 4}')])
    library.registry.agent(Agent("asked", "", tools=[submit], model=model))
    runs = record_of(tmp_path, library, text=ENDS)
    assert replay("one", checkpoints=runs, registry=library.registry)[0].output == {"books": 4}
    assert counted == [4]


def test_replay_of_agents_put_together_as_one(tmp_path: Path) -> None:
    library = Library()
    agents = [Agent(name, "", model=ScriptedModel([f"{name} said"])) for name in ("a", "b")]
    library.registry.agent(sequential(*agents, name="asked"))
    runs = record_of(tmp_path, library, text=ENDS)
    assert replay("one", checkpoints=runs, registry=library.registry)[0].output == "b said"


def test_replay_of_an_agent_that_hands_over(tmp_path: Path) -> None:
    library = Library()
    other = Agent("other", "", model=ScriptedModel(["done"]))
    model = ScriptedModel([ToolCall("1", "hand_over_to_other", "{}")])
    library.registry.agent(Agent("asked", "", model=model, handoffs=[other]))
    runs = record_of(tmp_path, library, text=ENDS)
    assert replay("one", checkpoints=runs, registry=library.registry)[0].output == "done"


def test_replay_notices_other_arguments(tmp_path: Path) -> None:
    """The tool's own code is not called, but what it would have been given is compared."""
    library = Library("three")
    text = "steps: {t: {function: total, with: {texts: a}}, look: {tool: look, with: {topic: '${steps.t.output}'}}}"
    runs = record_of(tmp_path, library, text=text)
    record = (runs / "one.jsonl").read_text()
    (runs / "one.jsonl").write_text(record.replace('"arguments": {"topic": "a"}', '"arguments": {"topic": "b"}'))
    with pytest.raises(ReplayDiffers, match=r"look\.arguments\.topic: recorded 'b', replayed 'a'"):
        replay("one", checkpoints=runs, registry=library.registry)
