"""OpenDocument texts, spreadsheets and presentations: what the program shows stands in the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats import Extracted
from tests.retrieval import files
from tests.retrieval.parsing.test_parsers import read

NAMES = "office text table drawing style presentation chart xsl-fo-compatible".split()
SPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in NAMES
    for short in ["draw" if name == "drawing" else name.partition("-")[0]]
)
SPACES += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'


def document(kind: str, body: str, *, styles: str = "", masters: str = "", **others: bytes) -> bytes:
    content = (
        f"<office:document-content {SPACES}><office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f"<office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    masters = f"<office:master-styles>{masters}</office:master-styles>"
    common = f"<office:document-styles {SPACES}>{masters}</office:document-styles>"
    parts = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}".encode(),
        "content.xml": content.encode(),
        "styles.xml": common.encode(),
    }
    return files.archive(**(parts | others))


def text(tmp_path: Path, body: str, *, styles: str = "", masters: str = "") -> Extracted:
    return read(tmp_path, "a.odt", document("text", body, styles=styles, masters=masters))


def table(*rows: str) -> str:
    return "<table:table>" + "".join(f"<table:table-row>{row}</table:table-row>" for row in rows) + "</table:table>"


def cell(words: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}><text:p>{words}</text:p></table:table-cell>"


WIDE, HIGH = 'table:number-columns-spanned="2"', 'table:number-rows-spanned="2"'
COVERED = "<table:covered-table-cell/>"
NUMBERED = (
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" '
    'style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="1" style:num-suffix="." '
    'text:display-levels="2"/></text:list-style>'
)


# ---- texts -----------------------------------------------------------------------------------------------------------


def test_list_items_keep_the_numbers_that_are_shown(tmp_path: Path) -> None:
    inner = "<text:list><text:list-item><text:p>Fee</text:p></text:list-item></text:list>"
    body = (
        f'<text:list text:style-name="L"><text:list-item><text:p>Payment</text:p>{inner}</text:list-item></text:list>'
        "<text:p>Between.</text:p>"
        '<text:list text:style-name="L" text:continue-numbering="true"><text:list-header><text:p>Head</text:p>'
        "</text:list-header><text:list-item><text:p>End</text:p></text:list-item>"
        '<text:list-item text:start-value="7"><text:p>Late</text:p></text:list-item></text:list>'
        "<text:list><text:list-item><text:p>plain</text:p></text:list-item></text:list>"
    )
    assert text(tmp_path, body, styles=NUMBERED).text == (
        "1. Payment\n1.1. Fee\n\nBetween.\n\nHead\n2. End\n7. Late\n\n- plain"
    )


def test_cells_that_span_are_named_in_each_row(tmp_path: Path) -> None:
    rows = [
        cell("Harbour", HIGH) + cell("Day") + cell("4411"),
        COVERED + cell("Night") + cell("4422"),
        cell("Closed", WIDE) + COVERED + cell("0"),
    ]
    assert (
        text(tmp_path, table(*rows)).text == "| Harbour | Day | 4411 |\n| Harbour | Night | 4422 |\n| Closed |  | 0 |"
    )


def test_table_in_a_cell_is_read_once(tmp_path: Path) -> None:
    inner = f"<table:table-cell>{table(cell('a') + cell('b'))}<text:p>c</text:p></table:table-cell>"
    assert text(tmp_path, table(inner + cell("d"))).text == "| a b c | d |"


def test_box_in_a_sentence_follows_it(tmp_path: Path) -> None:
    inner = "<text:p>Never open it.</text:p><text:p>Call first.</text:p>"
    box = f"<draw:frame><draw:text-box>{inner}</draw:text-box></draw:frame>"
    assert (
        text(tmp_path, f"<text:p>The green {box}key.</text:p>").text
        == "The green key.\n\nNever open it.\n\nCall first."
    )


def test_notes_and_comments_follow_the_text(tmp_path: Path) -> None:
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>'
        "<text:p>Built in 1998.</text:p></text:note-body></text:note>"
    )
    comment = "<office:annotation><dc:creator>Ann</dc:creator><text:p>Really?</text:p></office:annotation>"
    body = f"<text:p>The boiler{note}{comment} is old.</text:p><text:p>Next.</text:p>"
    assert text(tmp_path, body).text == (
        "The boiler[1] is old.\n\nNext.\n\n[1] Built in 1998.\n\nComment by Ann: Really?"
    )


def test_hidden_and_deleted_text_is_left_out_and_noted(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>'
        '<style:style style:name="I" style:family="text" style:parent-style-name="H"/>'
    )
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        '<text:p>Shown<text:span text:style-name="I"> hidden</text:span>.</text:p>'
        '<text:section text:display="none"><text:p>hidden too</text:p></text:section>'
    )
    extracted = text(tmp_path, body, styles=styles)
    assert extracted.text == "Shown."
    assert extracted.notes == [Note("hidden_text", 2), Note("deleted_text", 1)]


def test_headers_of_pages_stand_once(tmp_path: Path) -> None:
    masters = "".join(
        f"<style:master-page><style:header><text:p>{words}</text:p></style:header></style:master-page>"
        for words in ("Contract K-4711", "Contract K-4711", "7")
    )
    assert text(tmp_path, "<text:p>Body.</text:p>", masters=masters).text == "Body.\n\nHeader: Contract K-4711"


def test_raised_digits_are_raised(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="U" style:family="text"><style:text-properties style:text-position="super 58%"/>'
        '</style:style><style:style style:name="D" style:family="text"><style:text-properties '
        'style:text-position="-33% 58%"/></style:style>'
    )
    body = (
        '<text:p>10<text:span text:style-name="U">4</text:span> H<text:span text:style-name="D">2</text:span>O</text:p>'
    )
    assert text(tmp_path, body, styles=styles).text == "10^4 H_2O"


def test_charts_and_formulas_within_are_read(tmp_path: Path) -> None:
    figures = table(cell("") + cell("Staff") + cell("Ships"), cell("2025") + cell("40") + cell("35"))
    chart = (
        f"<office:document-content {SPACES}><office:body><office:chart><chart:chart><chart:title>"
        f"<text:p>Budget</text:p></chart:title>{figures}</chart:chart></office:chart></office:body></office:document-content>"
    )
    maths = (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mi>D</mi>'
        '<annotation encoding="StarMath 5.0">D = C over F</annotation></semantics></math>'
    )
    frames = "".join(
        f'<draw:frame><draw:object xlink:href="./{name}"/></draw:frame>' for name in ("One", "Two", "Gone")
    )
    content = document(
        "text",
        f"<text:p>See {frames}here.</text:p>",
        **{"One/content.xml": chart.encode(), "Two/content.xml": maths.encode()},
    )
    extracted = read(tmp_path, "a.odt", content)
    assert extracted.text == "See here.\n\nBudget\n\n|  | Staff | Ships |\n| 2025 | 40 | 35 |\n\nD = C over F"
    assert extracted.notes == [Note("parts", 1, ("./Gone",))]


def test_broken_styles_cost_themselves(tmp_path: Path) -> None:
    content = document("text", "<text:p>Body.</text:p>", **{"styles.xml": b"<broken", "meta.xml": b"<broken"})
    extracted = read(tmp_path, "a.odt", content)
    assert extracted.text == "Body."
    assert extracted.notes == [Note("parts", 2, ("styles.xml", "meta.xml"))]


def test_text_template_is_a_text(tmp_path: Path) -> None:
    content = files.entries(document("text", "<text:p>Body.</text:p>"))
    content["mimetype"] = b"application/vnd.oasis.opendocument.text-template"
    assert read(tmp_path, "a.ott", files.archive(**content)).text == "Body."


# ---- spreadsheets ----------------------------------------------------------------------------------------------------


def sheet(tmp_path: Path, body: str, *, styles: str = "") -> Extracted:
    return read(tmp_path, "a.ods", document("spreadsheet", body, styles=styles))


def test_sheet_shows_what_its_cells_show(tmp_path: Path) -> None:
    cells = (
        cell("00001", 'office:value-type="float" office:value="1"')
        + cell("05/31/24", 'office:value-type="date" office:date-value="2024-05-31"')
        + cell("May 2024", 'office:value-type="date" office:date-value="2024-05-31"')
        + cell("30:00", 'office:value-type="time"')
        + cell("x", 'table:number-columns-repeated="2"')
        + '<table:table-cell table:formula="of:=[.A1]*2"/>'
        + '<table:table-cell table:number-columns-repeated="16000"/>'
    )
    extracted = sheet(
        tmp_path, f'<table:table table:name="Plan"><table:table-row>{cells}</table:table-row></table:table>'
    )
    assert extracted.text == "Plan\n\n| 00001 | 2024-05-31 | May 2024 | 30:00 | x | x | =[.A1]*2 |"
    assert [heading.title for heading in extracted.headings] == ["Plan"]
    assert extracted.notes == [Note("formulas", 1)]


def test_hidden_rows_columns_and_sheets_are_read_and_noted(tmp_path: Path) -> None:
    row = f"<table:table-row>{cell('a')}{cell('b')}</table:table-row>"
    hidden = row.replace("<table:table-row>", '<table:table-row table:visibility="collapse">')
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/>'
    styles = (
        '<style:style style:name="T" style:family="table"><style:table-properties table:display="false"/></style:style>'
    )
    body = (
        f'<table:table table:name="Plan">{columns}{row}{hidden}</table:table>'
        f'<table:table table:name="Old" table:style-name="T">{row}</table:table>'
    )
    extracted = sheet(tmp_path, body, styles=styles)
    assert extracted.text == "Plan\n\n| a | b |\n| a | b |\n\nOld\n\n| a | b |"
    assert extracted.notes == [Note("hidden_cells", 3, ("Plan!2:2", "Plan!B:B", "Old"))]


def test_comment_and_shape_on_a_sheet_follow_it(tmp_path: Path) -> None:
    comment = "<office:annotation><dc:creator>Ann</dc:creator><text:p>Check it.</text:p></office:annotation>"
    first = f"<table:table-cell>{comment}<text:p>valve</text:p></table:table-cell>"
    shapes = "<table:shapes><draw:custom-shape><text:p>Look here</text:p></draw:custom-shape></table:shapes>"
    body = (
        f'<table:table table:name="Plan">{shapes}<table:table-row>{first}{cell("12")}</table:table-row></table:table>'
    )
    assert (
        sheet(tmp_path, body).text == "Plan\n\n| valve | 12 |\n\nComment on A1 (valve) by Ann: Check it.\n\nLook here"
    )


def test_row_that_stands_for_too_many_is_refused(tmp_path: Path) -> None:
    cells = cell("a", 'table:number-columns-repeated="9"')
    row = f'<table:table-row table:number-rows-repeated="1048576">{cells}</table:table-row>'
    with pytest.raises(ParsingError, match="more than 2,000,000 filled cells"):
        sheet(tmp_path, f'<table:table table:name="S">{row}</table:table>')


# ---- presentations ---------------------------------------------------------------------------------------------------


def test_slides_are_pages_with_titles_lists_and_notes(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="P" style:family="drawing-page"><style:drawing-page-properties '
        'presentation:visibility="hidden"/></style:style>'
    )
    title = '<draw:frame presentation:class="title"><draw:text-box><text:p>Budget</text:p></draw:text-box></draw:frame>'
    items = "<text:list><text:list-item><text:p>Staff</text:p></text:list-item></text:list>"
    body = f'<draw:frame presentation:class="outline"><draw:text-box>{items}</draw:text-box></draw:frame>'
    notes = (
        '<presentation:notes><draw:frame presentation:class="notes"><draw:text-box><text:p>Say it.</text:p>'
        "</draw:text-box></draw:frame></presentation:notes>"
    )
    shape = "<draw:g><draw:custom-shape><text:p>In a group</text:p></draw:custom-shape></draw:g>"
    pages = (
        f"<draw:page>{body}{title}{notes}</draw:page>"
        '<draw:page draw:style-name="P"><draw:frame><draw:text-box><text:p>Secret</text:p></draw:text-box></draw:frame>'
        f"</draw:page><draw:page>{shape}<draw:frame>{table(cell('a') + cell('b'))}</draw:frame></draw:page>"
    )
    extracted = read(tmp_path, "a.odp", document("presentation", pages, styles=styles))
    assert extracted.text == "Budget\n\n- Staff\n\nNotes: Say it.\n\nSlide 3\n\nIn a group\n\n| a | b |"
    third = extracted.text.index("Slide 3")
    assert extracted.page_starts == [0, third, third]
    assert extracted.notes == [Note("hidden_text", 1, ("Slide 2",))]


@pytest.mark.parametrize("odd", ["²", "9" * 5_000, "-5", "x", ""])
def test_odd_number_costs_no_document(tmp_path: Path, odd: str) -> None:
    style = (
        f'<text:list-style style:name="L"><text:list-level-style-number text:level="{odd}" style:num-format="1"/>'
        f'<text:list-level-style-number text:level="1" text:start-value="{odd}" text:display-levels="{odd}" '
        'style:num-format="1" style:num-suffix="."/></text:list-style>'
    )
    body = (
        f'<text:h text:outline-level="{odd}">Head</text:h><text:p>a<text:s text:c="{odd}"/>b</text:p>'
        '<text:list text:style-name="L"><text:list-item><text:p>item</text:p></text:list-item></text:list>'
        + table(cell("x", f'table:number-columns-spanned="{odd}" table:number-columns-repeated="{odd}"'))
    )
    extracted = text(tmp_path, body, styles=style)
    assert extracted.text.startswith("Head")
    assert [heading.level for heading in extracted.headings] == [1]
    assert "item" in extracted.text
    assert "x" in extracted.text


@pytest.mark.parametrize("shape", "caption measure polyline regular-polygon polygon unheard-of".split())
def test_text_in_a_shape_of_any_kind_is_kept(tmp_path: Path, shape: str) -> None:
    drawn = f"<draw:{shape}><text:p>Mind the gap</text:p></draw:{shape}>"
    assert text(tmp_path, f"<text:p>One</text:p>{drawn}<text:p>Two</text:p>").text == "One\n\nMind the gap\n\nTwo"
    assert "Mind the gap" in text(tmp_path, f"<text:p>One{drawn}</text:p>").text


def test_numbered_paragraphs_are_numbered(tmp_path: Path) -> None:
    numbered = (
        '<text:numbered-paragraph text:style-name="L" text:level="1"><text:p>{}</text:p></text:numbered-paragraph>'
    )
    extracted = text(tmp_path, numbered.format("one") + numbered.format("two"), styles=NUMBERED)
    assert extracted.text == "1. one\n\n2. two"


def test_raised_digits_of_cells_are_raised(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="U" style:family="text"><style:text-properties style:text-position="super 58%"/>'
        "</style:style>"
    )
    cell = '<table:table-cell><text:p>10<text:span text:style-name="U">4</text:span> m</text:p></table:table-cell>'
    body = f'<table:table table:name="S"><table:table-row>{cell}</table:table-row></table:table>'
    assert sheet(tmp_path, body, styles=styles).text == "S\n\n10^4 m"


PICTURE = '<draw:frame><draw:image xlink:href="Pictures/1.png"/></draw:frame>'


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        (f"<text:p>Text{PICTURE}</text:p>", [Note("pictures", 1)]),
        (
            f"<table:table><table:table-row>{cell(f'a{PICTURE}')}{cell('b')}</table:table-row></table:table>",
            [Note("pictures", 1)],
        ),
        (
            "<text:p>Text<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>n"
            f"{PICTURE}</text:p></text:note-body></text:note></text:p>",
            [Note("pictures", 1)],
        ),
        (
            "<table:table><table:table-row>"
            + cell('a<draw:frame><draw:object xlink:href="./Object 1"/><draw:image xlink:href="x"/></draw:frame>')
            + cell("b")
            + "</table:table-row></table:table>",
            [Note("parts", 1, ("./Object 1",))],
        ),
    ],
)
def test_pictures_and_objects_are_noted_wherever_they_stand(tmp_path: Path, body: str, noted: list[Note]) -> None:
    assert text(tmp_path, body).notes == noted
