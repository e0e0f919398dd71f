from pathlib import Path

import pytest

from retrieval.parsing.formats import Extracted
from tests.retrieval.parsing.formats.pdf.beside.raw import kinds, line, raw_pdf, read, stream

WORDS = (
    "Springs begin with rain and wind over the harbour.",
    "Every boat pays twelve euros a night in summer.",
    "Guests sign the book before nine in the evening.",
)
PROSE = "".join(line(words, y=700 - 20 * at) for at, words in enumerate(WORDS))


def font(entries: str) -> str:
    return f"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica {entries} >> >>"


def shifted(places: int) -> dict[int, bytes | str]:
    """A mapping that says of every letter that it is the one so many places further on."""
    rows = [f"<{first + at:02x}> <{first + (at + places) % 26:04x}>" for first in (65, 97) for at in range(26)]
    mapping = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(rows)} beginbfchar\n" + "\n".join(rows) + "\nendbfchar\n1 beginbfchar <20> <0020> endbfchar\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )
    return {200: stream(mapping)}


def assert_nothing_legible(extracted: Extracted) -> None:
    assert (extracted.text.strip(), extracted.unread_pages, kinds(extracted.notes)) == ("", [1], {"fonts": 1})


@pytest.mark.parametrize("places", [1, 3, 25])
def test_letters_that_are_named_wrong_are_found_out(tmp_path: Path, places: int) -> None:
    content = raw_pdf(PROSE, resources=font("/ToUnicode 200 0 R"), objects=shifted(places))
    assert_nothing_legible(read(tmp_path, content))


def test_page_whose_letters_are_named_wrong_is_found_out_beside_another(tmp_path: Path) -> None:
    resources = (
        "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        " /F2 << /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 200 0 R >> >>"
    )
    content = raw_pdf(PROSE, PROSE.replace("/F1", "/F2"), resources=resources, objects=shifted(13))
    extracted = read(tmp_path, content)
    assert (kinds(extracted.notes), extracted.unread_pages) == ({"fonts": 1}, [2])


def test_one_line_whose_letters_are_named_wrong_is_found_out(tmp_path: Path) -> None:
    resources = (
        "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        " /F2 << /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 200 0 R >> >>"
    )
    page = PROSE + line(WORDS[2], y=500).replace("/F1", "/F2")
    extracted = read(tmp_path, raw_pdf(page, resources=resources, objects=shifted(3)))
    assert (kinds(extracted.notes), extracted.notes[0].names) == ({"fonts": 1}, ("1",))


def test_letters_without_a_name_are_found_out(tmp_path: Path) -> None:
    entries = "/Subtype /Type3 /FontBBox [0 0 500 500] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 1 /LastChar 31"
    widths = f"/Widths [{'500 ' * 31}] /CharProcs << {' '.join(f'/g{at} 200 0 R' for at in range(1, 32))} >>"
    encoding = f"/Encoding << /Type /Encoding /Differences [1 {' '.join(f'/g{at}' for at in range(1, 32))}] >>"
    resources = f"/Font << /F1 << /Type /Font {entries} {widths} {encoding} >> >>"
    unnamed = line("\\001\\002\\003\\004 \\005\\006\\001 \\007\\002\\003", y=600)
    shapes = {200: stream("500 0 0 0 500 500 d1 0 0 400 400 re f")}
    assert_nothing_legible(read(tmp_path, raw_pdf(unnamed, resources=resources, objects=shapes)))
    both = resources.replace("/Font <<", "/Font << /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    extracted = read(tmp_path, raw_pdf(unnamed + PROSE.replace("/F1", "/F2"), resources=both, objects=shapes))
    assert (kinds(extracted.notes), extracted.unread_pages) == ({"fonts": 1}, [1])


def test_glyph_numbers_without_a_mapping_are_found_out(tmp_path: Path) -> None:
    descriptor = "/FontDescriptor << /Type /FontDescriptor /FontName /ABCDEF+X /Flags 4 /FontBBox [0 0 500 500] >>"
    resources = (
        "/Font << /F1 << /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+X /Encoding /Identity-H /DescendantFonts ["
        " << /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+X /CIDToGIDMap /Identity"
        f" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> {descriptor} >> ] >> >>"
    )
    page = ""
    for at, words in enumerate(WORDS):  # the order of glyphs in many fonts: a space is the third
        codes = "".join(f"{ord(letter) - 29:04x}" for letter in words)
        page += f"BT /F1 12 Tf 50 {700 - 20 * at} Td <{codes}> Tj ET\n"
    assert_nothing_legible(read(tmp_path, raw_pdf(page, resources=resources)))
    both = resources.replace("/Font <<", "/Font << /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    extracted = read(tmp_path, raw_pdf(page, PROSE.replace("/F1", "/F2"), resources=both))
    assert (kinds(extracted.notes), extracted.unread_pages) == ({"fonts": 1}, [1])


@pytest.mark.parametrize(
    "lines",
    [
        WORDS,
        ("BRKT STL 4x20 M6 XK-200", "NTS SCR HX ZN 8.8 DIN 933", "WSHR FLT SS A2 M6", "GSKT RBR BLK 12 mm") * 4,
        ("for (int i = 0; i < n; i++) strncpy(dst, src, len);", "struct ctx *ptr = kmalloc(sz, GFP_KERNEL);") * 6,
        ("x y z = a b c + d e f", "sin x cos y tan z log w exp v", "f g h k l m n p q r s t u v w") * 5,
        ("1 2 3 4.5 6,789.00", "12 34 56 78 90", "0.1 0.22 0.333") * 9,
        ("http://www.example.org/xyz/qrst.html", "www.example.net/mnbvcxz") * 9,
        ("Wszystkich gosci prosimy o podpis w ksiedze.", "Przystan czynna jest codziennie przez cala zime.") * 4,
        ("Kaikki veneet maksavat kaksitoista euroa.", "Vieraat kirjoittavat nimensa kirjaan.") * 4,
        ("Khach phai ky vao so truoc chin gio toi.", "Moi thuyen tra muoi hai dong mot dem.") * 4,
        ("Mae pob cwch yn talu deuddeg ewro y nos.", "Rhaid i westeion lofnodi cyn naw yr hwyr.") * 4,
        ("Nkosi Mkhize Ngcobo Dlamini", "Krzysztof Brzeczyszczykiewicz Lekolody", "Nguyen Thi Huong Pham Van Duc"),
        ("Lorem ipsum dolor sit amet, consectetur adipiscing elit.",) * 5,
    ],
)
def test_other_text_is_not_taken_for_unreadable(tmp_path: Path, lines: tuple[str, ...]) -> None:
    page = "".join(line(text.replace("(", "\\(").replace(")", "\\)"), y=780 - 14 * at) for at, text in enumerate(lines))
    extracted = read(tmp_path, raw_pdf(page))
    assert (extracted.notes, extracted.unread_pages) == ([], [])
