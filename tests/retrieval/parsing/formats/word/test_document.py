from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats import extract
from tests.retrieval import files
from tests.retrieval.parsing.formats.word.documents import (
    BEGUN,
    MERGED,
    RELATIONS,
    SPACES,
    cell,
    in_list,
    in_run,
    kinds,
    p,
    read,
    read_bytes,
    row,
    run,
    table,
    text,
    word,
)

HIDING = (
    '<w:style w:type="character" w:styleId="Hid"><w:name w:val="Hid"/><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:type="character" w:styleId="Under"><w:name w:val="Under"/><w:basedOn w:val="Hid"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>'
)


# ---- hidden text and tracked changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ['w:val="0"', 'w:val="false"', 'w:val="off"'])
def test_run_that_is_not_hidden_after_all_stays(tmp_path: Path, value: str) -> None:
    extracted = read(tmp_path, p(run("Shown.", f"<w:vanish {value}/>")))
    assert extracted.text == "Shown."
    assert extracted.notes == []


@pytest.mark.parametrize(
    "properties",
    [
        "<w:vanish/>",
        '<w:vanish w:val="1"/>',
        '<w:vanish w:val="true"/>',
        '<w:rStyle w:val="Hid"/>',
        '<w:rStyle w:val="Under"/>',
    ],
)
def test_hidden_run_goes_and_is_noted(tmp_path: Path, properties: str) -> None:
    extracted = read(tmp_path, p("Shown", run(" secret", properties), "."), styles=HIDING)
    assert extracted.text == "Shown."
    assert extracted.notes == [Note("hidden_text")]


def test_run_in_a_hidden_paragraph_style_goes_unless_it_says_otherwise(tmp_path: Path) -> None:
    style = '<w:pStyle w:val="Secret"/>'
    body = p("secret", properties=style) + p(run("Shown.", '<w:vanish w:val="0"/>'), properties=style)
    assert text(tmp_path, body, styles=HIDING) == "Shown."


def test_hidden_style_of_a_hidden_paragraph_shows_again(tmp_path: Path) -> None:
    body = p(run("Shown.", '<w:rStyle w:val="Hid"/>'), properties='<w:pStyle w:val="Secret"/>')
    assert text(tmp_path, body, styles=HIDING) == "Shown."


def test_tracked_changes_are_accepted(tmp_path: Path) -> None:
    deleted = '<w:del w:id="1"><w:r><w:delText>ten</w:delText></w:r></w:del>'
    extracted = read(tmp_path, p("Due in ", deleted, f"<w:ins>{run('twelve')}</w:ins>", " days."))
    assert extracted.text == "Due in twelve days."
    assert extracted.notes == [Note("deleted_text")]


def test_moved_paragraph_stands_at_its_new_place_alone(tmp_path: Path) -> None:
    moved = '<w:moveFromRangeStart w:id="1" w:name="m"/>' + p(
        f"<w:moveFrom>{run('Moved.')}</w:moveFrom>", properties="<w:rPr><w:moveFrom/></w:rPr>"
    )
    arrived = p(f"<w:moveTo>{run('Moved.')}</w:moveTo>")
    body = f"{p('One.')}{moved}<w:moveFromRangeEnd w:id='1'/>{p('Two.')}{arrived}"
    extracted = read(tmp_path, body)
    assert extracted.text == "One.\n\nTwo.\n\nMoved."
    assert extracted.notes == []


def test_paragraph_whose_end_is_deleted_goes_on_in_the_next(tmp_path: Path) -> None:
    body = p("The pump ", properties="<w:rPr><w:del/></w:rPr>") + p("stops.") + p("Next.")
    assert text(tmp_path, body) == "The pump stops.\n\nNext."
    last = p("Kept.", properties="<w:rPr><w:del/></w:rPr>")
    assert text(tmp_path, f"{last}<w:tbl/>") == "Kept."
    assert text(tmp_path, last) == "Kept."


