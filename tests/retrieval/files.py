"""Real files of every kind, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime

import docx
import openpyxl
import pptx
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from PIL import Image, ImageDraw, ImageFont
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas


def pdf(pages: Sequence[Sequence[str]], *, password: str | None = None) -> bytes:
    """One page for each list of lines."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=password)
    for lines in pages:
        text = canvas.beginText(72, 780)
        text.textLines(lines)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def scanned_pdf() -> bytes:
    """A page that is a picture, as scanners make them."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "white")), 100, 100)
    canvas.save()
    return buffer.getvalue()


def photographed_pdf(lines: Sequence[str]) -> bytes:
    """A page that is a picture of these lines."""
    picture = Image.new("L", (1654, 2339), "white")  # A4 at 200 dpi
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((150, 200 + 90 * number), line, fill="black", font=ImageFont.load_default(60))
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawImage(ImageReader(picture), 0, 0, width=595, height=842)
    canvas.save()
    return buffer.getvalue()


def partly_scanned_pdf() -> bytes:
    """A page of text, and one that is a picture."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 780, "The first page has text, and enough of it to be read.")
    canvas.showPage()
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "white")), 0, 0, width=590, height=840)
    canvas.save()
    return buffer.getvalue()


def word_document() -> bytes:
    """Headings, a list, a table and a last paragraph."""
    document = docx.Document()
    document.add_heading("Heating", level=1)
    document.add_paragraph("The boiler is serviced in May.")
    document.add_heading("Parts", level=2)
    document.add_paragraph("valve", style="List Bullet")
    document.add_paragraph("pump", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("Part", "Price", "valve", "12"), strict=True
    ):
        cell.text = text
    document.add_paragraph("Call before noon.")
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


WORD_TYPE = {"[Content_Types].xml": b"<x>wordprocessingml.document.main+xml</x>"}  # enough to be taken for one


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def bomb() -> bytes:
    """A few hundred kB that unpack to 300 MB."""
    return archive(**{"word/document.xml": bytes(300 * 1024**2)})


