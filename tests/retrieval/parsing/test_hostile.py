"""Files that want to do harm: refused or read within the limits, with a reason, and the next document is read."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from retrieval.errors import ParserStopped, ParsingError
from retrieval.parsing.parsers import ParsingLimits
from tests.retrieval import files
from tests.retrieval.parsing.formats.opendocument.test_opendocument import document
from tests.retrieval.parsing.test_parsers import read
from tests.retrieval.parsing.test_process import warm_processes

SLOW = 8  # seconds of a processor that no test here may take, whatever else the machine does


@pytest.fixture(autouse=True)
def _next_document_is_read(tmp_path: Path) -> Iterator[None]:
    before = seconds_taken()
    yield
    assert seconds_taken() - before < SLOW
    assert read(tmp_path, "next.txt", "The next one.").text == "The next one."


def seconds_taken() -> float:
    """By the children that have read documents, which their warm processes have waited for: proc_pid_stat(5)."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in warm_processes()]
    return sum(int(ticks) for stat in stats for ticks in stat[13:15]) / os.sysconf("SC_CLK_TCK")


@cache
def made(kind: str) -> bytes:
    """A small, good file of this kind."""
    return {
        "pdf": lambda: files.pdf([["Text."]]),
        "docx": files.word_document,
        "pptx": files.presentation,
        "xlsx": lambda: files.workbook({"S": [["Part", "Price"], ["valve", 12]]}),
        "odt": files.opendocument,
        "ods": lambda: opendocument("spreadsheet", '<table:table table:name="S">{}</table:table>'),
        "odp": lambda: opendocument("presentation", "<draw:page><draw:frame>{}</draw:frame></draw:page>"),
        "epub": lambda: files.epub({"one": "<p>Text.</p>"}),
        "zip": lambda: files.archive(**{"a.txt": b"text"}),
        "txt": lambda: b"Text.",
        "png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
        "exe": lambda: b"MZ" + bytes(range(256)),
    }[kind]()


def opendocument(kind: str, body: str) -> bytes:
    """A table of two rows, in this."""
    row = "<table:table-row><table:table-cell><text:p>{}</text:p></table:table-cell></table:table-row>"
    rows = row.format("Part") + row.format("valve")
    return document(kind, body.format(rows if kind == "spreadsheet" else f"<table:table>{rows}</table:table>"))


# ---- 35: what it is named against what it is -------------------------------------------------------------------------

NAMES = {
    "pdf": "a PDF",
    "docx": "a Word document",
    "pptx": "a PowerPoint presentation",
    "xlsx": "an Excel workbook",
    "odt": "an OpenDocument text",
    "ods": "an OpenDocument spreadsheet",
    "odp": "an OpenDocument presentation or drawing",
    "epub": "an EPUB book",
    "zip": "a zip archive",
    "txt": "text",
    "png": "a picture",
    "exe": "binary data",
}


@pytest.mark.parametrize(
    "ending", ["pdf", "docx", "pptx", "xlsx", "odt", "ods", "rtf", "epub", "csv", "json", "html", "eml"]
)
def test_case_35_content_that_is_not_what_the_name_says_is_refused(tmp_path: Path, ending: str) -> None:
    for kind, name in NAMES.items():
        if kind == ending or (kind == "txt" and ending in ("csv", "json", "html", "eml")):
            continue
        with pytest.raises(ParsingError) as caught:
            read(tmp_path, f"a.{ending}", made(kind))
        assert str(caught.value) == f"It is named .{ending}, but its content is {name}."


def test_case_35_text_that_is_no_mail_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match="does not begin with the headers of a mail"):
        read(tmp_path, "a.eml", "Just text.")


# ---- 36: archives ----------------------------------------------------------------------------------------------------

MAIN_PARTS = {
    "docx": "word/document.xml",
    "pptx": "ppt/slides/slide1.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "odt": "content.xml",
    "ods": "content.xml",
    "odp": "content.xml",
    "epub": "OEBPS/text/one.xhtml",
}


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """The archive with another content of this entry."""
    return files.archive(**(files.entries(content) | {name: part}))


@pytest.mark.parametrize("kind", MAIN_PARTS)
def test_case_36_bomb_is_not_unpacked(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ParsingError, match=r"^Unpacked it is larger than 200 MB\.$"):
        read(tmp_path, f"a.{kind}", with_part(made(kind), MAIN_PARTS[kind], bytes(201 * 1024**2)))


@pytest.mark.parametrize("kind", MAIN_PARTS)
def test_case_36_what_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ParsingError, match=r"^Unpacked it is more than 150 times as large as it is\.$"):
        read(tmp_path, f"a.{kind}", with_part(made(kind), "padding.bin", bytes(100 * 1024**2)))


