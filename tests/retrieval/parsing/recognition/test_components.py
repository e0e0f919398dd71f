from __future__ import annotations

import time

import numpy as np
import pytest

from retrieval.parsing.recognition.components import find_runs, label_runs


def regions(*rows: str) -> list[list[tuple[int, int, int]]]:
    """The runs of each region."""
    mask = np.array([[character == "#" for character in row] for row in rows])
    runs = find_runs(mask)
    labels = label_runs(runs, width=mask.shape[1])
    return [[tuple(run) for run in runs[labels == label].tolist()] for label in range(max(labels, default=-1) + 1)]


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (("....", "...."), 0),
        (("####", "####"), 1),
        (("#..#", "#..#"), 2),
        (("#..#", ".##."), 1),  # corner to corner
        (("#..#", "####"), 1),
        (("...#", "#..."), 2),  # the end of a row is no neighbour of the next one's beginning
        (("##.##", ".....", "##.##"), 4),
        (("#####", "#...#", "#.#.#", "#...#", "#####"), 2),
        (("#.#.#", "#.#.#", "#####"), 1),
    ],
)
def test_regions_are_what_touches(rows: tuple[str, ...], count: int) -> None:
    found = regions(*rows)
    assert len(found) == count
    assert sum(end - start for region in found for _row, start, end in region) == "".join(rows).count("#")


def test_regions_of_noise_are_found_in_linear_time() -> None:
    mask = np.random.default_rng(1).random((1280, 960)) < 0.3
    began = time.process_time()
    runs = find_runs(mask)
    labels = label_runs(runs, width=960)
    assert len(labels) == len(runs) > 200_000
    assert time.process_time() - began < 5
