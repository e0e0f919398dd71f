"""The settings this package was given, and what is built from them once per process, on first use."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from retrieval import index
from retrieval.embedding.cross_encoder import CrossEncoder
from retrieval.embedding.embedder import Embedder
from retrieval.embedding.embedders import LOCAL, build_embedder, describe_embedder, local_embedder
from retrieval.index import Index
from retrieval.searching.confidence import ANSWERS
from retrieval.searching.leisure import Searches

if TYPE_CHECKING:
    from retrieval.index.embedded import Storage


def _nowhere(document_id: int) -> str:
    return ""


@dataclass(frozen=True)
class RetrievalSettings:
    """Folders for the embedded index and the model; addresses, empty for the embedded ones; and where the site shows a
    document, by its id: empty where it does not."""

    index_dir: Path
    model_dir: Path
    qdrant_url: str = ""
    qdrant_api_key: str = field(default="", repr=False)
    qdrant_shards: int = 1
    qdrant_replicas: int = 1
    qdrant_quantization: bool = False
    embedding_base_url: str = ""
    embedding_model: str = ""
    rerank: str = ""
    answer_confidence: float = ANSWERS  # from which on passages are taken to answer
    openai_api_key: str = field(default="", repr=False)
    pages_dir: Path | None = None  # of the pictures of pages; beside the index when not named
    lease_seconds: float = 300.0  # without a sign of life, after which a worker counts as dead
    least_free_bytes: int = 200 * 1024**2  # on the disks of the files and the index, or documents wait
    drop_after_seconds: float = 30.0  # from the switch to another index until the former one goes: searches end first
    user_quota_bytes: int = 0  # 0: as much as the disk holds
    attachments_quota_bytes: int = 0  # of the files that one reader has attached; 0: no other limit than that
    only_collections: tuple[str, ...] = ()  # slugs: nobody reads others in this process; empty: all
    document_url: Callable[[int], str] = _nowhere


@dataclass(frozen=True)
class Description:
    """One line each, for a person."""

    embedding: str
    store: str


@dataclass(frozen=True)
class Space:
    """One embedding model's vectors: what makes them, and the index that holds them. Vectors of two spaces can't be
    compared, so a search asks one. `embedder` is None where words alone rank: none is installed, or it is gone."""

    fingerprint: str
    embedder: Embedder | None
    index: Index

    @property
    def dimension(self) -> int | None:
        """Return the dimension of its vectors, also when what made them is gone; None in a space of words alone."""
        return _dimension(self.fingerprint)


class Runtime:
    """The embedders and the indexes of one process; what is never used is never built."""

    def __init__(self, settings: RetrievalSettings) -> None:
        self.settings = settings
        self.cross_encoder = CrossEncoder()
        self.searches = Searches()
        self._building = threading.RLock()
        self._spaces: dict[str, Space] = {}

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the space that the settings ask for. Raises EmbeddingUnavailable when the embedding
        address has to be asked for its dimension and doesn't answer."""
        with self._building:
            return _fingerprint(self._embedder)

    @property
    def embedder(self) -> Embedder | None:
        """Return the one that the settings ask for."""
        with self._building:
            return self._embedder

    def space(self, fingerprint: str = "") -> Space:
        """Return the space of this fingerprint, also when the settings ask for another one by now; of an empty one, the
        space that they ask for."""
        with self._building:
            wanted = fingerprint or self.fingerprint
            if wanted not in self._spaces:
                self._spaces[wanted] = self._build_space(wanted)
            return self._spaces[wanted]

    def asks_for(self, fingerprint: str) -> bool:
        """Return whether the settings ask for the space of this fingerprint. No address is asked for its dimension."""
        return self.is_made_with(fingerprint) and fingerprint.endswith(f"-v{index.VERSION}")

    def is_made_with(self, fingerprint: str) -> bool:
        """Return whether the vectors of this fingerprint's space are those of the embedder that is configured."""
        return _made_by(self.embedder, fingerprint)

    def forget(self, fingerprint: str) -> None:
        """Drop the index of this space with all its points; the next use builds an empty one."""
        space = self.space(fingerprint)
        space.index.drop()
        with self._building:
            self._spaces.pop(fingerprint, None)

    @cached_property
    def storage(self) -> Storage:
        """Return this process's part in the embedded indexes."""
        from retrieval.index.embedded import Storage

        return Storage(self.settings.index_dir, find=lambda name: self.space(name).index)

    @cached_property
    def _embedder(self) -> Embedder | None:
        return build_embedder(
            model_dir=self.settings.model_dir,
            base_url=self.settings.embedding_base_url,
            model=self.settings.embedding_model,
            api_key=self.settings.openai_api_key,
        )

    def _build_space(self, fingerprint: str) -> Space:
        local = (local_embedder(model_dir=self.settings.model_dir, model=name) for name in LOCAL)
        embedder = next((one for one in (self._embedder, *local) if _made_by(one, fingerprint)), None)
        return Space(fingerprint, embedder, self._build_index(fingerprint))

    def _build_index(self, name: str) -> Index:
        dimension = _dimension(name)
        if self.settings.qdrant_url:
            from retrieval.index.server import Layout, ServerIndex

            return ServerIndex(
                self.settings.qdrant_url,
                api_key=self.settings.qdrant_api_key,
                name=f"docchat-{name}",
                dimension=dimension,
                layout=Layout(
                    shards=self.settings.qdrant_shards,
                    replicas=self.settings.qdrant_replicas,
                    quantized=self.settings.qdrant_quantization,
                ),
            )
        from retrieval.index.edge import EdgeIndex
        from retrieval.index.embedded import EmbeddedIndex

        return EmbeddedIndex(self.storage, EdgeIndex(self.settings.index_dir, name=name, dimension=dimension))

    def close(self) -> None:
        embedders = {id(space.embedder): space.embedder for space in self._spaces.values()}
        if "_embedder" in vars(self):
            embedders[id(self._embedder)] = self._embedder
        storage = vars(self).get("storage")
        if storage is not None:
            storage.close()
        for space in self._spaces.values():
            space.index.close()
        if storage is not None:
            storage.release()
        for embedder in embedders.values():
            if embedder is not None:
                embedder.close()


