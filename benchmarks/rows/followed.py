"""The first sync, the comparison when nothing has changed, and the time from a save to a search that finds it."""

from __future__ import annotations

import random
import re
import resource
import statistics
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AUTHORS, SAVES = 100, 50
SAVE_MOST_SECONDS = 30.0


def measure(rows: int) -> None:
    from retrieval.ingestion import ingest
    from retrieval.model_documents.declaring import declared_for
    from retrieval.model_documents.following import sync

    authors = fill(rows)
    one = declared_for("news.article")
    assert one is not None
    before = memory()
    stored = timed(lambda: sync(one))
    print(
        f"{rows:,} rows: {rows / stored:,.0f} a second are stored; {memory() - before:,.0f} MB more memory", flush=True
    )
    again = timed(lambda: sync(one))
    print(f"compared again, nothing changed: {rows / again:,.0f} rows a second", flush=True)
    ingest.recover()
    read = timed(drain)
    print(f"read and embedded: {rows / read:,.0f} a second", flush=True)
    save_times(authors)


def fill(rows: int) -> list[Any]:
    """Make the articles: every other one is a draft, of one of 100 authors. Return the authors."""
    from django.contrib.auth.models import User
    from news.models import Article

    authors = User.objects.bulk_create([User(username=f"author{number}") for number in range(AUTHORS)])
    texts = sentences()
    for first in range(0, rows, 1_000):
        Article.objects.bulk_create(
            Article(
                title=next(texts)[:80], slug=f"a{number}", body=" ".join(next(texts) for _ in range(3)),
                author=authors[number // 2 % AUTHORS], published=number % 2 == 0,
            )
            for number in range(first, min(first + 1_000, rows))
        )  # fmt: skip
    return authors


def drain() -> None:
    from retrieval.ingestion import ingest

    while ingest.work():
        pass


def save_times(authors: list[Any]) -> None:
    """Save a row with a word of its own, in this process, where the documents are read."""
    from news.models import Article

    from retrieval.ingestion import ingest
    from retrieval.searching.search import search

    ingest.start()
    times = []
    for number, row in enumerate(Article.objects.filter(published=True)[:SAVES]):
        row.body = f"The password of the lock is zebra{number}quagga."
        began = time.perf_counter()
        row.save()
        while time.perf_counter() - began < SAVE_MOST_SECONDS:
            found = search(f"zebra{number}quagga", user=authors[0]).passages
            if found and f"zebra{number}quagga" in found[0].text:
                break
            time.sleep(0.02)
        times.append(time.perf_counter() - began)
    print(f"from a save to a search that finds it: p50 {statistics.median(times):.2f} s, p95 {p95(times):.2f} s")
    ingest.stop(10)


def sentences() -> Iterator[str]:
    """Yield sentences of the docstrings and comments of the standard library, in a fixed random order, for ever."""
    paths = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = " ".join(path.read_text(errors="replace") for path in paths)
    found = [" ".join(one.split()) for one in re.findall(r"[A-Z][a-z][^.\"'=()\[\]{}]{40,200}\.", text)]
    chance = random.Random(4)
    while True:
        yield chance.choice(found)


def timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def memory() -> float:
    """Return the most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def p95(times: list[float]) -> float:
    return sorted(times)[len(times) * 95 // 100]