# ---- headings --------------------------------------------------------------------------------------------------------

STYLES = (
    '<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Clause"><w:name w:val="Clause"/><w:basedOn w:val="berschrift2"/></w:style>'
    '<w:style w:styleId="Untyped"><w:basedOn w:val="Clause"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Leveled"><w:pPr><w:outlineLvl w:val="3"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Contents"><w:basedOn w:val="Clause"/>'
    '<w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Round"><w:basedOn w:val="Square"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Square"><w:basedOn w:val="Round"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>'
)


@pytest.mark.parametrize(
    ("properties", "level"),
    [
        ('<w:pStyle w:val="berschrift2"/>', 2),
        ('<w:pStyle w:val="Clause"/>', 2),
        ('<w:pStyle w:val="Untyped"/>', 2),
        ('<w:pStyle w:val="Leveled"/>', 4),
        ('<w:pStyle w:val="Titel"/>', 1),
        ('<w:outlineLvl w:val="0"/>', 1),
        ('<w:pStyle w:val="Clause"/><w:outlineLvl w:val="4"/>', 5),
        ('<w:pStyle w:val="Clause"/><w:outlineLvl w:val="9"/>', 0),
        ('<w:outlineLvl w:val="nine"/>', 0),
        ('<w:pStyle w:val="Contents"/>', 0),
        ('<w:pStyle w:val="Round"/>', 0),
        ('<w:pStyle w:val="Missing"/>', 0),
    ],
)
def test_heading_by_style_by_its_base_and_by_level(tmp_path: Path, properties: str, level: int) -> None:
    extracted = read(tmp_path, p("Refunds", properties=properties) + p("Ten days."), styles=STYLES)
    assert [(one.start, one.level, one.title) for one in extracted.headings] == [(0, level, "Refunds")] * bool(level)
    assert extracted.text == "Refunds\n\nTen days."


def test_headings_are_known_without_a_styles_part(tmp_path: Path) -> None:
    extracted = read(tmp_path, p("Refunds", properties='<w:pStyle w:val="Heading3"/>') + p("Ten days."))
    assert [(one.level, one.title) for one in extracted.headings] == [(3, "Refunds")]


def test_title_is_that_of_the_properties_or_of_the_style(tmp_path: Path) -> None:
    body = p("The plan", properties='<w:pStyle w:val="Titel"/>') + p("Text.")
    assert read(tmp_path, body, styles=STYLES).title == "The plan"
    core = b'<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Plan 7</dc:title></x>'
    content = files.archive(**files.entries(word(body, styles=STYLES)), **{"docProps/core.xml": core})
    assert read_bytes(tmp_path, content).title == "Plan 7"


# ---- boxes, pictures, charts -----------------------------------------------------------------------------------------


def box(*paragraphs: str) -> str:
    return f"<wps:txbx><w:txbxContent>{''.join(paragraphs)}</w:txbxContent></wps:txbx>"


def drawing(inside: str, properties: str = "") -> str:
    shape = f"<a:graphic><a:graphicData>{inside}</a:graphicData></a:graphic>"
    return f'<w:drawing><wp:anchor><wp:docPr id="1" {properties}/>{shape}</wp:anchor></w:drawing>'


def vml_box(*paragraphs: str) -> str:
    inside = f"<v:textbox><w:txbxContent>{''.join(paragraphs)}</w:txbxContent></v:textbox>"
    return f"<w:pict><v:shape>{inside}</v:shape></w:pict>"


@pytest.mark.parametrize("old", [False, True])
def test_box_stands_behind_the_sentence_it_is_anchored_in(tmp_path: Path, old: bool) -> None:
    words = (p("Warning: hot."), in_list("Call first."))
    shape = vml_box(*words) if old else drawing(box(*words))
    body = p("Start with the green", f"<w:r>{shape}</w:r>", " key.") + p("Next.")
    assert text(tmp_path, body) == "Start with the green key.\n\nWarning: hot.\n\nCall first.\n\nNext."


