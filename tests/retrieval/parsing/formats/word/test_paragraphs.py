from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.notes import Note
from tests.retrieval.parsing.formats.word.documents import in_run, p, read, run, text


def raised(words: str) -> str:
    return run(words, '<w:vertAlign w:val="superscript"/>')


def lowered(words: str) -> str:
    return run(words, '<w:vertAlign w:val="subscript"/>')


def mark(kind: str, inside: str = "") -> str:
    return in_run(f'<w:fldChar w:fldCharType="{kind}">{inside}</w:fldChar>')


def instruction(words: str) -> str:
    return in_run(f"<w:instrText>{words}</w:instrText>")


def whole_field(words: str, *result: str) -> str:
    return mark("begin") + instruction(words) + mark("separate") + "".join(result) + mark("end")


# ---- characters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("font", "place", "seen"),
    [
        ("Wingdings", "F0FC", "✔"),
        ("Wingdings", "FC", "✔"),
        ("wingdings", "f0fe", "☑"),
        ("Wingdings", "F0A8", "☐"),
        ("Wingdings", "F0E0", "→"),
        ("Wingdings 2", "F050", "✓"),
        ("Wingdings 2", "F052", "☑"),
        ("Wingdings 3", "F071", "▼"),
        ("Webdings", "F061", "✔"),
        ("Symbol", "F0B0", "°"),
        ("Symbol", "F0B3", "≥"),
        ("Symbol", "F061", "α"),
        ("Symbol", "F057", "Ω"),
        ("Symbol", "F0B1", "±"),
        ("Symbol", "F0B7", "•"),
        ("MS Gothic", "2612", "☒"),
        ("Segoe UI Symbol", "2610", "☐"),
    ],
)
def test_inserted_symbol_is_the_character_it_shows(tmp_path: Path, font: str, place: str, seen: str) -> None:
    extracted = read(tmp_path, p("a ", in_run(f'<w:sym w:font="{font}" w:char="{place}"/>'), " b"))
    assert extracted.text == f"a {seen} b"
    assert extracted.notes == []


@pytest.mark.parametrize(("font", "place"), [("Wingdings", "F0FF"), ("Logo", "F041"), ("Symbol", "no"), ("X", "D800")])
def test_symbol_that_is_not_known_is_noted(tmp_path: Path, font: str, place: str) -> None:
    extracted = read(tmp_path, p("a", in_run(f'<w:sym w:font="{font}" w:char="{place}"/>'), "b"))
    assert extracted.text == "ab"
    assert extracted.notes == [Note("symbols", 1, (f"{font} {place}",))]


def test_text_in_a_font_of_symbols_is_what_it_shows(tmp_path: Path) -> None:
    fonts = '<w:rFonts w:ascii="{0}" w:hAnsi="{0}"/>'
    body = p(
        "20",
        run("\uf0b0", fonts.format("Symbol")),
        "C ",
        run("m", fonts.format("Symbol")),
        "m ",
        run("ü", fonts.format("Wingdings")),
    )
    assert text(tmp_path, body) == "20°C μm ✔"
    assert text(tmp_path, p("10 \uf0b1 1")) == "10 ± 1"
    assert text(tmp_path, p(run("Ω ü", fonts.format("Arial")))) == "Ω ü"


def test_sign_of_a_font_of_icons_is_noted_not_made_up(tmp_path: Path) -> None:
    extracted = read(tmp_path, p("Mail ", run("\uf0e0", '<w:rFonts w:ascii="FontAwesome"/>'), "us"))
    assert extracted.text == "Mail us"
    assert extracted.notes == [Note("symbols", 1, ("FontAwesome E0",))]


def test_hyphens_breaks_and_tabs(tmp_path: Path) -> None:
    words = "<w:t>well</w:t><w:noBreakHyphen/><w:t>known re</w:t><w:softHyphen/><w:t>al</w:t>"
    inside = f"{words}<w:tab/><w:t>a</w:t><w:br/><w:t>b</w:t><w:cr/><w:t>c</w:t>"
    assert text(tmp_path, p(in_run(inside))) == "well-known real\ta\nb\nc"


