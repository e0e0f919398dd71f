"""Where lines of text lie on a picture: what the detection model says of its pixels, as turned rectangles.

As PaddleOCR's DB head is read (https://arxiv.org/abs/1911.08947): pixels above a threshold, their connected regions,
the smallest rectangle around each, made larger again by what the model was taught to shrink it by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.parsing.recognition.components import find_runs, label_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from retrieval.parsing.recognition.models import RecognitionModels

LONGEST_SIDE = 1280  # pixels of what the model sees; an A4 page is 110 dpi then
LINES_LIMIT = 3_000  # a page
_STRIDE = 32  # its sides are multiples of this
_PIXEL = 0.3  # how likely a pixel of text is at least: `thresh` of PaddleOCR
_REGION = 0.5  # the mean of a region, at least: `box_thresh`
_GROWTH = 1.6  # `unclip_ratio`
_LEAST = 3  # pixels of a region's shorter side

Points = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class TextBox:
    """A rectangle, in pixels: its middle, its length along the text and its height across. `angle` is how far the text
    is turned clockwise, in radians, between -45 and 45 degrees, or 90 degrees for text that runs down."""

    x: float
    y: float
    length: float
    height: float
    angle: float

    @property
    def along(self) -> tuple[float, float]:
        """Return the unit vector in the direction of the text."""
        return math.cos(self.angle), math.sin(self.angle)

    def turned(self, angle: float) -> TextBox:
        """Return the same rectangle, read in another direction."""
        return TextBox(self.x, self.y, self.length, self.height, self.angle + angle)


def detect(picture: Image, *, models: RecognitionModels) -> list[TextBox]:
    """Return the lines of text on an RGB picture, in no order, in its pixels."""
    import numpy as np

    scale = min(1.0, LONGEST_SIDE / max(picture.size))
    width, height = (max(_STRIDE, round(length * scale / _STRIDE) * _STRIDE) for length in picture.size)
    small = picture.resize((width, height), reducing_gap=2.0)
    pixels = np.asarray(small, np.float32).transpose(2, 0, 1)[::-1] / 127.5 - 1  # blue first, as it was taught
    likely = models.find_text(np.ascontiguousarray(pixels))
    across, down = picture.width / width, picture.height / height
    boxes = []
    for hull in _regions(likely):
        corner = _smallest_rectangle([(x * across, y * down) for x, y in hull])
        if corner is not None:
            boxes.append(corner)
    return boxes


def _regions(likely: NDArray[Any]) -> Iterator[Points]:
    """Yield the convex hull of each region that is likely text, the largest LINES_LIMIT of them."""
    import numpy as np

    runs = find_runs(likely > _PIXEL)
    if not len(runs):
        return
    labels = label_runs(runs, width=likely.shape[1])
    sums = np.concatenate([np.zeros((len(likely), 1)), np.cumsum(likely, axis=1, dtype=np.float64)], axis=1)
    weights = sums[runs[:, 0], runs[:, 2]] - sums[runs[:, 0], runs[:, 1]]
    areas = np.bincount(labels, runs[:, 2] - runs[:, 1])
    means = np.bincount(labels, weights) / areas
    order = np.argsort(labels, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(labels))])
    kept = [region for region in np.argsort(-areas, kind="stable") if means[region] >= _REGION][:LINES_LIMIT]
    for region in sorted(kept):
        yield _hull(runs[order[bounds[region] : bounds[region + 1]]])


def _hull(runs: NDArray[Any]) -> Points:
    """Return the convex hull of a region's runs, by Andrew's monotone chain over the two ends of each row."""
    ends: dict[int, tuple[int, int]] = {}
    for row, first, last in runs.tolist():
        left, right = ends.get(row, (first, last - 1))
        ends[row] = min(left, first), max(right, last - 1)
    left_side = [(left, row) for row, (left, _right) in ends.items()]
    right_side = [(right, row) for row, (_left, right) in ends.items()]
    return _chain(left_side, 1) + _chain(right_side, -1)[::-1]


def _chain(points: Points, sense: int) -> Points:
    chain: Points = []
    for x, y in points:
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if sense * ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) < 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


def _smallest_rectangle(hull: list[tuple[float, float]]) -> TextBox | None:
    """Return the smallest rectangle around the hull, grown; it lies along one of the hull's sides. None for a speck."""
    import numpy as np

    points = np.array(hull)
    sides = np.roll(points, -1, axis=0) - points
    angles = np.unique(np.round(np.arctan2(sides[:, 1], sides[:, 0]) % (math.pi / 2), 4))
    cosines, sines = np.cos(angles), np.sin(angles)
    along = np.outer(cosines, points[:, 0]) + np.outer(sines, points[:, 1])
    across = np.outer(cosines, points[:, 1]) - np.outer(sines, points[:, 0])
    lengths, heights = np.ptp(along, axis=1), np.ptp(across, axis=1)
    best = int(np.argmin(lengths * heights))
    length, height, angle = float(lengths[best]), float(heights[best]), float(angles[best])
    if min(length, height) < _LEAST:
        return None
    middle, level = float(along[best].max() + along[best].min()) / 2, float(across[best].max() + across[best].min()) / 2
    x, y = middle * math.cos(angle) - level * math.sin(angle), middle * math.sin(angle) + level * math.cos(angle)
    growth = 2 * _GROWTH * length * height / (2 * (length + height))
    return _lying(x, y, length + growth, height + growth, angle)


def _lying(x: float, y: float, length: float, height: float, angle: float) -> TextBox:
    """Return the rectangle with its length along the text: text runs across, but in a rectangle that is clearly
    taller than wide."""
    if angle > math.pi / 4:  # then its other side lies flatter
        length, height, angle = height, length, angle - math.pi / 2
    if height >= 1.5 * length:
        length, height, angle = height, length, angle + math.pi / 2
    return TextBox(x, y, length, height, angle)