def _dimension(fingerprint: str) -> int | None:
    found = re.search(r"-d(\d+)-v\d+$", fingerprint)
    return int(found[1]) if found else None


def _fingerprint(embedder: Embedder | None) -> str:
    """Return the model with its hash where one is known, the dimension, and the version of what is stored."""
    return _slug(f"{embedder.name}-d{embedder.dimension}" if embedder else "words") + f"-v{index.VERSION}"


def _made_by(embedder: Embedder | None, fingerprint: str) -> bool:
    """Return whether the vectors of this space are the embedder's, by its name: a search must not wait for an address
    that it doesn't need. An embedder that gives another dimension by now is refused when its vectors come."""
    vectors = re.sub(r"-v\d+$", "", fingerprint)
    if embedder is None:
        return vectors == "words"
    return re.fullmatch(rf"{re.escape(_slug(embedder.name))}-d\d+", vectors) is not None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


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
    """Return what embeds and what stores, without building either."""
    settings = runtime().settings
    store = (
        f"Qdrant at {urlsplit(settings.qdrant_url).netloc.rpartition('@')[2]}" if settings.qdrant_url else "embedded"
    )
    embedding = describe_embedder(base_url=settings.embedding_base_url, model=settings.embedding_model)
    return Description(embedding=embedding, store=store)


def _forget_after_fork() -> None:
    """Let a child build its own: it must not touch its parent's shard, sockets or locks."""
    global _runtime
    if _runtime is not None:
        _inherited.append(_runtime)
        if "storage" in vars(_runtime):
            _runtime.storage.hang_up()
        _runtime = Runtime(_runtime.settings)


os.register_at_fork(after_in_child=_forget_after_fork)
