"""How well a search's confidence tells answers from what is merely nearest, and the coefficients that fit best.

    python -m benchmarks.confidence [SET...] [--questions 300]

A set is a path, as `manage.py evaluate` takes it; a file in the form of SQuAD, of which every second article is
indexed; `de.json@hi.json`, the questions of the one about the documents of the other; or one that is made here:
`python` (docstrings and the functions they were taken out of), `manual-en`, `manual-de` and so on (descriptions of
manual pages and the pages). Its documents are indexed once, where `evaluate` keeps them. Then `search()` is asked its
questions ("answered": as far as a passage holds the answer; "unanswerable", where the set says so), the same without
the passages that answer ("removed"), and questions about something else ("elsewhere": of the articles that aren't
indexed, of other sets, or messages of Django), each with vectors and without. The figures of a set come from a model
fitted on the others, and from the one that the site uses. `EMBEDDING_MODEL` chooses what embeds, as everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tests.servers import ROOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.evaluation.located import Located
    from retrieval.evaluation.questions import QuestionSet
    from retrieval.searching.search import SearchResult

    Numbers = NDArray[np.float64]

T = TypeVar("T")
SETS = ("python", "manual-en", "manual-de", "manual-fr")
KINDS = ("answered", "unanswerable", "removed", "elsewhere")
NEEDED = ("answered", "removed", "elsewhere")
THRESHOLDS = (0.1, 0.2, 0.28, 0.4, 0.5, 0.6, 0.7)
BINS = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.01)
RIDGE = 1.0
# By how many things are measured: what that model is for, and what a wrong refusal counts against a wrong answer. Words
# alone tell less than with vectors; in another language it takes little to seem near.
MODELS = {4: ("With vectors", 1.0), 3: ("With words alone", 1.2), 2: ("In another language than the passages", 0.5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--questions", type=int, default=300, help="of each set, at most")
    parser.add_argument("--again", action="store_true", help="judge what was found the last time")
    parser.add_argument("--collect", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    import django

    django.setup()
    if options.collect:
        collect(options.sets[0], options.collect, questions=options.questions)
        return
    found = dict(found_of(options.sets, questions=options.questions, again=options.again))
    for name, cases in found.items():
        print_found(name, cases)
    for size, (title, refusal) in MODELS.items():
        measured = {name: [*measured_of(cases, size=size)] for name, cases in found.items()}
        complete = {name: rows for name, rows in measured.items() if {row.kind for row in rows} >= {*NEEDED}}
        if complete:
            print_model(title, refusal, complete)


# ---- asking ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Found:
    """A passage, as it was found."""

    title: str
    section: str
    text: str
    similarity: float | None
    score: float = 0.0


@dataclass(frozen=True)
class Case:
    """A question, and whether what was found for it holds the answer."""

    kind: str
    query: str
    language: str
    vectors: bool
    translated: bool  # the passages, into another language
    first: bool  # whether the first passage holds the answer
    passages: tuple[Found, ...]

    @property
    def confidence(self) -> float:
        from retrieval.searching.confidence import confidence

        return confidence(self.query, self.passages, language=self.language, translated=self.translated)


def found_of(names: Sequence[str], *, questions: int, again: bool) -> Iterator[tuple[str, list[Case]]]:
    """The cases of each set: each is asked in a process and a site of its own, where they are kept."""
    from django.conf import settings

    from benchmarks.question_sets import question_set
    from retrieval.evaluation.site import folder_name

    sets = {name: question_set(name) for name in names}
    for name, asked in sets.items():
        folder = settings.DATA_DIR / "evaluation" / folder_name(asked.sources)
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"cases of {asked.name}.json"
        if not (again and kept.exists()):
            elsewhere = about_something_else(name, sets, most=questions)
            kept.with_name("elsewhere.json").write_text(json.dumps(elsewhere))
            settings.MODEL_DIR.mkdir(parents=True, exist_ok=True)
            if not (folder / "models").exists():
                (folder / "models").symlink_to(settings.MODEL_DIR)
            place = {"DATA_DIR": str(folder)}
            inherited = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "QDRANT_URL"}}
            command = [sys.executable, "-m", "benchmarks.confidence", name, "--questions", str(questions)]
            subprocess.run([*command, "--collect", str(kept)], cwd=ROOT, env=inherited | place, check=True)
        rows = json.loads(kept.read_text())
        yield asked.name, [Case(**row | {"passages": tuple(Found(**one) for one in row["passages"])}) for row in rows]


def about_something_else(name: str, sets: Mapping[str, QuestionSet], *, most: int) -> list[str]:
    """Questions about the articles of that set that aren't indexed; in English, those of the other English sets; in
    another language, Django's messages."""
    from benchmarks.question_sets import is_squad, left_out, messages

    if is_squad(name):
        others = [left_out(name)]
    elif name.startswith("manual-") and name != "manual-en":
        others = [messages(name.removeprefix("manual-"))]
    else:
        english = [other for other in names_in_english(sets) if other != name]
        others = [[question.text for question in sets[other].questions] for other in english]
    share = most // max(len(others), 1)
    return [text for texts in others for text in evenly(texts, share)]