@pytest.mark.parametrize(
    ("runs", "seen"),
    [
        (("10", raised("4")), "10^4"),
        (("10", raised("−3"), " m"), "10^−3 m"),
        (("10", raised("-"), raised("3")), "10^-3"),
        (("5 m", raised("2"), " each"), "5 m^2 each"),
        (("H", lowered("2"), "O"), "H_2O"),
        (("Ca", raised("2+")), "Ca^2+"),
        (("Na", raised("+")), "Na^+"),
        (("2", raised("n")), "2^n"),
        (("x", lowered("i"), raised("2")), "x_i^2"),
        (("see note", raised("12")), "see note^12"),
        (("the 1", raised("st"), " day"), "the 1st day"),
        (("Brand", raised("®")), "Brand®"),
        ((raised("1"), " See below."), "1 See below."),
    ],
)
def test_raised_and_lowered_numbers_are_marked(tmp_path: Path, runs: tuple[str, ...], seen: str) -> None:
    assert text(tmp_path, p(*runs)) == seen


def test_number_raised_by_its_style_is_marked(tmp_path: Path) -> None:
    styles = '<w:style w:styleId="Up"><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>'
    assert text(tmp_path, p("10", run("4", '<w:rStyle w:val="Up"/>')), styles=styles) == "10^4"


def test_reading_of_a_word_stands_behind_it(tmp_path: Path) -> None:
    ruby = f"<w:ruby><w:rubyPr/><w:rt>{run('かんじ')}</w:rt><w:rubyBase>{run('漢字')}</w:rubyBase></w:ruby>"
    assert text(tmp_path, p(in_run(ruby), "を読む")) == "漢字(かんじ)を読む"


def test_what_only_wraps_text_leaves_it(tmp_path: Path) -> None:
    wrapped = "".join(
        f"<{tag}>{run(tag[2:])} </{tag}>"
        for tag in ("w:hyperlink", "w:smartTag", "w:customXml", "w:ins", "w:dir", "w:new")
    )
    control = f"<w:sdt><w:sdtPr><w:alias/></w:sdtPr><w:sdtContent>{run('control')}</w:sdtContent></w:sdt>"
    assert text(tmp_path, p(wrapped, control)) == "hyperlinksmartTagcustomXmlinsdirnewcontrol"
    blocks = f"<w:customXml>{p('One.')}</w:customXml><w:sdt><w:sdtContent>{p('Two.')}</w:sdtContent></w:sdt>"
    assert text(tmp_path, blocks) == "One.\n\nTwo."


@pytest.mark.parametrize(
    ("checked", "content", "seen"),
    [
        ("1", run("☒"), "Yes ☒"),
        ("0", run("☐"), "Yes ☐"),
        ("1", "", "Yes ☒"),
        ("true", "<w:r/>", "Yes ☒"),
        ("0", "", "Yes ☐"),
        ("1", in_run('<w:sym w:font="Wingdings" w:char="F0FE"/>'), "Yes ☑"),
    ],
)
def test_box_to_tick(tmp_path: Path, checked: str, content: str, seen: str) -> None:
    box = f'<w14:checkbox><w14:checked w14:val="{checked}"/></w14:checkbox>'
    control = f"<w:sdt><w:sdtPr>{box}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"
    assert text(tmp_path, p("Yes ", control)) == seen


@pytest.mark.parametrize(
    ("form", "seen"),
    [
        ("<w:checkBox><w:default w:val='0'/><w:checked/></w:checkBox>", "Yes ☒"),
        ("<w:checkBox><w:default w:val='1'/></w:checkBox>", "Yes ☒"),
        ("<w:checkBox><w:default w:val='1'/><w:checked w:val='0'/></w:checkBox>", "Yes ☐"),
        (
            "<w:ddList><w:result w:val='1'/><w:listEntry w:val='North'/><w:listEntry w:val='South'/></w:ddList>",
            "Yes South",
        ),
        ("<w:ddList><w:listEntry w:val='North'/></w:ddList>", "Yes North"),
        ("<w:ddList><w:result w:val='7'/></w:ddList>", "Yes "),
    ],
)
@pytest.mark.parametrize("separated", [False, True])
def test_old_form_fields_show_their_state(tmp_path: Path, form: str, seen: str, separated: bool) -> None:
    middle = mark("separate") if separated else ""
    runs = mark("begin", f"<w:ffData>{form}</w:ffData>") + instruction(" FORMCHECKBOX ") + middle + mark("end")
    extracted = read(tmp_path, p("Yes ", runs))
    assert extracted.text == seen
    assert extracted.notes == []