def test_box_in_two_forms_stands_once(tmp_path: Path) -> None:
    both = (
        f'<mc:AlternateContent><mc:Choice Requires="wps">{drawing(box(p("Once.")))}</mc:Choice>'
        f"<mc:Fallback>{vml_box(p('Once.'))}</mc:Fallback></mc:AlternateContent>"
    )
    assert text(tmp_path, p("Text", f"<w:r>{both}</w:r>", ".")) == "Text.\n\nOnce."
    inner = f"<mc:AlternateContent><mc:Choice/><mc:Fallback>{vml_box(p('Old.'))}</mc:Fallback></mc:AlternateContent>"
    assert text(tmp_path, p("Text", f"<w:r>{inner}</w:r>", ".")) == "Text.\n\nOld."


def test_boxes_in_groups_in_cells_and_in_boxes_are_read(tmp_path: Path) -> None:
    inner = p("Outer.", f"<w:r>{drawing(box(p('Inner.')))}</w:r>")
    grouped = drawing(f"<x><y>{box(inner)}</y><y>{box(p('Second.'))}</y></x>")
    assert text(tmp_path, p("Text.", f"<w:r>{grouped}</w:r>")) == "Text.\n\nOuter.\n\nInner.\n\nSecond."
    body = table(row("a", cell(p("b", f"<w:r>{drawing(box(p('in it')))}</w:r>"))), row("c", "d"))
    assert text(tmp_path, body) == "| a | b in it |\n| c | d |"


def test_hidden_drawing_is_left_out_and_noted(tmp_path: Path) -> None:
    extracted = read(tmp_path, p("Text.", in_run(drawing(box(p("secret")), 'hidden="1"'))))
    assert extracted.text == "Text."
    assert extracted.notes == [Note("hidden_text")]


def test_drawn_words_are_read_and_pictures_counted(tmp_path: Path) -> None:
    art = '<w:pict><v:shape><v:textpath string="Draft"/></v:shape></w:pict>'
    extracted = read(tmp_path, p("Text.", in_run(art), in_run(drawing('<a:blip r:embed="x"/>'))))
    assert extracted.text == "Text.\n\nDraft"
    assert extracted.notes == [Note("pictures")]


def test_objects_of_other_programs_are_noted(tmp_path: Path) -> None:
    objects = "".join(
        f'<w:r><w:object><o:OLEObject ProgID="{name}"/></w:object></w:r>' for name in ("Equation.3", "Excel.Sheet.12")
    )
    assert kinds(read(tmp_path, p("Text.", objects)).notes) == [("equations", 1), ("attachments", 1)]


def points(kind: str, *values: str) -> str:
    inside = "".join(f'<c:pt idx="{at}"><c:v>{one}</c:v></c:pt>' for at, one in enumerate(values) if one)
    return f"<c:{kind}><c:strRef><c:strCache>{inside}</c:strCache></c:strRef></c:{kind}>"


SERIES = points("tx", "2024") + points("cat", "Staff", "", "Rent") + points("val", "40", "", "2.5000000000000001")
TITLE = "<c:title><c:tx><c:rich><a:p><a:r><a:t>Budget</a:t></a:r></a:p></c:rich></c:tx></c:title>"
PLOT = f"<c:plotArea><c:pie3DChart><c:ser>{SERIES}</c:ser></c:pie3DChart></c:plotArea>"
CHART = f'<?xml version="1.0"?><c:chartSpace {SPACES}><c:chart>{TITLE}{PLOT}</c:chart></c:chartSpace>'


def test_chart_is_read_as_its_figures(tmp_path: Path) -> None:
    body = p("See:", in_run(drawing('<c:chart r:id="chart1"/>')))
    assert text(tmp_path, body, chart1=CHART) == "See:\n\nBudget\n\n|  | Staff |  | Rent |\n| 2024 | 40 |  | 2.5 |"


