"""PowerPoint presentations: what a slide shows stands on its page, and what can't be read costs itself alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from tests.retrieval import files
from tests.retrieval.parsing.formats.office.packages import (
    SPACES,
    box,
    presentation,
    relations,
    rows,
    tree,
    workbook,
)
from tests.retrieval.parsing.test_parsers import read

MAIN = "http://schemas.openxmlformats.org/drawingml/2006"


DOC, PRES = 'type="doc"', 'type="pres"'
TWO_ROWS, BELOW, TWO_COLUMNS, BESIDE = 'rowSpan="2"', 'vMerge="1"', 'gridSpan="2"', 'hMerge="1"'


def frame(content: str) -> str:
    return f"<p:graphicFrame><a:graphic><a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"


def chart(kind: str, series: str) -> str:
    return (
        f"<c:chartSpace {SPACES}><c:chart><c:plotArea><c:{kind}>{series}</c:{kind}></c:plotArea></c:chart>"
        "</c:chartSpace>"
    )


def points(name: str, values: list[object], code: str = "General") -> str:
    listed = "".join(f'<c:pt idx="{at}"><c:v>{value}</c:v></c:pt>' for at, value in enumerate(values))
    cache = "strCache" if name == "cat" else "numCache"
    return f"<c:{name}><c:ref><c:{cache}><c:formatCode>{code}</c:formatCode>{listed}</c:{cache}></c:ref></c:{name}>"


def test_slides_are_pages_with_titles_lists_tables_charts_and_notes(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.pptx", files.presentation())
    assert extracted.text == (
        "Heating\n\n- Serviced in May\n- By two people\n\nNotes: Mention the price.\n\n"
        "Slide 2\n\n| Part | Price |\n| valve | 12 |\n\nIn a group\n\n"
        "|  | 2023 | 2024 |\n| Faults | 7 | 2.5 |"
    )
    assert [(heading.title, heading.level) for heading in extracted.headings] == [("Heating", 1), ("Slide 2", 1)]
    assert extracted.page_starts == [0, extracted.text.index("Slide 2"), len(extracted.text)]
    assert extracted.dated == "2024-05-31"
    assert extracted.notes == [Note("hidden_text", 1, ("Slide 3: Secret",))]


def hidden(shape: str) -> str:
    return shape.replace("<p:cNvPr ", "<p:cNvPr hidden='1' ", 1)


@pytest.mark.parametrize(
    "shape",
    [
        box("Unseen."),
        box("Unseen", place="type='title'"),
        f"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='4' name='x'/></p:nvGrpSpPr>{box('Unseen.')}{box('Nor this.')}</p:grpSp>",
        "<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id='5' name='x'/></p:nvGraphicFramePr><a:graphic><a:graphicData>"
        "<a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>Unseen</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl>"
        "</a:graphicData></a:graphic></p:graphicFrame>",
    ],
)
def test_hidden_shapes_are_left_out_and_noted(tmp_path: Path, shape: str) -> None:
    extracted = read(tmp_path, "a.pptx", presentation(hidden(shape) + box("Seen.")))
    assert extracted.text == "Slide 1\n\nSeen."
    assert extracted.notes == [Note("hidden_text", 1)]


def test_hidden_shape_that_says_nothing_is_no_hidden_text(tmp_path: Path) -> None:
    picture = "<p:pic><p:nvPicPr><p:cNvPr id='2' name='x'/></p:nvPicPr></p:pic>"
    extracted = read(tmp_path, "a.pptx", presentation(hidden(picture) + hidden(box("")) + box("Seen.")))
    assert (extracted.text, extracted.notes) == ("Slide 1\n\nSeen.", [])


def test_hidden_slide_is_named_and_keeps_its_number(tmp_path: Path) -> None:
    unseen = tree(box("Reserves", place="type='title'") + box("9 ships."), "sld").replace("<p:sld ", "<p:sld show='0' ")
    content = presentation(box("One."), "", box("Three."), **{"ppt/slides/s2.xml": unseen})
    extracted = read(tmp_path, "a.pptx", content)
    assert extracted.text == "Slide 1\n\nOne.\n\nSlide 3\n\nThree."
    third = extracted.text.index("Slide 3")
    assert [extracted.text[start : start + 7] for start in extracted.page_starts] == ["Slide 1", "Slide 3", "Slide 3"]
    assert extracted.page_starts == [0, third, third]
    assert extracted.notes == [Note("hidden_text", 1, ("Slide 2: Reserves",))]


def test_picture_in_the_place_of_a_title_costs_no_slide(tmp_path: Path) -> None:
    picture = "<p:pic><p:nvPicPr><p:cNvPr id='2' name='x'/><p:nvPr><p:ph type='title'/></p:nvPr></p:nvPicPr></p:pic>"
    extracted = read(tmp_path, "a.pptx", presentation(picture, box("Opens on 4 May.")))
    assert extracted.text == "Slide 1\n\nSlide 2\n\nOpens on 4 May."
    assert extracted.page_starts == [0, 9]
    assert extracted.notes == [Note("pictures", 1)]


@pytest.mark.parametrize("place", ["type='title'", "type='ctrTitle' idx='4'"])
def test_title_heads_the_slide_wherever_it_stands(tmp_path: Path, place: str) -> None:
    extracted = read(tmp_path, "a.pptx", presentation(box("Before") + box("The title", place=place)))
    assert extracted.text == "The title\n\nBefore"


@pytest.mark.parametrize(
    "kind",
    [
        "pie3DChart",
        "bar3DChart",
        "area3DChart",
        "line3DChart",
        "surface3DChart",
        "radarChart",
        "stockChart",
        "ofPieChart",
        "doughnutChart",
    ],
)
def test_figures_of_any_chart_are_read(tmp_path: Path, kind: str) -> None:
    figures = points("cat", ["Staff", "Ships"]) + points("val", [0.4, 35], "0%")
    series = f"<c:ser><c:tx><c:v>2025</c:v></c:tx>{figures}</c:ser>"
    content = presentation(
        frame('<c:chart r:id="c"/>'), links={1: {"c": "chart ../c.xml"}}, **{"ppt/c.xml": chart(kind, series)}
    )
    assert read(tmp_path, "a.pptx", content).text == "Slide 1\n\n|  | Staff | Ships |\n| 2025 | 40% | 3500% |"


def test_scattered_points_and_bubbles_are_read(tmp_path: Path) -> None:
    series = f"<c:ser>{points('xVal', [1, 2])}{points('yVal', [10, 20])}{points('bubbleSize', [5, 6])}</c:ser>"
    content = presentation(
        frame('<c:chart r:id="c"/>'), links={1: {"c": "chart ../c.xml"}}, **{"ppt/c.xml": chart("bubbleChart", series)}
    )
    assert read(tmp_path, "a.pptx", content).text == "Slide 1\n\n|  | 1 | 2 |\n|  | 10 (5) | 20 (6) |"


def test_chart_of_many_categories_has_a_row_for_each(tmp_path: Path) -> None:
    figures = points("cat", [f"M{n}" for n in range(20)]) + points("val", list(range(20)))
    series = f"<c:ser><c:tx><c:v>Faults</c:v></c:tx>{figures}</c:ser>"
    content = presentation(
        frame('<c:chart r:id="c"/>'), links={1: {"c": "chart ../c.xml"}}, **{"ppt/c.xml": chart("lineChart", series)}
    )
    assert "| M19 | 19 |" in read(tmp_path, "a.pptx", content).text


def test_chart_that_is_missing_broken_or_empty_is_noted(tmp_path: Path) -> None:
    content = presentation(
        frame('<c:chart r:id="c"/>') + frame('<c:chart r:id="d"/>') + frame('<c:chart r:id="e"/>') + box("Text."),
        links={1: {"c": "chart ../c.xml", "d": "chart ../d.xml", "e": "chart ../NULL"}},
        **{"ppt/c.xml": "<broken", "ppt/d.xml": chart("pieChart", "")},
    )
    extracted = read(tmp_path, "a.pptx", content)
    assert extracted.text == "Slide 1\n\nText."
    assert extracted.notes == [Note("parts", 3, ("ppt/c.xml", "ppt/d.xml", "ppt/null"))]


def uncopied(name: str, cells: str) -> str:
    kind = "numRef" if name.endswith(("val", "Val")) else "strRef"
    return f"<c:{name}><c:{kind}><c:f>{cells}</c:f></c:{kind}></c:{name}>"


def uncopied_chart(*, categories: str = "S1!$A$2:$A$3", named: str = "cat", values: str = "val") -> bytes:
    title = "<c:title><c:tx><c:rich><a:p><a:r><a:t>Costs</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    series = (
        f"<c:ser>{uncopied('tx', 'S1!$B$1')}{uncopied(named, categories)}{uncopied(values, 'S1!$B$2:$B$3')}</c:ser>"
    )
    return (
        f"<c:chartSpace {SPACES}><c:chart>{title}<c:plotArea><c:barChart>{series}</c:barChart></c:plotArea></c:chart>"
        '<c:externalData r:id="w"/></c:chartSpace>'
    ).encode()


def presented_chart(content: bytes, book: bytes) -> bytes:
    parts: dict[str, bytes | str] = {"ppt/charts/c.xml": content, "ppt/book.xlsx": book}
    parts["ppt/charts/_rels/c.xml.rels"] = relations(w="package ../book.xlsx")
    return presentation(frame('<c:chart r:id="c"/>'), links={1: {"c": "chart ../charts/c.xml"}}, **parts)


BOOK = workbook(rows(["", "Cost"], ["Staff", 40], ["Rent", 2.5]))


@pytest.mark.parametrize("places", [("cat", "val"), ("xVal", "yVal")])
def test_chart_that_keeps_no_figures_has_those_of_its_workbook(tmp_path: Path, places: tuple[str, str]) -> None:
    content = presented_chart(uncopied_chart(named=places[0], values=places[1]), BOOK)
    extracted = read(tmp_path, "a.pptx", content)
    assert extracted.text == "Slide 1\n\nCosts\n\n|  | Staff | Rent |\n| Cost | 40 | 2.5 |"
    assert extracted.notes == []


@pytest.mark.parametrize("cells", ["'[Book.xlsx]s1'!$A$2:$A$3", "S1!A2:A3"])
def test_cells_of_a_chart_are_found_however_they_are_written(tmp_path: Path, cells: str) -> None:
    content = presented_chart(uncopied_chart(categories=cells), BOOK)
    assert "|  | Staff | Rent |" in read(tmp_path, "a.pptx", content).text


@pytest.mark.parametrize("book", [b"broken", b"", workbook(rows(["x"])), b"x" * 600_000])
def test_chart_whose_figures_cannot_be_had_is_noted(tmp_path: Path, book: bytes) -> None:
    extracted = read(tmp_path, "a.pptx", presented_chart(uncopied_chart(), book))
    assert extracted.text == "Slide 1\n\nCosts"
    assert extracted.notes == [Note("parts", 1, ("ppt/charts/c.xml",))]


def test_chart_that_lacks_some_figures_is_noted(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.pptx", presented_chart(uncopied_chart(categories="S1!$D$2:$E$3"), BOOK))
    assert "| Cost | 40 | 2.5 |" in extracted.text
    assert extracted.notes == [Note("parts", 1, ("ppt/charts/c.xml",))]


def test_boxes_of_a_diagram_are_a_list(tmp_path: Path) -> None:
    def point(name: str, text: str, kind: str = "") -> str:
        return f"<dgm:pt modelId='{name}' {kind}><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>"

    def link(source: str, end: str, order: int) -> str:
        return f"<dgm:cxn modelId='x' srcId='{source}' destId='{end}' srcOrd='{order}'/>"

    diagram = (
        f"<dgm:dataModel {SPACES}><dgm:ptLst>{point('0', '', DOC)}{point('1', 'Second')}{point('2', 'First')}"
        f"{point('3', 'Below')}{point('4', 'Alone')}{point('5', 'seen by nobody', PRES)}{point('6', 'Round')}"
        f"</dgm:ptLst><dgm:cxnLst>{link('0', '1', 1)}{link('0', '2', 0)}{link('2', '3', 0)}{link('6', '6', 0)}"
        "</dgm:cxnLst></dgm:dataModel>"
    )
    content = presentation(
        frame('<dgm:relIds r:dm="d"/>'), links={1: {"d": "diagramData ../d.xml"}}, **{"ppt/d.xml": diagram}
    )
    assert read(tmp_path, "a.pptx", content).text == ("Slide 1\n\n- First\n  - Below\n- Second\n- Alone\n- Round")


def test_cells_of_a_table_that_span_are_named(tmp_path: Path) -> None:
    def cell(text: str, spans: str = "") -> str:
        return f"<a:tc {spans}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    table = (
        f"<a:tbl><a:tr>{cell('Yard', TWO_ROWS)}{cell('Day')}{cell('4411')}</a:tr>"
        f"<a:tr>{cell('', BELOW)}{cell('Night')}{cell('4422')}</a:tr>"
        f"<a:tr>{cell('Closed', TWO_COLUMNS)}{cell('', BESIDE)}{cell('0')}</a:tr></a:tbl>"
    )
    assert read(tmp_path, "a.pptx", presentation(frame(table))).text == (
        "Slide 1\n\n| Yard | Day | 4411 |\n| Yard | Night | 4422 |\n| Closed |  | 0 |"
    )


FRACTION = (
    "<m:oMath><m:r><a:rPr i='1'/><m:t>D=</m:t></m:r><m:f><m:num><m:r><m:t>C</m:t></m:r></m:num>"
    "<m:den><m:r><m:t>F</m:t></m:r></m:den></m:f></m:oMath>"
)
POWER = (
    "<m:oMath><m:r><m:t>E=m</m:t></m:r><m:sSup><m:e><m:r><m:t>c</m:t></m:r></m:e>"
    "<m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath>"
)


def equation(inside: str) -> str:
    maths = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    return (
        f"<a14:m xmlns:a14='http://schemas.microsoft.com/office/drawing/2010/main' xmlns:m='{maths}'>{inside}</a14:m>"
    )


@pytest.mark.parametrize(
    ("inside", "shown"),
    [
        (equation(FRACTION), r"Take $D=\frac{C}{F}$ now."),
        (equation(f"<m:oMathPara>{POWER}</m:oMathPara>"), "Take \n$$E=mc^2$$\n now."),
        (equation(f"<m:oMathPara>{POWER}{FRACTION}</m:oMathPara>"), "Take \n$$E=mc^2$$\n$$D=\\frac{C}{F}$$\n now."),
        (
            f"<mc:AlternateContent><mc:Choice Requires='a14'>{equation(FRACTION)}</mc:Choice>"
            "<mc:Fallback><a:r><a:t>[picture]</a:t></a:r></mc:Fallback></mc:AlternateContent>",
            r"Take $D=\frac{C}{F}$ now.",
        ),
        (equation("<m:oMath/>"), "Take  now."),
    ],
)
def test_equations_in_a_paragraph_are_latex(tmp_path: Path, inside: str, shown: str) -> None:
    line = f"<a:r><a:t>Take </a:t></a:r>{inside}<a:r><a:t> now.</a:t></a:r>"
    assert read(tmp_path, "a.pptx", presentation(box(line))).text == f"Slide 1\n\n{shown}"


def test_equation_in_a_shape_for_newer_programs_is_read_once(tmp_path: Path) -> None:
    shape = box(equation(f"<m:oMathPara>{POWER}</m:oMathPara>"))
    older = box("[picture]")
    content = (
        f"<mc:AlternateContent><mc:Choice Requires='a14'>{shape}</mc:Choice><mc:Fallback>{older}</mc:Fallback>"
        "</mc:AlternateContent>"
    )
    assert read(tmp_path, "a.pptx", presentation(content)).text == "Slide 1\n\n$$E=mc^2$$"


def test_numbered_items_keep_their_numbers(tmp_path: Path) -> None:
    def item(text: str, kind: str, level: int = 0) -> str:
        return f"<a:pPr lvl='{level}'><a:buAutoNum type='{kind}'/></a:pPr><a:r><a:t>{text}</a:t></a:r>"

    items = [
        item("Close", "arabicPeriod"),
        item("left", "alphaLcParenR", 1),
        item("right", "alphaLcParenR", 1),
        item("Drain", "arabicPeriod"),
    ]
    assert read(tmp_path, "a.pptx", presentation(box(*items))).text == (
        "Slide 1\n\n1. Close\na) left\nb) right\n2. Drain"
    )


def test_groups_alternatives_and_connectors_are_read_once(tmp_path: Path) -> None:
    choices = f"<mc:Choice Requires='x'>{box('New')}</mc:Choice><mc:Fallback>{box('Old')}</mc:Fallback>"
    choice = f"<mc:AlternateContent>{choices}</mc:AlternateContent>"
    groups = "<p:grpSp>" * 200 + box("Deep") + "</p:grpSp>" * 200
    assert read(tmp_path, "a.pptx", presentation(choice + groups)).text == "Slide 1\n\nNew\n\nDeep"


def test_comments_footers_and_words_of_the_layout_are_read(tmp_path: Path) -> None:
    footer = box("Confidential", place="type='ftr'") + box("7", place="type='sldNum'")
    content = files.entries(
        presentation(
            box("One") + footer,
            box("Two") + footer,
            links={
                1: {"c": "comments ../c.xml", "l": "slideLayout ../l.xml"},
                2: {"l": "slideLayout ../l.xml", "m": "comments ../m.xml"},
            },
            **{
                "ppt/c.xml": f"<p:cmLst {SPACES}><p:cm authorId='0'><p:text>Which one?</p:text></p:cm></p:cmLst>",
                "ppt/m.xml": f"<m:cmLst xmlns:m='m' xmlns:a='{MAIN}/main'>"
                "<m:cm authorId='0'><m:replyLst><m:reply authorId='0'><m:txBody>"
                "<a:p><a:r><a:t>That one.</a:t></a:r></a:p></m:txBody></m:reply></m:replyLst><m:txBody><a:p><a:r>"
                "<a:t>This one?</a:t></a:r></a:p></m:txBody></m:cm></m:cmLst>",
                "ppt/l.xml": tree(box("Harbour Works Ltd.") + box("Click here", place="type='body'"), "sldLayout"),
                "ppt/a.xml": f"<p:cmAuthorLst {SPACES}><p:cmAuthor id='0' name='Ann'/></p:cmAuthorLst>",
            },
        )
    )
    name = "ppt/_rels/presentation.xml.rels"
    authors = b'<Relationship Id="a" Type="x/commentAuthors" Target="a.xml"/></Relationships>'
    content[name] = content[name].replace(b"</Relationships>", authors)
    assert read(tmp_path, "a.pptx", files.archive(**content)).text == (
        "Slide 1\n\nOne\n\nConfidential\n\nHarbour Works Ltd.\n\nComment by Ann: Which one?\n\n"
        "Slide 2\n\nTwo\n\nComment by Ann: This one?\nComment by Ann: That one."
    )


def test_slide_that_is_missing_or_broken_keeps_its_number(tmp_path: Path) -> None:
    content = files.entries(presentation(box("One"), box("Two"), box("Three")))
    del content["ppt/slides/s1.xml"]
    content["ppt/slides/s2.xml"] = b"<broken"
    extracted = read(tmp_path, "a.pptx", files.archive(**content))
    assert extracted.text == "Slide 3\n\nThree"
    assert extracted.page_starts == [0, 0, 0]
    assert extracted.notes == [Note("parts", 4, ("ppt/slides/s1.xml", "Slide 1", "ppt/slides/s2.xml", "Slide 2"))]


def test_presentation_without_a_slide_that_can_be_read_is_refused(tmp_path: Path) -> None:
    content = files.entries(presentation(box("One")))
    content["ppt/slides/s1.xml"] = b"<broken"
    with pytest.raises(ParsingError, match="none of its slides can be read"):
        read(tmp_path, "a.pptx", files.archive(**content))


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("a.ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml"),
        ("a.potx", "application/vnd.openxmlformats-officedocument.presentationml.template.main+xml"),
        ("a.pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml"),
    ],
)
def test_slide_shows_and_templates_are_presentations(tmp_path: Path, filename: str, kind: str) -> None:
    usual = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
    content = files.rewritten(presentation(box("One")), "[Content_Types].xml", usual, kind)
    assert read(tmp_path, filename, content).text == "Slide 1\n\nOne"


def test_embedded_file_is_noted(tmp_path: Path) -> None:
    content = presentation(frame("<p:oleObj name='Worksheet' progId='Excel.Sheet.12'/>") + box("Text."))
    assert read(tmp_path, "a.pptx", content).notes == [Note("attachments", 1, ("Worksheet",))]
