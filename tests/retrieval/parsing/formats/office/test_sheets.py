"""Excel workbooks: what a sheet shows stands in the text, and what can't be read costs itself alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats import Extracted
from tests.retrieval import files
from tests.retrieval.parsing.formats.office.packages import RELATIONSHIPS, SPREADSHEET, relations, rows, workbook
from tests.retrieval.parsing.test_parsers import read


def sheet(tmp_path: Path, *sheets: str, **rest: object) -> Extracted:
    return read(tmp_path, "a.xlsx", workbook(*sheets, **rest))  # type: ignore[arg-type]


def lines(extracted: Extracted) -> list[str]:
    return [line for line in extracted.text.splitlines() if line]


def test_sheets_are_headings_and_hidden_ones_are_noted(tmp_path: Path) -> None:
    table = [["Part", "Price", "Since", "Share", "Own"], ["valve", 12.0, datetime(2024, 5, 1), 0.1 + 0.2, True]]
    content = files.workbook({"Prices": table, "Empty": [], "Secret": [["x", "y"]]}, hidden=["Secret"])
    extracted = read(tmp_path, "a.xlsx", content)
    assert extracted.text == (
        "Prices\n\n| Part | Price | Since | Share | Own |\n| valve | 12 | 2024-05-01 | 0.3 | TRUE |\n\nEmpty"
        "\n\nSecret\n\n| x | y |"
    )
    assert [(heading.title, heading.level) for heading in extracted.headings] == [
        ("Prices", 1),
        ("Empty", 1),
        ("Secret", 1),
    ]
    assert extracted.dated == "2023-04-05"
    assert extracted.notes == [Note("hidden_cells", 1, ("Secret",))]


def test_number_is_shown_by_its_format(tmp_path: Path) -> None:
    codes = ["00000", "[h]:mm", "#,##0.00\\ [$€-407]", "0%", "dd.mm.yyyy", "&quot;No. &quot;@", "mmm yyyy"]
    cells = "".join(
        f'<c s="{n}"><v>{value}</v></c>' for n, value in enumerate([1, 1.25, 1234.5, 0.125, 45443.0, 0, 45443])
    ).replace('<c s="5"><v>0', '<c s="5" t="str"><v>7a')
    extracted = sheet(tmp_path, f"<row>{cells}</row>", codes=codes)
    assert lines(extracted)[1] == "| 00001 | 30:00 | 1,234.50 € | 13% | 2024-05-31 | No. 7a | May 2024 |"


def test_dates_since_1904_are_counted_from_there(tmp_path: Path) -> None:
    cells = '<row><c s="0"><v>0</v></c><c t="inlineStr"><is><t>x</t></is></c></row>'
    extracted = sheet(tmp_path, cells, codes=["yyyy-mm-dd"], properties='<workbookPr date1904="1"/>')
    assert lines(extracted)[1] == "| 1904-01-01 | x |"


def test_formula_without_a_value_stands_as_a_formula(tmp_path: Path) -> None:
    cells = (
        "<row><c><f>A2+1</f></c><c><f>A1*2</f><v/></c><c><f>1+1</f><v>2</v></c><c t='str'><f>A9</f><v></v></c></row>"
        '<row><c r="A2"><f t="shared" ref="A2:A3" si="0">B2*$C$1&amp;"B2"</f></c><c r="B2"><v>3</v></c></row>'
        '<row><c r="A3"><f t="shared" si="0"/></c><c r="B3"><v>4</v></c></row>'
    )
    extracted = sheet(tmp_path, cells)
    assert lines(extracted)[1:] == [
        "| =A2+1 | =A1*2 | 2 |",
        '| =B2*$C$1&"B2" | 3 |',
        '| =B3*$C$1&"B2" | 4 |',
    ]
    assert extracted.notes == [Note("formulas", 4)]


def test_errors_and_truth_are_cells_like_others(tmp_path: Path) -> None:
    cells = '<row><c t="e"><v>#N/A</v></c><c t="b"><v>1</v></c><c t="b"><v>0</v></c><c t="e"><v>#DIV/0!</v></c></row>'
    assert lines(sheet(tmp_path, cells))[1] == "| #N/A | TRUE | FALSE | #DIV/0! |"


def test_cell_that_makes_no_sense_costs_itself(tmp_path: Path) -> None:
    cells = '<row><c t="s"><v>99</v></c><c><v>twelve</v></c><c><v>3</v></c><c s="77"><v>4</v></c></row>'
    extracted = sheet(tmp_path, cells)
    assert lines(extracted)[1] == "| 99 | twelve | 3 | 4 |"
    assert extracted.notes == [Note("parts", 2, ("S1!A1", "S1!B1"))]


def test_workbook_without_styles_and_texts_is_read(tmp_path: Path) -> None:
    content = files.entries(workbook(rows(["Part", 12])))
    del content["xl/styles.xml"]
    extracted = read(tmp_path, "a.xlsx", files.archive(**content))
    assert lines(extracted)[1] == "| Part | 12 |"
    assert extracted.notes == [Note("parts", 1, ("xl/styles.xml",))]


def test_sheet_whose_part_is_missing_or_broken_costs_itself(tmp_path: Path) -> None:
    content = files.entries(workbook(rows(["one", 1]), rows(["two", 2]), rows(["three", 3])))
    del content["xl/sheets/s1.xml"]
    content["xl/sheets/s2.xml"] = content["xl/sheets/s2.xml"].replace(b"</worksheet>", b"<row><c></worksheet>")
    extracted = read(tmp_path, "a.xlsx", files.archive(**content))
    assert lines(extracted) == ["S2", "| two | 2 |", "S3", "| three | 3 |"]
    assert extracted.notes == [Note("parts", 3, ("xl/sheets/s1.xml", "S1", "S2"))]


def test_workbook_none_of_whose_sheets_can_be_read_is_refused(tmp_path: Path) -> None:
    content = files.entries(workbook(rows(["one", 1])))
    del content["xl/sheets/s1.xml"]
    with pytest.raises(ParsingError, match="none of its sheets can be read"):
        read(tmp_path, "a.xlsx", files.archive(**content))


def test_workbook_whose_relations_are_broken_is_read_by_its_usual_names(tmp_path: Path) -> None:
    content = files.entries(files.workbook({"S": [["Part", "valve"]]}))
    content["xl/_rels/workbook.xml.rels"] = b"<broken"
    assert lines(read(tmp_path, "a.xlsx", files.archive(**content))) == ["S", "| Part | valve |"]


def test_strict_workbook_is_read(tmp_path: Path) -> None:
    content = {
        name: part.replace(SPREADSHEET.encode(), b"http://purl.oclc.org/ooxml/spreadsheetml/main").replace(
            RELATIONSHIPS.encode(), b"http://purl.oclc.org/ooxml/officeDocument/relationships"
        )
        for name, part in files.entries(workbook(rows(["Part", 12], ["valve", 3]))).items()
    }
    assert lines(read(tmp_path, "a.xlsx", files.archive(**content))) == ["S1", "| Part | 12 |", "| valve | 3 |"]


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("a.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
        ("a.xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml"),
        ("a.xltm", "application/vnd.ms-excel.template.macroEnabled.main+xml"),
    ],
)
def test_templates_and_files_with_macros_are_workbooks(tmp_path: Path, filename: str, kind: str) -> None:
    usual = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    content = files.rewritten(
        workbook(rows(["Part", 12]), **{"xl/vbaProject.bin": b"x"}), "[Content_Types].xml", usual, kind
    )
    extracted = read(tmp_path, filename, content)
    assert lines(extracted) == ["S1", "| Part | 12 |"]
    assert extracted.notes == [Note("macros")]


# ---- regions and headers ---------------------------------------------------------------------------------------------


def merged(*regions: str) -> str:
    return "<mergeCells>" + "".join(f'<mergeCell ref="{region}"/>' for region in regions) + "</mergeCells>"


def test_long_table_names_its_columns_by_both_rows_of_its_header(tmp_path: Path) -> None:
    body = [[None if 0 < n < 4 else f"R{n}", n, n + 1, n + 2, n + 3] for n in range(20)]
    table = rows(["Region", "2024", None, "2025", None], [None, "Q1", "Q2", "Q1", "Q2"], *body)
    extracted = sheet(tmp_path, f"<sheetData>{table}</sheetData>{merged('B1:C1', 'D1:E1', 'A1:A2', 'A3:A6')}")
    assert lines(extracted)[1:6] == [
        *(f"| Region: R0 | 2024 Q1: {n} | 2024 Q2: {n + 1} | 2025 Q1: {n + 2} | 2025 Q2: {n + 3} |" for n in range(4)),
        "| Region: R4 | 2024 Q1: 4 | 2024 Q2: 5 | 2025 Q1: 6 | 2025 Q2: 7 |",
    ]


def test_header_of_three_rows_below_a_title(tmp_path: Path) -> None:
    top = [
        ["Sales of the harbour", None, None, None, None],
        [None, "Actual", None, None, None],
        ["Region", "2024", None, "2025", None],
        [None, "Q1", "Q2", "Q1", "Q2"],
    ]
    table = rows(*top, *([f"R{n}", n, n, n, n] for n in range(20)))
    regions = merged("A1:E1", "B2:E2", "B3:C3", "D3:E3", "A3:A4")
    extracted = sheet(tmp_path, f"<sheetData>{table}</sheetData>{regions}")
    assert lines(extracted)[1] == "Sales of the harbour"
    assert lines(extracted)[-1] == (
        "| Region: R19 | Actual 2024 Q1: 19 | Actual 2024 Q2: 19 | Actual 2025 Q1: 19 | Actual 2025 Q2: 19 |"
    )


def test_short_table_says_a_spanning_name_over_each_column(tmp_path: Path) -> None:
    table = rows(["Region", "2024", None], [None, "Q1", "Q2"], ["West", 1, 2])
    extracted = sheet(tmp_path, f"<sheetData>{table}</sheetData>{merged('B1:C1', 'A1:A2')}")
    assert lines(extracted)[1:] == ["| Region | 2024 | 2024 |", "| Region | Q1 | Q2 |", "| West | 1 | 2 |"]


def test_name_over_two_columns_without_names_below_takes_no_row(tmp_path: Path) -> None:
    table = rows(["Name", None, "Job"], *([f"Ann{n}", f"Lee{n}", f"clerk{n}"] for n in range(20)))
    extracted = sheet(tmp_path, f"<sheetData>{table}</sheetData>{merged('A1:B1')}")
    assert lines(extracted)[1] == "| Name: Ann0 | Name: Lee0 | Job: clerk0 |"
    assert len(lines(extracted)) == 21


def test_cell_over_columns_names_the_first_and_last(tmp_path: Path) -> None:
    table = rows(["Yard", "Mon", "Tue", "Wed"], *([f"Y{n}", "open", "open", "shut"] for n in range(20)), ["Y", "shut"])
    extracted = sheet(tmp_path, f"<sheetData>{table}</sheetData>{merged('B22:D22')}")
    assert lines(extracted)[-1] == "| Yard: Y | Mon – Wed: shut |"


def test_tables_side_by_side_are_apart(tmp_path: Path) -> None:
    head = ["Part", "Price", None, None, None, "Contact", "Phone"]
    extracted = sheet(tmp_path, rows(head, ["valve", 1, None, None, None, "Ann", "4455"], ["pump", 2]))
    assert extracted.text == (
        "S1\n\n| Part | Price |\n| valve | 1 |\n| pump | 2 |\n\n| Contact | Phone |\n| Ann | 4455 |"
    )


def test_years_and_rows_without_a_name_make_a_header(tmp_path: Path) -> None:
    extracted = sheet(tmp_path, rows([None, 2023, 2024], *([f"R{n}", n, n + 1] for n in range(20))))
    assert lines(extracted)[1] == "| R0 | 2023: 0 | 2024: 1 |"


def test_hidden_rows_and_columns_are_read_and_noted(tmp_path: Path) -> None:
    table = rows(["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]).replace("<row>", '<row hidden="1">', 2)
    columns = '<cols><col min="2" max="3" hidden="1"/><col min="9" max="99" hidden="1"/></cols>'
    extracted = sheet(tmp_path, f"{columns}<sheetData>{table}</sheetData>")
    assert lines(extracted)[1:] == ["| a | b | c |", "| d | e | f |", "| g | h | i |"]
    assert extracted.notes == [Note("hidden_cells", 2, ("S1!1:2", "S1!B:C"))]


def test_value_that_its_format_hides_is_noted(tmp_path: Path) -> None:
    cells = '<row><c s="0"><v>7</v></c><c s="1"><v>0</v></c><c><v>1</v></c><c><v>2</v></c></row>'
    extracted = sheet(tmp_path, cells, codes=[";;;", "0;-0;;@"])
    assert lines(extracted)[1] == "| 1 | 2 |"
    assert extracted.notes == [Note("hidden_text", 1)]


# ---- what lies on a sheet --------------------------------------------------------------------------------------------


def test_comments_and_threads_follow_the_sheet(tmp_path: Path) -> None:
    notes = (
        f'<comments xmlns="{SPREADSHEET}"><authors><author>Ann</author></authors><commentList>'
        '<comment ref="B1" authorId="0"><text><r><t>Ann:</t></r><r><t>\nCheck it.</t></r></text></comment>'
        '<comment ref="A1" authorId="0"><text><t>[Threaded comment] copy</t></text></comment></commentList></comments>'
    )
    threads = (
        '<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments">'
        '<threadedComment ref="A1" personId="{1}"><text>Which valve?</text></threadedComment>'
        '<threadedComment ref="A1" personId="{2}"><text>The old one.</text></threadedComment></ThreadedComments>'
    )
    content = workbook(
        rows(["valve", 12]),
        links="comments ../c.xml, threadedComment ../t.xml",
        **{"xl/c.xml": notes, "xl/t.xml": threads},
    )
    assert lines(read(tmp_path, "a.xlsx", content))[1:] == [
        "| valve | 12 |",
        "Comment on B1 (12) by Ann: Check it.",
        "Comment on A1 (valve): Which valve?",
        "Comment on A1 (valve): The old one.",
    ]


def test_words_of_charts_and_shapes_on_a_sheet_are_read(tmp_path: Path) -> None:
    main = "http://schemas.openxmlformats.org/drawingml/2006"
    drawing = (
        f'<d:wsDr xmlns:d="{main}/spreadsheetDrawing" xmlns:a="{main}/main" xmlns:c="{main}/chart" '
        f'xmlns:r="{RELATIONSHIPS}"><d:sp><d:txBody><a:p><a:r><a:t>Look here</a:t></a:r></a:p></d:txBody></d:sp>'
        '<d:graphicFrame><c:chart r:id="c"/></d:graphicFrame><d:graphicFrame><c:chart r:id="gone"/></d:graphicFrame>'
        "<d:pic/></d:wsDr>"
    )
    chart = (
        f'<c:chartSpace xmlns:c="{main}/chart" xmlns:a="{main}/main"><c:chart><c:title><c:tx><c:rich><a:p><a:r>'
        "<a:t>Faults</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser><c:tx><c:v>Leaks</c:v>"
        "</c:tx><c:val><c:numCache><c:pt idx='0'><c:v>3</c:v></c:pt></c:numCache></c:val></c:ser></c:barChart>"
        "</c:plotArea></c:chart></c:chartSpace>"
    )
    content = workbook(
        rows(["Leaks", 3]),
        links="drawing ../d.xml",
        **{"xl/d.xml": drawing, "xl/chart.xml": chart, "xl/_rels/d.xml.rels": relations(c="chart chart.xml")},
    )
    extracted = read(tmp_path, "a.xlsx", content)
    assert lines(extracted)[1:] == ["| Leaks | 3 |", "Look here", "Faults", "Leaks"]
    assert extracted.notes == [Note("pictures", 1)]


def test_header_and_footer_of_printed_pages_stand_once(tmp_path: Path) -> None:
    printed = (
        "<headerFooter><oddHeader>&amp;C&amp;&quot;Arial,Bold&quot;&amp;12Contract K-4711</oddHeader>"
        "<oddFooter>Page &amp;P of &amp;N</oddFooter></headerFooter>"
    )
    extracted = sheet(tmp_path, f"<sheetData>{rows(['a', 'b'])}</sheetData>{printed}")
    assert lines(extracted)[1:] == ["| a | b |", "Header: Contract K-4711"]


# ---- what wants to do harm -------------------------------------------------------------------------------------------


def test_one_long_text_in_many_cells_is_refused(tmp_path: Path) -> None:
    texts = f'<sst xmlns="{SPREADSHEET}"><si><t>{"long " * 6_000}</t></si></sst>'
    content = files.entries(workbook("<row>" + '<c t="s"><v>0</v></c>' * 10_000 + "</row>"))
    content["xl/_rels/workbook.xml.rels"] = relations(t="sharedStrings t.xml", r1="worksheet sheets/s1.xml")
    with pytest.raises(ParsingError, match=r"^It holds more than 100,000,000 characters: split it\.$"):
        read(tmp_path, "a.xlsx", files.archive(**content, **{"xl/t.xml": texts.encode()}))


def test_many_regions_over_many_rows_end(tmp_path: Path) -> None:
    regions = merged(*(f"A{n}:C1048576" for n in range(1, 5_000)))
    extracted = sheet(tmp_path, f"<sheetData>{rows(*(['a', n, 'c'] for n in range(5_000)))}</sheetData>{regions}")
    assert len(lines(extracted)) == 5_001


def test_far_cells_in_many_rows_make_no_wide_lines(tmp_path: Path) -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="{c}{n}"><v>{n}</v></c></row>' for n, c in far_cells())
    assert len(sheet(tmp_path, cells).text) < 100_000


def far_cells() -> list[tuple[int, str]]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVW"
    return [(n, f"{letters[n // 23 % 23]}{letters[n % 23]}{letters[n * 7 % 23]}") for n in range(1, 2_000)]


ODD = ["²", "9" * 5_000, "-5", "x", ""]


@pytest.mark.parametrize("odd", ODD)
def test_odd_number_in_a_place_costs_no_workbook(tmp_path: Path, odd: str) -> None:
    content = (
        f'<cols><col min="{odd}" max="{odd}" hidden="1"/></cols><sheetData><row r="{odd}"><c s="{odd}"><v>1</v></c>'
        '<c t="inlineStr"><is><t>pump</t></is></c></row></sheetData>'
    )
    assert lines(sheet(tmp_path, content))[1:] == ["| 1 | pump |"]


@pytest.mark.parametrize("odd", ODD)
def test_odd_number_of_a_format_costs_no_workbook(tmp_path: Path, odd: str) -> None:
    styles = (
        f'<styleSheet xmlns="{SPREADSHEET}"><numFmts><numFmt numFmtId="{odd}" formatCode="0"/></numFmts>'
        f'<cellXfs><xf numFmtId="{odd}"/></cellXfs></styleSheet>'
    )
    cells = '<row><c><v>1</v></c><c t="inlineStr"><is><t>pump</t></is></c></row>'
    assert lines(sheet(tmp_path, cells, **{"xl/styles.xml": styles}))[1:] == ["| 1 | pump |"]


def test_cell_beyond_the_last_column_costs_itself_and_is_noted(tmp_path: Path) -> None:
    cells = '<row><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c><c r="XFE1"><v>3</v></c></row>'
    extracted = sheet(tmp_path, cells)
    assert lines(extracted)[1:] == ["| 1 | 2 |"]
    assert extracted.notes == [Note("parts", 1, ("S1!XFE1",))]


def test_long_number_keeps_its_digits(tmp_path: Path) -> None:
    cells = "<row><c><v>123456789012345678</v></c><c><v>-90071992547409931</v></c></row>"
    assert lines(sheet(tmp_path, cells))[1:] == ["| 123456789012345678 | -90071992547409931 |"]


def test_long_formula_that_many_cells_share_takes_no_long_time(tmp_path: Path) -> None:
    shared = "A1+" * 100_000
    cells = f'<row><c><f t="shared" si="0">{shared}1</f></c></row>' + '<row><c><f t="shared" si="0"/></c></row>' * 300
    assert sheet(tmp_path, cells).notes == [Note("formulas", 301)]
