"""Fusion: pure arithmetic."""

from __future__ import annotations

from uuid import UUID

from retrieval.index.ranking import Ranked, fuse, rank


def test_fusion_adds_what_each_ranking_says() -> None:
    fused = fuse({"a": 3.0, "b": 2.0, "c": 1.0}, {"b": 0.9, "d": 0.1}, weights=(1, 1))
    third, half = 1 / 6, 0.5 / 2**0.5 / 3 * 1  # one standard deviation, and half the distance of two, of six
    assert {key: round(score, 6) for key, score in fused.items()} == {
        "a": round(0.5 + third, 6),
        "b": round(0.5 + 0.5 + half, 6),
        "c": round(0.5 - third, 6),
        "d": round(0.5 - half, 6),
    }


def test_fusion_of_equal_scores_is_neutral() -> None:
    assert fuse({"a": 7.0, "b": 7.0}, {"c": 1.0}, weights=(1, 3)) == {"a": 0.5, "b": 0.5, "c": 1.5}


def test_word_that_one_chunk_alone_holds_outranks_what_is_only_near() -> None:
    points = {at: Ranked(UUID(int=at), {"document_id": at, "generation": 1, "position": 0}, None) for at in range(41)}
    near = {at: 0.3 - at / 1000 for at in range(40)}
    hits = rank({40: 5.2}, near, vector=None, limit=3, read=lambda keys, _: {key: points[key] for key in keys})
    assert [hit.document_id for hit in hits] == [40, 0, 1]
