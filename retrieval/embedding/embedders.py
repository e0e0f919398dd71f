"""Which embedder this site has: chosen by its settings, described in one line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from retrieval.embedding import e5_graph, minilm_graph
from retrieval.embedding.e5 import E5
from retrieval.embedding.embedder import Embedder
from retrieval.embedding.fastembed import PREFIX, FastEmbedder
from retrieval.embedding.minilm import MiniLM
from retrieval.embedding.remote import RemoteEmbedder

WORDS_ALONE = "none: search is by words alone, not by meaning"
INSTALL = 'Install one with pip install "django-docchat[vectors]", or set EMBEDDING_BASE_URL.'


def build_embedder(*, model_dir: Path, base_url: str, model: str, api_key: str) -> Embedder | None:
    """Return fastembed's when its model is named, the remote one when an address or another model is, else the local
    one. Nothing is loaded or asked until the first text."""
    if model.startswith(PREFIX) and not base_url:
        return FastEmbedder(model.removeprefix(PREFIX), cache_dir=model_dir / "fastembed")
    if base_url or model:
        return RemoteEmbedder(base_url=base_url, model=model, api_key=api_key)
    return local_embedder(model_dir=model_dir)


def local_embedder(*, model_dir: Path) -> Embedder | None:
    """Return the one that needs no address: MiniLM when its weights are installed, else E5 when its are, else None."""
    if weights := minilm_graph.locate():
        return MiniLM(weights, model_dir=model_dir)
    weights = e5_graph.locate()
    return E5(weights, model_dir=model_dir) if weights else None


def describe_embedder(*, base_url: str, model: str) -> str:
    """Return one line for a person: what turns texts into vectors here."""
    if model.startswith(PREFIX) and not base_url:
        return f"{model.removeprefix(PREFIX)}, by fastembed, on this machine"
    if base_url or model:
        host = urlsplit(base_url or "https://api.openai.com").netloc.rpartition("@")[2]
        return f"{model or RemoteEmbedder.default_model} at {host}"
    if not (minilm_graph.locate() or e5_graph.locate()):
        return WORDS_ALONE
    return f"{minilm_graph.NAME if minilm_graph.locate() else e5_graph.NAME}, int8, on this machine"
