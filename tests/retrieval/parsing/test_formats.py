"""What survives of each format: headings, lists, tables, pages, notes and the date it bears."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats import Extracted
from retrieval.text.headings import Heading
from tests.retrieval import files
from tests.retrieval.parsing.test_parsers import read


def headings(extracted: Extracted) -> list[tuple[str, int]]:
    """Each heading's level and title; it begins at a line that says it."""
    assert all(extracted.text[h.start :].startswith(h.title) for h in extracted.headings)
    return [(h.title, h.level) for h in extracted.headings]


# ---- sheets and tables -----------------------------------------------------------------------------------------------


def test_long_table_names_its_columns_in_each_row(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Prices of 2024"], ["note", "", "see below"], ["Part", "Price", "Stock"]]
    rows += [[f"valve {number}", number, None] for number in range(30)]
    extracted = read(tmp_path, "a.xlsx", files.workbook({"Prices": rows}))
    assert extracted.text.startswith(
        "Prices\n\nPrices of 2024\n| note |  | see below |\n\n| Part: valve 0 | Price: 0 |\n"
    )
    assert extracted.text.endswith("\n| Part: valve 29 | Price: 29 |\nStock")  # a column without values keeps its name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_with_its_delimiter(tmp_path: Path, delimiter: str) -> None:
    lines = [["Part", "Price", "Remark"], ["valve", "12", '"brass; or, steel"'], ["pump", "80", ""]]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    assert read(tmp_path, "a.csv", text).text == (
        "| Part | Price | Remark |\n| valve | 12 | brass; or, steel |\n| pump | 80 |"
    )


def test_csv_that_tells_excel_its_delimiter_is_read_without_that_line(tmp_path: Path) -> None:
    assert (
        read(tmp_path, "a.csv", "sep=;\r\nName;Place\r\nAnn;Rome, Italy\r\n").text
        == "| Name | Place |\n| Ann | Rome, Italy |"
    )


def test_long_csv_without_column_names_keeps_its_rows(tmp_path: Path) -> None:
    text = "\n".join(f"{number},{number * 2}" for number in range(20))
    assert read(tmp_path, "a.csv", text).text.splitlines()[:2] == ["| 0 | 0 |", "| 1 | 2 |"]


def test_tsv_with_line_breaks_in_cells_keeps_them_in_one_row(tmp_path: Path) -> None:
    assert read(tmp_path, "a.tsv", 'a\tb\n"one\ntwo"\t3\n').text == "| a | b |\n| one two | 3 |"


# ---- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_an_outline_of_paths(tmp_path: Path) -> None:
    value = {
        "name": "plant",
        "address": {"city": "Bonn"},
        "open": True,
        "tags": ["a", None],
        "parts": [{"id": 1, "price": 12.50}, {"id": 2, "sizes": [[1, 2], [3]]}],
    }
    assert read(tmp_path, "a.json", json.dumps(value)).text == (
        "name: plant\nopen: true\n\naddress.city: Bonn\n\ntags: a, null\n\nparts[0].id: 1\nparts[0].price: 12.5\n\n"
        "parts[1].id: 2\nparts[1].sizes[0]: 1, 2\nparts[1].sizes[1]: 3"
    )


def test_json_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    text = '{"a": NaN, "b": 1e999, "c": ' + "9" * 5000 + ', "d": 0.10}'
    assert read(tmp_path, "a.json", text).text == f"a: NaN\nb: 1e999\nc: {'9' * 5000}\nd: 0.10"


def test_json_lines_are_records(tmp_path: Path) -> None:
    assert read(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": {"b": "x"}}\n').text == "a: 1\n\na.b: x"


@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a.json", '{"a": 1,}', "It is not JSON from line 1, column 9, on: "),
        ("a.jsonl", '{"a": 1}\n{"a"', "Line 2 is not JSON, column 5, on: "),
    ],
)
def test_broken_json_says_where(tmp_path: Path, filename: str, content: str, reason: str) -> None:
    with pytest.raises(ParsingError) as caught:
        read(tmp_path, filename, content)
    assert str(caught.value).startswith(reason)


# ---- books -----------------------------------------------------------------------------------------------------------


def test_epub_is_read_in_its_order_with_headings_from_its_contents(tmp_path: Path) -> None:
    chapters = {
        "cover": "<p>Cover.</p>",
        "one": "<h1>One</h1><p>First.</p><h2>Inside</h2><p>More.</p>",
        "two": '<p>Second.</p><p id="mid">Middle.</p>',
    }
    contents = (
        '<ol><li><a href="text/one.xhtml">One (contents)</a></li><li><a href="text/two.xhtml">Two</a>'
        '<ol><li><a href="text/two.xhtml#mid">Two, middle</a></li></ol></li><li><a href="gone.xhtml">Gone</a></li></ol>'
    )
    extracted = read(tmp_path, "a.epub", files.epub(chapters, contents=contents))
    text = extracted.text
    assert text == "Cover.\n\nOne\n\nFirst.\n\nInside\n\nMore.\n\nSecond.\n\nMiddle."
    assert extracted.headings == [
        Heading(text.index("One"), 1, "One"),
        Heading(text.index("Inside"), 2, "Inside"),
        Heading(text.index("Second"), 1, "Two"),
        Heading(text.index("Middle"), 2, "Two, middle"),
    ]
    assert extracted.dated == "2019-03-02"


