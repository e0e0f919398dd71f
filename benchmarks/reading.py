"""What reading the best hits beside the question gains, and what it costs.

    python -m benchmarks.reading SET [--questions 200]

A set is a path, as `manage.py evaluate` takes it. Each question is searched for as it is, and with the best 10 and 20
hits read again, whoever waits. nDCG@10 and recall@5 are by chunk where the answer is a place in a text, else by
document; the first passage is right when it holds some of the answer. Differences have 95 % intervals (paired
bootstrap). The documents are those that `evaluate` has indexed: run it first.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from retrieval.embedding.cross_encoder import CrossEncoder

if TYPE_CHECKING:
    from retrieval.evaluation.run import Located
    from retrieval.searching.passages import Passage
    from retrieval.searching.search import Method

DEPTHS = (0, 10, 20)
RESAMPLES = 2_000

Search = Callable[[str, "Method"], "tuple[Passage, ...]"]


class RememberingEncoder(CrossEncoder):
    """Reads what it hasn't read yet, and notes the milliseconds of processor time that it took."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[tuple[str, str, str], float] = {}
        self.milliseconds: list[float] = []

    def logit(self, question: str, text: str, *, title: str = "") -> float:
        key = question, text, title
        if key not in self.read:
            began = process_time()
            self.read[key] = super().logit(question, text, title=title)
            self.milliseconds.append((process_time() - began) * 1000)
        return self.read[key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--questions", type=int, default=200, help="at most")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model

    from retrieval.configuration import runtime
    from retrieval.searching.search import search

    reader = get_user_model()()
    reader.is_active = reader.is_superuser = True
    encoder = runtime().cross_encoder = RememberingEncoder()

    plain: list[float] = []  # milliseconds of searches that read nothing

    def passages(text: str, method: Method) -> tuple[Passage, ...]:
        began = process_time()
        found = search(text, user=reader, limit=10, method=method).passages
        if not method.rerank:
            plain.append((process_time() - began) * 1000)
        return found

    questions = asked(options.set, options.questions)
    found = [[*measures(question, passages, depth)] for depth in DEPTHS for question in questions]
    print_table(np.array(found).reshape(len(DEPTHS), len(questions), -1))
    cost = f"a search takes {median(plain):.1f} ms of CPU, a hit to be read {median(encoder.milliseconds):.1f}"
    print(f"{len(questions)} questions; {cost} (medians).")


def asked(path: Path, most: int) -> list[Located]:
    """Return the questions of the set, with the answers' places in this site's documents."""
    from retrieval.evaluation.questions import read_set
    from retrieval.evaluation.run import locate
    from retrieval.evaluation.site import fill

    found = read_set(path)
    documents = fill(found.sources, report=lambda done: None)
    step = max(len(found.questions) // most, 1)
    return [one for one in locate(found.questions[::step][:most], documents=documents) if one.answerable]


def measures(question: Located, passages: Search, depth: int) -> Iterator[float]:
    """Yield nDCG@10, recall@5 and whether the first passage is right, in percent."""
    from retrieval.evaluation.measures import normalized_gain, recall
    from retrieval.searching.search import Method

    def method(neighbours: int) -> Method:
        return Method(rerank="reader" if depth else "", depth=depth, milliseconds=0, neighbours=neighbours)

    ranked = passages(question.text, method(neighbours=0))
    if question.places:
        relevant, ranking = chunks_of(question), [str(passage.chunk_id) for passage in ranked]
    else:
        relevant = dict(question.relevant)
        ranking = list(dict.fromkeys(str(passage.document_id) for passage in ranked))
    yield 100 * normalized_gain(ranking, relevant)
    yield 100 * recall(ranking, relevant, cutoff=5)
    first = passages(question.text, method(neighbours=1))[:1]
    yield 100.0 * any(map(question.answered_by, first))


def chunks_of(question: Located) -> dict[str, int]:
    """Return the chunks that hold some of the answer."""
    from retrieval.models import Chunk

    return {
        str(chunk.pk): 1
        for document, start, end in question.places
        for chunk in Chunk.objects.filter(document_id=int(document), start__lt=end)
        if start < chunk.start + len(chunk.text)
    }


def print_table(found: np.ndarray[tuple[int, int, int], np.dtype[np.float64]]) -> None:
    """Print a row for each depth: the mean of each measure, with its difference to nothing read."""
    chosen = np.random.default_rng(1).integers(0, found.shape[1], (RESAMPLES, found.shape[1]))
    print("| hits read | nDCG@10 | recall@5 | first passage right |\n|---|---|---|---|")
    for depth, values in zip(DEPTHS, found, strict=True):
        gains = (values - found[0])[chosen].mean(axis=1)
        low, high = np.percentile(gains, [2.5, 97.5], axis=0)
        cells = [
            f"{mean:.1f}" + (f" ({gain:+.1f}, {least:.1f} to {most:.1f})" if depth else "")
            for mean, gain, least, most in zip(
                values.mean(axis=0), (values - found[0]).mean(axis=0), low, high, strict=True
            )
        ]
        print("|".join(["", f" {depth} ", *(f" {cell} " for cell in cells), ""]))


if __name__ == "__main__":
    main()
