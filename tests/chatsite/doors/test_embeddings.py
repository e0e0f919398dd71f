"""`POST v1/embeddings`: the vectors that searches compare, within bounds."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from chatsite.doors import embeddings
from tests.chatsite.doors.keys import get, make_key, post

ADDRESS = "/v1/embeddings"


@pytest.fixture
def key(reader: User, index: None) -> str:
    return make_key(reader)


@pytest.fixture
def name(index: None) -> str:
    maker = embeddings.embedder()
    assert maker
    return maker.name


def test_vectors_are_those_of_the_site(key: str, name: str) -> None:
    maker = embeddings.embedder()
    assert maker
    body = post(ADDRESS, {"model": name, "input": ["tea", "kettles"]}, key).json()
    assert [row["index"] for row in body["data"]] == [0, 1]
    vectors = np.array([row["embedding"] for row in body["data"]])
    assert np.allclose(vectors, maker.embed_documents(["tea", "kettles"]), atol=1e-6)
    assert body["usage"]["total_tokens"] == sum(maker.count_tokens(["tea", "kettles"]))
    assert body["model"] == name
    [asked] = post(ADDRESS, {"model": name, "input": "tea", "input_type": "query"}, key).json()["data"]
    assert np.allclose(asked["embedding"], maker.embed_query("tea"), atol=1e-6)


def test_base64_is_the_same_numbers(key: str, name: str) -> None:
    asked = {"model": name, "input": "tea"}
    [plain] = post(ADDRESS, asked, key).json()["data"]
    [packed] = post(ADDRESS, asked | {"encoding_format": "base64"}, key).json()["data"]
    numbers = np.frombuffer(base64.b64decode(packed["embedding"]), dtype="<f4")
    assert np.allclose(numbers, plain["embedding"])


def test_model_is_listed(key: str, name: str) -> None:
    assert name in [one["id"] for one in get("/v1/models", key).json()["data"]]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["tea", ""]}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": ["tea"] * 65}, "input"),
        ({"input": "t" * 60_001}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 7}, "dimensions"),
        ({"model": None}, "model"),
    ],
)
def test_what_can_not_be_heeded_is_named(key: str, name: str, more: dict[str, Any], param: str) -> None:
    refused = post(ADDRESS, {"model": name, "input": "tea"} | more, key)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


def test_another_model_is_not_there(key: str) -> None:
    assert post(ADDRESS, {"model": "text-embedding-3-small", "input": "tea"}, key).status_code == 404


def test_more_at_once_than_there_are_processors_for_are_told_when_to_come_again(key: str, name: str) -> None:
    taken = [embeddings._under_way.acquire(blocking=False) for _ in range(embeddings.AT_ONCE)]
    try:
        refused = post(ADDRESS, {"model": name, "input": "tea"}, key)
    finally:
        embeddings._under_way.release(len(taken))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert int(refused["Retry-After"]) > 0
    assert post(ADDRESS, {"model": name, "input": "tea"}, key).status_code == 200