def names_in_english(sets: Mapping[str, QuestionSet]) -> list[str]:
    from benchmarks.question_sets import is_squad

    return [name for name in sets if name == "manual-en" or not (is_squad(name) or name.startswith("manual-"))]


def evenly(rows: Sequence[T], most: int) -> Sequence[T]:
    return rows[:: max(len(rows) // most, 1)][:most]


def collect(name: str, kept: Path, *, questions: int) -> None:
    """Ask, in this process's own site; `kept` holds the questions of other sets, then what was found."""
    from django.core.management import call_command

    from benchmarks.question_sets import question_set
    from retrieval.evaluation.located import locate
    from retrieval.evaluation.site import fill

    asked = question_set(name)
    call_command("migrate", verbosity=0)
    documents = fill(asked.sources, report=lambda done: None)
    chosen = [evenly([one for one in asked.questions if one.answerable == kind], questions) for kind in (True, False)]
    located = locate([*chain.from_iterable(chosen)], documents=documents)
    elsewhere = json.loads(kept.with_name("elsewhere.json").read_text())
    kept.write_text(json.dumps([*cases(located, elsewhere)]))


def cases(questions: Sequence[Located], elsewhere: Sequence[str]) -> Iterator[dict[str, Any]]:
    from django.contrib.auth import get_user_model

    from retrieval.evaluation.run import SHOWN
    from retrieval.searching.search import Method, search

    reader = get_user_model()(is_active=True, is_superuser=True)
    for vectors in (True, False):
        method = Method(vectors=vectors)

        for question in questions:
            shown = search(question.text, user=reader, limit=SHOWN, method=method)
            if not question.answerable:
                yield case("unanswerable", question.text, shown, vectors=vectors)
                continue
            many = search(question.text, user=reader, limit=4 * SHOWN, method=method)
            left = [passage for passage in many.passages if not question.answered_by(passage)][:SHOWN]
            held = [*map(question.answered_by, shown.passages)]
            yield case(
                "answered" if any(held) else "missed", question.text, shown, vectors=vectors, first=held[:1] == [True]
            )
            yield case("removed", question.text, replace(many, passages=tuple(left)), vectors=vectors)
        for query in elsewhere:
            yield case("elsewhere", query, search(query, user=reader, limit=SHOWN, method=method), vectors=vectors)


def case(kind: str, query: str, result: SearchResult, *, vectors: bool, first: bool = False) -> dict[str, Any]:
    rows = [{name: getattr(passage, name) for name in Found.__annotations__} for passage in result.passages]
    spoken = {document.language for document in result.documents.values()}
    return {
        "kind": kind,
        "query": query,
        "language": result.language,
        "vectors": vectors,
        "translated": spoken.isdisjoint({result.language, ""}),
        "first": first,
        "passages": rows,
    }


# ---- fitting ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Measured:
    """What the model is told of a case, and what the site's own says to it."""

    kind: str
    values: tuple[float, ...]
    confidence: float


def measured_of(cases: Sequence[Case], *, size: int) -> Iterator[Measured]:
    """What the model that is told `size` things is told of these cases."""
    from retrieval.searching.confidence import measure

    for one in cases:
        if one.passages and one.kind in KINDS:
            values = measure(one.query, one.passages, language=one.language, translated=one.translated)
            if len(values) == size and (size == 2 or not one.translated):  # whose words tell nothing
                yield Measured(one.kind, values, one.confidence)


def fit(sets: Sequence[Sequence[Measured]], refusal: float) -> Numbers:
    """The weights of a logistic model and last its constant, by Newton's method with a little ridge. Each set counts
    the same, and in it the answered `refusal` times as much as the others together."""
    rows = [(row, 1 / sum(other.kind == row.kind for other in rows)) for rows in sets for row in rows]
    values = np.array([(*row.values, 1.0) for row, _ in rows])
    wanted = np.array([float(row.kind == "answered") for row, _ in rows])
    refused = [1 / (len({other.kind for other in each}) - 1) for each in sets for _ in each]
    weights = np.array(
        [w * (refusal if row.kind == "answered" else r) for (row, w), r in zip(rows, refused, strict=True)]
    )
    weights *= len(rows) / weights.sum()
    ridge, coefficients = np.diag([RIDGE] * (values.shape[1] - 1) + [0.0]), np.zeros(values.shape[1])
    for _ in range(30):
        expected = logistic(values @ coefficients)
        gradient = values.T @ (weights * (wanted - expected)) - ridge @ coefficients
        curvature = (values.T * (weights * expected * (1 - expected))) @ values + ridge
        coefficients = coefficients + np.linalg.solve(curvature, gradient)
    return coefficients


def predict(rows: Sequence[Measured], coefficients: Numbers) -> Numbers:
    return logistic(np.array([(*row.values, 1.0) for row in rows]) @ coefficients)


def logistic(values: Numbers) -> Numbers:
    return 1 / (1 + np.exp(-values))


def area(positive: Numbers, negative: Numbers) -> float:
    """Under the curve of true over false positives: how often a positive is above a negative; equal ones count half."""
    differences = positive[:, None] - negative[None, :]
    return float(((differences > 0) + 0.5 * (differences == 0)).mean())


# ---- telling ---------------------------------------------------------------------------------------------------------
def print_found(name: str, cases: Sequence[Case]) -> None:
    """Of the questions that have an answer: whether it is in the first passage, among five, and taken for one."""
    from retrieval.searching.confidence import ANSWERS

    for vectors in (True, False):
        asked = [one for one in cases if one.vectors == vectors and one.kind in {"answered", "missed"}]
        found = [one for one in asked if one.kind == "answered"]
        counts = (sum(one.first for one in found), len(found), sum(one.confidence >= ANSWERS for one in found))
        first, among, answered = (f"{100 * count / len(asked):.1f}" for count in counts)
        by = "vectors" if vectors else "words"
        print(f"{name:<32.31}{by:<8} first {first}  among five {among}  answered {answered}")


def print_model(title: str, refusal: float, measured: Mapping[str, Sequence[Measured]]) -> None:
    """`measured` by set: their figures by the others' coefficients and by the site's, then those fitted on all."""
    from retrieval.searching.confidence import ANSWERS

    print(f"\n{title}: percent with 95 % intervals, at {ANSWERS}")
    heads = "".join(f"{kind + (', refused' if kind in KINDS[1:] else ', kept'):>24}" for kind in KINDS)
    print(f"{'':<16}{'':<10}{heads}{'areas':>16}")
    own = "site's"
    pooled: dict[str, list[tuple[str, float]]] = {"left out": [], own: []}
    for name, rows in measured.items():
        others = fit([each for other, each in measured.items() if other != name] or [rows], refusal)
        for model, sure in (("left out", predict(rows, others)), (own, np.array([r.confidence for r in rows]))):
            print(f"{Path(name).name:<16.15}{model:<10}{figures([row.kind for row in rows], sure)}")
            pooled[model] += [(row.kind, float(value)) for row, value in zip(rows, sure, strict=True)]
    for model, kept in pooled.items():
        print(f"{'all':<16}{model:<10}{figures([kind for kind, _ in kept], np.array([value for _, value in kept]))}")
    print("\nOf those predicted between, so many percent were answered (answered count as much as all others):")
    for model, kept in pooled.items():
        print(f"{model:<10}{reliability(kept)}")
    print("\nWhat other thresholds trade:")
    for threshold in THRESHOLDS:
        cells = (f"{kind} {share(pooled[own], kind, threshold)}" for kind in KINDS)
        print(f"{threshold:<10}{'   '.join(cells)}")
    print(f"\nFitted on all: {', '.join(f'{value:.2f}' for value in fit([*measured.values()], refusal))}")


def figures(kinds: Sequence[str], sure: Numbers) -> str:
    from retrieval.evaluation.measures import estimate
    from retrieval.searching.confidence import ANSWERS

    of_kind = {kind: sure[[one == kind for one in kinds]] for kind in KINDS}
    cells = []
    for kind, values in of_kind.items():
        right = values >= ANSWERS if kind == "answered" else values < ANSWERS
        found = estimate([100.0 * float(one) for one in right]) if len(right) else None
        cells.append(f"{f'{found.mean:.1f} ({found.low:.1f} to {found.high:.1f})' if found else '-':>24}")
    areas = (f"{area(of_kind['answered'], values):.2f}" if len(values) else "-" for values in [*of_kind.values()][1:])
    return "".join(cells) + f"{' '.join(areas):>16}"


def share(kept: Sequence[tuple[str, float]], kind: str, threshold: float) -> str:
    """The percent of the answered that a threshold keeps, of the others that it refuses."""
    right = [(sure >= threshold) == (kind == "answered") for one, sure in kept if one == kind]
    return f"{100 * sum(right) / len(right):.1f}" if right else "-"


def reliability(kept: Sequence[tuple[str, float]]) -> str:
    count = Counter(kind == "answered" for kind, _ in kept)
    cells = []
    for low, high in pairwise(BINS):
        weight = {True: 0.0, False: 0.0}
        for kind, value in kept:
            if low <= value < high:
                weight[kind == "answered"] += 1 / count[kind == "answered"]
        share = f"{100 * weight[True] / sum(weight.values()):.0f}" if any(weight.values()) else "-"
        cells.append(f"{low:g} to {min(high, 1):g}: {share}")
    return "   ".join(cells)


if __name__ == "__main__":
    main()
