"""Pairs of a question and a passage, each with whether the passage answers: read, kept apart, and cut into tokens."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 128  # as the reader reads: a window of a passage
_RUN = 12  # words in a row that tell one text from all others


@dataclass(frozen=True)
class Pair:
    """One example. `span`: the characters of `passage` that answer; None where there are none or nobody said which."""

    question: str
    passage: str
    answers: bool
    title: str = ""
    span: tuple[int, int] | None = None


def read_pairs(path: Path) -> Iterator[Pair]:
    """Yield the pairs of a `.jsonl.gz`: one object a line, with the fields of Pair."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)
            span = found["span"]
            yield Pair(
                found["question"],
                found["passage"],
                bool(found["answers"]),
                found["title"],
                tuple(span) if span else None,
            )


def texts_in(paths: Iterable[Path], *, articles: Sequence[str]) -> Iterator[str]:
    """Yield the texts of these files; of SQuAD's JSON the paragraphs of these articles. A file may be gzipped."""
    for path in paths:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode()
        if not text.startswith("{") or '"paragraphs"' not in text:
            yield text
            continue
        for article in json.loads(text)["data"]:
            if article["title"] in articles:
                yield from (paragraph["context"] for paragraph in article["paragraphs"])


def apart_from(pairs: Iterable[Pair], texts: Iterable[str]) -> Iterator[Pair]:
    """Yield the pairs whose passage shares no run of twelve words with any of `texts`, which are kept for tests."""
    kept = {run for text in texts for run in _runs(text)}
    for pair in pairs:
        if kept.isdisjoint(_runs(pair.passage)):
            yield pair


def _runs(text: str) -> Iterator[int]:
    words = re.findall(r"\w+", text.lower())
    for at in range(len(words) - _RUN + 1):
        yield hash(tuple(words[at : at + _RUN]))


def as_arrays(pairs: Iterable[Pair], tokenizer: Tokenizer, *, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return the pairs as `training.learn` reads them, each with a window of its passage: one in which the answer
    stands, or any. A pair whose answer is longer than a window is left out."""
    chance = random.Random(seed)
    tokens: list[int] = []
    begins, passages, answers, spans = [0], [], [], []
    for pair in pairs:
        lead = f"{pair.title}. " if pair.title else ""
        question = tokenizer.encode(pair.question)
        title = tokenizer.encode(lead, add_special_tokens=False).ids
        passage = tokenizer.encode(pair.passage, add_special_tokens=False)
        room = MAX_TOKENS - len(question) - len(title) - 1
        span = _span_of(pair, passage.offsets)
        window = _window(span or (0, 0), of=len(passage), room=room, anywhere=not pair.answers, chance=chance)
        if window is None or (pair.answers and pair.span and span is None):
            continue
        tokens += [*question.ids, *title, *passage.ids[window[0] : window[1]], question.ids[-1]]
        before = len(question) + len(title) - window[0]
        begins.append(len(tokens))
        passages.append(len(question))
        answers.append(pair.answers)
        spans.append((span[0] + before, span[1] + before) if span else (-1, -1) if pair.answers else (0, 0))
    return {
        "tokens": np.array(tokens, np.int32),
        "begins": np.array(begins, np.int64),
        "passages": np.array(passages, np.int32),
        "answers": np.array(answers, np.float32),
        "spans": np.array(spans, np.int64).reshape(len(spans), 2),
    }


def _span_of(pair: Pair, offsets: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the first and last token of the answer, if anybody said which they are."""
    if not pair.answers or pair.span is None:
        return None
    start, end = pair.span
    inside = [token for token, (first, last) in enumerate(offsets) if first < end and last > start]
    return (inside[0], inside[-1]) if inside else None


def _window(
    span: tuple[int, int], *, of: int, room: int, anywhere: bool, chance: random.Random
) -> tuple[int, int] | None:
    """Return `room` tokens of a passage that has `of`, with the span inside, or None where it doesn't fit."""
    if span[1] - span[0] >= room:
        return None
    if of <= room:
        return 0, of
    earliest, latest = (0, of - room) if anywhere else (max(0, span[1] + 1 - room), min(span[0], of - room))
    begin = chance.randint(earliest, latest)
    return begin, begin + room
