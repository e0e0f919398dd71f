"""A step waits for a person: the run ends, keeps what it asked, and goes on with the answer."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from agents.__main__ import main
from agents.workflows.checkpoints import read_record
from agents.workflows.drawing import draw
from agents.workflows.editing.cards import read_cards
from agents.workflows.editing.choices import choices, problems
from agents.workflows.errors import AnswerRefused, RunLocked, WorkflowError, WorkflowInvalid
from agents.workflows.events import StepBegan, StepEnded, StepWaits, WorkflowEvent
from agents.workflows.persons import Waiting, waiting_in
from agents.workflows.registry import Registry
from agents.workflows.replay import replay
from agents.workflows.workflow import Workflow, WorkflowResult, resume_workflow

PUBLISH = """\
inputs: {topic: {default: whales}}
steps:
  write: {function: note, with: {value: "${inputs.topic}"}}
  side: {function: note, with: {value: beside}}
  improve: {person: edit, prompt: Make it better., value: "${steps.write.output}"}
  check: {person: approve, prompt: "Publish ${steps.improve.output}?"}
  publish: {function: note, with: {value: "${steps.improve.output}"}, when: "${steps.check.output.approved}"}
  drop: {function: note, with: {value: "no: ${steps.check.output.comment}"}, else: publish}
output: ["${steps.publish.output}", "${steps.drop.output}"]
"""


class Noted:
    """A registry whose function notes what it is called with."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self.registry = Registry()
        self.registry.function(self.note)

    def note(self, value: object) -> object:
        self.values.append(value)
        return value


@pytest.fixture
def noted() -> Noted:
    return Noted()


class Site:
    """A workflow and where its run is recorded."""

    def __init__(self, noted: Noted, folder: Path, text: str) -> None:
        self.workflow = Workflow.parse(text, name="publish", registry=noted.registry)
        self.runs = folder / "runs"

    def run(self, **answers: object) -> WorkflowResult:
        return self.workflow.run(checkpoints=self.runs, run_id="one", answers=answers)

    def resume(self, answers: dict[str, Any]) -> WorkflowResult:
        return resume_workflow("one", checkpoints=self.runs, workflow=self.workflow, answers=answers)

    @property
    def recorded(self) -> bytes:
        return (self.runs / "one.jsonl").read_bytes()


@pytest.fixture
def site(noted: Noted, tmp_path: Path) -> Site:
    return Site(noted, tmp_path, PUBLISH)


def test_run_does_what_it_can_and_waits(site: Site, noted: Noted) -> None:
    result = site.run()
    assert (result.status, result.success, result.output, result.error) == ("waiting", False, None, None)
    assert result.waiting == (Waiting("improve", None, "edit", "Make it better.", "whales"),)
    assert sorted(map(str, noted.values)) == ["beside", "whales"]
    record = read_record(site.runs, run_id="one")
    assert (record.ended, waiting_in(record)) == ("waiting", list(result.waiting))
    assert result.steps["improve"].status == "waiting"


def test_run_goes_on_with_each_answer(site: Site, noted: Noted) -> None:
    site.run()
    second = site.resume({"improve": "Whales!"})
    assert second.waiting == (Waiting("check", None, "approve", "Publish Whales!?"),)
    third = site.resume({"check": True})
    assert (third.status, third.output) == ("completed", ["Whales!", None])
    assert third.steps["check"].output == {"approved": True, "comment": ""}
    assert noted.values.count("whales") == 1


def test_rejection_takes_the_other_way(site: Site) -> None:
    site.run()
    site.resume({"improve": "Whales!"})
    last = site.resume({"check": {"approved": False, "comment": "too loud"}})
    assert (last.status, last.output) == ("completed", [None, "no: too loud"])


def test_run_without_an_answer_waits_still(site: Site, noted: Noted) -> None:
    first = site.run()
    again = site.resume({})
    assert (again.status, again.waiting) == ("waiting", first.waiting)
    assert len(noted.values) == 2


@pytest.mark.parametrize("cut", [1, 30])
def test_question_and_answer_survive_a_kill(site: Site, cut: int) -> None:
    site.run()
    path = site.runs / "one.jsonl"
    path.write_bytes(site.recorded[:-cut])  # the line that says how the run ended is torn
    assert read_record(site.runs, run_id="one").ended is None
    site.resume({"improve": "Whales!"})
    lines = site.recorded.splitlines(keepends=True)
    answer = next(at for at, line in enumerate(lines) if b'"Whales!"' in line)
    path.write_bytes(b"".join(lines[: answer + 1]))  # killed as soon as the answer was recorded
    assert site.resume({}).waiting[0].prompt == "Publish Whales!?"


