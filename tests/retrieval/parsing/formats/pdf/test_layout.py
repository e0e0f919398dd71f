"""PDFs read by the place of their signs: columns, tables, turned and raised text, words cut by line ends."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from retrieval.parsing.formats import extract
from retrieval.parsing.formats.extracted import Extracted
from retrieval.parsing.formats.pdf.glyphs import Glyphs
from retrieval.parsing.formats.pdf.layout import lay_out

Draw = Callable[[Canvas], None]


def read(tmp_path: Path, *pages: Draw) -> Extracted:
    """What is read of a PDF with a page for each of `pages`, 600 by 800 points."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(600, 800))
    for draw in pages:
        canvas.setFont("Helvetica", 12)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(buffer.getvalue())
    return extract(path, filename="a.pdf", max_characters=10**6)


def rows(*lines: Sequence[str], xs: Sequence[float], y: float = 700, step: float = 15) -> Draw:
    """Lines of cells that begin at `xs`, written row by row."""

    def draw(canvas: Canvas) -> None:
        for number, line in enumerate(lines):
            for x, cell in zip(xs, line, strict=False):
                if cell:
                    canvas.drawString(x, y - number * step, cell)

    return draw


def together(*draws: Draw) -> Draw:
    def draw(canvas: Canvas) -> None:
        for one in draws:
            one(canvas)

    return draw


LEFT = [
    "The left column speaks",
    "of the harbour and its",
    "opening hours in winter",
    "which are nine to four.",
    "Ask.",
]
MIDDLE = [
    "The middle one tells of",
    "the boats that lie here",
    "in the summer and of all",
    "that they have to pay.",
    "Do.",
]
RIGHT = ["The right column tells", "about fees for guests,", "who pay twelve euros", "for every single night.", "End."]


# ---- columns ---------------------------------------------------------------------------------------------------------


def test_two_columns_written_row_by_row_are_read_one_after_the_other(tmp_path: Path) -> None:
    text = read(tmp_path, rows(*zip(LEFT, RIGHT, strict=True), xs=(50, 320))).text
    assert text.split("\n") == [*LEFT, *RIGHT, "", ""]


def test_three_columns_written_row_by_row_are_read_one_after_the_other(tmp_path: Path) -> None:
    text = read(tmp_path, rows(*zip(LEFT, MIDDLE, RIGHT, strict=True), xs=(40, 220, 400))).text
    assert text.split("\n") == [*LEFT, *MIDDLE, *RIGHT, "", ""]


def test_columns_stand_between_the_lines_above_and_below_them(tmp_path: Path) -> None:
    title = "A title that reaches over the whole of the page, from its left side to the right one"
    ending = "And an ending that reaches over the whole of the page as well, and says nothing at all"
    draw = together(
        rows([title], xs=(50,), y=740),
        rows(*zip(LEFT, RIGHT, strict=True), xs=(50, 320)),
        rows([ending], xs=(50,), y=600),
    )
    assert read(tmp_path, draw).text.split("\n") == [title, *LEFT, *RIGHT, ending, "", ""]


def test_right_column_that_is_written_first_is_read_last(tmp_path: Path) -> None:
    draw = together(rows(*([line] for line in RIGHT), xs=(320,)), rows(*([line] for line in LEFT), xs=(50,)))
    assert read(tmp_path, draw).text.split("\n") == [*LEFT, *RIGHT, "", ""]


def test_gaps_of_a_few_justified_lines_are_no_gutter(tmp_path: Path) -> None:
    lines = [
        ("control of the", "many"),
        ("is achieved by", "making arms"),
        ("in such a way", "that these move"),
        ("and", "stop"),
    ]
    text = read(tmp_path, rows(*lines, xs=(50, 145))).text
    assert text.split("\n") == [" ".join(line) for line in lines] + ["", ""]


@pytest.mark.parametrize("columns", [(LEFT, RIGHT), (LEFT, MIDDLE, RIGHT)])
def test_columns_of_three_rows_are_read_one_after_the_other(tmp_path: Path, columns: tuple[list[str], ...]) -> None:
    short = [column[:3] for column in columns]
    text = read(tmp_path, rows(*zip(*short, strict=True), xs=(40, 220, 400))).text
    assert text.split("\n") == [*(line for column in short for line in column), "", ""]


def test_labels_of_several_words_stay_beside_their_values(tmp_path: Path) -> None:
    lines = [
        ("Hours of the office", "nine to four each day"),
        ("Name of the ship", "the old Sea Otter"),
        ("Place of the crane", "at the north quay"),
    ]
    text = read(tmp_path, rows(*lines, xs=(50, 320))).text
    assert text.split("\n") == [" ".join(line) for line in lines] + ["", ""]


