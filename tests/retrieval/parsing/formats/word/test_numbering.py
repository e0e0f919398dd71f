from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.parsing.formats.word.numbering import written_number
from tests.retrieval.parsing.formats.word.documents import in_list, p, read, run, text


def level(at: int, template: str, form: str = "decimal", more: str = "") -> str:
    inside = f'<w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}<w:lvlText w:val="{template}"/>'
    return f'<w:lvl w:ilvl="{at}">{inside}</w:lvl>'


def numbering(*levels: str, numbers: str = "", abstract: str = "") -> str:
    own = '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    return f'<w:abstractNum w:abstractNumId="7">{"".join(levels)}</w:abstractNum>{abstract}{own}{numbers}'


CLAUSES = (level(0, "%1."), level(1, "%1.%2"), level(2, "(%3)", "lowerLetter"))


def test_clauses_are_numbered_over_three_levels(tmp_path: Path) -> None:
    body = "".join(in_list("x", level=at) for at in (0, 1, 1, 2, 2, 1, 2, 0, 1))
    assert text(tmp_path, body, numbering=numbering(*CLAUSES)).split("\n") == [
        *("1. x", "1.1 x", "1.2 x", "(a) x", "(b) x", "1.3 x", "(a) x", "2. x", "2.1 x")
    ]


def test_number_is_part_of_a_heading(tmp_path: Path) -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/>'
        "</w:numPr></w:pPr></w:style>"
        '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/><w:basedOn w:val="H"/><w:pPr><w:numPr>'
        '<w:ilvl w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    body = (
        p("Payment", properties='<w:pStyle w:val="H"/>') + p("Fees", properties='<w:pStyle w:val="H2"/>') + p("Text.")
    )
    extracted = read(tmp_path, body, numbering=numbering(*CLAUSES), styles=styles)
    assert extracted.text == "1. Payment\n\n1.1 Fees\n\nText."
    assert [(one.start, one.level, one.title) for one in extracted.headings] == [
        (0, 1, "1. Payment"),
        (12, 2, "1.1 Fees"),
    ]


def test_level_is_that_which_names_the_style(tmp_path: Path) -> None:
    part = numbering(level(0, "%1.", more='<w:pStyle w:val="A"/>'), level(1, "%1.%2", more='<w:pStyle w:val="B"/>'))
    styles = "".join(
        f'<w:style w:styleId="{one}"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>' for one in "AB"
    )
    body = "".join(p("x", properties=f'<w:pStyle w:val="{one}"/>') for one in "ABBA")
    assert text(tmp_path, body, numbering=part, styles=styles).split("\n") == ["1. x", "1.1 x", "1.2 x", "2. x"]


def test_paragraph_that_leaves_the_list_of_its_style_has_no_number(tmp_path: Path) -> None:
    styles = '<w:style w:styleId="A"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    left = p("x", properties='<w:pStyle w:val="A"/><w:numPr><w:numId w:val="0"/></w:numPr>')
    body = p("x", properties='<w:pStyle w:val="A"/>') + left + p("x", properties='<w:pStyle w:val="A"/>')
    assert text(tmp_path, body, numbering=numbering(*CLAUSES), styles=styles) == "1. x\n\nx\n\n2. x"


