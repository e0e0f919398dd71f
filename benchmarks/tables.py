"""How the rows of a long table are best written for a search: as they are, below column names that are repeated every
ten rows, or each with the names of its columns.

    python -m benchmarks.tables

A stock list of 600 made-up articles is chunked and searched as ingestion does it (BM25 and the local embedding, where
its weights are installed), with questions that name an article and a column. A question is answered when the chunk that
holds the article's row is among the first five.
"""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from retrieval.embedding.embedder import Embedder
from retrieval.embedding.embedders import local_embedder
from retrieval.index import Point, Scope
from retrieval.index.edge import EdgeIndex
from retrieval.parsing.formats.extracted import Blocks, row_line
from retrieval.parsing.formats.plain.tables import write_table
from retrieval.text.chunks import estimate_tokens, split
from retrieval.text.headings import Heading

COLUMNS = ["Article", "Material", "Bore", "Stock", "Price", "Supplier", "Delivery time"]
ROWS, QUESTIONS, FOUND_WITHIN, REPEATED_EVERY = 600, 150, 5, 10
KINDS = "gate valve,ball valve,check valve,safety valve,circulation pump,booster pump,heat exchanger,strainer".split(
    ","
)
MATERIALS = "brass,bronze,cast iron,stainless steel,PVC".split(",")
SUPPLIERS = "Hansen,Okafor,Lindqvist,Moreau,Tanaka".split(",")
ASKED = {
    "Stock": "How many {material} {kind}s with a {bore} bore are in stock?",
    "Price": "What is the price of the {material} {kind} {bore}?",
    "Supplier": "Who supplies the {kind} {bore} made of {material}?",
    "Delivery time": "What is the delivery time of a {bore} {kind} in {material}?",
}


def main() -> None:
    chance = random.Random(7)
    every = list(product(KINDS, MATERIALS, [f"DN {size}" for size in range(10, 310, 20)]))
    articles = chance.sample(every, ROWS)
    rows = [row(chance, *article) for article in articles]
    asked = [(number, chance.choice(list(ASKED.values()))) for number in chance.sample(range(len(rows)), QUESTIONS)]
    print(f"{len(rows)} rows, {QUESTIONS} questions; found: the row's chunk is among the first {FOUND_WITHIN}.\n")
    print(f"{'rows are written':<42}{'characters':>12}{'chunks':>8}{'found':>8}{'first':>8}")
    with tempfile.TemporaryDirectory(prefix="tables-") as folder:
        embedder = local_embedder(model_dir=Path(folder))
        for name, text in texts(rows).items():
            pieces, found = measure(text, rows, articles, asked, embedder, Path(folder) / uuid.uuid4().hex)
            first = sum(rank == 0 for rank in found)
            print(f"{name:<42}{len(text):>12,}{pieces:>8}{share(len(found)):>8}{share(first):>8}", flush=True)


def share(count: int) -> str:
    return f"{100 * count / QUESTIONS:.0f} %"


def row(chance: random.Random, kind: str, material: str, bore: str) -> list[str]:
    stock, price, days = chance.randint(0, 400), chance.randint(400, 90_000) / 100, chance.randint(1, 60)
    return [kind, material, bore, str(stock), f"{price:.2f}", chance.choice(SUPPLIERS), f"{days} days"]


def texts(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    plain = [row_line(row) for row in rows]
    header = row_line(COLUMNS)
    repeated = [
        line for number, line in enumerate(plain) for line in ([header] * (number % REPEATED_EVERY == 0) + [line])
    ]
    write_table(labelled := Blocks(), [COLUMNS, *rows])
    return {
        "below one line of column names": "\n".join(["Stock list\n", header, *plain]),
        f"with the names repeated every {REPEATED_EVERY} rows": "\n".join(["Stock list\n", *repeated]),
        "each with the names of its columns": "Stock list\n\n" + labelled.extracted().text,
    }


def measure(
    text: str,
    rows: Sequence[Sequence[str]],
    articles: Sequence[tuple[str, str, str]],
    asked: Sequence[tuple[int, str]],
    embedder: Embedder | None,
    folder: Path,
) -> tuple[int, list[int]]:
    """How many chunks there are, and the rank at which each row that was found among the first stood."""
    count = embedder.count_tokens if embedder else estimate_tokens
    pieces = split(text, count_tokens=count, headings=[Heading(0, 1, "Stock list")])
    ranked = [f"Stock list\n{text[piece.start : piece.end]}" for piece in pieces]
    vectors = embedder.embed_documents(ranked) if embedder else None
    index = EdgeIndex(folder, name="tables", dimension=embedder.dimension if embedder else None)
    index.upsert(
        [
            Point(uuid.uuid4(), 1, 1, 1, position, body, vectors[position].tolist() if vectors is not None else None)
            for position, body in enumerate(ranked)
        ]
    )
    found = []
    for number, question in asked:
        kind, material, bore = articles[number]
        query = question.format(kind=kind, material=material, bore=bore)
        vector = embedder.embed_query(query).tolist() if embedder else None
        hits = index.search(query, vector=vector, scope=Scope([1]), limit=FOUND_WITHIN)
        start = position_of(text, rows[number])
        wanted = next(place for place, piece in enumerate(pieces) if piece.start <= start < piece.end)
        found += [rank for rank, hit in enumerate(hits) if hit.position == wanted]
    index.close()
    return len(pieces), found


def position_of(text: str, row: Sequence[str]) -> int:
    """Where the row stands, however it is written."""
    plain = text.find(row_line(row))
    labels = [f"{name}: {cell}" for name, cell in zip(COLUMNS, row, strict=True)]
    return plain if plain >= 0 else text.index(row_line(labels))


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"\n{time.perf_counter() - began:.0f} seconds")