def test_chart_without_figures_is_noted(tmp_path: Path) -> None:
    bare = "<c:numRef><c:f>Sheet1!$B$2:$B$3</c:f></c:numRef>"
    plot = f"<c:plotArea><c:pieChart><c:ser><c:val>{bare}</c:val></c:ser></c:pieChart></c:plotArea>"
    chart = f'<?xml version="1.0"?><c:chartSpace {SPACES}><c:chart>{TITLE}{plot}</c:chart></c:chartSpace>'
    extracted = read(tmp_path, p("See.", in_run(drawing('<c:chart r:id="chart1"/>'))), chart1=chart)
    assert extracted.text == "See.\n\nBudget"
    assert extracted.notes == [Note("parts", 1, ("word/chart1.xml",))]


def test_chart_that_is_missing_or_broken_costs_a_note(tmp_path: Path) -> None:
    body = p("See.", in_run(drawing('<c:chart r:id="chart1"/>')))
    extracted = read(tmp_path, body, chart1='<?xml version="1.0"?><c:chartSpace>')
    assert extracted.text == "See."
    assert extracted.notes == [Note("parts", 1, ("word/chart1.xml",))]


def test_diagram_gives_its_words(tmp_path: Path) -> None:
    point = "<dgm:pt><dgm:t><a:p><a:r><a:t>President</a:t></a:r></a:p></dgm:t></dgm:pt>"
    diagram = f'<?xml version="1.0"?><dgm:dataModel {SPACES}>{point}</dgm:dataModel>'
    body = p("Who:", in_run(drawing('<dgm:relIds r:dm="diagramData1"/>')))
    assert text(tmp_path, body, diagramData1=diagram) == "Who:\n\nPresident"


def test_page_of_html_in_a_document_is_read_and_others_are_noted(tmp_path: Path) -> None:
    parts = files.entries(word(f"{p('One.')}<w:altChunk r:id='aFChunk1'/>{p('Two.')}", aFChunk1=""))
    relations = parts["word/_rels/document.xml.rels"]
    page = {"word/chunk.htm": b"<html><body><p>Inside.</p></body></html>"}
    html = parts | page | {"word/_rels/document.xml.rels": relations.replace(b"aFChunk1.xml", b"chunk.htm")}
    assert read_bytes(tmp_path, files.archive(**html)).text == "One.\n\nInside.\n\nTwo."
    extracted = read_bytes(tmp_path, files.archive(**parts))
    assert extracted.text == "One.\n\nTwo."
    assert extracted.notes == [Note("attachments", 1, ("word/afchunk1.xml",))]


# ---- headers, comments, notes ----------------------------------------------------------------------------------------


def section(*references: str) -> str:
    return "<w:sectPr>{}</w:sectPr>".format(
        "".join(f'<w:{kind}Reference r:id="{kind}{one}"/>' for kind, one in references)
    )


def test_headers_and_footers_stand_once(tmp_path: Path) -> None:
    body = (
        p("One.", properties=section(("header", "1"), ("footer", "1")))
        + p("Two.")
        + section(("header", "2"), ("header", "1"))
    )
    headers = {"header1": p("Contract K-4711"), "header2": p("Contract K-4711") + p("Annex")}
    assert text(tmp_path, body, **headers, footer1=p("Harbour Works")) == (
        "Contract K-4711\n\nAnnex\n\nOne.\n\nTwo.\n\nHarbour Works"
    )


MARGINS = "".join(
    f'<w:headerReference w:type="{pages}" r:id="header{number}"/>'
    for number, pages in enumerate(("default", "first", "even"), start=1)
)
SWITCHED_OFF = '<w:titlePg w:val="0"/>'