def test_lists_of_one_definition_go_on_unless_one_starts_anew(tmp_path: Path) -> None:
    numbers = (
        '<w:num w:numId="2"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="3"><w:abstractNumId w:val="7"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    )
    body = "".join(in_list("x", number) for number in (1, 1, 2, 3, 3))
    assert text(tmp_path, body, numbering=numbering(*CLAUSES, numbers=numbers)).split("\n") == [
        *("1. x", "2. x", "3. x", "5. x", "6. x")
    ]


def test_list_may_replace_a_level_and_its_form(tmp_path: Path) -> None:
    other = f'<w:lvlOverride w:ilvl="0">{level(0, "§ %1", "upperRoman")}</w:lvlOverride>'
    numbers = f'<w:num w:numId="2"><w:abstractNumId w:val="7"/>{other}</w:num>'
    assert text(tmp_path, in_list("x", 2), numbering=numbering(*CLAUSES, numbers=numbers)) == "§ I x"


def test_list_of_a_numbering_style_is_followed(tmp_path: Path) -> None:
    abstract = '<w:abstractNum w:abstractNumId="8"><w:numStyleLink w:val="Legal"/></w:abstractNum>'
    numbers = '<w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>'
    styles = (
        '<w:style w:type="numbering" w:styleId="Legal"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    part = numbering(*CLAUSES, numbers=numbers, abstract=abstract)
    assert text(tmp_path, in_list("x", 2), numbering=part, styles=styles) == "1. x"


def test_legal_numbers_are_digits_and_levels_restart_as_they_say(tmp_path: Path) -> None:
    part = numbering(
        level(0, "Article %1.", "upperRoman"),
        level(1, "%1.%2", more="<w:isLgl/>"),
        level(2, "%3)", more='<w:lvlRestart w:val="0"/>'),
    )
    body = "".join(in_list("x", level=at) for at in (0, 0, 1, 2, 1, 2))
    assert text(tmp_path, body, numbering=part).split("\n") == [
        *("Article I. x", "Article II. x", "2.1 x", "1) x", "2.2 x", "2) x")
    ]


def test_empty_and_deleted_paragraphs_count_as_word_counts_them(tmp_path: Path) -> None:
    numbered = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    deleted = p(
        f"<w:del>{run('x')}</w:del>".replace("w:t>", "w:delText>").replace("<w:t ", "<w:delText "),
        properties=f"{numbered}<w:rPr><w:del/></w:rPr>",
    )
    body = in_list("x") + deleted + in_list("x") + p(properties=numbered) + in_list("x")
    assert text(tmp_path, body, numbering=numbering(*CLAUSES)).split("\n") == ["1. x", "2. x", "4. x"]


def test_number_of_a_changed_paragraph_is_the_present_one(tmp_path: Path) -> None:
    before = (
        '<w:pPrChange><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:pStyle w:val="Heading1"/></w:pPr></w:pPrChange>'
    )
    assert text(tmp_path, p("x", properties=before), numbering=numbering(*CLAUSES)) == "x"


@pytest.mark.parametrize(
    ("part", "label"),
    [
        (numbering(level(0, "\uf0b7", "bullet")), "- x"),
        (numbering(level(0, "Note:")), "Note: x"),
        (numbering(level(0, "")), "x"),
        (numbering(level(0, "%1", "none")), "x"),
        (numbering(level(0, "第%1条", "chineseCounting", '<w:suff w:val="nothing"/>')), "第一条x"),
        (numbering(), "x"),
        (numbering(level(0, "%1.").replace('w:start w:val="1"', 'w:start w:val="x"')), "1. x"),
        (numbering(level(0, "%1.").replace('<w:start w:val="1"/>', '<w:start w:val="0"/>')), "0. x"),
        ("", "x"),
    ],
)
def test_what_stands_before_a_paragraph(tmp_path: Path, part: str, label: str) -> None:
    assert text(tmp_path, in_list("x"), numbering=part) == label


def test_list_that_is_not_defined_or_out_of_its_levels_leaves_the_text(tmp_path: Path) -> None:
    assert text(tmp_path, in_list("x", 9) + in_list("x", level=99) + in_list("x", level=-4)) == "x\n\nx\n\nx"
    assert text(tmp_path, in_list("x", level=99), numbering=numbering(*CLAUSES)) == "x"


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        (4, "lowerRoman", "iv"),
        (1994, "upperRoman", "MCMXCIV"),
        (27, "lowerLetter", "aa"),
        (3, "upperLetter", "C"),
        (7, "decimalZero", "07"),
        (7, "001", "007"),
        (22, "ordinal", "22nd"),
        (12, "ordinal", "12th"),
        (3, "decimalEnclosedCircle", "③"),
        (21, "chineseCounting", "二十一"),
        (2, "japaneseCounting", "二"),
        (2, "russianLower", "б"),
        (5, "none", ""),
        (5, "somethingNew", "5"),
        (0, "upperRoman", "0"),
        (10**9, "lowerLetter", "l" * 30),
    ],
)
def test_numbers_are_written_in_their_form(number: int, form: str, written: str) -> None:
    assert written_number(number, form) == written


def test_numbers_without_end_are_short(tmp_path: Path) -> None:
    custom = f'<w:numFmt w:val="custom" w:format="{"0" * 100_000}1"/>'
    wide = f'<w:lvl w:ilvl="0"><w:start w:val="1"/>{custom}<w:lvlText w:val="%1."/></w:lvl>'
    assert text(tmp_path, in_list("x"), numbering=numbering(wide)) == "1. x"
    long = text(tmp_path, in_list("x"), numbering=numbering(level(0, "§" * 100_000)))
    assert long == "§" * 255 + " x"
