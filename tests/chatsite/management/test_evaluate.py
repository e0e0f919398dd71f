"""`manage.py evaluate`, from its arguments to what it prints."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chatsite.models import SavedQuestion
from retrieval.models import Collection, Document
from tests.retrieval.evaluation.files import TEXTS, asked, beir_folder, squad_file, table
from tests.retrieval.parsing.test_process import await_true, is_alive, processes_under
from tests.servers import ROOT, environment, manage

Put = Callable[[Collection, str, str | bytes], Document]


@pytest.mark.hosts
def test_folder_is_evaluated_in_a_site_of_its_own(tmp_path: Path) -> None:
    beir = beir_folder(tmp_path)
    saved = tmp_path / "saved.json"
    printed = manage("evaluate", str(beir), "--save", str(saved), data_dir=tmp_path / "data")
    assert "2 questions, 3 documents" in printed
    header, *rows = printed.split("\n\n", 1)[1].splitlines()
    assert header.split() == "BM25 dense hybrid hybrid + rerank".split()
    assert [row.split("  ")[0] for row in rows[:4]] == ["recall@1", "recall@3", "recall@5", "recall@10"]
    assert "100.0 (100.0 to 100.0)" in rows[0]
    results = json.loads(saved.read_text())["results"]
    assert results["hybrid"]["nDCG@10"] == [100.0, 100.0]
    [folder] = (tmp_path / "data" / "evaluation").iterdir()
    other = saved.with_name("other.json")
    other.write_text(saved.read_text())
    compared = manage("evaluate", str(beir), "--compare", str(saved), str(other), data_dir=tmp_path / "data")
    assert "+0.0   1.000" in compared
    assert list((tmp_path / "data" / "evaluation").iterdir()) == [folder]


@pytest.mark.hosts
def test_evaluation_that_is_killed_leaves_nothing_at_work(tmp_path: Path) -> None:
    beir = beir_folder(tmp_path)
    corpus = [{"_id": str(number), "text": f"The pump {number} is oiled. " * 20} for number in range(300)]
    (beir / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, corpus)).encode()))
    command = [sys.executable, str(ROOT / "manage.py"), "evaluate", str(beir)]
    started: set[int] = set()
    with subprocess.Popen(command, env=environment(tmp_path / "data"), stdout=subprocess.DEVNULL) as evaluation:
        try:
            assert await_true(lambda: started.update(processes_under(evaluation.pid)) or started, seconds=60)
            assert (tmp_path / "data" / "evaluation").exists()
        finally:
            evaluation.kill()
    assert await_true(lambda: not any(map(is_alive, started)))


def test_table_is_evaluated_on_this_sites_documents(
    put: Put, public: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(public, "pump.md", TEXTS["pump"])
    boiler = put(public, "boiler.md", TEXTS["boiler"])
    path = table(
        tmp_path,
        "How often is the pump oiled?,pump,,,oiled every week,",
        f"When is the boiler serviced?,{boiler.pk},0,30,,",
        "What is the capital of Mongolia?,,,,,false",
    )
    call_command("evaluate", path, compare=["words=1", "neighbours=1"])
    rows = {line[:24].strip(): line[24:] for line in capsys.readouterr().out.splitlines()}
    assert "100.0 (100.0 to 100.0)" in rows["recall@5"]
    assert "100.0 (100.0 to 100.0)" in rows["refused"]
    assert rows["found and answered"].split()[-1] == "1.000"
    with pytest.raises(CommandError, match="--compare wants two different ones"):
        call_command("evaluate", path, compare=["words=1", "words=1"])
    with pytest.raises(CommandError, match="No readable document is called “lift” here"):
        call_command("evaluate", table(tmp_path, "Who?,lift,,,eight people,"))
    with pytest.raises(CommandError, match="“pump” doesn't hold the quote “eight people”"):
        call_command("evaluate", table(tmp_path, "Who?,pump,,,eight people,"))


@pytest.mark.hosts
def test_variants_of_a_squad_file_are_measured_and_held_to_their_least(tmp_path: Path) -> None:
    often = asked("How often is the Heron pump of 1950 oiled?", ("every week", 32))
    path = squad_file(
        tmp_path,
        (
            "The Heron pump of 1950 is oiled every week. Its oil is thin and clear.",
            [often, asked("Who built the Heron pump?")],
        ),
        (TEXTS["boiler"], [asked("When is the boiler serviced?", ("in May", 23))]),
        name="house.json.gz",
    )
    saved, data_dir = tmp_path / "saved.json", tmp_path / "data"
    options = ["--variants", "all", "--quotes", "--save", str(saved), "--fail-under"]
    printed = manage("evaluate", str(path), *options, "recall@5=100", "typos-20:recall@5=1", data_dir=data_dir)
    assert "house: 3 questions, 2 documents" in printed
    results = json.loads(saved.read_text())["results"]
    assert {"as-asked", "long-253-middle", "typos-40", "absent-name", "answer-removed", "off-topic"} <= results.keys()
    assert [line.split()[0] for line in printed.split("\n\n")[1].splitlines()[1:]] == list(results)
    assert results["as-asked"]["gold words"] == [100, 100]
    assert len(results["off-topic"]["refused"]) == 3
    with pytest.raises(subprocess.CalledProcessError) as short:
        manage("evaluate", str(path), "--fail-under", "answered=100", "refused=100.5", data_dir=data_dir)
    assert short.value.returncode == 1
    assert "refused is 0.0, and must be at least 100.5." in short.value.stderr
    assert "answered is" not in short.value.stderr


def test_saved_questions_are_asked(put: Put, public: Collection, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="No question is saved whose place in a document is known"):
        call_command("evaluate", saved=True)
    with pytest.raises(CommandError, match="Name a set, or ask the questions that staff have saved"):
        call_command("evaluate")
    pump, words = put(public, "pump.md", TEXTS["pump"]), "oiled every week"
    start = TEXTS["pump"].index(words)
    place = {"expected": "quote", "document": pump, "quote": words, "start": start, "end": start + len(words)}
    SavedQuestion.objects.create(question="How often is the pump oiled?", **place)
    SavedQuestion.objects.create(question="Who is Ahab?", expected="refused")
    SavedQuestion.objects.create(question="Is it answered?", expected="answered")
    call_command("evaluate", saved=True, fail_under=["recall@5=100", "answered=100", "refused=100"])
    assert "saved questions: 2 questions" in capsys.readouterr().out


def test_own_questions_guard_against_regressions(
    put: Put, public: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(public, "pump.md", TEXTS["pump"])
    questions = table(tmp_path, "How often is the pump oiled?,pump,,,oiled every week,", "Who is Ahab?,,,,,false")
    call_command("evaluate", questions, fail_under=["recall@5=100", "answered=100", "refused=100"])
    assert "100.0 (100.0 to 100.0)" in capsys.readouterr().out
    with pytest.raises(CommandError) as short:
        call_command("evaluate", questions, fail_under=["recall@5=100", "answered=100.5", "refused=101"])
    assert str(short.value).splitlines() == [
        "answered is 100.0, and must be at least 100.5.",
        "refused is 100.0, and must be at least 101.",
    ]
    assert "as-asked" in capsys.readouterr().out
    with pytest.raises(CommandError, match="answerd was not measured"):
        call_command("evaluate", questions, fail_under=["answerd=90"])
    with pytest.raises(CommandError, match="without --compare"):
        call_command("evaluate", questions, quotes=True, compare=["words=1", "neighbours=1"])


def test_other_sets_questions_are_asked_as_off_topic(
    put: Put, public: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(public, "pump.md", TEXTS["pump"])
    questions = table(tmp_path, "How often is the pump oiled?,pump,,,oiled every week,")
    elsewhere = squad_file(tmp_path, (TEXTS["boiler"], [asked("How often is the pump oiled?")]))
    call_command("evaluate", questions, variants=["off-topic"], elsewhere=elsewhere)
    rows = {line[:24].strip(): line.split() for line in capsys.readouterr().out.splitlines()}
    assert rows["off-topic (1)"][-4:] == ["0.0", "(0.0", "to", "0.0)"]
