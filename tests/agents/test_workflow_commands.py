"""`python -m agents`: run, resume, replay, list, show and draw workflows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agents import Limits, Registry, run_workflow
from agents.__main__ import main

ROOT = Path(__file__).parents[2]

DIGEST = """
name: digest
inputs: {topic: {}, books: {default: 2}}
steps:
  find: {tool: touch, with: {name: "${inputs.topic}", after: x}}
  mark: {foreach: ["a", "b"], function: mark, with: {name: "${item}", after: "${inputs.books}"}, retry: 2, timeout: 5}
  ask: {agent: scribe, prompt: "${steps.find.output}", when: "${inputs.books} > 1", on_error: continue}
  end: {function: mark, with: {name: "${steps.find.output}"}, needs: [mark, ask]}
"""
REGISTRY = ("--registry", "tests.agents.workflow_steps:registry")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands run, and where steps leave their marks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.agents.workflow_steps.FOLDER", tmp_path)
    (tmp_path / "digest.yaml").write_text(DIGEST)
    return tmp_path


def test_run_prints_the_output_and_records_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    run = ("run", "digest.yaml", "-i", "topic=whales", "-i", "books:=3", "--run-id", "one", *REGISTRY)
    assert main(run) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == "whales"
    assert re.fullmatch(r"run one: completed in \d+\.\d\d s\n", printed.err)

    assert main(("list",)) == 0
    assert re.fullmatch(r"one  completed    digest  4 steps finished  begun \S+ \S+\n", capsys.readouterr().out)

    assert main(("show", "one")) == 0
    shown = capsys.readouterr().out
    assert 'inputs {"topic": "whales", "books": 3}' in shown
    assert re.search(r"completed  mark\[1\] +\d\.\d\d s  \"b\"", shown)
    assert len(shown.splitlines()) == 2 + 6

    assert main(("replay", "one", *REGISTRY)) == 0
    assert capsys.readouterr().out == "run one: 6 states, all the same\n"


def test_failed_run_says_why_and_is_resumed(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "marks").mkdir()  # so that nothing can be written there
    assert main(("run", "digest.yaml", "-i", "topic=x", "--run-id", "one", *REGISTRY)) == 1
    assert "failed: IsADirectoryError" in capsys.readouterr().err
    assert main(("show", "one")) == 0
    assert "IsADirectoryError" in capsys.readouterr().out
    (folder / "marks").rmdir()
    assert main(("resume", "one", *REGISTRY)) == 0
    assert json.loads(capsys.readouterr().out) == "x"


def test_replay_that_differs_fails(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    main(("run", "digest.yaml", "-i", "topic=whales", "--run-id", "one", *REGISTRY))
    record = folder / "runs" / "one.jsonl"
    record.write_text(record.read_text().replace('"output": "b"', '"output": "c"'))
    capsys.readouterr()
    assert main(("replay", "one", *REGISTRY)) == 1
    assert capsys.readouterr().err == "run one: mark[1].output: recorded 'c', replayed 'b'\n"


def test_draw_shows_what_waits_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("draw", "digest.yaml", *REGISTRY)) == 0
    assert (
        capsys.readouterr().out
        == """\
digest (topic, books)
│
├─ find  tool touch
├─ mark  function mark  for each of a list; retry 2; timeout 5 s
│
├─ ask   agent scribe   after find; when ${inputs.books} > 1; on error continue
│
└─ end   function mark  after mark, ask, find
"""
    )


def test_replay_until_a_step_runs_what_it_needs_and_no_more(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    main(("run", "digest.yaml", "-i", "topic=whales", "--run-id", "one", *REGISTRY))
    record = folder / "runs" / "one.jsonl"
    record.write_text(record.read_text().replace('"output": "b"', '"output": "c"'))  # of the step mark
    capsys.readouterr()
    assert main(("replay", "one", "--until", "ask", *REGISTRY)) == 0
    assert capsys.readouterr().out == "run one: 2 states, all the same\n"
    assert main(("replay", "one", "--until", "mark", *REGISTRY)) == 1
    assert main(("replay", "one", "--until", "none", *REGISTRY)) == 2
    assert "there is no step 'none' in" in capsys.readouterr().err


FLAKY = """
name: flaky
inputs: {title: }
steps:
  try: {function: flaky, with: {title: "${inputs.title}"}, retry: {times: 2, seconds: 0}}
