"""The reader as an int8 ONNX graph, where searches read it: `python -m training.graph WEIGHTS.npz`, without torch."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.embedding import cross_encoder
from retrieval.embedding.bert_graph import BertGraph, Shape, quantise

if TYPE_CHECKING:
    from onnx import ModelProto

SHAPE = Shape("reader", layers=6, heads=12, head_size=32)


class ReaderGraph(BertGraph):
    """BERT that reads two texts, with a logit of its first token."""

    def token_types(self) -> str:
        return self.add("Gather", self.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")

    def model(self, *, tokens: bool = False) -> ModelProto:
        """Return the graph (input_ids, token_type_ids, attention_mask) [n, tokens] -> logits [n, 1]."""
        value = self.encoded(self.mask())
        first = self.add("Squeeze", self.add("Slice", value, "zero", "one", "one"), "one")
        answers = self.linear(self.add("Tanh", self.linear(first, "first")), "answers")
        return self.finished(answers, ["n", 1], ["input_ids", "token_type_ids", "attention_mask"])


def write_graph(weights: Path, path: Path) -> None:
    """Write the int8 graph of a run's weights."""
    import onnx

    exact = path.with_suffix(".exact")
    with np.load(weights) as held:
        onnx.save(ReaderGraph({name: held[name] for name in held.files}, SHAPE).model(), exact)
    quantise(exact, path)
    exact.unlink()


def main() -> None:
    target = cross_encoder.FOLDER / cross_encoder.GRAPH_FILE
    target.parent.mkdir(exist_ok=True)
    write_graph(Path(sys.argv[1]), target)
    print(f"{target.name}, sha256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