def presentation() -> bytes:
    """Two slides: a list with notes; a table, a group and a chart. A third one is hidden."""
    slides = pptx.Presentation()
    first = slides.slides.add_slide(slides.slide_layouts[1])
    first.shapes.title.text = "Heating"
    first.placeholders[1].text = "Serviced in May\nBy two people"
    first.notes_slide.notes_text_frame.text = "Mention the price."
    second = slides.slides.add_slide(slides.slide_layouts[6])
    table = second.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for cell, text in zip(table.iter_cells(), ("Part", "Price", "valve", "12"), strict=True):
        cell.text = text
    group = second.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(3), Inches(2), Inches(1)).text_frame.text = "In a group"
    figures = CategoryChartData()
    figures.categories = ["2023", "2024"]
    figures.add_series("Faults", (7, 2.5))
    second.shapes.add_chart(XL_CHART_TYPE.LINE, Inches(1), Inches(4), Inches(4), Inches(2), figures)
    hidden = slides.slides.add_slide(slides.slide_layouts[5])
    hidden.shapes.title.text = "Secret"
    hidden.element.set("show", "0")
    slides.core_properties.modified = datetime(2024, 5, 31, 12)
    buffer = io.BytesIO()
    slides.save(buffer)
    return buffer.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]], *, hidden: Sequence[str] = ()) -> bytes:
    """A sheet for each name, with these rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    buffer = io.BytesIO()
    book.save(buffer)
    now = book.properties.modified.strftime("%Y-%m-%dT%H")  # which openpyxl sets when it saves
    return rewritten(buffer.getvalue(), "docProps/core.xml", now, "2023-04-05T06")


EPUB_PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title><dc:date>2019-03-02T00:00:00Z</dc:date></metadata>
<manifest>{items}</manifest><spine>{spine}</spine></package>"""
EPUB_CONTAINER = (
    b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    b'<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def epub(chapters: Mapping[str, str], *, contents: str = "", **others: bytes) -> bytes:
    """A book whose reading order is that of `chapters`; in the archive, and in the manifest, they stand reversed."""
    items = [f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>' for name in chapters]
    items += ['<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'] * bool(contents)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    pages = {f"OEBPS/text/{name}.xhtml": f"<html><body>{chapters[name]}</body></html>" for name in reversed(chapters)}
    return archive(
        **{
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": EPUB_CONTAINER,
            "OEBPS/book.opf": EPUB_PACKAGE.format(items="".join(reversed(items)), spine=spine).encode(),
            "OEBPS/nav.xhtml": f'<html><body><nav epub:type="toc">{contents}</nav></body></html>'.encode(),
            **{name: text.encode() for name, text in pages.items()},
            **others,
        }
    )


def sentence(page: int, line: int) -> str:
    """Different words in each."""
    return f"{'abcdefgh'[page] * (line + 2)} stands {'ijklmnop'[line] * page} here."


def outlined_pdf() -> bytes:
    """Bookmarks, a running header and footer on each page, and one bookmark whose title stands on no line."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number in range(1, 7):
        canvas.drawString(72, 800, "Handbook of heating")
        text = canvas.beginText(72, 750)
        for line in range(6):
            text.textLine(f"{number}.{line} Title {number}-{line}" if line == 3 else sentence(number, line))
        canvas.drawText(text)
        canvas.drawString(72, 40, f"Page {number} of 6")
        canvas.bookmarkPage(f"page {number}")
        title = f"Title {number}-3" if number > 1 else "Not on the page"
        canvas.addOutlineEntry(title, f"page {number}", level=0 if number % 2 else 1)
        canvas.showPage()
    canvas.setDateFormatter(lambda *_: "D:20210203040506Z")
    canvas.save()
    return buffer.getvalue()


def entries(content: bytes) -> dict[str, bytes]:
    """What an archive holds, by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {entry: file.read(entry) for entry in file.namelist()}


def rewritten(content: bytes, name: str, before: str, after: str) -> bytes:
    """The archive with a text in one of its entries replaced."""
    parts = entries(content)
    assert before.encode() in parts[name]
    return archive(**(parts | {name: parts[name].replace(before.encode(), after.encode())}))


RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def document_with_footnote() -> bytes:
    """A paragraph with a footnote, which python-docx can't make itself."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = docx.Document()
    document.add_paragraph("The boiler.MARK")
    notes = (
        f'<w:footnotes xmlns:w="{word}"><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:t>Built in 1998.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    part = Part(
        PackURI("/word/footnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml",
        notes.encode(),
        document.part.package,
    )
    document.part.relate_to(part, f"{RELATIONSHIPS}/footnotes")
    buffer = io.BytesIO()
    document.save(buffer)
    mark = '</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>'
    return rewritten(buffer.getvalue(), "word/document.xml", "MARK</w:t></w:r>", mark)


def opendocument() -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "meta")
    )
    body = (
        '<text:h text:outline-level="1">Heating</text:h><text:p>Serviced'
        '<text:s text:c="2"/>in <text:span>May</text:span>.'
        "<office:annotation><text:p>a comment</text:p></office:annotation></text:p>"
        "<text:list><text:list-item><text:p>valve</text:p></text:list-item>"
        "<text:list-item><text:p>pump</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>Part</text:p></table:table-cell>"
        "<table:table-cell><text:p>Price</text:p></table:table-cell></table:table-row><table:table-row>"
        "<table:table-cell><text:p>valve</text:p></table:table-cell>"
        "<table:table-cell><text:p>12</text:p></table:table-cell></table:table-row></table:table>"
    )
    text = f"<office:body><office:text>{body}</office:text></office:body>"
    content = f"<office:document-content {spaces}>{text}</office:document-content>"
    meta = (
        f'<office:document-meta {spaces} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
        "<dc:date>2020-01-02T03:04:05</dc:date></office:meta></office:document-meta>"
    )
    return archive(
        **{
            "mimetype": b"application/vnd.oasis.opendocument.text",
            "content.xml": content.encode(),
            "meta.xml": meta.encode(),
        }
    )
