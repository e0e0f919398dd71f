"""How well unanswered questions are grouped: on questions whose intents are known, one csv with `text` and `category`.

    python -m benchmarks.gap_groups banking77.csv [--questions 1000]

Purity is the share of questions that ask what most of their group asks; scattered is the number of groups that the
questions of one intent are in, at the median. Banking77 (CC BY 4.0, PolyAI) is such a set.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import statistics
import tempfile
from collections import Counter, defaultdict
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--questions", type=int, default=1_000)
    options = parser.parse_args()
    with options.path.open(newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    rows = random.Random(4).sample(rows, min(options.questions, len(rows)))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        measure(rows)


def measure(rows: list[tuple[str, str]]) -> None:
    from django.utils import timezone

    from chatsite.gaps import grouping
    from chatsite.models import Conversation, GapQuestion, Run

    talk, now = Conversation.objects.create(title="All"), timezone.now()
    Run.objects.bulk_create(
        [Run(conversation=talk, mode="retrieval", question=text, state="completed", ended_at=now) for text, _ in rows]
    )
    intents = dict(rows)
    print(f"{len(rows):,} questions of {len(set(intents.values()))} intents\n")
    print(
        f"{'like enough':>12}{'groups':>8}{'in groups of 2 and more':>25}{'purity there':>14}{'purity':>8}"
        f"{'scattered':>11}"
    )
    usual = grouping.LIKE
    for like in (0.6, 0.66, usual, 0.78, 0.84):
        grouping.LIKE = like
        GapQuestion.objects.all().delete()
        grouping.Gap.objects.all().delete()
        while grouping.group_new():
            pass
        groups: dict[int, list[str]] = defaultdict(list)
        for gap, question in GapQuestion.objects.values_list("gap", "run__question"):
            groups[gap].append(intents[question])
        together = [group for group in groups.values() if len(group) > 1]
        of_intent: dict[str, set[int]] = defaultdict(set)
        for gap, group in groups.items():
            for intent in group:
                of_intent[intent].add(gap)
        share = sum(map(len, together)) / len(rows)
        scattered = statistics.median(map(len, of_intent.values()))
        mark = " *" if like == usual else ""
        print(
            f"{like:>12}{len(groups):>8}{share:>25.0%}{purity(together):>14.0%}{purity([*groups.values()]):>8.0%}"
            f"{scattered:>11.0f}{mark}",
            flush=True,
        )
    print("\n* as it is")


def purity(groups: list[list[str]]) -> float:
    largest = sum(Counter(group).most_common(1)[0][1] for group in groups)
    return largest / max(1, sum(map(len, groups)))


if __name__ == "__main__":
    main()
