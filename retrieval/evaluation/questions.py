"""Questions with known answers, as they lie on disk: a BEIR folder, or a table (csv) of questions and quotes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.errors import EvaluationSetError

_ANSWERABLE = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class SourceText:
    """A document of the set's own, under the name by which its questions call it."""

    key: str
    title: str
    filename: str
    text: str


@dataclass(frozen=True)
class Quote:
    """A place that answers a question: characters `start` to `end` of a document; without them, `text` is looked for
    there."""

    document: str
    start: int | None = None
    end: int | None = None
    text: str = ""


@dataclass(frozen=True)
class JudgedQuestion:
    """A question and what answers it: `relevant` grades whole documents, `quotes` are places in them; both are empty
    when nothing does."""

    text: str
    relevant: dict[str, int] = field(default_factory=dict)
    quotes: tuple[Quote, ...] = ()

    @property
    def answerable(self) -> bool:
        return bool(self.relevant or self.quotes)


@dataclass(frozen=True)
class QuestionSet:
    """Questions about `sources`, or, without any, about the documents of this site."""

    name: str
    sources: tuple[SourceText, ...]
    questions: tuple[JudgedQuestion, ...]


def read_set(path: Path) -> QuestionSet:
    """Return the questions in `path`. Raises EvaluationSetError, which names the file, the line and what is wrong
    there."""
    try:
        return _beir(path) if path.is_dir() else _table(path)
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationSetError(f"{path} can't be read: {error}") from error


# ---- BEIR: https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset -----------------------------------------
def _beir(folder: Path) -> QuestionSet:
    sources = tuple(map(_source, _rows(folder, "corpus")))
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
    path = _first(folder, [f"{name}.jsonl"])
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            yield {"_id": row["_id"], "text": row["text"]} | row
        except (ValueError, LookupError, TypeError) as error:
            raise EvaluationSetError(f"{path}, line {number}: not an object with _id and text.") from error


def _judgements(folder: Path) -> Iterator[tuple[str, str, int]]:
    path = _first(folder, ["qrels/test.tsv", "qrels.tsv", "qrels/dev.tsv", "qrels/train.tsv"])
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
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _first(folder: Path, names: Sequence[str]) -> Path:
    """Return the first of these files that is there, as it is or compressed. Raises EvaluationSetError."""
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise EvaluationSetError(f"{folder} holds no {' or '.join(names)}, plain or .gz.")


# ---- tables ----------------------------------------------------------------------------------------------------------
def _table(path: Path) -> QuestionSet:
    """One row for each quote, rows with the same question together. The columns: `question`; then `document` (id or
    title), `start`, `end`, `quote` and `answerable`, for documents of this site; or `references` (JSON) and
    `corpus_id`, for texts in the folder `corpora` beside it, as chunking_evaluation has them.
    """
    found: dict[str, list[Quote]] = {}
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
    if "question" not in (reader.fieldnames or []):
        raise EvaluationSetError(f"{path} has no column “question”; it has: {', '.join(reader.fieldnames or [])}.")
    for number, row in enumerate(reader, start=2):
        try:
            found.setdefault(row["question"].strip(), []).extend(_quotes(row))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EvaluationSetError(f"{path}, row {number}: {error}") from error
    questions = tuple(JudgedQuestion(text, quotes=tuple(quotes)) for text, quotes in found.items() if text)
    if not questions:
        raise EvaluationSetError(f"{path} holds no questions.")
    return QuestionSet(path.stem, _corpora(path, questions), questions)


def _quotes(row: dict[str, str]) -> Iterable[Quote]:
    if "references" in row:
        for reference in json.loads(row["references"]):
            place = int(reference["start_index"]), int(reference["end_index"])
            yield Quote(row["corpus_id"], *place, reference["content"])
        return
    answerable = (row.get("answerable") or "").strip().lower()
    if answerable not in _ANSWERABLE:
        raise ValueError(f"“answerable” is {answerable!r}; true and false are known.")
    if not _ANSWERABLE[answerable]:
        return
    document, start, end = ((row.get(name) or "").strip() for name in ("document", "start", "end"))
    text = (row.get("quote") or "").strip()
    if not document or not (text or (start and end)):
        raise ValueError("name its document, and a quote or start and end; or set “answerable” to false.")
    yield Quote(document, int(start) if start else None, int(end) if end else None, text)


def _corpora(path: Path, questions: Sequence[JudgedQuestion]) -> tuple[SourceText, ...]:
    """Return the texts that the questions quote, when they lie beside the table; else none: the site's own documents
    are meant."""
    folder = path.parent / "corpora"
    if not folder.is_dir():
        return ()
    files = {file.stem: file for file in sorted(folder.iterdir()) if file.suffix in {".md", ".txt"}}
    named = {quote.document for question in questions for quote in question.quotes}
    if unknown := named - files.keys():
        raise EvaluationSetError(f"{folder} has no text called {', '.join(sorted(unknown))}.")
    return tuple(SourceText(key, key, file.name, file.read_text()) for key, file in files.items())
