"""all-MiniLM-L6-v2 on this machine's processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.embedding import minilm_graph
from retrieval.embedding.local import AT_ONCE, LocalEmbedder

if TYPE_CHECKING:
    from retrieval.embedding.embedder import Vectors


class MiniLM(LocalEmbedder):
    """all-MiniLM-L6-v2 in int8, for English; also of single tokens."""

    name = f"{minilm_graph.NAME}-int8-{minilm_graph.WEIGHTS_SHA256[:8]}"
    dimension = minilm_graph.DIMENSION
    batch_size = 64  # half a second of two processors: how soon whoever waits hears of it
    languages = frozenset({"en"})
    max_tokens = minilm_graph.MAX_TOKENS

    def __init__(self, weights: Path, *, model_dir: Path) -> None:
        super().__init__()
        self._weights = weights
        self._model_dir = model_dir

    def graph_file(self, *, tokens: bool) -> Path:
        return minilm_graph.graph_path(self._weights, model_dir=self._model_dir, tokens=tokens)

    def tokenizer_file(self) -> Path:
        return self._weights / "tokenizer.json"

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Without the marks that the tokenizer puts at both ends."""
        return [vectors[1:-1] for vectors in self.run_each(texts, tokens=True, at_once=AT_ONCE)]
