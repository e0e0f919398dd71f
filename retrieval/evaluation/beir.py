"""A BEIR folder: https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.files import first_of, text_of
from retrieval.evaluation.questions import JudgedQuestion, QuestionSet, SourceText

_CORPUS = "corpus"


def is_beir(folder: Path) -> bool:
    """Return whether the folder holds a corpus as BEIR has it, whatever else lies in it."""
    return any((folder / f"{_CORPUS}.jsonl{ending}").is_file() for ending in ("", ".gz"))


def read_beir(folder: Path) -> QuestionSet:
    """Return the questions of the folder that are judged. Raises EvaluationSetError."""
    sources = tuple(map(_source, _rows(folder, _CORPUS)))
    grades: dict[str, dict[str, int]] = {}
    for question, document, grade in _judgements(folder):
        grades.setdefault(question, {})[document] = grade
    questions = tuple(
        JudgedQuestion(_text(row["text"]), relevant=grades[str(row["_id"])])
        for row in _rows(folder, "queries")
        if any(grade > 0 for grade in grades.get(str(row["_id"]), {}).values())
    )
    if not sources or not questions:
        raise EvaluationSetError(f"{folder} holds {len(sources)} documents and {len(questions)} judged questions.")
    return QuestionSet(folder.resolve().name, sources, questions)


def _source(row: Mapping[str, Any]) -> SourceText:
    """Return the row as a document; without a text, its title is the text."""
    title, text = _text(row.get("title")), _text(row["text"])
    return SourceText(str(row["_id"]), title, "a.txt", text if text.strip() else title)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of `name`.jsonl, or of `name`.jsonl.gz."""
    path = first_of(folder, [f"{name}.jsonl"])
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            yield {"_id": row["_id"], "text": row["text"]} | row
        except (ValueError, LookupError, TypeError) as error:
            raise EvaluationSetError(f"{path}, line {number}: not an object with _id and text.") from error


def _judgements(folder: Path) -> Iterator[tuple[str, str, int]]:
    path = first_of(folder, ["qrels/test.tsv", "qrels.tsv", "qrels/dev.tsv", "qrels/train.tsv"])
    for number, line in _lines(path):
        columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split())]
        try:
            if len(columns) == 4:  # as TREC has it: a round stands second
                del columns[1]
            question, document, grade = columns
            yield question, document, int(float(grade))
        except ValueError as error:
            if number > 1:  # the first line may name the columns
                message = f"{path}, line {number}: not a question, a document and a whole number, with tabs between."
                raise EvaluationSetError(message) from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that aren't blank, with their numbers. Only a line feed ends one: ids and texts may hold other
    breaks."""
    return ((number, line) for number, line in enumerate(text_of(path).split("\n"), start=1) if line.strip())
