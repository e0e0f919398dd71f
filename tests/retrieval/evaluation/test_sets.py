"""Question sets as they lie on disk: BEIR folders, SQuAD's JSON, tables."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.questions import JudgedQuestion, Quote
from retrieval.evaluation.sets import read_set
from tests.retrieval.evaluation.files import TEXTS, asked, beir_folder, squad_file, table


def test_beir_folder_is_read_with_its_judged_questions(tmp_path: Path) -> None:
    beir = beir_folder(tmp_path)
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


def test_texts_beside_a_table_are_the_documents_that_it_names(tmp_path: Path) -> None:
    path = table(tmp_path, "When?,boiler,,,in May,", "Who is Ahab?,,,,,false")
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "boiler.md").write_text(TEXTS["boiler"])
    found = read_set(path)
    assert [(source.key, source.text) for source in found.sources] == [("boiler", TEXTS["boiler"])]
    with pytest.raises(EvaluationSetError, match="has no text called lift"):
        read_set(table(tmp_path, "Who?,lift,,,eight people,"))


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


def test_faulty_files_are_named(tmp_path: Path) -> None:
    beir = beir_folder(tmp_path)
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


# ---- SQuAD -----------------------------------------------------------------------------------------------------------
PUMP, BOILER = TEXTS["pump"], TEXTS["boiler"]


@pytest.mark.parametrize("name", ["asked.json", "asked.json.gz"])
def test_squad_is_read_by_paragraphs_with_the_answer_that_most_gave(tmp_path: Path, name: str) -> None:
    often = asked("How often is it oiled?", ("every week", 18), ("week", 24), ("week", 24))
    path = squad_file(
        tmp_path, (PUMP, [often, asked("Who oils it?")]), (BOILER, [asked(" When?\n", ("May", 26))]), name=name
    )
    found = read_set(path)
    assert found.name == "asked"
    assert [(one.key, one.title, one.text) for one in found.sources] == [
        ("asked/1/1", "The house", PUMP),
        ("asked/1/2", "The house", BOILER),
    ]
    assert found.questions == (
        JudgedQuestion("How often is it oiled?", {"asked/1/1": 1}, (Quote("asked/1/1", 24, 28, "week"),)),
        JudgedQuestion("Who oils it?"),
        JudgedQuestion("When?", {"asked/1/2": 1}, (Quote("asked/1/2", 26, 29, "May"),)),
    )
    assert [question.answerable for question in found.questions] == [True, False, True]


def test_squad_without_titles_and_without_a_word_of_what_is_impossible(tmp_path: Path) -> None:
    """XQuAD has neither."""
    row = {"question": "When?", "id": "1", "answers": [{"text": "May", "answer_start": 26}]}
    (tmp_path / "x.json").write_text(json.dumps({"data": [{"paragraphs": [{"context": BOILER, "qas": [row]}]}]}))
    found = read_set(tmp_path / "x.json")
    assert found.sources[0].title == ""
    assert found.questions[0].quotes[0].text == "May"


def test_folder_of_squad_files_is_one_set(tmp_path: Path) -> None:
    squad_file(tmp_path, (PUMP, [asked("What is thin?", ("oil", 43)), asked("When?")]), name="a.json")
    squad_file(tmp_path, (BOILER, [asked("When?", ("May", 26))]), name="b.json.gz")
    (tmp_path / "README.md").write_text("about it")
    found = read_set(tmp_path)
    assert [source.key for source in found.sources] == ["a/1/1", "b/1/1"]
    assert [(one.text, one.answerable) for one in found.questions] == [("What is thin?", True), ("When?", True)]


def test_beir_folder_stays_one_whatever_json_lies_in_it(tmp_path: Path) -> None:
    beir = beir_folder(tmp_path)
    (beir / "metadata.json").write_text("{}")
    assert [source.key for source in read_set(beir).sources] == list(TEXTS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1, 2]", "its beginning: not as SQuAD has it"),
        ("{", "its beginning: not as SQuAD has it"),
        ('{"data": [{"title": "x"}]}', "its beginning: not as SQuAD has it: KeyError"),
        ('{"data": [{"paragraphs": [{"context": "x", "qas": []}, {}]}]}', "article 1, paragraph 2: not as SQuAD"),
        ('{"data": [{"paragraphs": [{"context": "x", "qas": [{"question": 3}]}]}]}', "article 1, paragraph 1: not as"),
        ('{"data": []}', "holds no questions"),
    ],
)
def test_faulty_squad_file_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(EvaluationSetError, match=reason):
        read_set(tmp_path / "x.json")


def test_folder_without_a_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationSetError, match=r"holds neither JSON nor a corpus\.jsonl, plain or \.gz\."):
        read_set(tmp_path)


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b"{" * 1_000)[:-12])
    with pytest.raises(EvaluationSetError, match="can't be read"):
        read_set(tmp_path / "x.json.gz")