def test_case_36_archive_that_lies_about_its_sizes_is_not_unpacked_beyond_them(tmp_path: Path) -> None:
    content = with_part(made("docx"), "word/document.xml", b"<!--" + bytes(64 * 1024**2) + b"-->")
    size = (64 * 1024**2 + 7).to_bytes(4, "little")
    assert content.count(size) == 2  # in the entry and in the directory
    with pytest.raises(ParsingError, match="broken"):
        read(tmp_path, "a.docx", content.replace(size, (1000).to_bytes(4, "little")))


@pytest.mark.parametrize("kind", MAIN_PARTS)
def test_case_36_too_many_entries_are_refused(tmp_path: Path, kind: str) -> None:
    many = {f"many/{number}": b"" for number in range(20_001)}
    with pytest.raises(ParsingError, match=r"^It holds more than 20,000 files\.$"):
        read(tmp_path, f"a.{kind}", files.archive(**(files.entries(made(kind)) | many)))


@pytest.mark.parametrize("kind", MAIN_PARTS)
def test_case_36_archive_in_an_archive_stays_closed(tmp_path: Path, kind: str) -> None:
    nested = files.archive(**{"b.zip": files.archive(**{"c": bytes(30 * 1024**2)})})
    assert read(tmp_path, f"a.{kind}", with_part(made(kind), "nested.zip", nested)).text


@pytest.mark.parametrize("kind", MAIN_PARTS)
def test_case_36_names_that_lead_out_of_the_archive_are_written_nowhere(tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    names = ["../evil", "../../outside/evil", str(outside / "evil"), "..\\evil", "a/../../evil"]
    content = files.archive(**(files.entries(made(kind)) | dict.fromkeys(names, b"evil")))
    assert read(tmp_path, f"a.{kind}", content).text
    assert not list(tmp_path.rglob("*evil*"))


def test_case_36_book_and_links_that_lead_out_of_the_archive_read_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.xhtml").write_text("<p>the secret</p>")
    content = files.epub({"one": "<p>Text.</p>"})
    for place in ("../../secret.xhtml", f"{tmp_path}/secret.xhtml", f"file://{tmp_path}/secret.xhtml"):
        book = files.rewritten(content, "OEBPS/book.opf", "text/one.xhtml", place)
        with pytest.raises(ParsingError, match="It has no text"):
            read(tmp_path, "a.epub", book)


def test_case_36_symlink_in_an_archive_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("<p>the secret</p>")
    with zipfile.ZipFile(tmp_path / "a", "w") as file:
        for name, part in files.entries(made("epub")).items():
            entry = zipfile.ZipInfo(name)
            if name.endswith("one.xhtml"):
                entry.external_attr, part = 0o120777 << 16, str(tmp_path / "secret").encode()
            file.writestr(entry, part)
    assert read(tmp_path, "a.epub", (tmp_path / "a").read_bytes()).text == str(tmp_path / "secret")


def test_case_36_encrypted_archive_is_named_so(tmp_path: Path) -> None:
    content = bytearray(made("docx"))
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    with pytest.raises(ParsingError, match="protected by a password"):
        read(tmp_path, "a.docx", bytes(content))


# ---- 37: XML that reaches out or multiplies --------------------------------------------------------------------------

TEXT_IN = {
    "docx": ("word/document.xml", "The boiler"),
    "pptx": ("ppt/slides/slide1.xml", "Serviced"),
    "xlsx": ("xl/worksheets/sheet1.xml", "valve"),
    "odt": ("content.xml", "Heating"),
    "ods": ("content.xml", "valve"),
    "odp": ("content.xml", "valve"),
    "epub": ("OEBPS/text/one.xhtml", "Text."),
}


def with_entity(kind: str, declared: str) -> bytes:
    """The file with these declarations in the part that holds its text, and &e; in that text."""
    name, text = TEXT_IN[kind]
    xml = files.entries(made(kind))[name].decode()
    head, end, rest = xml.partition("?>") if xml.startswith("<?xml") else ("", "", xml)
    assert text in rest
    xml = f"{head}{end}<!DOCTYPE x [{declared}]>{rest.replace(text, '&e;' + text)}"
    return with_part(made(kind), name, xml.encode())


def text_or_reason(tmp_path: Path, filename: str, content: bytes | str) -> str:
    try:
        return read(tmp_path, filename, content, limits=ParsingLimits(memory_bytes=1024**3)).text
    except (ParsingError, ParserStopped) as error:
        return str(error)


@pytest.mark.parametrize("kind", TEXT_IN)
def test_case_37_external_entities_are_not_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_text("the secret")
    for declared in (
        f'<!ENTITY e SYSTEM "file://{tmp_path}/secret">',
        f'<!ENTITY % p SYSTEM "file://{tmp_path}/secret"> %p; <!ENTITY e "x">',
    ):
        assert "the secret" not in text_or_reason(tmp_path, f"a.{kind}", with_entity(kind, declared))


@pytest.mark.parametrize("kind", TEXT_IN)
def test_case_37_entities_do_not_multiply(tmp_path: Path, kind: str) -> None:
    entities = '<!ENTITY e0 "ha">' + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    found = text_or_reason(tmp_path, f"a.{kind}", with_entity(kind, f'{entities}<!ENTITY e "&e9;">'))
    assert len(found) < 10_000


@pytest.mark.parametrize("part", ["docProps/core.xml", "[Content_Types].xml"])
def test_case_37_properties_of_office_files_do_not_multiply(tmp_path: Path, part: str) -> None:
    entities = '<!ENTITY e0 "ha">' + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    xml = files.entries(made("docx"))[part].decode()
    head, end, rest = xml.partition("?>")
    xml = f"{head}{end}<!DOCTYPE x [{entities}]>{rest.replace('</', '&e9;</', 1)}"
    assert len(text_or_reason(tmp_path, "a.docx", with_part(made("docx"), part, xml.encode()))) < 10_000


@pytest.mark.parametrize("wrapped", ["{}", "<svg>{}</svg>", "<math>{}</math>", "<object>{}</object>"])
def test_case_37_entities_in_html_and_svg_are_text(tmp_path: Path, wrapped: str) -> None:
    (tmp_path / "secret").write_text("the secret")
    declared = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret"><!ENTITY l "haha">]>'
    found = text_or_reason(tmp_path, "a.html", f"{declared}<p>before {wrapped.format('&e;&l;')} after</p>")
    assert "the secret" not in found
    assert "before" in found


def test_case_37_pages_fetch_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    page = f'<link href="file://{tmp_path}/secret"><xi:include href="file://{tmp_path}/secret" parse="text"/><p>x</p>'
    assert read(tmp_path, "a.html", page).text == "x"


# ---- 38: PDF ---------------------------------------------------------------------------------------------------------


def raw_pdf(*objects: str | bytes) -> bytes:
    """Object 1 is the catalog. Without a cross-reference table: readers build one."""
    parts = [part.encode() if isinstance(part, str) else part for part in objects]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, part) for number, part in enumerate(parts, start=1))
    return b"%PDF-1.4\n" + body + b"trailer <</Root 1 0 R/Size %d>>\n%%%%EOF" % (len(parts) + 1)


