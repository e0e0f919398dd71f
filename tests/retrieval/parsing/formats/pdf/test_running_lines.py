"""Lines that repeat on the pages of a PDF: they stay in the text, and only those outside the body are not searched."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from retrieval.parsing.formats import extract
from retrieval.parsing.formats.extracted import Extracted

BODY = ["Some words stand here", "and others below them", "as on every other page", "of this short document"]


def read(tmp_path: Path, pages: Sequence[Sequence[tuple[float, str]]]) -> Extracted:
    """What is read of pages of lines, each with its height on the page of 842 points."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for lines in pages:
        for y, line in lines:
            canvas.drawString(72, y, line)
        canvas.showPage()
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(buffer.getvalue())
    return extract(path, filename="a.pdf", max_characters=10**6)


def body(page: int) -> list[tuple[float, str]]:
    return [(700 - 14 * number, f"{line} {page}.{number}") for number, line in enumerate(BODY)]


def unsearched(extracted: Extracted) -> list[str]:
    return [extracted.text[start:end] for start, end in extracted.unsearched]


def test_facts_in_the_body_that_repeat_are_searched(tmp_path: Path) -> None:
    sheets = [[f"Product sheet {name}", "Weight: 3 kg", "Colour: grey", "Not for use under water"] for name in "ABCDEF"]
    extracted = read(tmp_path, [[(800 - 15 * row, line) for row, line in enumerate(sheet)] for sheet in sheets])
    assert extracted.unsearched == []
    assert extracted.text.split("\n\n")[:6] == ["\n".join(sheet) for sheet in sheets]


def test_label_and_value_apart_from_the_body_are_searched(tmp_path: Path) -> None:
    extracted = read(tmp_path, [[*body(page), (40, "Warranty: 24 months")] for page in range(6)])
    assert extracted.unsearched == []
    assert extracted.text.count("Warranty: 24 months") == 6


def test_header_and_page_number_stay_and_are_searched_once(tmp_path: Path) -> None:
    pages = [[(810, "Handbook of heating"), *body(page), (30, f"{page + 4}")] for page in range(5)]
    extracted = read(tmp_path, pages)
    assert unsearched(extracted) == [
        line for page in range(5) for line in ["Handbook of heating"] * (page > 0) + [f"{page + 4}"]
    ]
    assert extracted.text.count("Handbook of heating") == 5
    assert [note.kind for note in extracted.notes] == ["running_lines"]


def test_numbers_that_do_not_follow_the_pages_are_searched(tmp_path: Path) -> None:
    extracted = read(tmp_path, [[*body(page), (30, f"Total {page * 37 % 11} euros")] for page in range(6)])
    assert extracted.unsearched == []


def test_titles_that_count_with_the_pages_are_searched(tmp_path: Path) -> None:
    extracted = read(tmp_path, [[(810, f"Product sheet {page + 1}"), *body(page)] for page in range(6)])
    assert extracted.unsearched == []


def test_line_that_is_elsewhere_on_each_page_is_searched(tmp_path: Path) -> None:
    extracted = read(tmp_path, [[(810 - 15 * page, "Keep it dry"), *body(page)] for page in range(5)])
    assert extracted.unsearched == []


def test_roman_numbers_of_pages_are_not_searched(tmp_path: Path) -> None:
    numbers = ["i", "ii", "iii", "iv", "v", "vi"]
    extracted = read(tmp_path, [[*body(page), (30, number)] for page, number in enumerate(numbers)])
    assert unsearched(extracted) == numbers


def test_headers_of_left_and_right_pages_are_known(tmp_path: Path) -> None:
    pages = [[(810, "Heating" if page % 2 else "The pump"), *body(page), (30, f"Page {page + 1}")] for page in range(8)]
    found = unsearched(read(tmp_path, pages))
    assert [found.count("Heating"), found.count("The pump"), len(found)] == [3, 3, 13]


@pytest.mark.parametrize("blanks", [3, 4])
def test_number_behind_some_blanks_is_a_pages(tmp_path: Path, blanks: int) -> None:
    title = "Handbook of heating" + " " * blanks
    pages = [[*body(page), (30, f"{title}{page + 1}")] for page in range(5)]
    assert unsearched(read(tmp_path, pages)) == [f"Handbook of heating {page}" for page in range(2, 6)]


def test_name_with_a_number_that_counts_is_searched(tmp_path: Path) -> None:
    pages = [[*body(page), (30, f"Sheet {page + 1}")] for page in range(5)]
    assert unsearched(read(tmp_path, pages)) == []


def test_small_print_of_slides_is_searched_once(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for page in range(5):
        for size, x, y, line in [
            (24, 72, 760, f"Topic {'ABCDE'[page]}"),
            (12, 100, 600, BODY[page % len(BODY)]),
            (8, 72, 30, "Harbour works"),
            (8, 500, 30, str(page + 1)),
        ]:
            canvas.setFont("Helvetica", size)
            canvas.drawString(x, y, line)
        canvas.showPage()
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(buffer.getvalue())
    extracted = extract(path, filename="a.pdf", max_characters=10**6)
    assert unsearched(extracted) == [f"Harbour works {page}" for page in range(2, 6)]


def test_small_print_above_and_below_a_page_with_little_on_it_is_searched_once(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for page in range(5):
        for size, y, line in [
            (9, 810, "Harbour works"),
            (12, 740, BODY[page % len(BODY)]),
            (12, 720, f"of {'ABCDE'[page]}"),
            (9, 40, f"Page {page + 1} of 5"),
        ]:
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, y, line)
        canvas.showPage()
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(buffer.getvalue())
    extracted = extract(path, filename="a.pdf", max_characters=10**6)
    assert unsearched(extracted) == [line for page in range(2, 6) for line in ("Harbour works", f"Page {page} of 5")]