"""


@pytest.fixture
def flaky(folder: Path) -> Registry:
    registry = Registry()
    attempts: list[str] = []

    @registry.function
    def flaky(title: str) -> str:
        attempts.append(title)
        if len(attempts) < 3:
            raise ConnectionError(f"<b>attempt {len(attempts)}</b>")
        return title

    (folder / "flaky.yaml").write_text(FLAKY)
    return registry


def test_show_tells_the_attempts_and_why_each_failed(
    capsys: pytest.CaptureFixture[str], folder: Path, flaky: Registry
) -> None:
    run_workflow("flaky.yaml", inputs={"title": "Emma"}, registry=flaky, checkpoints="runs", run_id="one")
    assert main(("show", "one")) == 0
    state, first, second = capsys.readouterr().out.splitlines()[2:]
    assert state.endswith('3 attempts, "Emma"')
    assert first.strip() == "attempt 1: ConnectionError: <b>attempt 1</b>"
    assert second.strip() == "attempt 2: ConnectionError: <b>attempt 2</b>"


def test_page_of_a_run_loads_nothing_and_escapes_everything(
    capsys: pytest.CaptureFixture[str], folder: Path, flaky: Registry
) -> None:
    hostile = "</pre><script>alert(1)</script>\"'&"
    run_workflow("flaky.yaml", inputs={"title": hostile}, registry=flaky, checkpoints="runs", run_id="one")
    assert main(("show", "one", "--html", "one.html")) == 0
    assert capsys.readouterr().out == "one.html\n"
    page = folder / "one.html"
    text = page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    assert "<script" not in text
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;attempt 2&lt;/b&gt;" in text
    assert re.findall(r"""\b(?:src|href)=""", text) == []
    assert "default-src 'none'" in text
    assert "<dt>attempts</dt><dd>3</dd>" in text


def test_diff_names_what_differs_between_two_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for run_id, topic, books in (("one", "whales", 3), ("two", "whales", 3), ("three", "seals", 1)):
        main(("run", "digest.yaml", "-i", f"topic={topic}", "-i", f"books:={books}", "--run-id", run_id, *REGISTRY))
    capsys.readouterr()
    assert main(("diff", "one", "two")) == 0
    assert capsys.readouterr().out == "no difference\n"
    assert main(("diff", "one", "three")) == 1
    told = capsys.readouterr().out.splitlines()
    assert 'inputs.topic: "whales" | "seals"' in told
    assert 'find.output: "whales" | "seals"' in told
    assert 'ask.status: "completed" | "skipped"' in told
    assert main(("diff", "one", "none")) == 2


# ---- beginning -------------------------------------------------------------------------------------------------------
def test_init_writes_a_project_that_runs_at_once(folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "USE_MOCK_EXECUTION": "true"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def command(*arguments: str, where: Path) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "agents", *arguments], cwd=where, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    told = command("init", "desk", where=folder)
    assert told.splitlines()[:2] == ["desk/team.py", "desk/workflow.yaml"]
    desk = folder / "desk"
    ran = told.splitlines()[3].strip()
    assert ran == "cd desk && USE_MOCK_EXECUTION=true python -m agents run workflow.yaml --registry team"
    answer = command("run", "workflow.yaml", "--registry", "team", where=desk)
    assert json.loads(answer).startswith("This is a mock answer: no model was asked")
    assert len(list((desk / "runs").iterdir())) == 1
    inspected = command("inspect", "workflow.yaml", "--registry", "team", where=desk)
    assert "agent fixer: Ask for what is needed to repeat this bug." in inspected
    assert "  tool find_version(): Which version people have." in inspected
    assert "agent helper" in command("inspect", "team", where=desk)


def test_init_writes_over_nothing(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "team.py").write_text("mine")
    assert main(("init",)) == 2
    assert capsys.readouterr().err == "WorkflowError: team.py is there already, and nothing is written over\n"
    assert (folder / "team.py").read_text() == "mine"
    assert not (folder / "workflow.yaml").exists()


def test_inspect_says_what_things_are_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("inspect", "digest.yaml", *REGISTRY)) == 0
    told = capsys.readouterr().out
    assert "└─ end   function mark  after mark, ask, find" in told
    for line in ("tool touch(name, after): Do what `mark` does, as a tool.", "function mark", "agent scribe: Write."):
        assert line in told
    assert main(("inspect", "tests.agents.workflow_steps")) == 0
    limits = Limits()
    told = f"  limits {limits.steps} steps, {limits.tool_calls} tool calls, {limits.seconds:g} s\n"
    assert told in capsys.readouterr().out
    assert main(("inspect", "nowhere:at_all")) == 2
    assert "can't be imported" in capsys.readouterr().err
    assert main(("inspect", "tests.agents.workflow_steps:mark")) == 2
    assert "is no workflow file, agent or registry" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "none.yaml"), "WorkflowInvalid: none.yaml:1: can't be read: No such file or directory"),
        (("run", "digest.yaml"), "WorkflowInvalid: digest.yaml:5: steps.find.tool: there is no tool 'touch' in the"),
        (("run", "digest.yaml", *REGISTRY), "WorkflowInvalid: digest.yaml:3: inputs.topic: this input is missing"),
        (("show", "none"), "RunUnknown: no run 'none' is recorded in runs"),
        (("resume", "../none"), "WorkflowError: '../none' is no run id"),
    ],
)
def test_what_can_not_be_done_is_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("-i", "topic"), "'topic' is neither key=text nor key:=JSON (there is no =)"),
        (("-i", "books:={"), "'books:={' is neither key=text nor key:=JSON"),
        (("--registry", "nowhere.at_all"), "'nowhere.at_all' can't be imported: No module named 'nowhere'"),
        (("--registry", "tests.agents.workflow_steps:mark"), "'tests.agents.workflow_steps:mark' is no Registry"),
    ],
)
def test_option_that_makes_no_sense_is_named(
    capsys: pytest.CaptureFixture[str], option: tuple[str, str], told: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(("run", "digest.yaml", *option))
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
