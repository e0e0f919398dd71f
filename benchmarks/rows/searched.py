"""`search()` with rights by row beside the same where every row is everybody's, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.rows.followed import fill, p95, sentences, timed

SEARCHES, WARM = 60, 3
_AT_ONCE = 1_000


def measure(rows: int) -> None:
    from news.models import Article

    authors = fill(rows)
    took = timed(index_all)
    print(f"{rows:,} rows are in database and index, {rows / took:,.0f} a second", flush=True)
    every = Article.objects.all
    own = lambda user: Article.objects.filter(author=user.pk)  # noqa: E731
    kinds: dict[str, Callable[[Any], Any]] = {
        "every row everybody's": lambda user: every(),
        "published, or one's own": lambda user: Article.objects.visible_to(user),
        "one's own: 1 in 100": own,
        "those of 10 authors: 1 in 10": lambda user: Article.objects.filter(author__lte=10),
        "those of 40 authors: 4 in 10": lambda user: Article.objects.filter(author__lte=40),
    }
    _search(kinds, authors)


def _search(kinds: dict[str, Callable[[Any], Any]], authors: list[Any]) -> None:
    from retrieval.model_documents.declaring import declared_for
    from retrieval.searching.search import search

    one = declared_for("news.article")
    assert one is not None
    texts = sentences()
    times: dict[str, list[float]] = {name: [] for name in kinds}
    found: dict[str, int] = dict.fromkeys(kinds, 0)
    for number in range(WARM + SEARCHES):
        asked = next(texts)[:80]
        for name, visible_to in kinds.items():
            type(one).visible_to = lambda self, user, visible_to=visible_to: visible_to(user)  # type: ignore[misc]
            began = time.perf_counter()
            passages = search(asked, user=authors[number % len(authors)]).passages
            if number >= WARM:
                times[name].append((time.perf_counter() - began) * 1000)
                found[name] += len(passages)
    plain = next(iter(times.values()))
    print(f"{'rights':<32}{'p50 ms':>8}{'p95 ms':>8}{'times p50':>11}{'times p95':>11}{'passages':>10}")
    for name, took in times.items():
        ratios = (statistics.median(took) / statistics.median(plain), p95(took) / p95(plain))
        middle, late = statistics.median(took), p95(took)
        print(
            f"{name:<32}{middle:>8.1f}{late:>8.1f}{ratios[0]:>11.2f}{ratios[1]:>11.2f}{found[name] / SEARCHES:>10.1f}"
        )


def index_all() -> None:
    """Write a document, a chunk and a point for each article, as reading them does."""
    from django.utils import timezone
    from news.models import Article

    from retrieval.ingestion import points, spaces, vocabulary
    from retrieval.model_documents.declaring import declared_for
    from retrieval.model_documents.writing import collection_of
    from retrieval.models import Chunk, Collection, Document
    from retrieval.text import chunks as chunking
    from tests.fakes.chat_server import embed

    one = declared_for("news.article")
    assert one is not None
    collection, space = collection_of(one), spaces.live_space()
    rows = Article.objects.order_by("pk")
    for first in range(0, rows.count(), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        documents = Document.objects.bulk_create(
            Document(
                collection=collection, title=row.title, filename="article.md", source="model", folder=one.label,
                location=one.key_of(row), state="ready", live_generation=1, language="en", chunk_count=1,
                characters=len(row.body), dated=timezone.now().date(), chunker=chunking.VERSION, title_given=True,
                address=row.get_absolute_url(),
            )
            for row in some
        )  # fmt: skip
        chunks = [
            Chunk(
                id=points.chunk_id(document.pk, generation=1, position=0), document=document, generation=1, position=0,
                start=0, end=len(row.body), text=row.body,
            )
            for document, row in zip(documents, some, strict=True)
        ]  # fmt: skip
        Chunk.objects.bulk_create(chunks)
        vocabulary.add(collection.pk, chunks)
        texts = [
            points.ranking_text(document.title, headings=[], text=chunk.text)
            for document, chunk in zip(documents, chunks, strict=True)
        ]
        space.index.upsert(
            [
                points.point(chunk, document, text=text, vector=_array(embed(text)))
                for chunk, document, text in zip(chunks, documents, texts, strict=True)
            ]
        )
    Collection.objects.filter(pk=collection.pk).update(fingerprint=space.fingerprint, languages=["en"])
    space.index.tidy()


def _array(vector: list[float]) -> Any:
    import numpy as np

    return np.array(vector, dtype=np.float32)
