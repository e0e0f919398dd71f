"""all-MiniLM-L6-v2 on this machine's processor."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.embedding import minilm_graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

    from retrieval.embedding.embedder import Vectors

# It joins Add and LayerNormalization into one operator that takes seven times as long as both: a fifth of an embedding.
_SLOWER = ["SkipLayerNormFusion"]
_AT_ONCE = 2  # texts; the other processors are the readers'
_ASKING_SECONDS = 1.0  # after a question, for which a processor more is the readers': documents go one at a time


class MiniLM:
    """all-MiniLM-L6-v2 in int8 on this machine's processor.

    Each text is a run of the model by itself, on one thread: int8 numbers depend on what else is in the run, so this is
    what gives a text the same vector always. Two runs beside each other also take less time than one of several texts
    on two threads.
    """

    name = f"{minilm_graph.NAME}-int8-{minilm_graph.WEIGHTS_SHA256[:8]}"
    batch_size = 64  # half a second of two processors: how soon whoever waits hears of it
    dimension = minilm_graph.DIMENSION
    languages = frozenset({"en"})

    def __init__(self, weights: Path, *, model_dir: Path) -> None:
        self._weights = weights
        self._model_dir = model_dir
        self._building = threading.Lock()
        self._sessions: dict[bool, InferenceSession] = {}  # of tokens, or of whole texts
        self._tokenizer: Tokenizer | None = None
        self._counter: Tokenizer | None = None
        self._asked = -math.inf  # when there was a question, on the monotonic clock

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        at_once = 1 if time.monotonic() - self._asked < _ASKING_SECONDS else _AT_ONCE
        rows = self._run_each(texts, at_once=at_once)
        vectors: Vectors = np.array(rows, np.float32).reshape(len(texts), self.dimension)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        self._asked = time.monotonic()
        session, tokenizer = self._built(tokens=False)
        return _run(session, tokenizer.encode(text).ids)

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Without the marks that the tokenizer puts at both ends."""
        return [vectors[1:-1] for vectors in self._run_each(texts, tokens=True, at_once=_AT_ONCE)]

    def _run_each(self, texts: Sequence[str], *, tokens: bool = False, at_once: int) -> list[Vectors]:
        """On threads that have the priority of the one that calls."""
        session, tokenizer = self._built(tokens=tokens)
        encodings = tokenizer.encode_batch_fast(list(texts))
        with ThreadPoolExecutor(at_once, thread_name_prefix="embed") as threads:
            return [*threads.map(lambda encoding: _run(session, encoding.ids), encodings)]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if self._counter is None:
            from tokenizers import Tokenizer

            self._counter = Tokenizer.from_file(str(self._weights / "tokenizer.json"))
            self._counter.no_truncation()
            self._counter.no_padding()
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    def close(self) -> None:
        self._sessions.clear()

    def _built(self, *, tokens: bool) -> tuple[InferenceSession, Tokenizer]:
        with self._building:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                self._tokenizer = Tokenizer.from_file(str(self._weights / "tokenizer.json"))
                self._tokenizer.enable_truncation(minilm_graph.MAX_TOKENS)
                self._tokenizer.no_padding()
            if tokens not in self._sessions:
                self._sessions[tokens] = self._loaded(tokens=tokens)
            return self._sessions[tokens], self._tokenizer

    def _loaded(self, *, tokens: bool) -> InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = minilm_graph.graph_path(self._weights, model_dir=self._model_dir, tokens=tokens)
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )


def _run(session: InferenceSession, tokens: Sequence[int]) -> Vectors:
    """What the graph makes of one text: float32 [dimension], or [tokens, dimension]."""
    import numpy as np

    ids = np.array([tokens], np.int64)
    [output] = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    vectors: Vectors = np.asarray(output, np.float32)[0]
    return vectors