def test_gutter_less_wide_than_a_line_is_high_is_found(tmp_path: Path) -> None:
    left = [*LEFT[:4], "They are all welcome here", "and may stay."]
    width = max(stringWidth(line, "Helvetica", 12) for line in left)
    right = [*RIGHT[:4], "Children pay a half.", "Dogs are free of it."]
    text = read(tmp_path, rows(*zip(left, right, strict=True), xs=(50, 50 + width + 11))).text
    assert text.split("\n") == [*left, *right, "", ""]


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_lines_that_are_not_written_from_the_top_on_are_read_from_there(tmp_path: Path, order: list[int]) -> None:
    def draw(canvas: Canvas) -> None:
        for number in order:
            canvas.drawString(50, 700 - 15 * number, LEFT[number])

    assert read(tmp_path, draw).text.split("\n") == [*LEFT, "", ""]


def test_mirrored_page_is_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.transform(1, 0, 0, -1, 0, 800)
        for number, line in enumerate(LEFT):
            canvas.drawString(50, 700 - 15 * number, line)

    assert read(tmp_path, draw).text.split("\n") == [*LEFT, "", ""]


def test_page_of_plain_lines_stays_as_it_is(tmp_path: Path) -> None:
    lines = [f"Line {number} says that the pump number {number} is oiled, and nothing else." for number in range(30)]
    assert read(tmp_path, rows(*([line] for line in lines), xs=(50,))).text.split("\n") == [*lines, "", ""]


# ---- tables ----------------------------------------------------------------------------------------------------------

PARTS = [("Part", "Size", "Price"), ("valve", "12 mm", "3.50"), ("pump", "", "120.00"), ("filter", "8 mm", "7.25")]


def test_unruled_table_is_rows_of_cells(tmp_path: Path) -> None:
    text = read(tmp_path, rows(*PARTS, xs=(50, 200, 350))).text
    assert text.strip().split("\n") == [
        "| Part | Size | Price |",
        "| valve | 12 mm | 3.50 |",
        "| pump |  | 120.00 |",
        "| filter | 8 mm | 7.25 |",
    ]


def test_table_written_column_by_column_is_rows_of_cells(tmp_path: Path) -> None:
    columns = [rows(*([row[index]] for row in PARTS), xs=(x,)) for index, x in ((0, 50.0), (1, 200.0), (2, 350.0))]
    assert "| filter | 8 mm | 7.25 |" in read(tmp_path, together(*columns)).text


def test_rows_of_a_long_table_name_their_columns(tmp_path: Path) -> None:
    lines = [("Town", "Boats", "Beds"), *((f"Town {n}", str(n * 7), str(n * 3)) for n in range(1, 21))]
    text = read(tmp_path, rows(*lines, xs=(50, 200, 350))).text
    assert "| Town: Town 13 | Boats: 91 | Beds: 39 |" in text.split("\n")


def ruled(canvas: Canvas) -> None:
    for y in (700, 670, 620, 590):
        canvas.line(50, y, 450, y)
    for x in (50, 200, 450):
        canvas.line(x, 590, x, 700)
    rows(("Name", "Duty"), xs=(55, 205), y=680)(canvas)
    rows(("Ada", "counts the boats"), ("", "and the guests"), xs=(55, 205), y=650)(canvas)
    rows(("Bo", "rings the bell"), xs=(55, 205), y=600)(canvas)


def test_ruled_table_keeps_the_lines_of_a_cell_together(tmp_path: Path) -> None:
    draw = together(rows(["Who does what"], xs=(50,), y=730), ruled, rows(["The end."], xs=(50,), y=550))
    assert read(tmp_path, draw).text.strip().split("\n") == [
        "Who does what",
        "| Name | Duty |",
        "| Ada | counts the boats and the guests |",
        "| Bo | rings the bell |",
        "The end.",
    ]


