"""A table (csv) of questions and the quotes that answer them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.questions import JudgedQuestion, QuestionSet, Quote, SourceText

_ANSWERABLE = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_table(path: Path) -> QuestionSet:
    """Return one question for all rows that ask the same, with a quote of each. Raises EvaluationSetError.

    The columns: `question`; then `document` (id or title), `start`, `end`, `quote` and `answerable`, for documents of
    this site; or `references` (JSON) and `corpus_id`, for texts in the folder `corpora` beside it, as
    chunking_evaluation has them.
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
