"""A picture of a page in, its text with the place of each line out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import RecognisedLine, lines_make_sense
from retrieval.parsing.recognition.detection import detect
from retrieval.parsing.recognition.order import rows_in_order
from retrieval.parsing.recognition.reading import ReadLine, read_boxes
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from PIL.Image import Image

    from retrieval.parsing.recognition.models import RecognitionModels

_CONFIDENT = 0.5  # a line that is read with less is none: a pattern, a drawing, or letters that the model doesn't know
_LEAST_DENSITY = 0.25  # characters in a square; in letters that it doesn't know the model sees dots and spaces
_LONG = 4  # squares of a line that is judged by its density
_UNREADABLE = 0.5  # of the length of a page's lines
_DRIFT = 0.35  # of its height, which a line may leave its level by until it is marked in several rectangles
_LEVEL = math.radians(20)  # text that is turned further is marked letter by letter


@dataclass(frozen=True)
class ReadPage:
    """The text of a page, whose `lines` count from its beginning. `unread_lines` were found and could not be read;
    when they are most, the page is not `readable`, and has no text."""

    page: int
    text: str
    lines: list[RecognisedLine]
    unread_lines: int
    readable: bool

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> ReadPage:
        """Return what a child process answered, which a hostile picture may have written. Raises ParsingError when that
        makes no sense."""
        try:
            lines = [RecognisedLine.from_json(line) for line in plain["lines"]]
            page = cls(**(plain | {"lines": lines}))
            page.text.encode()  # raises UnicodeEncodeError, a ValueError, for half a character
            numbers = [page.page, page.unread_lines]
            makes_sense = (
                all(type(number) is int and number >= 0 for number in numbers)
                and type(page.readable) is bool
                and "\0" not in page.text
                and lines_make_sense(lines, len(page.text))
            )
        except (TypeError, KeyError, ValueError, AttributeError):
            makes_sense = False
        if not makes_sense:
            raise ParsingError(_("The parser's answer makes no sense."))
        return page


def pages_from_answer(content: bytes, *, asked: Sequence[int]) -> list[ReadPage]:
    """Return what a child process wrote, a page in each line; behind the last line end is what it had not written to
    its end. Raises ParsingError when it makes no sense, or tells of a page that was not asked for."""
    try:
        pages = [ReadPage.from_json(json.loads(line)) for line in content.split(b"\n")[:-1]]
    except (ValueError, RecursionError) as error:
        raise ParsingError(_("The parser's answer makes no sense.")) from error
    if any(page.page not in asked for page in pages):
        raise ParsingError(_("The parser's answer makes no sense."))
    return pages


def recognise_page(picture: Image, *, page: int, models: RecognitionModels) -> ReadPage:
    """Return what stands on an RGB picture of the 1-based `page`."""
    found = read_boxes(picture, detect(picture, models=models), models=models)
    read = [line for line in found if _is_read(line)]
    total = sum(line.box.length for line in found)
    if sum(line.box.length for line in read) < _UNREADABLE * total:
        return ReadPage(page, "", [], len(found), readable=False)
    text, lines = _composed(read, page, picture.size)
    return ReadPage(page, text, lines, len(found) - len(read), readable=True)


def unreadable_page(page: int) -> ReadPage:
    """Return a page that has no picture to read."""
    return ReadPage(page, "", [], 0, readable=False)


def _is_read(line: ReadLine) -> bool:
    said = sum(map(str.isalnum, line.text))
    squares = line.box.length / line.box.height
    return line.confidence >= _CONFIDENT and said > 0 and (squares < _LONG or said >= _LEAST_DENSITY * squares)


def _composed(read: Sequence[ReadLine], page: int, size: tuple[int, int]) -> tuple[str, list[RecognisedLine]]:
    """Return the text, and where each line of it stands."""
    parts: list[str] = []
    lines: list[RecognisedLine] = []
    length = 0
    for row in rows_in_order(read):
        for place, line in enumerate(row.lines):
            between = " " if place else "" if not parts else "\n\n" if row.begins else "\n"
            length += len(between)
            lines += _placed(line, length, page, size)
            parts += [between, line.text]
            length += len(line.text)
    return "".join(parts), lines


def _placed(line: ReadLine, start: int, page: int, size: tuple[int, int]) -> Iterator[RecognisedLine]:
    """Yield the line as rectangles: one, or several when it is askew, or one for each letter when it is turned."""
    box, count = line.box, len(line.text)
    turned = abs(math.remainder(box.angle, 2 * math.pi)) > _LEVEL
    drift = abs(math.sin(box.angle)) * box.length
    several = count if turned else min(count, math.ceil(drift / (_DRIFT * box.height)) or 1)
    bounds = [round(count * place / several) for place in range(several + 1)]
    for first, last in pairwise(bounds):
        edges = line.edges[first : last + 1]
        corners = [_corner(line, edge, side) for edge in (edges[0], edges[-1]) for side in (-0.5, 0.5)]
        left, right = _span([x / size[0] for x, _y in corners])
        top, bottom = _span([y / size[1] for _x, y in corners])
        whole = edges[-1] - edges[0] or 1.0
        across = [left + (right - left) * (edge - edges[0]) / whole for edge in edges]
        yield RecognisedLine(start + first, start + last, page, top, bottom, tuple(round(x, 4) for x in across))


def _corner(line: ReadLine, along: float, across: float) -> tuple[float, float]:
    box = line.box
    cosine, sine = box.along
    length, height = (along - 0.5) * box.length, across * box.height
    return box.x + cosine * length - sine * height, box.y + sine * length + cosine * height


def _span(places: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest, kept on the page."""
    return round(min(max(min(places), 0.0), 1.0), 4), round(min(max(*places, 0.0), 1.0), 4)
