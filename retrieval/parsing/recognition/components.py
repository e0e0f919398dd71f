"""Connected regions of a picture of yes and no, in linear time: rows are cut into runs, and runs that touch are one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def find_runs(mask: NDArray[Any]) -> NDArray[Any]:
    """Return the runs of True in each row of `mask`, as rows (row, first column, column behind the last), in order."""
    import numpy as np

    height, width = mask.shape
    framed = np.zeros((height, width + 2), np.int8)
    framed[:, 1:-1] = mask
    steps = np.diff(framed, axis=1)
    rows, first = np.nonzero(steps == 1)
    _, last = np.nonzero(steps == -1)
    return np.stack([rows, first, last], axis=1)


def label_runs(runs: NDArray[Any], *, width: int) -> NDArray[Any]:
    """Return for each run the index of the region it belongs to, counted from 0 in the order in which regions begin.
    Runs touch when they share a column in neighbouring rows, or lie corner to corner."""
    import numpy as np

    parents = list(range(len(runs)))
    for above, below in _touching(runs, width):
        _join(parents, above, below)
    roots = np.array([_root(parents, run) for run in range(len(runs))], np.int64)
    return np.unique(roots, return_inverse=True)[1].reshape(-1)


def _touching(runs: NDArray[Any], width: int) -> list[tuple[int, int]]:
    """Return the pairs of runs that touch, the upper one first: no more than three for each run."""
    import numpy as np

    stride = width + 2
    begins, ends = runs[:, 0] * stride + runs[:, 1], runs[:, 0] * stride + runs[:, 2]
    below = (runs[:, 0] + 1) * stride
    first = np.searchsorted(ends, below + runs[:, 1], side="left")
    last = np.searchsorted(begins, below + runs[:, 2], side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(runs)), counts)
    offsets = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    lower = np.repeat(first, counts) + offsets
    return list(zip(upper.tolist(), lower.tolist(), strict=True))


def _root(parents: list[int], run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


def _join(parents: list[int], one: int, other: int) -> None:
    one, other = _root(parents, one), _root(parents, other)
    if one != other:
        parents[max(one, other)] = min(one, other)