def test_killed_resume_forgets_no_question(site: Site) -> None:
    site.run()
    with (site.runs / "one.jsonl").open("ab") as file:
        file.write(b'{"resumed_at": 1.0}\n')
    assert site.resume({"improve": "Whales!"}).waiting[0].step == "check"


# ---- answers that can't be taken -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"improve": 3}, "step improve wants a value of the kind that it shows: text for text, a list for a list, not"),
        ({"improve": None}, "step improve wants a value"),
        ({"check": True}, "step check does not wait for an answer"),
        ({"write": "x"}, "step write does not wait for an answer"),
        ({"nobody": "x"}, "step nobody does not wait for an answer"),
        ({"improve": "fine", "check": True}, "step check does not wait"),
    ],
)
def test_answer_that_does_not_fit_changes_nothing(site: Site, answers: dict[str, Any], said: str) -> None:
    site.run()
    before = site.recorded
    with pytest.raises(AnswerRefused) as caught:
        site.resume(answers)
    assert str(caught.value).startswith(said)
    assert site.recorded == before


@pytest.mark.parametrize("answer", ["yes", 1, {}, {"approved": 1}, {"approved": True, "coment": "x"}, None])
def test_approval_is_true_or_false(site: Site, answer: object) -> None:
    site.run()
    site.resume({"improve": "x"})
    with pytest.raises(AnswerRefused, match="step check wants true or false"):
        site.resume({"check": answer})


def test_second_answer_is_refused(site: Site) -> None:
    site.run()
    site.resume({"improve": "first"})
    before = site.recorded
    with pytest.raises(AnswerRefused, match="step improve was answered before"):
        site.resume({"improve": "second"})
    assert site.recorded == before


def test_of_many_answers_at_once_one_is_taken(site: Site) -> None:
    site.run()
    came: list[object] = []

    def answer(number: int) -> None:
        try:
            came.append(site.resume({"improve": f"answer {number}"}).waiting[0].prompt)
        except (AnswerRefused, RunLocked) as error:
            came.append(type(error))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [each for each in came if isinstance(each, str)]
    assert len(came) == 8
    assert len(taken) == 1
    recorded = waiting_in(read_record(site.runs, run_id="one"))
    assert [waiting.prompt for waiting in recorded] == taken


def test_new_run_takes_no_answers(site: Site) -> None:
    with pytest.raises(AnswerRefused, match="has not begun"):
        site.run(improve="x")
    assert site.recorded == b""


# ---- several, and choices --------------------------------------------------------------------------------------------
EACH = """\
steps:
  ask:
    foreach: [red, blue]
    person: answer
    prompt: "Which ${item}?"
    choices: ["light ${item}", "dark ${item}", 3]
  free: {person: answer, prompt: "${steps.ask.output}"}
"""


def test_items_are_answered_one_by_one(noted: Noted, tmp_path: Path) -> None:
    site = Site(noted, tmp_path, EACH)
    first = site.run()
    assert [(each.place, each.prompt, each.choices) for each in first.waiting] == [
        ("ask[0]", "Which red?", ("light red", "dark red", 3)),
        ("ask[1]", "Which blue?", ("light blue", "dark blue", 3)),
    ]
    assert [each.place for each in site.resume({"ask[1]": 3}).waiting] == ["ask[0]"]
    with pytest.raises(AnswerRefused, match=r"step ask\[0\] wants one of light red, dark red, 3, not 'blue'"):
        site.resume({"ask[0]": "blue"})
    third = site.resume({"ask[0]": "dark red"})
    assert third.waiting == (Waiting("free", None, "answer", '["dark red", 3]'),)
    with pytest.raises(AnswerRefused, match="step free wants a text, not ' '"):
        site.resume({"free": " "})
    assert site.resume({"free": "so be it"}).output == "so be it"


def test_choices_that_are_no_list_fail_the_step(noted: Noted, tmp_path: Path) -> None:
    text = "inputs: {of: {}}\nsteps:\n  ask: {person: answer, prompt: Which one, choices: '${inputs.of}'}\n"
    workflow = Workflow.parse(text, name="x", registry=noted.registry)
    result = workflow.run(inputs={"of": "text"}, checkpoints=tmp_path)
    assert (result.status, result.waiting) == ("failed", ())
    assert "is no list of what there is to choose from" in str(result.error)