@pytest.mark.parametrize(
    ("section", "settings", "shown"),
    [
        ("", "", "All."),
        ("<w:titlePg/>", "", "All.\n\nFirst."),
        (SWITCHED_OFF, '<w:evenAndOddHeaders w:val="false"/>', "All."),
        ("", "<w:evenAndOddHeaders/>", "All.\n\nEven."),
    ],
)
def test_headers_of_first_and_even_pages_are_read_where_these_are_set_apart(
    tmp_path: Path, section: str, settings: str, shown: str
) -> None:
    body = p("Text.") + f"<w:sectPr>{MARGINS}{section}</w:sectPr>"
    headers = {"header1": p("All."), "header2": p("First."), "header3": p("Even.")}
    assert text(tmp_path, body, **headers, settings=settings) == f"{shown}\n\nText."


def test_header_of_first_pages_holds_for_later_sections(tmp_path: Path) -> None:
    body = p("One.", properties=f"<w:sectPr>{MARGINS}</w:sectPr>") + p("Two.") + "<w:sectPr><w:titlePg/></w:sectPr>"
    headers = {"header1": p("All."), "header2": p("First."), "header3": p("Even.")}
    assert text(tmp_path, body, **headers) == "All.\n\nFirst.\n\nOne.\n\nTwo."


def test_header_that_only_numbers_the_page_is_left_out(tmp_path: Path) -> None:
    number = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGE </w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{run("7")}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    simple = f'<w:fldSimple w:instr=" NUMPAGES ">{run("9")}</w:fldSimple>'
    body = p("Text.") + section(("header", "1"), ("footer", "1"))
    header, footer = p("Page ", number, " of ", simple), p("Safety manual, page ", number)
    assert text(tmp_path, body, header1=header, footer1=footer) == "Text.\n\nSafety manual, page "


def test_header_that_is_missing_costs_a_note(tmp_path: Path) -> None:
    parts = files.entries(word(p("Text.") + section(("header", "1")), header1=p("Header")))
    del parts["word/header1.xml"]
    extracted = read_bytes(tmp_path, files.archive(**parts))
    assert extracted.text == "Text."
    assert extracted.notes == [Note("parts", 1, ("word/header1.xml",))]


def test_comment_names_who_and_what_it_is_about(tmp_path: Path) -> None:
    anchored = f'<w:commentRangeStart w:id="4"/>{run("two years")}<w:commentRangeEnd w:id="4"/>'
    anchored += in_run('<w:commentReference w:id="4"/>')
    comments = (
        f'<w:comment w:id="4" w:author="Ann Berg">{p("Make it three.")}{p("Please.")}</w:comment>'
        f'<w:comment w:id="5" w:author="Bo">{p("Of nothing.")}</w:comment>'
    )
    assert text(tmp_path, p("It lasts ", anchored, "."), comments=comments) == (
        "It lasts two years.\n\nComment by Ann Berg on “two years”: Make it three. Please."
    )


def test_comment_over_paragraphs_or_without_words_is_read(tmp_path: Path) -> None:
    body = p('<w:commentRangeStart w:id="1"/>', "One.") + p("Two", '<w:commentRangeEnd w:id="1"/>', " three.")
    body += p("Four.", '<w:r><w:commentReference w:id="2"/></w:r>')
    comments = f'<w:comment w:id="1">{p("First.")}</w:comment><w:comment w:id="2">{p("Second.")}</w:comment>'
    assert text(tmp_path, body, comments=comments) == (
        "One.\n\nTwo three.\n\nFour.\n\nComment on “Two”: First.\n\nComment: Second."
    )


def test_footnotes_and_endnotes_follow_the_text(tmp_path: Path) -> None:
    body = p(
        "The boiler",
        '<w:r><w:footnoteReference w:id="1"/></w:r>',
        " runs",
        '<w:r><w:endnoteReference w:id="1"/></w:r>',
        ".",
    )
    notes = (
        f'<w:footnote w:type="separator" w:id="0"><w:p/></w:footnote><w:footnote w:id="1">{p("Of 1998.")}</w:footnote>'
    )
    raised = run("2", '<w:vertAlign w:val="superscript"/>')
    endnotes = f'<w:endnote w:id="1">{p("See m", raised)}</w:endnote>'
    assert text(tmp_path, body, footnotes=notes, endnotes=endnotes) == (
        "The boiler[1] runs[e1].\n\n[1] Of 1998.\n\n[e1] See m^2"
    )