CATALOG = "<</Type/Catalog/Pages 2 0 R>>"
FLATE_BOMB = zlib.compress(b"(text) Tj " * 10_000_000, 9)


@pytest.mark.parametrize(
    "content",
    [
        raw_pdf(CATALOG, "<</Type/Pages/Kids[2 0 R]/Count 1>>"),
        raw_pdf(
            CATALOG, "<</Type/Pages/Kids[3 0 R]/Count 9>>", "<</Type/Pages/Kids[2 0 R 3 0 R]/Count 9/Parent 2 0 R>>"
        ),
        raw_pdf(CATALOG, "<</Type/Pages/Kids[]/Count 0>>"),
        raw_pdf(CATALOG, "<</Type/Pages/Kids[]/Count 999999999>>"),
        raw_pdf("<</Type/Catalog/Pages 1 0 R>>"),
        raw_pdf(
            CATALOG,
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>",
            "<</Length 99999999999>>\nstream\nBT (x) Tj ET\nendstream",
        ),
        raw_pdf(
            CATALOG,
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>",
            b"<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (len(FLATE_BOMB), FLATE_BOMB),
        ),
        b"%PDF-1.7\n" + b"<<" * 100_000,
        b"%PDF-1.7\n1 0 obj\n" + b"[" * 1_000_000,
        b"%PDF-1.7",
    ],
    ids=["cycle", "cycle of two", "no pages", "many pages", "catalog", "length", "flate bomb", "<<", "[", "head"],
)
def test_case_38_hostile_pdf_is_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    with pytest.raises((ParsingError, ParserStopped), match=r"pages|broken|no text|stopped"):
        read(tmp_path, "a.pdf", content, limits=ParsingLimits(cpu_seconds=5, seconds=6, memory_bytes=1024**3))


