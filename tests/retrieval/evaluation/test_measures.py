"""Measures against numbers worked out by hand."""

from __future__ import annotations

import pytest

from retrieval.evaluation.measures import (
    estimate,
    gain_of_places,
    normalized_gain,
    p_value,
    recall,
    reciprocal_rank,
    span_overlap,
    word_count,
)


def test_measures_of_a_ranking() -> None:
    relevant = {"a": 1, "b": 2, "c": 0}
    assert recall(["c", "a", "x"], relevant, cutoff=1) == 0
    assert recall(["c", "a", "x"], relevant, cutoff=3) == 0.5
    assert reciprocal_rank(["c", "a", "x"], relevant) == 0.5
    assert reciprocal_rank(["c"], relevant) == 0
    assert normalized_gain(["b", "a"], relevant) == 1
    assert normalized_gain(["x", "b", "a"], relevant) == normalized_gain(["n", "b", "a"], relevant | {"n": -1})
    assert normalized_gain(["x", "b"], relevant) == pytest.approx((2 / 1.58496) / (2 + 1 / 1.58496), abs=1e-4)


def test_spans_count_characters_once() -> None:
    assert span_overlap([("d", 0, 50), ("d", 40, 100), ("e", 0, 100)], [("d", 80, 120)]) == (0.5, 0.1)
    assert span_overlap([], [("d", 0, 10)]) == (0, 0)


def test_estimates_hold_their_mean_and_repeat() -> None:
    values = [0.0, 100.0] * 50
    found = estimate(values)
    assert found == estimate(values)
    assert found.mean == 50
    assert 38 < found.low < 42
    assert 58 < found.high < 62


def test_p_value_tells_a_difference_from_chance() -> None:
    assert p_value([1.0] * 30, [1.0] * 30) == 1
    assert p_value([0.0] * 30, [0.0, 1.0, 1.0] * 10) < 0.01
    assert p_value([0.0, 1.0] * 15, [1.0, 0.0] * 14 + [1.0, 1.0]) > 0.5


def test_gain_of_places_counts_what_no_place_before_held() -> None:
    wanted = [("d", 0, 10), ("d", 20, 30)]
    assert gain_of_places([("d", 0, 40)], wanted) == 1
    assert gain_of_places([("e", 0, 40), ("d", 0, 40), ("d", 0, 40)], wanted) == pytest.approx(0.63093, abs=1e-4)
    assert gain_of_places([("d", 0, 10), ("d", 5, 30)], wanted) == pytest.approx(0.5 + 0.5 * 0.63093, abs=1e-4)
    assert gain_of_places([("e", 0, 1)] * 10 + [("d", 0, 40)], wanted) == 0
    assert gain_of_places([], wanted) == 0


def test_median_is_not_moved_by_the_longest() -> None:
    found = estimate([10.0, 11.0, 12.0, 500.0, 9.0], median=True)
    assert found.mean == 11
    assert found.low == 9


def test_words_are_counted_where_none_are_spaced() -> None:
    assert word_count("The pump isn't oiled.") == 4
    assert word_count("ปั๊มน้ำในห้องใต้ดิน HP 1000") == 4 + 2
    assert word_count("") == 0
