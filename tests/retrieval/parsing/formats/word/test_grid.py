from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.notes import Note
from tests.retrieval.parsing.formats.word.documents import BEGUN, MERGED, cell, in_list, p, read, row, table, text


def test_merged_cells_keep_their_columns_and_name_their_rows(tmp_path: Path) -> None:
    body = table(
        row("Site", "Shift", "Phone"),
        row(cell("Harbour", BEGUN), "Day", "4411"),
        row(cell("<w:p/>", MERGED), "Night", "4422"),
        row(cell("<w:p/>", '<w:vMerge w:val="continue"/>'), "Noon", "4433"),
        row("Yard", "Day", "1"),
        row(cell("Closed on holidays", '<w:gridSpan w:val="2"/>'), "0"),
        row("North", "7", properties='<w:gridBefore w:val="1"/>'),
    )
    assert text(tmp_path, body) == (
        "| Site | Shift | Phone |\n| Harbour | Day | 4411 |\n| Harbour | Night | 4422 |\n| Harbour | Noon | 4433 |\n"
        "| Yard | Day | 1 |\n| Closed on holidays |  | 0 |\n|  | North | 7 |"
    )


@pytest.mark.parametrize(
    "late", [row("shut", properties='<w:gridBefore w:val="2"/>'), row(cell("<w:p/>"), cell("<w:p/>"), "shut")]
)
def test_only_cell_of_a_row_stays_in_its_column(tmp_path: Path, late: str) -> None:
    head, first = row("Plan", "Jan", "Feb"), row("Quay", "open", "open")
    assert text(tmp_path, table(head, first, late, row("Works"))) == (
        "| Plan | Jan | Feb |\n| Quay | open | open |\n|  |  | shut |\nWorks"
    )
    assert text(tmp_path, table(row("a", "b", "c"), late)) == "| a | b | c |\n|  |  | shut |"


def test_only_cell_of_a_row_below_no_name_is_a_line(tmp_path: Path) -> None:
    body = table(row("Form A", cell("<w:p/>"), cell("<w:p/>")), row(cell("<w:p/>"), cell("<w:p/>"), "Photo here"))
    assert text(tmp_path, body) == "Form A\nPhoto here"


def test_cell_over_columns_and_rows_is_repeated_in_its_column(tmp_path: Path) -> None:
    wide = '<w:gridSpan w:val="2"/>'
    body = table(
        row("a", "b", "c"),
        row(cell("Both", wide + BEGUN), "1"),
        row(cell("<w:p/>", wide + MERGED), "2"),
        row("x", "y", "3"),
    )
    assert text(tmp_path, body) == "| a | b | c |\n| Both |  | 1 |\n| Both |  | 2 |\n| x | y | 3 |"


def test_cells_merged_in_the_old_way_hold_one_value(tmp_path: Path) -> None:
    body = table(
        row(cell("Both", '<w:hMerge w:val="restart"/>'), cell("<w:p/>", "<w:hMerge/>"), "1"), row("a", "b", "2")
    )
    assert text(tmp_path, body) == "| Both |  | 1 |\n| a | b | 2 |"


@pytest.mark.parametrize(("properties", "kind"), [("<w:del/>", "deleted_text"), ("<w:hidden/>", "hidden_text")])
def test_deleted_and_hidden_rows_go_and_are_noted(tmp_path: Path, properties: str, kind: str) -> None:
    extracted = read(tmp_path, table(row("a", "b"), row("Old", "9", properties=properties), row("c", "d")))
    assert extracted.text == "| a | b |\n| c | d |"
    assert extracted.notes == [Note(kind)]


def test_inserted_row_and_rows_in_content_controls_stay(tmp_path: Path) -> None:
    controlled = f"<w:sdt><w:sdtContent>{row('e', 'f')}</w:sdtContent></w:sdt>"
    body = table(row("a", "b"), row("c", "d", properties="<w:ins/>"), controlled)
    assert text(tmp_path, body) == "| a | b |\n| c | d |\n| e | f |"


def test_table_in_a_cell_is_read_row_by_row(tmp_path: Path) -> None:
    inner = table(row("x", "1"), row("y", "2")) + "<w:p/>"
    assert text(tmp_path, table(row("a", cell(inner)), row("b", "c"))) == "| a | x, 1; y, 2 |\n| b | c |"


def test_table_of_one_cell_is_a_frame(tmp_path: Path) -> None:
    body = table(row(cell(p("Note", properties='<w:outlineLvl w:val="0"/>') + p("One.") + in_list("two"))))
    extracted = read(tmp_path, body)
    assert extracted.text == "Note\n\nOne.\n\ntwo"
    assert [one.title for one in extracted.headings] == ["Note"]


def test_table_of_long_texts_arranges_them(tmp_path: Path) -> None:
    long = "word " * 400
    extracted = read(tmp_path, table(row("Left", cell(p(long) + p("Refunds", properties='<w:outlineLvl w:val="0"/>')))))
    assert extracted.text.split("\n\n") == ["Left", long, "Refunds"]
    assert [one.title for one in extracted.headings] == ["Refunds"]
    assert text(tmp_path, table(row("a", "b"), row("c", long), *[row("d", "e")] * 5)).startswith(
        "| a | b |\n| c | word"
    )


def test_long_table_names_its_columns_in_each_row(tmp_path: Path) -> None:
    body = table(row("Part", "Price"), *(row(f"valve {number}", str(number)) for number in range(20)))
    assert "| Part: valve 7 | Price: 7 |" in text(tmp_path, body)
