"""How search() takes questions as people write them: with typos, accents, names that stand nowhere, and in messages.

    python -m benchmarks.noisy_questions QUESTIONS.csv [SQUAD.json.gz] [--questions 150]

Every variant is made of the sets' own questions, the same in every run. "found" is whether a passage among five holds
the answer, "answered" whether it is taken to answer as well, and "nDCG" counts at which place the first such passage
stands among ten. The documents of all sets are indexed together, once, where `evaluate` keeps them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.noise import absent_name, accented, between, named_again, spelt_wrong

if TYPE_CHECKING:
    from retrieval.evaluation.questions import JudgedQuestion, QuestionSet
    from retrieval.evaluation.run import Located
    from retrieval.searching.search import SearchResult

SHOWN, RANKED = 5, 10


@dataclass(frozen=True)
class Row:
    """What a variant came to: shares of the questions in percent, and the time of the median search."""

    name: str
    count: int
    found: float
    answered: float
    gain: float
    refused: float
    milliseconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=150, help="of each set, at most")
    parser.add_argument("--only", default="", help="variants whose names begin so")
    parser.add_argument("--show", action="store_true", help="print the questions that fail")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    import django

    django.setup()
    from django.conf import settings

    sets = [read(path) for path in options.sets]
    sources = [source for each in sets for source in each.sources]
    if "evaluation" not in settings.DATA_DIR.parts:  # begin again in a site of these sets' own
        from retrieval.evaluation.site import folder_name

        folder = settings.DATA_DIR / "evaluation" / folder_name(sources)
        folder.mkdir(parents=True, exist_ok=True)
        settings.MODEL_DIR.mkdir(parents=True, exist_ok=True)
        if not (folder / "models").exists():
            (folder / "models").symlink_to(settings.MODEL_DIR)
        command = [sys.executable, "-m", "benchmarks.noisy_questions", *sys.argv[1:]]
        os.execve(command[0], command, {**os.environ, "DATA_DIR": str(folder)})  # noqa: S606 - this very command
    from django.core.management import call_command

    from retrieval.evaluation.run import locate
    from retrieval.evaluation.site import fill

    call_command("migrate", verbosity=0)
    documents = fill(sources, report=lambda done: None)
    located = [
        locate([*each.questions][:: max(len(each.questions) // options.questions, 1)], documents=documents)
        for each in sets
    ]
    text = "\n".join(source.text for source in sources)
    print(f"{'':<34}{'questions':>10}{'found':>8}{'answered':>10}{'nDCG@10':>9}{'refused':>9}{'ms':>7}")
    for name, cases in variants(located, text):
        if name.startswith(options.only):
            row = measure(name, cases, show=options.show)
            print(
                f"{row.name:<34}{row.count:>10}{row.found:>8.1f}{row.answered:>10.1f}{row.gain:>9.1f}"
                f"{row.refused:>9.1f}{row.milliseconds:>7.1f}",
                flush=True,
            )


def read(path: Path) -> QuestionSet:
    from retrieval.evaluation.questions import read_set

    return squad(path) if ".json" in path.suffixes else read_set(path)


def squad(path: Path) -> QuestionSet:
    """The answerable questions of a SQuAD file; an article is a document."""
    from retrieval.evaluation.questions import QuestionSet, SourceText

    raw = path.read_bytes()
    data = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)["data"]
    sources, questions = [], []
    for article in data:
        text = ""
        for paragraph in article["paragraphs"]:
            questions += [*_answerable(paragraph, article["title"], len(text))]
            text += paragraph["context"] + "\n\n"
        sources.append(SourceText(article["title"], article["title"].replace("_", " "), "article.txt", text))
    return QuestionSet(path.name, tuple(sources), tuple(questions))


def _answerable(paragraph: dict, title: str, start: int) -> Iterator[JudgedQuestion]:
    from retrieval.evaluation.questions import JudgedQuestion, Quote

    for row in paragraph["qas"]:
        if row["answers"]:
            answer = row["answers"][0]
            at = start + answer["answer_start"]
            yield JudgedQuestion(row["question"].strip(), quotes=(Quote(title, at, at + len(answer["text"])),))


# ---- the variants ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Case:
    """The messages of a conversation, of which the last is asked, and the question it stands for; None where nothing
    answers it."""

    messages: tuple[str, ...]
    question: Located | None


def variants(sets: Sequence[Sequence[Located]], text: str) -> Iterator[tuple[str, list[Case]]]:
    """Each variant by name; `text` is all that the documents say."""
    questions = [question for each in sets for question in each]
    for name, change in _changes():
        chance = random.Random(name)
        yield name, [Case((change(question.text, chance),), question) for question in questions]
    chance, known = random.Random("absent"), frozenset(re.findall(r"\w+", text.casefold()))
    absent = [absent_name(question.text, known, chance) for question in questions]
    yield "absent names", [Case((changed,), None) for changed in absent if changed]
    strangers = [(one, other) for one, other in zip(questions, questions[1:] + questions[:1], strict=True)]
    strangers = [(q, questions[(at + len(questions) // 2) % len(questions)]) for at, q in enumerate(questions)]
    yield "change of subject", [Case((one.text, other.text), other) for one, other in strangers]
    pairs = [(one, named_again(one.text, other.text), other) for one, other in neighbours(questions)]
    yield "follow-ups", [Case((one.text, asked), other) for one, asked, other in pairs if asked]
    yield "follow-ups, asked alone", [Case((asked,), other) for _, asked, other in pairs if asked]


def _changes() -> Iterator[tuple[str, Callable[[str, random.Random], str]]]:
    yield "clean", lambda text, chance: text
    yield "typos in 20 % of the words", lambda text, chance: spelt_wrong(text, 0.2, chance)
    yield "typos in 40 % of the words", lambda text, chance: spelt_wrong(text, 0.4, chance)
    yield "accents", accented
    for words in (31, 253):
        for place in ("first", "middle", "last"):
            yield f"in {words} words, {place}", lambda text, chance, w=words, p=place: between(text, words=w, place=p)


def neighbours(questions: Sequence[Located]) -> Iterator[tuple[Located, Located]]:
    """Each question and the one before it that is about the same document, near by."""
    for one, other in zip(questions, questions[1:], strict=False):
        if one.places and other.places and one.places[0][0] == other.places[0][0]:
            yield one, other


# ---- asking ----------------------------------------------------------------------------------------------------------
def measure(name: str, cases: Sequence[Case], *, show: bool) -> Row:
    found, answered, gains, refused, times = [], [], [], [], []
    for case in cases:
        result = ask(case.messages, limit=RANKED)
        right = case.question.answered_by if case.question else lambda passage: False
        rank = next((at for at, passage in enumerate(result.passages) if right(passage)), RANKED)
        found.append(rank < SHOWN)
        answered.append(rank < SHOWN and result.answers)
        gains.append(1 / math.log2(2 + rank) if rank < RANKED else 0.0)
        refused.append(not result.answers)
        times.append(result.total_ms)
        if show and (result.answers if case.question is None else not answered[-1]):
            print(f"  {case.messages[-1]!r} {rank=} {result.confidence:.2f} {result.missing} {result.asked}")
    shares = [100 * statistics.mean(values) if values else 0.0 for values in (found, answered, gains, refused)]
    return Row(name, len(cases), *shares, statistics.median(times or [0.0]))


def ask(messages: Sequence[str], *, limit: int) -> SearchResult:
    """Search for the last of the messages, as the chat does."""
    from django.contrib.auth import get_user_model

    from chatsite.asking.question import searches
    from retrieval.searching.search import search

    reader = get_user_model()(is_active=True, is_superuser=True)
    asked, follows = searches(messages)
    return search(messages[-1], user=reader, limit=limit, asked=asked, follows=follows)


if __name__ == "__main__":
    main()