def test_case_38_bookmarks_in_a_circle_end(tmp_path: Path) -> None:
    content = raw_pdf(
        "<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F 8 0 R>>>>>>",
        "<</Length 40>>\nstream\nBT /F 12 Tf 72 700 Td (Some text.) Tj ET\nendstream",
        "<</First 6 0 R/Last 7 0 R>>",
        "<</Title(One)/Dest[3 0 R/Fit]/Next 7 0 R/First 6 0 R/Parent 5 0 R>>",
        "<</Title(Two)/Dest[3 0 R/Fit]/Next 6 0 R/Parent 5 0 R>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    extracted = read(tmp_path, "a.pdf", content)
    assert extracted.text == "Some text.\n\n"
    assert [heading.title for heading in extracted.headings] == ["One"]


# ---- 39: long lines, deep nesting, text that regular expressions fear ------------------------------------------------


@pytest.mark.parametrize("ending", ["txt", "md", "csv", "html", "eml"])
def test_case_39_a_line_of_10_mb_is_read(tmp_path: Path, ending: str) -> None:
    head = "Subject: x\n\n" if ending == "eml" else ""
    line = "word " * 2_000_000
    assert read(tmp_path, f"a.{ending}", head + line).text.count("word") == 2_000_000


def test_case_39_a_json_text_of_10_mb_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", json.dumps({"a": "word " * 2_000_000})).text.count("word") == 2_000_000


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("a.json", "[" * 1_000_000),
        ("a.json", "[" * 500 + "1" + "]" * 500),
        ("a.json", '{"a":' * 100_000 + "1" + "}" * 100_000),
        ("a.jsonl", '{"a":' * 100_000 + "1" + "}" * 100_000),
        ("a.html", "<div>" * 300_000 + "deep"),
        ("a.html", "<table><tr><td>" * 100_000 + "deep"),
        ("a.html", "<ul><li>" * 100_000 + "deep"),
        (
            "a.eml",
            "Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n"
            + "--a\nContent-Type: message/rfc822\n\n" * 1_000,
        ),
    ],
)
def test_case_39_deep_nesting_ends_with_a_reason(tmp_path: Path, filename: str, content: str) -> None:
    assert len(text_or_reason(tmp_path, filename, content)) < 1_000_000


@pytest.mark.parametrize(
    ("kind", "deep"),
    [
        ("docx", "<w:sdt><w:sdtContent>" * 20_000 + "</w:sdtContent></w:sdt>" * 20_000),
        ("odt", "<text:section>" * 20_000 + "</text:section>" * 20_000),
    ],
)
def test_case_39_deep_xml_ends_with_a_reason(tmp_path: Path, kind: str, deep: str) -> None:
    name, text = TEXT_IN[kind]
    xml = files.entries(made(kind))[name].decode()
    opening = xml.rindex("<w:p>" if kind == "docx" else "<text:h", 0, xml.index(text))
    content = with_part(made(kind), name, (xml[:opening] + deep + xml[opening:]).encode())
    with pytest.raises(ParsingError, match="broken"):
        read(tmp_path, f"a.{kind}", content)


HOSTILE = ["'\",", '"', "`", "```\n", "~~~", "#", "# ", "=", "-\n", "---\n", ". ", ".", " ", "\t", "\n", "|", "a.b"]
HOSTILE += ["\u200d", "\u200c\u200d", "date:", "1-", "2024-", "{", "a(", "\\", "<", "<a ", "<meta charset=", "&", "]]>"]


@pytest.mark.parametrize("ending", ["md", "html", "csv", "eml", "txt"])
def test_case_39_hostile_text_takes_linear_time(tmp_path: Path, ending: str) -> None:
    """Every pattern that a regular expression here looks for, repeated."""
    head = "Subject: x\n\n" if ending == "eml" else "---\n" if ending == "md" else "Text. "
    for pattern in HOSTILE:
        text_or_reason(tmp_path, f"a.{ending}", head + pattern * (100_000 // len(pattern)))


def test_case_39_hostile_pages_of_a_pdf_take_linear_time(tmp_path: Path) -> None:
    pages = [[pattern.strip() * 2_000] * 20 for pattern in (". ", ".", "1", "a1 ", "-")]
    assert read(tmp_path, "a.pdf", files.pdf(pages)).page_starts


def test_case_39_sheet_with_a_cell_far_out_is_read(tmp_path: Path) -> None:
    content = files.workbook({"S": [["Part", "Price"], ["valve", 12]]})
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row></sheetData>'
    text = read(tmp_path, "a.xlsx", files.rewritten(content, "xl/worksheets/sheet1.xml", "</sheetData>", far)).text
    assert text.startswith("S\n\n| Part | Price |\n| valve | 12 |")
    assert text.endswith("far")
