"""SQuAD's JSON, which SQuAD 2.0 and XQuAD have as well: articles of paragraphs, each with its questions.

https://rajpurkar.github.io/SQuAD-explorer/
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.files import text_of
from retrieval.evaluation.questions import JudgedQuestion, QuestionSet, Quote, SourceText


def read_squad(path: Path, files: Sequence[Path]) -> QuestionSet:
    """Return the questions of all `files`, which are the set `path`. Each paragraph is a document.

    Raises EvaluationSetError.
    """
    if not files:
        raise EvaluationSetError(f"{path} holds neither JSON nor a corpus.jsonl, plain or .gz.")
    sources: list[SourceText] = []
    questions: dict[str, JudgedQuestion] = {}
    for file in files:
        for source, asked in _paragraphs(file):
            sources.append(source)
            for question in asked:
                questions[question.text] = _joined(questions.get(question.text), question)
    if not questions:
        raise EvaluationSetError(f"{path} holds no questions.")
    return QuestionSet(_name(path), tuple(sources), tuple(questions.values()))


def _name(path: Path) -> str:
    return path.resolve().name.removesuffix(".gz").removesuffix(".json")


def _paragraphs(file: Path) -> Iterator[tuple[SourceText, list[JudgedQuestion]]]:
    place = "its beginning"
    try:
        for article, row in enumerate(json.loads(text_of(file))["data"], start=1):
            for number, paragraph in enumerate(row["paragraphs"], start=1):
                place = f"article {article}, paragraph {number}"
                key = f"{_name(file)}/{article}/{number}"
                source = SourceText(key, _title(row), "a.txt", paragraph["context"])
                yield (
                    source,
                    [_question(question, key) for question in paragraph["qas"] if question["question"].strip()],
                )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise EvaluationSetError(f"{file}, {place}: not as SQuAD has it: {error!r}.") from error


def _title(article: Mapping[str, Any]) -> str:
    return str(article.get("title") or "").replace("_", " ")


def _question(row: Mapping[str, Any], key: str) -> JudgedQuestion:
    """Return the question with the answer that most of its annotators gave, the first of those that as many gave."""
    text, answers = row["question"].strip(), [(answer["text"], answer["answer_start"]) for answer in row["answers"]]
    if row.get("is_impossible") or not answers:
        return JudgedQuestion(text)
    [((said, start), _)] = Counter(answers).most_common(1)
    return JudgedQuestion(text, {key: 1}, (Quote(key, int(start), int(start) + len(said), said),))


def _joined(known: JudgedQuestion | None, other: JudgedQuestion) -> JudgedQuestion:
    """Return what is asked of several paragraphs as one question, which any of those that answer it answers."""
    if known is None:
        return other
    return JudgedQuestion(known.text, known.relevant | other.relevant, known.quotes + other.quotes)