# ---- beside the run --------------------------------------------------------------------------------------------------
def test_replay_answers_from_the_record(site: Site) -> None:
    site.run()
    assert len(replay("one", checkpoints=site.runs, workflow=site.workflow)) == 3
    site.resume({"improve": "Whales!"})
    site.resume({"check": False})
    assert len(replay("one", checkpoints=site.runs, workflow=site.workflow)) == 6


def test_run_that_is_not_recorded_can_not_wait(site: Site, noted: Noted) -> None:
    with pytest.raises(WorkflowInvalid, match=r"publish:5: steps\.improve: it waits for a person, so the run needs"):
        site.workflow.run()
    assert noted.values == []


def test_waiting_is_told(site: Site) -> None:
    events: list[WorkflowEvent] = []
    site.workflow.run(checkpoints=site.runs, run_id="one", on_event=events.append)
    assert [event.state.step for event in events if isinstance(event, StepWaits)] == ["improve"]
    assert "improve" not in [event.step for event in events if isinstance(event, StepBegan)]
    events.clear()
    site.workflow.run(checkpoints=site.runs, run_id="one", on_event=events.append, answers={"improve": "x"})
    assert [event.state.step for event in events if isinstance(event, StepEnded | StepWaits)] == ["improve", "check"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{person: ask, prompt: x}", "steps.a.person: must be one of approve, edit, answer, not 'ask'"),
        ("{person: approve}", "steps.a: a step with person: approve has a prompt"),
        ("{person: edit, prompt: x}", "steps.a: a step with person: edit has a value"),
        ("{person: approve, prompt: x, value: y}", "steps.a.value: is not for a step with person: approve"),
        ("{person: answer, prompt: x, retry: 2}", "steps.a.retry: is not for a step with person: answer"),
        ("{person: answer, prompt: x, choices: y}", "steps.a.choices: must be a list, or a ${path} to one"),
        (
            "{person: edit, function: note, prompt: x}",
            "steps.a: a step has one of agent, function, tool, switch, person",
        ),
        ("{function: note, with: {value: 1}, choices: [1]}", "steps.a.choices: is for a step with a person"),
    ],
)
def test_mistake_in_a_persons_step_is_named(noted: Noted, step: str, said: str) -> None:
    found = problems(f"steps:\n  a: {step}\n", registry=noted.registry)
    assert [f"{each.key}: {each.message}"[: len(said)] for each in found] == [said]


def test_person_is_a_card_and_what_they_say_may_be_picked(noted: Noted) -> None:
    card = read_cards(PUBLISH).steps[3]
    assert (card.kind, card.target, card.keys) == ("person", "approve", {"prompt": "Publish ${steps.improve.output}?"})
    assert choices(PUBLISH, "publish", registry=noted.registry).paths["${steps.check.output.approved}"] == (
        "approval of check"
    )
    assert "check    person approve" in draw(Workflow.parse(PUBLISH, name="x", registry=noted.registry).file)


def test_command_asks_and_takes_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ask.yaml").write_text(
        "steps:\n  ask: {person: answer, prompt: Which one, choices: [a, b]}\n"
        "  improve: {person: edit, prompt: Better, value: {text: x}}\noutput: ${steps.ask.output}\n"
    )
    registry = ("--registry", "tests.agents.workflow_steps:registry")
    assert main(("run", "ask.yaml", "--run-id", "one", *registry)) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert 'ask waits for a person to answer: Which one\none of ["a", "b"]\n' in printed.err
    assert "python -m agents resume one --answer ask=TEXT, or :=JSON\n" in printed.err
    assert main(("resume", "one", *registry, "--answer", "ask=c")) == 2
    assert "AnswerRefused: step ask wants one of a, b, not 'c'" in capsys.readouterr().err
    assert main(("list",)) == 0
    assert "one  waiting " in capsys.readouterr().out
    assert main(("resume", "one", *registry, "--answer", "ask=a", "--answer", 'improve:={"text": "y"}')) == 0
    assert json.loads(capsys.readouterr().out) == "a"
    assert main(("show", "one", "--html", "one.html")) == 0
    assert issubclass(AnswerRefused, WorkflowError)