# ---- the file itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["styles", "numbering", "footnotes", "comments"])
def test_broken_part_costs_that_part_and_a_note(tmp_path: Path, part: str) -> None:
    extracted = read(
        tmp_path, p("Text.", '<w:r><w:commentReference w:id="2"/></w:r>'), **{part: '<?xml version="1.0"?><x'}
    )
    assert extracted.text == "Text."
    assert extracted.notes == [Note("parts", 1, (f"word/{part}.xml",))]


def test_broken_entry_costs_that_part_and_a_note(tmp_path: Path) -> None:
    content = bytearray(word(p("Text."), numbering="<w:abstractNum/>"))
    directory = content.rindex(b"word/numbering.xml") - 46
    content[directory + 16] ^= 1  # its checksum
    extracted = read_bytes(tmp_path, bytes(content))
    assert extracted.text == "Text."
    assert extracted.notes == [Note("parts", 1, ("word/numbering.xml",))]


def test_document_without_a_body_is_broken(tmp_path: Path) -> None:
    content = files.archive(**files.entries(word("")) | {"word/document.xml": b"<x/>"})
    with pytest.raises(ParsingError, match=r"^The file is broken: it can't be read\.$"):
        read_bytes(tmp_path, content)


@pytest.mark.parametrize("fault", ["&nbsp;", "&#1;", "<", "\x02", "& "])
def test_text_that_is_not_well_formed_is_recovered_with_a_note(tmp_path: Path, fault: str) -> None:
    extracted = read(tmp_path, p("One.") + p(f"Two{fault}.") + p("Three."))
    assert extracted.text.startswith("One.\n\nTwo")
    assert extracted.text.endswith("Three.")
    assert extracted.notes == [Note("parts", 1, ("word/document.xml",))]


def test_large_first_letter_belongs_to_its_word(tmp_path: Path) -> None:
    body = p("D", properties='<w:framePr w:dropCap="drop" w:lines="3"/>') + p("rop the anchor.") + p("Next.")
    assert text(tmp_path, body) == "Drop the anchor.\n\nNext."


STRICT = "http://purl.oclc.org/ooxml/"
NAMES = ["template.main+xml", "document.macroEnabled.main+xml", "template.macroEnabledTemplate.main+xml"]


@pytest.mark.parametrize("declared", NAMES)
@pytest.mark.parametrize("ending", ["docx", "docm", "dotx", "dotm"])
def test_templates_and_macro_files_are_read_whatever_they_are_named(tmp_path: Path, declared: str, ending: str) -> None:
    kind = "vnd.ms-word." if "macro" in declared else "vnd.openxmlformats-officedocument.wordprocessingml."
    content = files.rewritten(
        word(p("Text.")),
        "[Content_Types].xml",
        "vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
        kind + declared,
    )
    (tmp_path / "stored").write_bytes(content)
    assert extract(tmp_path / "stored", filename=f"a.{ending}", max_characters=100).text == "Text."


def test_macros_are_noted(tmp_path: Path) -> None:
    content = files.archive(**files.entries(word(p("Text."))), **{"word/vbaProject.bin": b"x"})
    assert read_bytes(tmp_path, content).notes == [Note("macros")]


def test_strict_open_xml_is_read_like_any_other(tmp_path: Path) -> None:
    header = p("Header")
    content = word(
        in_list("Text.") + section(("header", "1")),
        header1=header,
        numbering='<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:lvlText w:val="%1."/></w:lvl>'
        '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>',
    )
    strict = {
        name: part.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/", STRICT.encode() + b"wordprocessingml/"
        ).replace(RELATIONS.encode(), STRICT.encode() + b"officeDocument/relationships")
        for name, part in files.entries(content).items()
    }
    assert b"2006/main" not in strict["word/header1.xml"].split(b"xmlns:m")[0]
    (tmp_path / "stored").write_bytes(files.archive(**strict))
    assert extract(tmp_path / "stored", filename="a.docx", max_characters=100).text == "Header\n\n1. Text."


