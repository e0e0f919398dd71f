"""BERT as an ONNX graph: made from weights, made small, and written once by a child process."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.children import run_child
from retrieval.errors import EmbeddingUnavailable
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

logger = logging.getLogger(__name__)

_SECONDS = 300  # to write a graph, which takes about four
_EPSILON = 1e-12


@dataclass(frozen=True)
class Shape:
    """The sizes of a model, of which the weights don't tell all."""

    name: str
    layers: int
    heads: int
    head_size: int

    @property
    def dimension(self) -> int:
        return self.heads * self.head_size


def check_weights(file: Path, *, sha256: str, name: str) -> None:
    """Raise EmbeddingUnavailable when the file is not the published one."""
    with file.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != sha256:
            raise EmbeddingUnavailable(
                _("The installed weights are not the published %(model)s: their sha256 differs."), model=name
            )


def write_in_child(module: str, weights: Path, path: Path, *options: str, name: str) -> None:
    """Have `python -m module weights target options` write a file or a folder, which then becomes `path`.

    A child process, which takes its memory and the quantiser's log with it when it ends. Raises EmbeddingUnavailable
    when it can't be written.
    """
    logger.info("Writing the int8 graph of %s (once)", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder, "written")
        try:
            done = run_child(module, str(weights.resolve()), str(written.resolve()), *options, seconds=_SECONDS)
            if done.status != 0:
                raise OSError(done.log)
        except OSError as error:
            raise EmbeddingUnavailable(
                _("The graph of %(model)s can't be written: %(fault)s"), model=name, fault=str(error)
            ) from error
        try:
            written.replace(path)  # atomic, so a process that is killed here leaves no half graph behind
        except OSError:  # a folder that another process has written meanwhile
            if not path.exists():
                raise


def quantise(exact: Path, path: Path, **options: Any) -> None:
    """Write the int8 graph of the float32 graph in `exact`.

    Per channel and in 7 bits: 0.99 mean cosine to the exact vectors (0.95 per tensor), also on processors that saturate
    8-bit sums. https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(exact, path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True, **options)


class BertGraph:
    """BERT (arXiv 1810.04805) with mean pooling, one ONNX node after another; each method returns its output's name.

    `weights` are named as transformers names those of a BertModel, in float32. The table of words may be rows of int8
    with one scale each, under `embeddings.word_scales`.
    """

    def __init__(self, weights: dict[str, NDArray[Any]], shape: Shape) -> None:
        import numpy as np

        self.weights = weights
        self.shape = shape
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {
            "zero": np.array([0], np.int64),
            "one": np.array([1], np.int64),
            "last": np.array([-1], np.int64),
            "heads": np.array([0, 0, shape.heads, shape.head_size], np.int64),
            "joined": np.array([0, 0, shape.dimension], np.int64),
            "root": np.array(shape.head_size**0.5, np.float32),
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

    def words(self) -> str:
        from onnx import TensorProto

        rows = self.add("Gather", self.weight("embeddings.word_embeddings.weight"), "input_ids")
        if "embeddings.word_scales" not in self.weights:
            return rows
        scales = self.add("Gather", self.weight("embeddings.word_scales"), "input_ids")
        return self.add("Mul", self.add("Cast", rows, to=TensorProto.FLOAT), self.add("Unsqueeze", scales, "last"))

    def token_types(self) -> str:
        """Add which of two texts each token is of: here all are of the first."""
        self.constants["token_type"] = self.weights["embeddings.token_type_embeddings.weight"][0]
        return "token_type"

    def embedded(self) -> str:
        words = self.words()
        length = self.add("Shape", "input_ids", start=1, end=2)
        positions = self.add("Slice", self.weight("embeddings.position_embeddings.weight"), "zero", length, "zero")
        total = self.add("Add", self.add("Add", words, positions), self.token_types())
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

    def encoded(self, mask: str) -> str:
        """Add all layers."""
        absent = self.add("Mul", self.add("Sub", "unit", mask), "masked")
        bias = self.add("Unsqueeze", self.add("Unsqueeze", absent, "one"), "one")
        value = self.embedded()
        for number in range(self.shape.layers):
            value = self.layer(value, f"encoder.layer.{number}", bias)
        return value

    def mask(self) -> str:
        from onnx import TensorProto

        return self.add("Cast", "attention_mask", to=TensorProto.FLOAT)

    def model(self, *, tokens: bool = False) -> ModelProto:
        """Return the graph (input_ids, attention_mask) [n, tokens] -> unit vectors [n, dimension], or, of `tokens`,
        [n, tokens, dimension]."""
        mask = self.mask()
        value = self.encoded(mask)
        if tokens:
            return self.finished(self.unit(value), ["n", "tokens", self.shape.dimension])
        return self.finished(self.pooled(value, mask), ["n", self.shape.dimension])

    def finished(
        self,
        output: str,
        shape: Sequence[str | int | None],
        inputs: Sequence[str] = ("input_ids", "attention_mask"),
    ) -> ModelProto:
        """Return the graph from these inputs, each [n, tokens], to this output."""
        from onnx import TensorProto, checker, helper, numpy_helper

        given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"]) for name in inputs]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, self.shape.name, given, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        # Shapes are all known, so the quantiser's preparation has nothing to do; this spares its warning.
        helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
        checker.check_model(model)
        return model
