"""What a line of text on a picture says, and where each of its characters stands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from retrieval.parsing.recognition.detection import TextBox
from retrieval.parsing.recognition.models import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from retrieval.parsing.recognition.models import RecognitionModels

DOUBTFUL = 0.8  # a line read with less confidence may be upside down, or in letters that the model doesn't know
_HEIGHT = 48  # pixels of the pictures of lines that the model takes
_WIDEST = 4_800  # of which a longer line is squeezed into
_PIXELS_AT_ONCE = 3_000  # along the lines that are read together; what the model answers takes 10 kB a pixel
_SPACE = 0.05  # how likely there is one between two words, at least: the model is shy of spaces around digits and signs
_LEVEL = 0.002  # radians; flatter lines are cut out without turning them


@dataclass(frozen=True, slots=True)
class ReadLine:
    """The text of a line. Character i reaches from `edges[i]` to `edges[i + 1]`, in fractions of the box's length.
    `confidence`, from 0 to 1, is the mean of its characters'."""

    box: TextBox
    text: str
    edges: tuple[float, ...]
    confidence: float


def read_boxes(picture: Image, boxes: Sequence[TextBox], *, models: RecognitionModels) -> list[ReadLine]:
    """Return what stands in the boxes, in their order. What is doubtful is read upside down as well, and the better
    reading stays: its box is turned then."""
    lines = _read(picture, boxes, models)
    doubtful = [place for place, line in enumerate(lines) if line.confidence < DOUBTFUL]
    turned = _read(picture, [boxes[place].turned(math.pi) for place in doubtful], models)
    for place, line in zip(doubtful, turned, strict=True):
        if line.confidence > lines[place].confidence:
            lines[place] = line
    return lines


def _read(picture: Image, boxes: Sequence[TextBox], models: RecognitionModels) -> list[ReadLine]:
    widths = [min(_WIDEST, max(_HEIGHT, math.ceil(_HEIGHT * box.length / box.height))) for box in boxes]
    lines: list[ReadLine | None] = [None] * len(boxes)

    def read(places: Sequence[int]) -> None:
        width = max(widths[place] for place in places)
        pictures = _pictures(picture, [(boxes[place], widths[place]) for place in places], width)
        for place, likely in zip(places, models.read_lines(pictures), strict=True):
            lines[place] = _decode(likely, boxes[place], models.characters, width / widths[place])

    with ThreadPoolExecutor(threads(), thread_name_prefix="read") as pool:
        for done in [pool.submit(read, places) for places in _batches(widths)]:
            done.result()
    return [line for line in lines if line is not None]


def _batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of lines that are read together: such as are about as long as each other."""
    batch: list[int] = []
    for place in sorted(range(len(widths)), key=widths.__getitem__):
        if batch and (len(batch) + 1) * widths[place] > _PIXELS_AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _pictures(picture: Image, boxes: Sequence[tuple[TextBox, int]], width: int) -> NDArray[Any]:
    import numpy as np
    from PIL.Image import Resampling

    pictures = np.zeros((len(boxes), 3, _HEIGHT, width), np.float32)
    for place, (box, wide) in enumerate(boxes):
        line = _cut_out(picture, box).resize((wide, _HEIGHT), Resampling.BILINEAR)
        pictures[place, :, :, :wide] = np.asarray(line, np.float32).transpose(2, 0, 1)[::-1] / 127.5 - 1
    return pictures


def _cut_out(picture: Image, box: TextBox) -> Image:
    """Return the box's content as a picture of its own in which the text lies flat."""
    from PIL.Image import Resampling, Transform

    length, height = max(1, round(box.length)), max(1, round(box.height))
    if abs(box.angle) < _LEVEL:
        x, y = round(box.x - length / 2), round(box.y - height / 2)
        return picture.crop((x, y, x + length, y + height))
    cosine, sine = box.along
    left = box.x - cosine * length / 2 + sine * height / 2
    top = box.y - sine * length / 2 - cosine * height / 2
    matrix = (cosine, -sine, left, sine, cosine, top)
    return picture.transform((length, height), Transform.AFFINE, matrix, Resampling.BICUBIC, fillcolor="white")


def _decode(likely: NDArray[Any], box: TextBox, characters: Sequence[str], stretch: float) -> ReadLine:
    """Return the line by the most likely character of each place: the same one twice is one, nothing parts two
    (https://www.cs.toronto.edu/~graves/icml_2006.pdf). `stretch` is the picture's width by the line's."""
    best = likely.argmax(axis=1).tolist()
    scores, spaces = likely.max(axis=1).tolist(), likely[:, -1].tolist()
    said: list[str] = []
    middles: list[float] = []
    sure: list[float] = []
    former, likeliest = 0, 0.0  # the place before, and how likely there is a space since the last character
    for place, index in enumerate(best):
        likeliest = max(likeliest, spaces[place])
        if index and index != former:
            middle = (place + 0.5) / len(best) * stretch
            if likeliest > _SPACE and said and " " not in (said[-1], characters[index]):
                said.append(" ")
                middles.append((middles[-1] + middle) / 2)
            said.append(characters[index])
            middles.append(middle)
            sure.append(scores[place])
            likeliest = 0.0
        former = index
    return ReadLine(box, "".join(said), _edges(middles), sum(sure) / len(sure) if sure else 0.0)


def _edges(middles: Sequence[float]) -> tuple[float, ...]:
    """Return where characters with these middles meet; the first and the last reach as far outwards as inwards."""
    if not middles:
        return ()
    between = [(left + right) / 2 for left, right in pairwise(middles)]
    first = 2 * middles[0] - between[0] if between else 0.0
    last = 2 * middles[-1] - between[-1] if between else 1.0
    return tuple(min(max(edge, 0.0), 1.0) for edge in (first, *between, last))
