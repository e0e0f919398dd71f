"""fastembed, for real, with a model folder made of our own graph; its hub is not asked (not run here)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from retrieval.embedding import minilm_graph
from retrieval.embedding.embedders import build_embedder, describe_embedder
from retrieval.embedding.fastembed import FastEmbedder
from retrieval.embedding.minilm import MiniLM
from retrieval.embedding.remote import RemoteEmbedder
from retrieval.errors import EmbeddingUnavailable

fastembed = pytest.importorskip("fastembed")
NAME = "local/all-minilm-l6-v2-exact"


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastEmbedder]:
    from fastembed.common.model_description import ModelSource, PoolingType

    weights, folder = minilm_graph.locate(), tmp_path_factory.mktemp("model")
    assert weights
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(weights / name, folder)
    minilm_graph.write_exact_graph(weights, folder / "model.onnx")
    fastembed.TextEmbedding.add_custom_model(
        model=NAME,
        pooling=PoolingType.DISABLED,
        normalization=False,
        sources=ModelSource(hf=NAME),
        dim=minilm_graph.DIMENSION,
        model_file="model.onnx",
    )
    embedder = FastEmbedder(NAME, cache_dir=folder / "cache", folder=folder)
    yield embedder
    embedder.close()


def test_vectors_are_those_of_the_model(embedder: FastEmbedder) -> None:
    weights = minilm_graph.locate()
    assert weights
    texts = ["Copy the data folder while the site is stopped.", "A heron flies."]
    vectors = embedder.embed_documents(texts)
    ours = MiniLM(weights, model_dir=settings.MODEL_DIR).embed_documents(texts)
    assert (vectors.shape, vectors.dtype, embedder.dimension) == ((2, 384), np.float32, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert ((vectors * ours).sum(axis=1) > 0.97).all()  # ours is int8
    assert np.allclose(embedder.embed_query(texts[1]), vectors[1], atol=1e-4)


def test_tokens_are_counted_without_the_marks_at_the_ends(embedder: FastEmbedder) -> None:
    assert embedder.count_tokens(["A heron flies.", ""]) == [4, 0]


def test_settings_choose_it_by_its_prefix_unless_an_address_is_set(tmp_path: Path) -> None:
    model = "fastembed/BAAI/bge-small-en-v1.5"
    chosen = build_embedder(model_dir=tmp_path, base_url="", model=model, api_key="")
    assert isinstance(chosen, FastEmbedder)
    assert (chosen.name, chosen.dimension, chosen.languages) == (model, 384, {"en"})
    remote = build_embedder(model_dir=tmp_path, base_url="http://localhost:1/v1", model=model, api_key="")
    assert isinstance(remote, RemoteEmbedder)
    assert describe_embedder(base_url="", model=model) == "BAAI/bge-small-en-v1.5, by fastembed, on this machine"


def test_model_that_its_list_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingUnavailable, match="fastembed knows no model no/such"):
        _ = FastEmbedder("no/such", cache_dir=tmp_path).dimension
    with pytest.raises(EmbeddingUnavailable, match="can't load no/such"):
        FastEmbedder("no/such", cache_dir=tmp_path).embed_query("x")