def test_table_and_paragraph_within_a_run_are_read(tmp_path: Path) -> None:
    body = p("Before", in_run(table(row("a", "b"), row("c", "d"))), " after.") + p("x", in_run(p("y")))
    assert text(tmp_path, body) == "Before after.\n\n| a | b |\n| c | d |\n\nx\ny"


def test_comment_in_the_xml_cuts_no_text(tmp_path: Path) -> None:
    assert text(tmp_path, p(in_run("<w:t>one <!-- two --><?three?>four</w:t>"))) == "one four"


# ---- what is made to take long ---------------------------------------------------------------------------------------

MANY = 2_000


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("".join(f'<w:commentRangeStart w:id="{at}"/>' for at in range(MANY)) + p("x") * MANY, {}),
        ("".join(p(f'<w:commentRangeStart w:id="{at}"/>') for at in range(MANY)), {}),
        (p("x" * 100, properties="<w:rPr><w:del/></w:rPr>") * MANY, {}),
        (p(in_run('<w:fldChar w:fldCharType="begin"/>') * MANY, run("x") * MANY), {}),
        (p(in_run('<w:fldChar w:fldCharType="begin"/>') * MANY, in_run('<w:fldChar w:fldCharType="end"/>') * MANY), {}),
        (p(in_run("<mc:AlternateContent><mc:Choice>" * 60 + "</mc:Choice></mc:AlternateContent>" * 60) * 500), {}),
        (
            "".join(in_list("x", number) for number in range(500)),
            {
                "numbering": '<w:abstractNum w:abstractNumId="7">'
                + "".join(f'<w:lvl w:ilvl="{at}"/>' for at in range(500))
                + "</w:abstractNum>"
                + "".join(f'<w:num w:numId="{at}"><w:abstractNumId w:val="7"/></w:num>' for at in range(500))
            },
        ),
        (
            "".join(p("x", properties=f'<w:pStyle w:val="s{at}"/>') for at in range(500)),
            {
                "styles": "".join(
                    f'<w:style w:styleId="s{at}"><w:basedOn w:val="s{at + 1}"/></w:style>' for at in range(500)
                )
            },
        ),
        (table(*[row(cell("y" * 300, BEGUN))], *[row(cell("<w:p/>", MERGED), "x") * MANY]), {}),
        (table(row(cell("x", '<w:gridSpan w:val="2000000000"/>')) * 500), {}),
        (
            p(in_run(drawing('<c:chart r:id="chart1"/>')) * MANY),
            {"chart1": CHART.replace("Budget", "Budget " * 10_000)},
        ),
    ],
)
def test_what_is_made_to_take_long_does_not(tmp_path: Path, body: str, parts: dict[str, str]) -> None:
    assert len(text(tmp_path, body, **parts)) < 10_000_000


def test_page_of_html_and_chart_in_a_cell_are_read(tmp_path: Path) -> None:
    cells = row(cell("One"), f"<w:tc><w:altChunk r:id='aFChunk1'/>{p('two')}</w:tc>")
    chart = in_run(drawing('<c:chart r:id="chart1"/>'))
    drawn = row(cell("Chart"), f"<w:tc>{p(chart)}</w:tc>")
    parts = files.entries(word(table(cells, drawn), aFChunk1="", chart1=CHART))
    relations = parts["word/_rels/document.xml.rels"].replace(b"aFChunk1.xml", b"chunk.htm")
    parts |= {"word/chunk.htm": b"<p>Inside.</p>", "word/_rels/document.xml.rels": relations}
    extracted = read_bytes(tmp_path, files.archive(**parts))
    assert extracted.text == "| One | Inside. two |\n| Chart | Budget; Staff, Rent; 2024, 40, 2.5 |"
    assert extracted.notes == []
