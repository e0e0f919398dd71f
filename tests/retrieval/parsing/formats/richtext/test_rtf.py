"""RTF: what the page shows stands in the text, whoever wrote the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats import Extracted
from tests.retrieval.parsing.test_parsers import read

HEAD = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset128 MS Mincho;}}"


def rtf(tmp_path: Path, body: str, head: str = HEAD) -> Extracted:
    return read(tmp_path, "a.rtf", (head + body + "}").encode("latin-1"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"Gr\'fc\'dfe \u8364?20 \u8211\'96 \emdash\ldblquote x\rdblquote", "Grüße €20 – —“x”"),
        (r"{\f1 \'d3\'e2\'e0} {\f2 \'83\'65\'83\'58\'83\'67} end", "Ува テスト end"),
        (r"\uc2\u8364xy20 \uc0\u8364 20", "€20 €20"),
        (r"\u-10187?\u-8956? x", "𝔄 x"),
        (r"a\~b well\_known opt\-ional \{x\} \\", "a b well-known optional {x} \\"),
        (r"One\par\pard Two\line Three", "One\n\nTwo\nThree"),
        (r"10{\super 4} H{\sub 2}O 1{\super st}", "10^4 H_2O 1st"),
        (r"{\field{\*\fldinst HYPERLINK x.de}{\fldrslt the page}} end", "the page end"),
        (r"{\*\unknown hidden}{\upr{ansi}{\*\ud{unicode}}} shown", "unicode shown"),
        (r"{\pict\pngblip 89504e47}text", "text"),
        ("\\bin5 }}}}}after", "after"),
        (r"{\*\shppict{\pict 00}}{\nonshppict{\pict 00}}text", "text"),
    ],
)
def test_text_is_what_the_page_shows(tmp_path: Path, body: str, text: str) -> None:
    assert rtf(tmp_path, body).text == text


def test_headings_by_style_by_base_and_by_level(tmp_path: Path) -> None:
    styles = (
        r"{\stylesheet{\s0 Normal;}{\s1\sbasedon0 heading 1;}{\s7\sbasedon1 Mine;}{\s8\outlinelevel2 \'dcberschrift 3;}"
        r"{\s9 Title;}{\*\cs10 Strong;}}"
    )
    body = (
        r"\pard\s9 Guide\par\pard\s1 One\par\pard Text.\par\pard\s7 Two\par\pard\s8 Three\par"
        r"\pard\outlinelevel1 Four\par\pard End."
    )
    extracted = rtf(tmp_path, styles + body)
    assert extracted.text == "Guide\n\nOne\n\nText.\n\nTwo\n\nThree\n\nFour\n\nEnd."
    assert [(heading.title, heading.level) for heading in extracted.headings] == [
        ("Guide", 1),
        ("One", 1),
        ("Two", 1),
        ("Three", 3),
        ("Four", 2),
    ]


def test_list_items_keep_their_numbers_and_bullets(tmp_path: Path) -> None:
    body = (
        r"{\listtext\tab 1.\tab}\pard\ls1 One\par{\listtext\tab 2.\tab}\pard\ls1 Two\par\pard Between.\par"
        r"{\pntext\'b7\tab}\pard dot\par\pard\ls2 bare\par"
    )
    assert rtf(tmp_path, body).text == "1. One\n2. Two\n\nBetween.\n\n- dot\n- bare"


def test_cells_that_span_are_named(tmp_path: Path) -> None:
    edges = r"\cellx1000\cellx2000\cellx3000"
    body = (
        r"\trowd\clvmgf" + edges + r"\pard\intbl Yard\cell Day\cell 4411\cell\row"
        r"\trowd\clvmrg" + edges + r"\pard\intbl\cell Night\cell 4422\cell\row"
        r"\trowd\cellx2000\cellx3000\pard\intbl Closed\par today\cell 0\cell\row\pard After.\par"
    )
    assert rtf(tmp_path, body).text == (
        "| Yard | Day | 4411 |\n| Yard | Night | 4422 |\n| Closed today |  | 0 |\n\nAfter."
    )


def test_merged_cells_of_a_header_name_both_columns(tmp_path: Path) -> None:
    row = r"\trowd\cellx1000\cellx2000\cellx3000\pard\intbl R%d\cell %d\cell %d\cell\row"
    head = (
        r"\trowd\cellx1000\clmgf\cellx2000\clmrg\cellx3000\pard\intbl Region\cell 2024\cell\cell\row"
        r"\trowd\cellx1000\cellx2000\cellx3000\pard\intbl\cell Q1\cell Q2\cell\row"
    )
    extracted = rtf(tmp_path, head + "".join(row % (n, n, n + 1) for n in range(20)))
    assert extracted.text.splitlines()[3] == "| Region: R3 | 2024 Q1: 3 | 2024 Q2: 4 |"


def test_notes_comments_boxes_and_edges_follow_the_text(tmp_path: Path) -> None:
    body = (
        r"{\header Contract K-4711\par}{\footer\chpgn}The boiler{\super\chftn{\footnote\chftn  Built in 1998.}} is old"
        r"{\*\atnid A}{\*\atnauthor Ann}\chatn{\*\annotation Really?}."
        r"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt Look here\par}}{\shprslt old}}\par"
    )
    assert rtf(tmp_path, body).text == (
        "The boiler[1] is old.\n\n[1] Built in 1998.\n\nComment by Ann: Really?\n\nLook here\n\nHeader: Contract K-4711"
    )


def test_hidden_and_deleted_text_is_left_out_and_noted(tmp_path: Path) -> None:
    extracted = rtf(tmp_path, r"Shown {\v secret}{\deleted gone}{\v0 also} {\v\v0 this}.")
    assert extracted.text == "Shown also this."
    assert extracted.notes == [Note("hidden_text", 1), Note("deleted_text", 1)]


def test_title_and_date_are_the_files_own(tmp_path: Path) -> None:
    info = r"{\info{\title Guide}{\author Ann}{\creatim\yr2020\mo1\dy2\hr3}{\revtim\yr2021\mo12\dy3}}"
    extracted = rtf(tmp_path, info + "Text.")
    assert (extracted.text, extracted.title, extracted.dated) == ("Text.", "Guide", "2021-12-03")


def test_pictures_and_objects_are_noted(tmp_path: Path) -> None:
    body = r"{\pict 00}{\object\objemb{\*\objclass Excel.Sheet.12}{\*\objdata 00}{\result Shown}}"
    extracted = rtf(tmp_path, body)
    assert extracted.text == "Shown"
    assert extracted.notes == [Note("pictures", 1), Note("attachments", 1, ("Excel.Sheet.12",))]


@pytest.mark.parametrize(
    "body",
    [
        "{" * 100_000 + "deep",
        "}" * 100_000 + "x",
        r"\trowd" + r"\cellx1" * 100_000 + r"\intbl x\cell" * 20_000 + r"\row",
        r"\u55296" * 50_000,
        r"\bin99999999999 x",
        r"{\footnote " * 3_000,
        r"\'e4" * 200_000,
        "\\",
        "{\\*",
        r"\cell" * 100_000,
    ],
)
def test_hostile_groups_end(tmp_path: Path, body: str) -> None:
    assert len(rtf(tmp_path, "Text. " + body).text) < 1_000_000


def test_text_named_rtf_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match=r"It is named \.rtf, but its content is text"):
        read(tmp_path, "a.rtf", "Just text.")


FONTS = r"{\rtf1\ansi{\fonttbl{\f0 Arial;}{\f2\fcharset2{\*\panose 05}Symbol;}{\f3\fcharset2 Wingdings;}}"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"{\f2 a} {\f2\'62} {\f3\'fe} {\f2\u-3999?} a", "α β ☑ α a"),
        (r"\f2 a\plain  a \f3 \'fc\f0 \'fc", "α a ✔ü"),
        (r"{\f2 5}{\super\f2 a}", "5^α"),
    ],
)
def test_letters_of_symbol_fonts_are_what_is_seen(tmp_path: Path, body: str, text: str) -> None:
    assert rtf(tmp_path, body, FONTS).text == text


def test_sign_of_a_symbol_font_without_a_name_is_noted(tmp_path: Path) -> None:
    assert rtf(tmp_path, r"Text {\f3\'ff}.", FONTS).notes == [Note("symbols", 1, ("Wingdings FF",))]


def test_footnotes_by_the_thousands_are_numbered_in_no_long_time(tmp_path: Path) -> None:
    extracted = rtf(tmp_path, r"{\footnote a}" * 25_000)
    assert extracted.text.endswith("[25000] a")
