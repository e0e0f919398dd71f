"""Pages of real PDFs: their pictures, and the rectangles of quotes on them, through the real child process."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from PIL import Image
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from retrieval.errors import PagesUnavailable
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.pages import cache as page_cache
from retrieval.pages import pages
from retrieval.pages.layout import Box, boxes_of, lines_of
from retrieval.texts import document_text
from tests.retrieval import files

Put = Callable[..., Document]
WIDTH, HEIGHT = 600, 800
SIZE = 12


def drawn(*draw: Callable[[Canvas], None], rotation: int = 0) -> bytes:
    """A PDF with a page for each of `draw`, 600 by 800 points."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT))
    for page in draw:
        canvas.setFont("Helvetica", SIZE)
        if rotation:
            canvas.setPageRotation(rotation)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def lines_at(x: float, y: float, *lines: str) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        for number, line in enumerate(lines):
            canvas.drawString(x, y - number * 20, line)

    return draw


def boxes(document: Document, quote: str) -> tuple[int, tuple[Box, ...]]:
    """The page of `quote` and its rectangles there."""
    start = document_text(document).index(quote)
    page = document.page_at(start)
    assert page is not None
    return page, boxes_of(pages.page_lines(document, pages=[page])[page], start=start, end=start + len(quote))


def near(box: Box, *, left: float, baseline: float, width: float) -> bool:
    """Does `box` stand on the line that was drawn there, in points from the lower left corner?"""
    sides = abs(box.left * WIDTH - left) < 1.5 and abs((box.right - box.left) * WIDTH - width) < 2
    return sides and box.top * HEIGHT < HEIGHT - baseline - SIZE / 2 and HEIGHT - baseline <= box.bottom * HEIGHT + 1


def ink(picture: bytes, box: Box) -> float:
    """The share of dark pixels in a part of the picture."""
    image = Image.open(io.BytesIO(picture)).convert("L")
    across, down = image.size
    part = image.crop((int(box.left * across), int(box.top * down), int(box.right * across), int(box.bottom * down)))
    pixels = part.tobytes()
    return sum(pixel < 128 for pixel in pixels) / len(pixels)


def test_quote_has_one_rectangle_where_it_is_printed(public: Collection, put: Put) -> None:
    first = "The pump is oiled in May. "
    document = put(public, "a.pdf", drawn(lines_at(72, 700, "Pump"), lines_at(72, 500, first + "Filters wait.")))
    page, found = boxes(document, "Filters wait.")
    assert page == 2
    assert len(found) == 1
    left = 72 + stringWidth(first, "Helvetica", SIZE)
    assert near(found[0], left=left, baseline=500, width=stringWidth("Filters wait.", "Helvetica", SIZE))


