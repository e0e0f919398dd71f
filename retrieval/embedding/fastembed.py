"""Models of fastembed's list, on this machine: the doorway to `fastembed`, an extra that isn't installed by default."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.embedding.embedder import AS_IT_IS
from retrieval.errors import EmbeddingUnavailable
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from fastembed import TextEmbedding

    from retrieval.embedding.embedder import Vectors

PREFIX = "fastembed/"  # of EMBEDDING_MODEL; behind it the model's name in fastembed's list
_ENGLISH = re.compile(r"-en(?:-|$)|all-minilm|mxbai", re.IGNORECASE)  # as the names in that list say it


class FastEmbedder:
    """A model of https://qdrant.github.io/fastembed/examples/Supported_Models/, fetched from its hub at the first text
    and kept in `cache_dir`, or read from `folder`. What a model wants in front of queries and passages, fastembed puts
    there."""

    batch_size = 8
    scale = AS_IT_IS

    def __init__(self, model: str, *, cache_dir: Path, folder: Path | None = None) -> None:
        self.name = f"{PREFIX}{model}"
        self.languages = frozenset({"en"}) if _ENGLISH.search(model) else frozenset[str]()
        self._model_name = model
        self._cache_dir = cache_dir
        self._folder = folder
        self._loading = threading.Lock()

    @property
    def dimension(self) -> int:
        """As the list says; nothing is fetched for it. Raises EmbeddingUnavailable when the list has no such model."""
        try:
            return int(self._fastembed.get_embedding_size(self._model_name))
        except ValueError as error:
            raise EmbeddingUnavailable(
                _("fastembed knows no model %(model)s (EMBEDDING_MODEL)."), model=self._model_name
            ) from error

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._unit(list(self._loaded().passage_embed(list(texts), batch_size=self.batch_size)))

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self._unit(list(self._loaded().query_embed(text)))[0]
        return vector

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Each by itself; without the marks at both ends, of which every text has two."""
        model = self._loaded()
        return [max(model.token_count(text) - 2, 0) for text in texts]

    def close(self) -> None:
        vars(self).pop("_model", None)

    def _unit(self, rows: Sequence[object]) -> Vectors:
        import numpy as np

        vectors: Vectors = np.asarray(rows, np.float32)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _loaded(self) -> TextEmbedding:
        with self._loading:
            return self._model

    @cached_property
    def _model(self) -> TextEmbedding:
        folder: dict[str, Any] = {"specific_model_path": str(self._folder)} if self._folder else {}
        try:
            return self._fastembed(self._model_name, cache_dir=str(self._cache_dir), threads=2, **folder)
        except (ValueError, OSError) as error:  # an unknown name; a hub that can't be reached, or a broken file
            raise EmbeddingUnavailable(
                _("fastembed can't load %(model)s: %(fault)s"), model=self._model_name, fault=str(error)
            ) from error

    @property
    def _fastembed(self) -> type[TextEmbedding]:
        try:
            from fastembed import TextEmbedding
        except ImportError as error:
            raise EmbeddingUnavailable(
                _("EMBEDDING_MODEL is %(model)s, and fastembed isn't installed: pip install fastembed."),
                model=self.name,
            ) from error
        return TextEmbedding
