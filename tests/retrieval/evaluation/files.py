"""A tiny set of questions, as it lies on disk."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

TEXTS = {
    "pump": "The pump is oiled every week. Use the thin oil.",
    "boiler": "The boiler is serviced in May. Call the caretaker.",
    "lift": "The lift carries eight people at most.",
}


def beir_folder(parent: Path) -> Path:
    folder = parent / "tiny"
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


def squad_file(folder: Path, *paragraphs: tuple[str, list[dict[str, object]]], name: str = "asked.json") -> Path:
    """Write an article of these paragraphs, each a context and its questions."""
    rows = [{"context": context, "qas": asked} for context, asked in paragraphs]
    content = json.dumps({"version": "v2.0", "data": [{"title": "The_house", "paragraphs": rows}]}).encode()
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def asked(question: str, *answers: tuple[str, int]) -> dict[str, object]:
    """Return a question as SQuAD has it; without answers it is impossible."""
    said = [{"text": text, "answer_start": start} for text, start in answers]
    return {"question": question, "id": question, "answers": said, "is_impossible": not said}
