"""What training starts from: `python -m training.prepare PAIRS.jsonl.gz TARGET [--apart FILE…]`, which needs no torch.

`--apart` names what is kept for tests: texts, or SQuAD's JSON, of which `--articles` counts.

Writes the arrays of two passes and the weights that the first begins with: `first.npz`, the given pairs; `second.npz`,
as many of them drawn again as there are pairs of our own; `start.npz`, all-MiniLM-L6-v2 as this project embeds with it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retrieval.embedding import minilm_graph
from retrieval.embedding.bert_graph import check_weights
from training.pairs import Pair, apart_from, as_arrays, read_pairs, texts_in
from training.variants import claims, exchanged_names, parts_without
from training.written import functions, manuals, tables

SHARE = 2_000  # pairs of each kind of our own, at most


def own_pairs(pairs: list[Pair], chance: random.Random) -> Iterator[Pair]:
    """Yield pairs of what the given ones don't show: a few of each kind."""
    import django

    right = [pair for pair in pairs if pair.answers]
    kinds = (
        claims(right, chance),
        exchanged_names(right, chance),
        parts_without(right),
        tables(chance, SHARE // 2),
        manuals(chance, SHARE // 2),
        functions(Path(django.__file__).parent, chance),
    )
    for kind in kinds:
        made = [*kind]
        yield from chance.sample(made, min(len(made), SHARE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--apart", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--articles", nargs="*", default=[], metavar="TITLE")
    options = parser.parse_args()
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    weights = minilm_graph.locate()
    if weights is None:
        raise SystemExit("The weights of all-MiniLM-L6-v2 are not installed: run `make run` once.")
    check_weights(weights / "model.safetensors", sha256=minilm_graph.WEIGHTS_SHA256, name=minilm_graph.NAME)
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    chance = random.Random(1)
    given = [*read_pairs(options.pairs)]
    pairs = [*apart_from(given, texts_in(options.apart, articles=options.articles))]
    own = [*own_pairs(pairs, chance)]
    again = chance.sample(pairs, min(len(own), len(pairs)))
    print(f"{len(given):,} pairs given, {len(pairs):,} apart from texts kept for tests, {len(own):,} of our own.")
    options.target.mkdir(parents=True, exist_ok=True)
    np.savez(options.target / "first.npz", **as_arrays(pairs, tokenizer, seed=1))
    np.savez(options.target / "second.npz", **as_arrays([*again, *own], tokenizer, seed=2))
    start = load_file(weights / "model.safetensors")
    np.savez(options.target / "start.npz", **{name: start[name] for name in start if name.startswith(("emb", "enc"))})


if __name__ == "__main__":
    main()
