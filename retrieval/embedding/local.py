"""What runs an embedding graph on this machine's processor."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.embedding.embedder import AS_IT_IS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from retrieval.embedding.embedder import Vectors

Graph = Callable[..., "Vectors"]
"""A model that is loaded: what it makes of a row of tokens, given by the names of its inputs."""

# It joins Add and LayerNormalization into one operator that takes seven times as long as both: a fifth of an embedding.
_SLOWER = ["SkipLayerNormFusion"]
AT_ONCE = 2  # texts; the other processors are the readers'
_ASKING_SECONDS = 1.0  # after a question, for which a processor more is the readers': documents go one at a time


class LocalEmbedder:
    """An embedder whose int8 graph runs in this process, loaded at the first text.

    Each text is a run of the model by itself, on one thread: int8 numbers depend on what else is in the run, so this is
    what gives a text the same vector always. Two runs beside each other also take less time than one of several texts
    on two threads.

    A subclass says what it is called, reads its graph and its tokenizer, and may write texts in the model's way.
    """

    name: str
    dimension: int
    batch_size: int
    languages: frozenset[str]
    scale = AS_IT_IS
    max_tokens: int  # the rest of a longer text is cut off

    def __init__(self) -> None:
        self._building = threading.Lock()
        self._graphs: dict[bool, Graph] = {}  # of tokens, or of whole texts
        self._tokenizer: Tokenizer | None = None
        self._asked = -math.inf  # when there was a question, on the monotonic clock

    def graph_file(self, *, tokens: bool) -> Path:
        """Return where the graph is, of whole texts or of their `tokens`."""
        raise NotImplementedError

    def tokenizer_file(self) -> Path:
        """Return where what cuts texts is."""
        raise NotImplementedError

    def query_text(self, text: str) -> str:
        """Return a question as the model wants it."""
        return text

    def document_text(self, text: str) -> str:
        """Return a passage as the model wants it."""
        return text

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        at_once = 1 if time.monotonic() - self._asked < _ASKING_SECONDS else AT_ONCE
        rows = self.run_each([*map(self.document_text, texts)], at_once=at_once)
        vectors: Vectors = np.array(rows, np.float32).reshape(len(texts), self.dimension)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        self._asked = time.monotonic()
        graph, tokenizer = self._built(tokens=False)
        return _run(graph, self._cut(tokenizer.encode(self.query_text(text)).ids))

    def run_each(self, texts: Sequence[str], *, tokens: bool = False, at_once: int) -> list[Vectors]:
        """Return what the graph makes of each text, on threads that have the priority of the one that calls."""
        graph, tokenizer = self._built(tokens=tokens)
        encodings = tokenizer.encode_batch_fast(list(texts))
        with ThreadPoolExecutor(at_once, thread_name_prefix="embed") as threads:
            return [*threads.map(lambda encoding: _run(graph, self._cut(encoding.ids)), encodings)]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, without the marks at both ends."""
        with self._building:
            tokenizer = self._cutter()
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def known_words(self, words: Sequence[str]) -> set[str]:
        """Return those of `words` that are one token."""
        return {word for word, tokens in zip(words, self.count_tokens(words), strict=True) if tokens == 1}

    def close(self) -> None:
        self._graphs.clear()

    def _built(self, *, tokens: bool) -> tuple[Graph, Tokenizer]:
        with self._building:
            if tokens not in self._graphs:
                self._graphs[tokens] = open_graph(self.graph_file(tokens=tokens))
            return self._graphs[tokens], self._cutter()

    def _cutter(self) -> Tokenizer:
        if self._tokenizer is None:
            self._tokenizer = open_tokenizer(self.tokenizer_file())
        return self._tokenizer

    def _cut(self, tokens: list[int]) -> list[int]:
        """Return what the model reads of them: the first, and the mark at the end."""
        return tokens if len(tokens) <= self.max_tokens else [*tokens[: self.max_tokens - 1], tokens[-1]]


def open_tokenizer(file: Path) -> Tokenizer:
    """Return what cuts texts, which cuts none off and fills none up."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def open_graph(file: Path) -> Graph:
    """Return the model in this file, which runs on one thread: the one that calls it."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        file, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
    )

    def run(**rows: Sequence[int]) -> Vectors:
        given = {name: np.array([row], np.int64) for name, row in rows.items()}
        output: Vectors = np.asarray(session.run(None, given)[0], np.float32)[0]
        return output

    return run


def _run(graph: Graph, tokens: Sequence[int]) -> Vectors:
    """Return what the graph makes of one text: float32 [dimension], or [tokens, dimension]."""
    return graph(input_ids=tokens, attention_mask=[1] * len(tokens))
