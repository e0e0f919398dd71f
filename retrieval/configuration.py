"""The settings this package was given, and what is built from them once per process, on first use."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from retrieval import chunking
from retrieval.embedding import Embedder, build_embedder, describe_embedder
from retrieval.index import Index


@dataclass(frozen=True)
class RetrievalSettings:
    """Folders for the embedded index and the model; addresses, empty for the embedded ones."""

    index_dir: Path
    model_dir: Path
    qdrant_url: str = ""
    qdrant_api_key: str = field(default="", repr=False)
    embedding_base_url: str = ""
    embedding_model: str = ""
    openai_api_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Description:
    """One line each, for a person."""

    embedding: str
    store: str


class Runtime:
    """The embedder and the index of one process; what is never used is never built."""

    def __init__(self, settings: RetrievalSettings) -> None:
        self.settings = settings
        self._building = threading.RLock()

    @property
    def embedder(self) -> Embedder | None:
        with self._building:
            return self._embedder

    @property
    def index(self) -> Index:
        with self._building:
            return self._index

    @cached_property
    def _embedder(self) -> Embedder | None:
        return build_embedder(
            model_dir=self.settings.model_dir,
            base_url=self.settings.embedding_base_url,
            model=self.settings.embedding_model,
            api_key=self.settings.openai_api_key,
        )

    @cached_property
    def fingerprint(self) -> str:
        """What vectors and chunks of one index have in common. Raises EmbeddingUnavailable when the embedding address
        has to be asked for its dimension and doesn't answer."""
        vectors = f"{self.embedder.name}-{self.embedder.dimension}" if self.embedder else "keywords"
        return re.sub(r"[^a-z0-9]+", "-", f"{vectors}-chunks-{chunking.VERSION}".lower())

    @cached_property
    def _index(self) -> Index:
        dimension = self.embedder.dimension if self.embedder else None
        if self.settings.qdrant_url:
            from retrieval.index.server import ServerIndex

            return ServerIndex(
                self.settings.qdrant_url,
                api_key=self.settings.qdrant_api_key,
                name=f"docchat-{self.fingerprint}",
                dimension=dimension,
            )
        from retrieval.index.edge import EdgeIndex

        return EdgeIndex(self.settings.index_dir, name=self.fingerprint, dimension=dimension)

    def close(self) -> None:
        built = vars(self)
        if "_index" in built:
            built["_index"].close()
        if built.get("_embedder") is not None:
            built["_embedder"].close()


_runtime: Runtime | None = None
_inherited: list[Runtime] = []  # by a forked child; kept, so that no destructor touches the parent's files


def configure(settings: RetrievalSettings) -> None:
    """Use `settings` from now on. Nothing is loaded, opened or asked until the first search or ingestion."""
    global _runtime
    if _runtime is not None:
        _runtime.close()
    _runtime = Runtime(settings)


def runtime() -> Runtime:
    if _runtime is None:
        raise RuntimeError("retrieval.configuration.configure(settings) has not been called in this process.")
    return _runtime


def describe() -> Description:
    """What embeds and what stores, without building either."""
    settings = runtime().settings
    store = (
        f"Qdrant at {urlsplit(settings.qdrant_url).netloc.rpartition('@')[2]}" if settings.qdrant_url else "embedded"
    )
    embedding = describe_embedder(base_url=settings.embedding_base_url, model=settings.embedding_model)
    return Description(embedding=embedding, store=store)


def _forget_after_fork() -> None:
    """A child must not touch its parent's shard, sockets or locks: it builds its own."""
    global _runtime
    if _runtime is not None:
        _inherited.append(_runtime)
        _runtime = Runtime(_runtime.settings)


os.register_at_fork(after_in_child=_forget_after_fork)
