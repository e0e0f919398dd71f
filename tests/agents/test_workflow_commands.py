"""`python -m agents`: run, resume, replay, list, show and draw workflows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agents.__main__ import main

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
