"""The reader's graph computes what BERT with a head computes, in int8 as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from retrieval.embedding import minilm_graph
from retrieval.embedding.local import open_graph
from training.graph import write_graph


def test_graph_reads_two_texts_and_gives_one_number(tmp_path: Path) -> None:
    weights = minilm_graph.locate()
    assert weights
    chance = np.random.default_rng(1)
    heads = {
        "first.weight": np.eye(384, dtype=np.float32),
        "first.bias": np.zeros(384, np.float32),
        "answers.weight": chance.normal(size=(1, 384)).astype(np.float32),
        "answers.bias": np.ones(1, np.float32),
    }
    np.savez(tmp_path / "weights.npz", **load_file(weights / "model.safetensors"), **heads)
    write_graph(tmp_path / "weights.npz", tmp_path / "reader.onnx")
    graph = open_graph(tmp_path / "reader.onnx")
    ids = [101, 2040, 102, 4419, 102]
    one, other = (
        graph(input_ids=ids, token_type_ids=types, attention_mask=[1] * 5) for types in ([0] * 5, [0, 0, 0, 1, 1])
    )
    assert one.shape == (1,)
    assert abs(one - other) > 0.01  # which text a token is of counts
    assert [path.name for path in tmp_path.glob("*.exact")] == []
