"""A set of questions, in whichever form it lies on disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.beir import is_beir, read_beir
from retrieval.evaluation.questions import QuestionSet
from retrieval.evaluation.squad import read_squad
from retrieval.evaluation.tables import read_table


def read_set(path: Path) -> QuestionSet:
    """Return the questions in `path`: a BEIR folder, SQuAD's JSON (a file, or a folder of them), or a table (csv).

    Raises EvaluationSetError, which names the file, the line and what is wrong there.
    """
    try:
        if path.is_dir() and is_beir(path):
            return read_beir(path)
        if path.is_dir():
            return read_squad(path, sorted(_json_files(path)))
        return read_squad(path, [path]) if _is_json(path) else read_table(path)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise EvaluationSetError(f"{path} can't be read: {error}") from error


def _json_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file() and _is_json(path))


def _is_json(path: Path) -> bool:
    return path.name.endswith((".json", ".json.gz"))