def test_epub_2_contents_give_headings(tmp_path: Path) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint>'
        '<navLabel><text>Chapter 1</text></navLabel><content src="text/one.xhtml"/></navPoint></navMap></ncx>'
    )
    content = files.epub({"one": "<p>First.</p>"}, **{"OEBPS/toc.ncx": ncx.encode()})
    package = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
    extracted = read(tmp_path, "a.epub", files.rewritten(content, "OEBPS/book.opf", "</manifest>", package))
    assert extracted.headings == [Heading(0, 1, "Chapter 1")]


def test_protected_epub_is_named_so_but_obfuscated_fonts_are_not(tmp_path: Path) -> None:
    def encrypted(algorithm: str) -> bytes:
        method = f'<e:EncryptionMethod xmlns:e="http://www.w3.org/2001/04/xmlenc#" Algorithm="{algorithm}"/>'
        return files.epub({"one": "<p>First.</p>"}, **{"META-INF/encryption.xml": f"<x>{method}</x>".encode()})

    with pytest.raises(ParsingError, match=r"protected \(DRM\)"):
        read(tmp_path, "a.epub", encrypted("http://www.w3.org/2001/04/xmlenc#aes256-cbc"))
    assert read(tmp_path, "a.epub", encrypted("http://www.idpf.org/2008/embedding")).text == "First."


# ---- mail ------------------------------------------------------------------------------------------------------------