def test_quote_over_a_hyphenated_line_end_has_a_rectangle_a_line(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", drawn(lines_at(72, 700, "It is oiled every sec-", "ond month, as planned.")))
    _, found = boxes(document, "every second month")
    assert len(found) == 2
    left = 72 + stringWidth("It is oiled ", "Helvetica", SIZE)
    assert near(found[0], left=left, baseline=700, width=stringWidth("every sec", "Helvetica", SIZE))
    assert near(found[1], left=72, baseline=680, width=stringWidth("ond month", "Helvetica", SIZE))


def test_words_of_two_columns_are_found_in_theirs(public: Collection, put: Put) -> None:
    def columns(canvas: Canvas) -> None:
        lines_at(72, 700, "The left column says", "that the valve is blue.")(canvas)
        lines_at(330, 700, "The right column says", "that the valve is red.")(canvas)

    document = put(public, "a.pdf", drawn(columns))
    for words, x in (("valve is blue", 72), ("valve is red", 330)):
        _, found = boxes(document, words)
        before = stringWidth("that the ", "Helvetica", SIZE)
        assert [
            near(box, left=x + before, baseline=680, width=stringWidth(words, "Helvetica", SIZE)) for box in found
        ] == [True]


def test_words_of_columns_written_row_by_row_are_found_in_theirs(public: Collection, put: Put) -> None:
    left = ["The left one says that", "the valve of the boiler", "is blue, and that it is", "oiled in May of a year."]
    right = ["The right one says that", "the pump of the heating", "is red, and that nobody", "opens it before winter."]

    def columns(canvas: Canvas) -> None:
        for row, lines in enumerate(zip(left, right, strict=True)):
            for x, line in zip((72, 330), lines, strict=True):
                canvas.drawString(x, 700 - 20 * row, line)

    document = put(public, "a.pdf", drawn(columns))
    for words, x, before in (("blue, and that", 72, "is "), ("red, and that", 330, "is ")):
        _, (box,) = boxes(document, words)
        offset = stringWidth(before, "Helvetica", SIZE)
        assert near(box, left=x + offset, baseline=660, width=stringWidth(words, "Helvetica", SIZE))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_page_is_marked_as_it_is_shown(public: Collection, put: Put, rotation: int) -> None:
    document = put(public, "a.pdf", drawn(lines_at(72, 500, "The pump is oiled. Nobody opens it."), rotation=rotation))
    _, found = boxes(document, "Nobody opens it.")
    assert found
    picture = pages.render_page(document, page=1, width=800)
    assert all(ink(picture, box) > 0.05 for box in found)
    x, y = 72 + stringWidth("The pump is oiled. ", "Helvetica", SIZE), 500  # reportlab makes a turned page wide
    corner = {90: (y / 600, x / 800), 180: (1 - x / 600, y / 800), 270: (1 - y / 600, 1 - x / 800)}[rotation]
    edges = [abs(edge - corner[0]) for box in found for edge in (box.left, box.right)]
    assert min(edges) < 0.03
    edges = [abs(edge - corner[1]) for box in found for edge in (box.top, box.bottom)]
    assert min(edges) < 0.03


def test_cropped_page_is_marked_as_it_is_shown(public: Collection, put: Put) -> None:
    def cropped(canvas: Canvas) -> None:
        canvas.setCropBox((50, 400, 600, 800))
        lines_at(72, 700, "The pump is oiled.")(canvas)

    document = put(public, "a.pdf", drawn(cropped))
    _, (box,) = boxes(document, "pump")
    assert box.left * 550 == pytest.approx(22 + stringWidth("The ", "Helvetica", SIZE), abs=1.5)
    assert box.top * 400 < 100 < box.bottom * 400 + 1


def test_lines_hold_each_character_of_the_text_once(public: Collection, put: Put) -> None:
    text = ["The office of the sec-", "ond floor: 3 < 4 & fi, ffi.", "", "A    wide   gap", "é ü 🫖 ½"]
    document = put(public, "a.pdf", drawn(lines_at(72, 700, *text)))
    whole = document_text(document)
    lines = pages.page_lines(document, pages=[1])[1]
    assert [whole[line.start : line.end] for line in lines] == [line.text for line in lines]
    covered = {i for line in lines for i in range(line.start, line.end)}
    assert "".join(c for i, c in enumerate(whole) if i not in covered and not c.isspace()) == ""
    assert sum(len(line.text) for line in lines) == len(covered)


def printed(text: str, *, x: Iterable[float], y: float = 0.1) -> tuple[list[int], list[list[float]]]:
    return [ord(c) for c in text], [[left, y, left + 0.01, y + 0.02] for left in x]


def test_ligature_surrogates_and_hyphens_align() -> None:
    codes, places = printed("sec\x02ond\ud83e\uded6", x=[0.01 * i for i in range(9)])
    lines = lines_of("second🫖\n", offset=100, codes=codes, boxes=places, ratio=1.4)
    assert [(line.start, line.text) for line in lines] == [(100, "second🫖")]
    assert lines[0].edges == pytest.approx((0, 0.01, 0.02, 0.04, 0.05, 0.06, 0.07, 0.08))


def test_columns_in_another_order_than_the_text_align() -> None:
    left, right = "left column", "right column"
    codes, places = printed(left + "\n" + right, x=[0.02 * i for i in range(24)])
    lines = lines_of(f"{right}\n{left}\n", offset=0, codes=codes, boxes=places, ratio=1.4)
    assert [line.text for line in lines] == [right, left]
    assert lines[0].edges[0] == pytest.approx(0.24)


def test_words_align_where_others_of_the_line_are_not_printed() -> None:
    codes, places = printed("the red valve", x=[0.02 * i for i in range(13)])
    lines = lines_of("the *new* valve", offset=0, codes=codes, boxes=places, ratio=1.4)
    assert {line.text for line in lines} <= {"the *new* valve", "the", "valve"}
    assert lines[-1].edges[-1] == pytest.approx(0.25)


def test_marks_of_cells_and_raised_signs_are_in_their_lines_though_they_are_not_printed() -> None:
    codes, places = printed("valve 12 m2 well\x02known", x=[0.02 * i for i in range(22)])
    text = "| valve | 12 m^2 |\nwell-known\n"
    lines = lines_of(text, offset=0, codes=codes, boxes=places, ratio=1.4)
    assert [line.text for line in lines] == ["valve | 12 m^2", "well-known"]
    assert boxes_of(lines, start=text.index("12"), end=text.index("12") + 2)[0].left == pytest.approx(0.12)
    assert boxes_of(lines, start=text.index("known"), end=text.index("known") + 5)[0].right == pytest.approx(0.43)


def test_page_is_drawn_once_and_kept_until_its_document_goes(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", files.pdf([["The pump."]]))
    picture = pages.render_page(document, page=1, width=800)
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.size) == ("WEBP", (800, 1132))
    page_cache.write(document.live_hash, "1-800.webp", b"kept")
    assert pages.render_page(document, page=1, width=800) == b"kept"
    document.delete()
    ingest.drain_removals()
    assert page_cache.read(document.live_hash, "1-800.webp") is None


def test_pages_of_a_replaced_file_go_and_the_new_ones_wait_for_its_text(
    public: Collection, put: Put, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    document = put(public, "a.pdf", files.pdf([["The pump."]]))
    former = document.live_hash
    pages.render_page(document, page=1, width=800)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        ingest.replace_file(document, file=ContentFile(files.pdf([["The valve."]]), name="a.pdf"))
    assert page_cache.read(former, "1-800.webp") is None
    assert pages.has_pages(document) is False
    while ingest.ingest_next():
        pass
    document.refresh_from_db()
    assert pages.has_pages(document) is True
    assert boxes(document, "valve")[1]


def test_sweep_keeps_the_cache_below_its_size_and_without_orphans(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", files.pdf([["The pump."]]))
    page_cache.write("f" * 64, "1-800.webp", b"of no document")
    page_cache.write(document.live_hash, "old", bytes(600))
    page_cache.write(document.live_hash, "new", bytes(600))
    page_cache.read(document.live_hash, "new")
    page_cache.sweep(limit=1_000)
    assert page_cache.read("f" * 64, "1-800.webp") is None
    assert page_cache.read(document.live_hash, "old") is None
    assert page_cache.read(document.live_hash, "new") == bytes(600)


def test_bookmarks_and_sizes_of_pages_are_told(public: Collection, put: Put) -> None:
    def second(canvas: Canvas) -> None:
        canvas.setPageSize((400, 300))
        canvas.bookmarkPage("oil")
        canvas.addOutlineEntry("Oiling", "oil", level=0)
        lines_at(72, 200, "Oil it.")(canvas)

    document = put(public, "a.pdf", drawn(lines_at(72, 700, "Pump"), second))
    contents = pages.page_contents(document)
    assert contents.sizes == ((600.0, 800.0), (400.0, 300.0))
    assert [(entry.level, entry.title, entry.page) for entry in contents.bookmarks] == [(1, "Oiling", 2)]


def test_case_38_file_that_breaks_the_child_is_an_error_and_no_more(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", files.pdf([["The pump."]]))
    document.file.open("wb").write(b"%PDF-1.4 broken")
    document.file.close()
    with pytest.raises(PagesUnavailable, match="can't be drawn"):
        pages.render_page(document, page=1, width=800)
    with pytest.raises(PagesUnavailable, match="no page 9"):
        pages.render_page(document, page=9, width=800)


def test_time_and_memory_of_the_child_are_limited(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", files.pdf([["The pump."]]))
    task = {"do": "picture", "page": 1, "width": 1600}
    with pytest.raises(PagesUnavailable, match=r"longer than 0\.01 seconds"):
        pages._ask(document, "1", task, limits=pages.DrawingLimits(seconds=0.01))
    with pytest.raises(PagesUnavailable, match="too much memory"):
        pages._ask(document, "2", task, limits=pages.DrawingLimits(memory_bytes=50 * 1024**2))


def test_case_125_what_failed_is_not_tried_again_for_a_while(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", files.pdf([["The pump."]] * 6))
    file = Path(document.file.path)
    whole = file.read_bytes()
    for page in (1, 2):
        file.write_bytes(b"%PDF-1.4 broken")
        with pytest.raises(PagesUnavailable, match="can't be drawn"):
            pages.render_page(document, page=page, width=800)
        file.write_bytes(whole)
        with pytest.raises(PagesUnavailable, match="can't be drawn"):
            pages.render_page(document, page=page, width=800)
    assert pages.render_page(document, page=3, width=800)[8:12] == b"WEBP"
    page_cache.write_failure(document.live_hash, "4-800.webp")
    with pytest.raises(PagesUnavailable, match="can't be drawn"):  # the third: the file is not tried any more
        pages.render_page(document, page=5, width=800)
    assert pages.render_page(document, page=3, width=800)[8:12] == b"WEBP"
    for failure in page_cache._root().joinpath(document.live_hash).glob("*.failed"):
        os.utime(failure, (0, 0))
    assert pages.render_page(document, page=1, width=800)[8:12] == b"WEBP"


def test_page_of_extreme_shape_is_drawn_small(public: Collection, put: Put) -> None:
    def narrow(canvas: Canvas) -> None:
        canvas.setPageSize((20, 14_000))
        canvas.drawString(2, 13_900, "x y")

    document = put(public, "a.pdf", drawn(narrow))
    width, height = Image.open(io.BytesIO(pages.render_page(document, page=1, width=1600))).size
    assert width * height <= 8_000_000 * 1.02