# ---- fields ----------------------------------------------------------------------------------------------------------


def test_result_of_a_field_is_shown_and_its_instruction_is_not(tmp_path: Path) -> None:
    assert text(tmp_path, p("See ", whole_field(" REF _Ref1 \\h ", run("clause 4")), ".")) == "See clause 4."
    assert (
        text(tmp_path, p("See ", f'<w:fldSimple w:instr=" REF x ">{run("clause 4")}</w:fldSimple>', "."))
        == "See clause 4."
    )


def test_text_in_the_instruction_of_a_field_is_hidden(tmp_path: Path) -> None:
    inner = whole_field(" MERGEFIELD sex ", run("male"))
    outer = (
        mark("begin")
        + instruction(" IF ")
        + inner
        + instruction(' = "m" ')
        + mark("separate")
        + run("Mr")
        + mark("end")
    )
    assert text(tmp_path, p("Dear ", outer, " Berg")) == "Dear Mr Berg"


def test_field_over_paragraphs_is_shown(tmp_path: Path) -> None:
    body = (
        p(mark("begin") + instruction(" TOC ") + mark("separate"), "1 Start 2") + p("2 End 9", mark("end")) + p("Text.")
    )
    assert text(tmp_path, body) == "1 Start 2\n\n2 End 9\n\nText."


def test_field_that_does_not_end_hides_nothing(tmp_path: Path) -> None:
    assert text(tmp_path, p("A", mark("begin"), instruction(" REF "), "B") + p("C")) == "AB\n\nC"
    assert text(tmp_path, p("A", mark("end"), mark("begin"), "B") + p("C")) == "AB\n\nC"


def test_marks_of_fields_in_hidden_and_deleted_runs_keep_their_order(tmp_path: Path) -> None:
    hidden = in_run('<w:rPr><w:vanish/></w:rPr><w:fldChar w:fldCharType="begin"/>') + instruction(' XE "pump" ')
    hidden += in_run('<w:rPr><w:vanish/></w:rPr><w:fldChar w:fldCharType="end"/>')
    deleted = f"<w:del>{mark('begin')}</w:del>"
    extracted = read(tmp_path, p("The pump", hidden, deleted, " runs."))
    assert extracted.text == "The pump runs."
    assert extracted.notes == []


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("SYMBOL 252 \\f Wingdings \\s 12", "a ✔"),
        ('SYMBOL 0xB0 \\f "Symbol"', "a °"),
        ("MACROBUTTON NoMacro Click here", "a Click here"),
        ('XE "pump"', "a "),
        ("PAGE", "a "),
        ("EQ \\f(1;2)", "a \\f(1;2)"),
    ],
)
def test_field_without_a_result_shows_what_it_says(tmp_path: Path, words: str, seen: str) -> None:
    extracted = read(tmp_path, p("a ", mark("begin") + instruction(f" {words} ") + mark("end")))
    assert extracted.text == seen
    assert extracted.notes == []


def test_field_without_a_result_that_is_to_be_worked_out_is_noted(tmp_path: Path) -> None:
    extracted = read(
        tmp_path, p("a", mark("begin") + instruction(" AUTONUM ") + mark("end"), '<w:fldSimple w:instr="TITLE"/>')
    )
    assert extracted.text == "a"
    assert extracted.notes == [Note("fields", 2, ("AUTONUM", "TITLE"))]


def test_control_of_a_form_is_noted(tmp_path: Path) -> None:
    extracted = read(tmp_path, p("a", in_run('<w:object><w:control w:name="Send"/></w:object>')))
    assert extracted.notes == [Note("forms", 1, ("Send",))]