def test_cell_that_reaches_over_rows_is_said_in_each(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for x, y in ((50, 700), (50, 680), (200, 660), (200, 640), (50, 620), (50, 600)):
            canvas.line(x, y, 450, y)
        for x in (50, 200, 350, 450):
            canvas.line(x, 600, x, 700)
        rows(("Plan", "Month", "Price"), xs=(55, 205, 355), y=686)(canvas)
        canvas.drawString(55, 646, "Basic")
        rows(("May", "10"), ("June", "12"), ("July", ""), xs=(205, 355), y=666, step=20)(canvas)
        rows(("Extra", "", "3"), xs=(55, 205, 355), y=606)(canvas)

    assert read(tmp_path, draw).text.strip().split("\n") == [
        "| Plan | Month | Price |",
        "| Basic | May | 10 |",
        "| Basic | June | 12 |",
        "| Basic | July |",
        "| Extra |  | 3 |",
    ]


def test_frame_around_the_text_is_no_table(tmp_path: Path) -> None:
    def framed(canvas: Canvas) -> None:
        canvas.rect(40, 500, 500, 250)
        rows(*([line] for line in LEFT), xs=(50,))(canvas)

    assert read(tmp_path, framed).text.split("\n") == [*LEFT, "", ""]


def test_numbered_clauses_and_lines_are_no_table(tmp_path: Path) -> None:
    lines = [(f"{number}.", f"Clause {number} says what holds here.") for number in range(1, 7)]
    assert "|" not in read(tmp_path, rows(*lines, xs=(50, 90))).text


def test_dots_of_a_table_of_contents_become_few(tmp_path: Path) -> None:
    assert read(tmp_path, rows(["Pumps .......... 12"], ["Oil . . . . . . . . 15"], xs=(50,))).text.split("\n")[:2] == [
        "Pumps … 12",
        "Oil … 15",
    ]


# ---- turned, raised and vertical text --------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_lines_of_turned_text_are_apart(tmp_path: Path, angle: int) -> None:
    def turned(canvas: Canvas) -> None:
        rows(["Upright text that is longer than the turned one, so that it comes first."], xs=(50,))(canvas)
        canvas.saveState()
        canvas.translate(300, 400)
        canvas.rotate(angle)
        for number, line in enumerate(("load is 4 tons per bay", "never exceed it")):
            canvas.drawString(0, -15 * number, line)
        canvas.restoreState()

    assert read(tmp_path, turned).text.split("\n")[1:4] == ["", "load is 4 tons per bay", "never exceed it"]


@pytest.mark.parametrize(
    ("base", "raised", "after", "right"),
    [
        ("The bound is 10", "4", " cells", "The bound is 10^4 cells"),
        ("about 10", "-9", " m", "about 10^-9 m"),
        ("see note", "12", ".", "see note^12."),
        ("on the 1", "st", " of May", "on the 1st of May"),
        ("an area of 5 m", "2", "", "an area of 5 m^2"),
    ],
)
def test_raised_signs_are_marked(tmp_path: Path, base: str, raised: str, after: str, right: str) -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(50, 700)
        text.textOut(base)
        text.setFont("Helvetica", 7)
        text.setRise(4)
        text.textOut(raised)
        text.setFont("Helvetica", 12)
        text.setRise(0)
        text.textOut(after)
        canvas.drawText(text)

    assert read(tmp_path, draw).text.strip() == right


def test_lowered_signs_are_not_marked(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(50, 700)
        text.textOut("CO")
        text.setFont("Helvetica", 7)
        text.setRise(-3)
        text.textOut("2")
        text.setFont("Helvetica", 12)
        text.setRise(0)
        text.textOut(" rises")
        canvas.drawText(text)

    assert read(tmp_path, draw).text.strip() == "CO2 rises"


@pytest.mark.parametrize(
    ("parts", "right"),
    [
        ([("of SO", 12, 0), ("4", 7, -3), ("2-", 7, 5), (" ions", 12, 0)], "of SO4^2- ions"),
        ([("of SO", 12, 0), ("4", 7, -3), ("2-", 7, 5)], "of SO4^2-"),
        ([("a fee of 12", 12, 0), ("a", 7, 5), (" euros", 12, 0)], "a fee of 12^a euros"),
        ([("with L", 12, 0), ("A", 8, 3), ("T", 12, 0), ("E", 12, -3), ("X", 12, 0)], "with LATEX"),
        ([("the 1", 12, 0), ("st", 7, 5), (" of May", 12, 0)], "the 1st of May"),
        ([("le 2", 12, 0), ("e", 7, 5), (" jour", 12, 0)], "le 2e jour"),
    ],
)
def test_raised_signs_stay_on_their_line(tmp_path: Path, parts: list[tuple[str, int, int]], right: str) -> None:
    def draw(canvas: Canvas) -> None:
        x = 50.0
        for part, size, rise in parts:
            canvas.setFont("Helvetica", size)
            canvas.drawString(x, 700 + rise, part)
            x += stringWidth(part, "Helvetica", size)
        canvas.setFont("Helvetica", 12)
        canvas.drawString(50, 680, "And another line.")

    assert read(tmp_path, draw).text.strip().split("\n") == [right, "And another line."]


def placed(*signs: tuple[str, float, float]) -> Glyphs:
    """Signs of 12 points as pdfium gives them, each with its left and its baseline."""
    boxes = (
        [x for _, x, _ in signs],
        [y - 2 for _, _, y in signs],
        [x + 12 for _, x, _ in signs],
        [y + 10 for _, _, y in signs],
    )
    text = "".join(sign for sign, _, _ in signs)
    return Glyphs(text, boxes, (0, 0, 600, 800), {}, lambda index: signs[index][1:], is_clean=True, all_shown=True)


@pytest.mark.parametrize("advance", [12, 18])
def test_han_characters_placed_one_by_one_have_no_blanks_between_them(advance: int) -> None:
    signs = [(sign, 50.0 + advance * (index // 2), 700.0) for index, sign in enumerate("关 于 红 军 作 战")]
    assert [line.text for line in lay_out(placed(*signs), [])] == ["关于红军作战"]


def test_blank_between_words_of_han_characters_stays() -> None:
    signs = [(sign, 50.0 + 12 * index, 700.0) for index, sign in enumerate("停车区用地 指标基准")]
    assert [line.text for line in lay_out(placed(*signs), [])] == ["停车区用地 指标基准"]


def test_vertical_text_is_read_from_right_to_left() -> None:
    columns = ["港の左の行です", "港の右の行です"]
    signs = [(sign, 300.0 + 40 * x, 700.0 - 13 * y) for x, line in enumerate(columns) for y, sign in enumerate(line)]
    assert [line.text for line in lay_out(placed(*signs), [])] == columns[::-1]