def mail(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in (
        {"Subject": "Kessel prüfen", "From": "Ä <a@x.de>", "To": "b@x.de", "Date": "Fri, 31 May 2024 12:00:00 +0200"}
        | headers
    ).items():
        message[name] = value
    return message


def test_mail_has_a_head_a_body_and_names_of_attachments(tmp_path: Path) -> None:
    message = mail()
    message.set_content("Der Kessel wird im Mai gewartet.\n")
    message.add_alternative("<p>HTML is not read when there is text</p>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="Bericht.pdf")
    inner = mail(Subject="An older mail")
    inner.set_content("quoted")
    message.add_attachment(inner)
    extracted = read(tmp_path, "a.eml", message.as_bytes())
    assert extracted.text == (
        "Kessel prüfen\n\nFrom: Ä <a@x.de>\nTo: b@x.de\nDate: Fri, 31 May 2024 12:00:00 +0200\n\n"
        "Der Kessel wird im Mai gewartet.\n\nAn older mail\n\n"
        "From: Ä <a@x.de>\nTo: b@x.de\nDate: Fri, 31 May 2024 12:00:00 +0200\n\nquoted\n\nAttachments: Bericht.pdf"
    )
    assert headings(extracted) == [("Kessel prüfen", 1), ("An older mail", 2)]
    assert extracted.title == "Kessel prüfen"
    assert extracted.notes == [Note("attachments", 1, ("Bericht.pdf",))]
    assert extracted.dated == "2024-05-31"


def test_mail_of_html_alone_reads_as_a_browser_prints_it(tmp_path: Path) -> None:
    message = mail()
    message.set_content("<ul><li>valve<li>pump</ul><script>x()</script>", subtype="html", charset="iso-8859-1")
    assert read(tmp_path, "a.eml", message.as_bytes()).text.endswith("\n\n- valve\n- pump")


def test_mail_with_broken_headers_is_read(tmp_path: Path) -> None:
    lines = ['From: "a <b', "Date: no day at all", "Subject: =?utf-8?q?x=?=", "Content-Type: text/plain; charset=no"]
    content = "\r\n".join([*lines, "", "Body."])
    extracted = read(tmp_path, "a.eml", content)
    assert extracted.text.endswith("\n\nBody.")
    assert extracted.dated == ""


# ---- PDF -------------------------------------------------------------------------------------------------------------


def test_pdf_bookmarks_are_headings_at_their_line_else_at_their_page(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.pdf", files.outlined_pdf())
    assert [(h.level, h.title) for h in extracted.headings] == [
        (1, "Not on the page"),
        *[(1 if number % 2 else 2, f"Title {number}-3") for number in range(2, 7)],
    ]
    assert extracted.headings[0].start == 0
    lines = [extracted.text[h.start :].split("\n")[0] for h in extracted.headings[1:]]
    assert lines == [f"{number}.3 Title {number}-3" for number in range(2, 7)]
    assert extracted.dated == "2021-02-03"


def test_pdf_lines_that_repeat_at_the_edges_stay_and_are_searched_once(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.pdf", files.outlined_pdf())
    repeated = [extracted.text[start:end] for start, end in extracted.unsearched]
    assert repeated == [line for page in range(2, 7) for line in ("Handbook of heating", f"Page {page} of 6")]
    assert [(note.kind, note.names) for note in extracted.notes] == [
        ("running_lines", ("Handbook of heating", "Page 1 of 6"))
    ]
    assert extracted.text.count("Handbook of heating") == extracted.text.count("of 6") == 6
    assert all(files.sentence(page, line) in extracted.text for line in (0, 1, 2, 4, 5) for page in range(1, 7))
    assert [extracted.text[start:].split("\n")[:2] for start in extracted.page_starts[1:3]] == [
        ["Handbook of heating", files.sentence(2, 0)],
        ["Handbook of heating", files.sentence(3, 0)],
    ]


def test_pdf_rows_of_figures_at_the_edges_are_kept(tmp_path: Path) -> None:
    pages = [[f"{page * 37} {line * 11}" for line in range(8)] for page in range(1, 6)]
    extracted = read(tmp_path, "a.pdf", files.pdf(pages))
    assert extracted.text.split() == " ".join(" ".join(lines) for lines in pages).split()


# ---- documents and pages of the web ----------------------------------------------------------------------------------


def test_docx_is_dated_by_its_own_properties(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Text.")
    document.core_properties.modified = datetime(2022, 2, 3)
    document.save(str(tmp_path / "a.docx"))
    assert read(tmp_path, "a.docx", (tmp_path / "a.docx").read_bytes()).dated == "2022-02-03"


def test_docx_footnotes_follow_the_text(tmp_path: Path) -> None:
    assert read(tmp_path, "a.docx", files.document_with_footnote()).text == "The boiler.[2]\n\n[2] Built in 1998."


def test_opendocument_keeps_headings_lists_and_tables(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.odt", files.opendocument())
    assert extracted.text == (
        "Heating\n\nServiced  in May.\n\n- valve\n- pump\n\n| Part | Price |\n| valve | 12 |\n\nComment: a comment"
    )
    assert headings(extracted) == [("Heating", 1)]
    assert extracted.dated == "2020-01-02"


def test_html_leaves_out_what_leads_around_the_site(tmp_path: Path) -> None:
    page = '<nav>Home</nav><div role="navigation">Next</div><h1>Guide<a class="headerlink">¶</a></h1><p>Text.</p>'
    assert read(tmp_path, "a.html", page).text == "Guide\n\nText."
    assert read(tmp_path, "a.html", "<nav><ul><li>Home<li>Guide</ul></nav>").text == "- Home\n- Guide"


def test_html_table_that_lays_out_a_page_is_no_table(tmp_path: Path) -> None:
    inner = "<table><tr><td>a<td><p>b</p><p>c</p></table>"
    page = f"<table><tr><td><h1>Guide</h1><p>Text.</p></td><td>{inner}</td></tr></table>"
    assert read(tmp_path, "a.html", page).text == "Guide\n\nText.\n\n| a | b c |"


def test_html_title_heads_a_page_without_headings(tmp_path: Path) -> None:
    extracted = read(tmp_path, "a.html", "<title>About\nboilers</title><p>Text.</p>")
    assert extracted.headings == [Heading(0, 1, "About boilers")]


@pytest.mark.parametrize(
    ("filename", "content", "dated"),
    [
        ("a.html", '<meta property="article:modified_time" content="2024-05-31T01:02:03Z"><p>x', "2024-05-31"),
        ("a.html", '<p>x <time datetime="2020-02-29">', "2020-02-29"),
        ("a.html", '<meta name="date" content="soon"><p>x', ""),
        ("a.md", "---\ntitle: x\ndate: 2021-12-24\n---\n# Text\n", "2021-12-24"),
        ("a.md", "date: 2021-12-24\n", ""),
        ("a.md", "---\ndate: 1969-12-31\n---\nx", ""),
        ("a.md", f"---\ndate: {date.today() + timedelta(days=3)}\n---\nx", ""),
        ("a.md", "---\ndate: 2023-02-30\n---\nx", ""),
    ],
)
def test_documents_bear_plausible_dates_only(tmp_path: Path, filename: str, content: str, dated: str) -> None:
    assert read(tmp_path, filename, content).dated == dated


def test_markdown_underlined_lines_are_headings(tmp_path: Path) -> None:
    text = "---\ntitle: x\n---\nGuide\n=====\n\nText\nmore\n---\n\n| a |\n---\n\nSetup\n-----\n"
    found = read(tmp_path, "a.md", text).headings
    assert [(heading.title, heading.level) for heading in found] == [("Guide", 1), ("Text more", 2), ("Setup", 2)]
