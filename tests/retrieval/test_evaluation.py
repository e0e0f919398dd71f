"""Measures against numbers worked out by hand; question sets as they lie on disk; a whole evaluation of a tiny one."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chatsite.evaluation import EvaluatedSite
from retrieval.errors import EvaluationSetError
from retrieval.evaluation.located import locate
from retrieval.evaluation.measures import (
    estimate,
    normalized_gain,
    p_value,
    recall,
    reciprocal_rank,
    span_overlap,
)
from retrieval.evaluation.questions import JudgedQuestion, Quote, SourceText
from retrieval.evaluation.run import ask, parse_method
from retrieval.evaluation.sets import read_set
from retrieval.evaluation.site import fill
from retrieval.models import Chunk, Collection, Document
from retrieval.searching.search import Method
from tests.retrieval.parsing.test_process import await_true, is_alive, processes_under
from tests.servers import ROOT, environment, manage

Put = Callable[[Collection, str, str | bytes], Document]
TEXTS = {
    "pump": "The pump is oiled every week. Use the thin oil.",
    "boiler": "The boiler is serviced in May. Call the caretaker.",
    "lift": "The lift carries eight people at most.",
}


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": key, "title": key.title(), "text": text} for key, text in TEXTS.items()]
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, corpus)).encode()))
    queries = [{"_id": "1", "text": "How often is the pump oiled?"}, {"_id": "2", "text": "When is boiler service?"}]
    queries.append({"_id": "3", "text": "not judged"})
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)) + "\n")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tpump\t1\n2\tboiler\t2\n2\tlift\t0\n")
    return folder


def table(folder: Path, *rows: str, name: str = "asked.csv") -> Path:
    path = folder / name
    path.write_text("question,document,start,end,quote,answerable\n" + "\n".join(rows))
    return path


# ---- measures --------------------------------------------------------------------------------------------------------


def test_measures_of_a_ranking() -> None:
    relevant = {"a": 1, "b": 2, "c": 0}
    assert recall(["c", "a", "x"], relevant, cutoff=1) == 0
    assert recall(["c", "a", "x"], relevant, cutoff=3) == 0.5
    assert reciprocal_rank(["c", "a", "x"], relevant) == 0.5
    assert reciprocal_rank(["c"], relevant) == 0
    assert normalized_gain(["b", "a"], relevant) == 1
    assert normalized_gain(["x", "b", "a"], relevant) == normalized_gain(["n", "b", "a"], relevant | {"n": -1})
    assert normalized_gain(["x", "b"], relevant) == pytest.approx((2 / 1.58496) / (2 + 1 / 1.58496), abs=1e-4)


def test_spans_count_characters_once() -> None:
    assert span_overlap([("d", 0, 50), ("d", 40, 100), ("e", 0, 100)], [("d", 80, 120)]) == (0.5, 0.1)
    assert span_overlap([], [("d", 0, 10)]) == (0, 0)


def test_estimates_hold_their_mean_and_repeat() -> None:
    values = [0.0, 100.0] * 50
    found = estimate(values)
    assert found == estimate(values)
    assert found.mean == 50
    assert 38 < found.low < 42
    assert 58 < found.high < 62


def test_p_value_tells_a_difference_from_chance() -> None:
    assert p_value([1.0] * 30, [1.0] * 30) == 1
    assert p_value([0.0] * 30, [0.0, 1.0, 1.0] * 10) < 0.01
    assert p_value([0.0, 1.0] * 15, [1.0, 0.0] * 14 + [1.0, 1.0]) > 0.5


# ---- sets ------------------------------------------------------------------------------------------------------------


def test_beir_folder_is_read_with_its_judged_questions(beir: Path) -> None:
    found = read_set(beir)
    assert [(source.key, source.text) for source in found.sources] == list(TEXTS.items())
    assert [(question.text, question.relevant) for question in found.questions] == [
        ("How often is the pump oiled?", {"pump": 1}),
        ("When is boiler service?", {"boiler": 2, "lift": 0}),
    ]


def test_beir_folder_is_read_in_the_shapes_that_there_are(tmp_path: Path) -> None:
    corpus = [
        {"_id": 1, "text": "The pump is oiled.", "metadata": {"url": "x"}},
        {"_id": "2", "title": None, "text": "A line\u2028is not the end of a row."},
        {"_id": "3", "title": "Only a title", "text": ""},
        {"_id": "4", "text": None},
    ]
    lines = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in corpus)
    (tmp_path / "corpus.jsonl").write_text(f"\ufeff{lines}\r\n\r\n")
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": 7, "text": "Who oils?", "metadata": {}}\n\n{"_id": 8, "text": "?"}'
    )
    (tmp_path / "qrels.tsv.gz").write_bytes(gzip.compress(b"7\t1\t1\r\n\n7\tgone\t2\n"))
    found = read_set(tmp_path)
    assert [(source.key, source.title, source.text) for source in found.sources] == [
        ("1", "", "The pump is oiled."),
        ("2", "", "A line\u2028is not the end of a row."),
        ("3", "Only a title", "Only a title"),
        ("4", "", ""),
    ]
    assert [(question.text, question.relevant) for question in found.questions] == [("Who oils?", {"1": 1, "gone": 2})]


@pytest.mark.parametrize(
    "line", ["7\t1\t1", "7\t1\t1.0", "7 0 1 1", "7\t0\t1\t1\r", "query-id\tcorpus-id\tscore\n7\t1\t1"]
)
def test_judgements_are_read_as_beir_and_as_trec_have_them(tmp_path: Path, line: str) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": 1, "text": "The pump is oiled."}')
    (tmp_path / "queries.jsonl").write_text('{"_id": 7, "text": "Who oils?"}')
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(line)
    assert [question.relevant for question in read_set(tmp_path).questions] == [{"1": 1}]


def test_table_joins_the_quotes_of_a_question(tmp_path: Path) -> None:
    path = table(tmp_path, "When?,guide,3,9,,", "When?,guide,,,in May,yes", "Who is Ahab?,,,,,false")
    when, ahab = read_set(path).questions
    assert when.quotes == (Quote("guide", 3, 9), Quote("guide", text="in May"))
    assert (when.answerable, ahab.answerable) == (True, False)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("When?,,,,in May,", "row 2: name its document"),
        ("When?,guide,,,,", "row 2: name its document, and a quote or start and end"),
        ("When?,guide,x,9,,", "row 2: invalid literal"),
        ("When?,guide,1,9,,maybe", "row 2: “answerable” is 'maybe'"),
    ],
)
def test_faulty_row_is_named(tmp_path: Path, row: str, reason: str) -> None:
    with pytest.raises(EvaluationSetError, match=reason):
        read_set(table(tmp_path, row))


def test_faulty_files_are_named(tmp_path: Path, beir: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(EvaluationSetError, match=r"has no column “question”; it has: a, b\."):
        read_set(tmp_path / "other.csv")
    (beir / "queries.jsonl").write_text('{"_id": "1", "text": "x"}\n{"_id": 2}\n')
    with pytest.raises(EvaluationSetError, match=r"queries\.jsonl, line 2: not an object with _id and text"):
        read_set(beir)
    (beir / "queries.jsonl").unlink()
    with pytest.raises(EvaluationSetError, match=r"holds no queries\.jsonl, plain or \.gz\."):
        read_set(beir)
    with pytest.raises(EvaluationSetError, match="can't be read"):
        read_set(tmp_path / "missing.csv")


# ---- methods and whole evaluations -----------------------------------------------------------------------------------


def test_methods_are_named_by_their_settings() -> None:
    assert parse_method("neighbours=0,rerank=maxsim, words=0") == Method(neighbours=0, rerank="maxsim", words=False)
    for wrong in ("neighbors=1", "neighbours=x", "neighbours"):
        with pytest.raises(EvaluationSetError, match=r"is no setting of a search\. These are: words \(bool\)"):
            parse_method(wrong)


@pytest.mark.django_db
def test_judgement_of_either_twin_counts_and_what_is_not_here_is_missed() -> None:
    texts = {"one": TEXTS["pump"], "twin": TEXTS["pump"], "boiler": TEXTS["boiler"], "empty": " "}
    documents = fill([SourceText(key, key, "a.txt", text) for key, text in texts.items()], report=lambda done: None)
    assert documents["one"] == documents["twin"] != documents["boiler"]
    assert "empty" not in documents
    asked = [JudgedQuestion("How often is the pump oiled?", relevant=relevant) for relevant in RELEVANT]
    values = ask(locate(asked, documents=documents), site=EvaluatedSite.of_everybody(), method=Method())
    assert values["recall@10"] == [100, 100, 50, 0]
    assert values["nDCG@10"][:2] == [100, 100]
    assert "refused" not in values


RELEVANT = ({"twin": 1}, {"one": 1, "twin": 0}, {"twin": 1, "empty": 1}, {"gone": 1})


@pytest.mark.django_db
def test_document_that_another_stands_for_is_found_with_it() -> None:
    steps = "The pump is oiled every week, its filter is cleaned every month and its seals are changed once a year in "
    texts = {"may": f"{steps}May.", "june": f"{steps}June."}
    documents = fill([SourceText(key, "", "a.txt", text) for key, text in texts.items()], report=lambda done: None)
    asked = [JudgedQuestion("When are the seals changed?", relevant={key: 1}) for key in texts]
    values = ask(locate(asked, documents=documents), site=EvaluatedSite.of_everybody(), method=Method())
    assert sorted(values["MRR@10"]) == [50, 100]


@pytest.mark.django_db
def test_stopped_run_is_taken_up_where_it_was() -> None:
    sources = [SourceText(key, key, "a.txt", text) for key, text in TEXTS.items()]
    fill(sources[:1], report=lambda done: None)
    rows = Document.objects.all()
    Chunk.objects.all().delete()
    rows.update(state=Document.State.PROCESSING, live_generation=0, lease_until=timezone.now() + timedelta(minutes=5))
    assert fill(sources, report=lambda done: None).keys() == TEXTS.keys()
    rows.filter(title="pump").update(state=Document.State.FAILED, live_generation=0)
    assert fill(sources, report=lambda done: None).keys() == TEXTS.keys()


@pytest.mark.hosts
@pytest.mark.timeout(300)
def test_folder_is_evaluated_in_a_site_of_its_own(beir: Path, tmp_path: Path) -> None:
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
def test_evaluation_that_is_killed_leaves_nothing_at_work(beir: Path, tmp_path: Path) -> None:
    corpus = [{"_id": str(number), "text": f"The pump {number} is oiled. " * 20} for number in range(3_000)]
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
