"""What each format holds as text: headings, lists and tables survive; offsets count code points of the cleaned text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.chunking import Heading
from retrieval.errors import NeedsOcr, ParsingError

if TYPE_CHECKING:
    from lxml.etree import _Element

FORMATS = {
    "txt": "text",
    "text": "text",
    "log": "text",
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "pdf": "pdf",
    "docx": "docx",
}
_UNPACKED_LIMIT = 200 * 1024**2
_IMAGES_ONLY = "It has no text, only images: run OCR on it (for example with ocrmypdf) and upload the result."

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
    # Joiners shape Arabic, Indic scripts and emoji; behind anything else, or in a row, they only hide text.
    "|(?<![\u0590-\u1fff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]|(?<=[\u200c\u200d])[\u200c\u200d]"
)


@dataclass(frozen=True)
class Extracted:
    """A document's text, where its pages begin (none for formats without pages), its headings in order, the language it
    is written in (ISO 639-1, empty when unknown) and the date it bears (ISO 8601, empty without one)."""

    text: str
    page_starts: list[int] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    language: str = ""
    dated: str = ""

    @classmethod
    def from_json(cls, answer: dict[str, Any]) -> Extracted:
        headings = [Heading(**heading) for heading in answer["headings"]]
        return cls(**(answer | {"headings": headings}))


def extract(path: Path, *, filename: str, max_characters: int) -> Extracted:
    """Raises ParsingError, with a reason for a person, when there is no text to be had."""
    extracted = _EXTRACTORS[_format_of(path, filename)](path)
    if len(extracted.text) > max_characters:
        raise ParsingError(f"It holds more than {max_characters:,} characters: split it.")
    if not extracted.text.strip():
        raise ParsingError("It has no text.")
    return extracted


def clean(text: str) -> str:
    """Line ends become \\n; what no reader sees (controls, zero-width and tag characters, lone surrogates) goes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\x85", "\n")
    return _INVISIBLE.sub("", text)


# ---- which format ----------------------------------------------------------------------------------------------------


def _format_of(path: Path, filename: str) -> str:
    """By ending and by bytes, which must agree."""
    ending = filename.rpartition(".")[2].lower()
    wanted = FORMATS.get(ending)
    if wanted is None:
        raise ParsingError(f"“.{ending}” files can't be read here. These can: {', '.join(sorted(FORMATS))}.")
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise ParsingError("The file is empty.")
    found = _format_of_bytes(head)
    if wanted == "docx" and found == "ole":
        raise ParsingError("It is protected by a password, or an old .doc file: save it as a plain .docx.")
    expected = {"pdf": "pdf", "docx": "zip"}.get(wanted, "text")
    if found != expected:
        raise ParsingError(f"It is named .{ending}, but its content is {_CONTENT_NAMES[found]}.")
    return wanted


_CONTENT_NAMES = {
    "pdf": "a PDF",
    "zip": "a zip archive or an Office file",
    "ole": "an old Office file",
    "text": "text",
    "binary": "binary data",
}


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))


def _format_of_bytes(head: bytes) -> str:
    if b"%PDF-" in head[:1024]:  # readers allow bytes in front of it
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, the only text where NUL bytes are common
        return "text"
    controls = len(head) - len(head.translate(None, _CONTROLS))
    is_picture = head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"))
    return "binary" if is_picture or controls > len(head) // 10 else "text"


# ---- text and Markdown -----------------------------------------------------------------------------------------------


def _text(path: Path) -> Extracted:
    return Extracted(clean(_decode(path.read_bytes())))


def _markdown(path: Path) -> Extracted:
    text = clean(_decode(path.read_bytes()))
    return Extracted(text, headings=list(_markdown_headings(text)))


def _decode(content: bytes) -> str:
    """By byte order mark, as UTF-8, or in the encoding that its bytes suggest."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(content[:100_000]).best()
        return content.decode(best.encoding if best else "cp1252", errors="replace")


def _markdown_headings(text: str) -> Iterator[Heading]:
    """Lines that begin with # outside fenced code."""
    fence, start = "", 0
    for line in text.split("\n"):
        stripped = line.lstrip(" ")
        marker = next((mark for mark in ("```", "~~~") if stripped.startswith(mark)), "")
        if marker and fence in ("", marker):
            fence = "" if fence else marker
        level = len(line) - len(line.lstrip("#"))
        if not fence and 1 <= level <= 6 and line[level : level + 1] in (" ", "\t") and line[level:].strip(" \t#"):
            yield Heading(start, level, line[level:].strip(" \t#"))
        start += len(line) + 1


# ---- PDF -------------------------------------------------------------------------------------------------------------


def _pdf(path: Path) -> Extracted:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        pages = [_page_text(document, number) for number in range(len(document))]
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ParsingError("It is protected by a password: save it without one.") from error
        raise ParsingError("The file is broken: it can't be read as a PDF.") from error
    if not pages:
        raise ParsingError("It has no pages.")
    if not any(page.strip() for page in pages):
        raise NeedsOcr(_IMAGES_ONLY) if _has_images(document) else ParsingError("Its pages hold no text.")
    return Extracted("".join(pages), page_starts=[0, *accumulate(len(page) for page in pages[:-1])])


def _page_text(document: Any, number: int) -> str:
    """The page's lines. A word broken by a hyphen at the end of a line, which pdfium marks, is made whole."""
    page = document[number]
    text: str = page.get_textpage().get_text_bounded()
    page.close()
    whole = re.sub("[\ufffe\x02]\r?\n?", "", text)
    return "\n".join(line.rstrip() for line in clean(whole).split("\n")).strip() + "\n\n"


def _has_images(document: Any) -> bool:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    return any(next(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]), None) for page in document)


# ---- DOCX and HTML ---------------------------------------------------------------------------------------------------


class _Blocks:
    """Text under construction: blocks, with an empty line between them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []

    def add(self, text: str, *, level: int = 0, close: bool = False) -> None:
        """Append a block; `level` makes it a heading; `close` puts it on the next line, as list items and rows are."""
        text = clean(text).strip("\n")
        if not text.strip():
            return
        separator = "" if not self._parts else "\n" if close else "\n\n"
        if level:
            self._headings.append(Heading(self._length + len(separator), level, " ".join(text.split())))
        self._parts += [separator, text]
        self._length += len(separator) + len(text)

    def extracted(self) -> Extracted:
        return Extracted("".join(self._parts), headings=self._headings)


def _docx(path: Path) -> Extracted:
    _check_archive(path)
    import docx

    document = docx.Document(str(path))
    names = {style.style_id: (style.name or "").lower() for style in document.styles}
    blocks = _Blocks()
    after_item = False
    for element in _docx_blocks(document.element.body):
        if element.tag == _W + "tbl":
            for number, row in enumerate(_own(element, _W + "tr")):
                blocks.add(_docx_row(row), close=number > 0)
            continue
        properties = element.find(f"{_W}pPr")
        style = properties.find(f"{_W}pStyle") if properties is not None else None
        name = names.get(style.get(_W + "val"), "") if style is not None else ""
        is_item = (properties is not None and properties.find(f"{_W}numPr") is not None) or name.startswith("list")
        level = 1 if name == "title" else int(name[8:]) if name.startswith("heading ") and name[8:].isdigit() else 0
        text = _docx_text(element)
        blocks.add(
            f"- {text}" if is_item and text.strip() and not level else text, level=level, close=is_item and after_item
        )
        after_item = is_item
    return blocks.extracted()


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise ParsingError("The file is broken: it can't be read as a .docx.") from error
    if "word/document.xml" not in {entry.filename for entry in entries}:
        raise ParsingError("It is named .docx, but it is not a Word document.")
    if sum(entry.file_size for entry in entries) > _UNPACKED_LIMIT:
        raise ParsingError(f"Unpacked it is larger than {_UNPACKED_LIMIT // 1024**2} MB.")


def _docx_blocks(parent: _Element) -> Iterator[_Element]:
    """Paragraphs and tables in order, also those inside content controls."""
    for child in parent:
        if child.tag in (_W + "p", _W + "tbl"):
            yield child
        elif child.tag == _W + "sdt":
            for content in child.iterfind(f"{_W}sdtContent"):
                yield from _docx_blocks(content)


def _docx_text(paragraph: _Element) -> str:
    """What is printed: insertions yes; deletions, hidden runs and the second copy of a drawing no."""
    from lxml.etree import iterwalk

    pieces = []
    walk = iterwalk(paragraph, events=("start",))
    for _, element in walk:
        if element.tag == _FALLBACK or (element.tag == _W + "r" and element.find(f"{_W}rPr/{_W}vanish") is not None):
            walk.skip_subtree()
        elif element.tag == _W + "t":
            pieces.append(element.text or "")
        elif element.tag in (_W + "br", _W + "cr"):
            pieces.append("\n")
        elif element.tag == _W + "tab":
            pieces.append("\t")
    return "".join(pieces)


def _docx_row(row: _Element) -> str:
    cells = (" ".join(_docx_text(line) for line in cell.iter(_W + "p")) for cell in _own(row, _W + "tc"))
    return "| " + " | ".join(" ".join(cell.split()) for cell in cells) + " |"


def _own(parent: _Element, tag: str) -> Iterator[_Element]:
    """The rows of this table, or the cells of this row, without those of tables nested in it."""
    return (child for child in parent.iter(tag) if next(child.iterancestors(parent.tag)) is parent)


_HIDDEN_TAGS = {
    "head",
    "script",
    "style",
    "template",
    "noscript",
    "svg",
    "math",
    "iframe",
    "object",
    "select",
    "button",
}
_BLOCK_TAGS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset"),
    *(
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
    ),
    *("ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"),
}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{1,200}charset=[\"']?([\w-]{1,40})", re.IGNORECASE)


def _html(path: Path) -> Extracted:
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(_decode_html(path.read_bytes()).encode(errors="replace"), parser)
    return _HtmlReader().read(root) if root is not None else Extracted("")


def _decode_html(content: bytes) -> str:
    declared = _CHARSET.search(content[:4096])
    try:
        return content.decode(declared[1].decode()) if declared else _decode(content)
    except (LookupError, UnicodeDecodeError):  # a charset that doesn't exist, or not the one it is written in
        return _decode(content)


class _HtmlReader:
    """Walks an HTML tree and keeps what a browser would print."""

    def __init__(self) -> None:
        self._blocks = _Blocks()
        self._inline: list[str] = []
        self._level = 0
        self._close = False
        self._preformatted = 0

    def read(self, root: _Element) -> Extracted:
        from lxml.etree import iterwalk

        walk = iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._leave(element)
            elif _is_hidden(element):
                walk.skip_subtree()
            else:
                self._enter(element)
        self._flush()
        return self._blocks.extracted()

    def _enter(self, element: _Element) -> None:
        tag = element.tag
        if tag in _BLOCK_TAGS:
            self._flush()
            self._preformatted += tag == "pre"
            self._level = int(tag[1]) if re.fullmatch("h[1-6]", tag) else self._level
            if tag in ("li", "tr"):
                self._close = element.getprevious() is not None
                self._inline = ["- "] if tag == "li" else []
        elif tag == "br":
            self._inline.append("\n")
        elif tag in ("td", "th"):
            self._inline.append("| ")
        self._say(element.text)

    def _leave(self, element: _Element) -> None:
        if _is_hidden(element):
            pass
        elif element.tag in _BLOCK_TAGS:
            self._flush()
            self._level = 0
            self._preformatted -= element.tag == "pre"
            if element.tag == "li":
                self._inline, self._close = [], False
        elif element.tag in ("td", "th"):
            self._inline.append(" ")
        self._say(element.tail)

    def _say(self, text: str | None) -> None:
        if text:
            self._inline.append(text if self._preformatted else re.sub(r"\s+", " ", text))

    def _flush(self) -> None:
        text = "".join(self._inline)
        if not self._preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        if text.strip(" |-"):
            self._blocks.add(f"{text} |" if text.startswith("| ") else text, level=self._level, close=self._close)
            self._close = False
            self._inline.clear()
        elif text.strip() != "-":  # a list item's mark waits for its first paragraph
            self._inline.clear()


def _is_hidden(element: _Element) -> bool:
    return (
        not isinstance(element.tag, str)
        or element.tag in _HIDDEN_TAGS
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or _HIDING_STYLE.search(element.get("style", "")) is not None
    )


_EXTRACTORS: dict[str, Callable[[Path], Extracted]] = {
    "text": _text,
    "markdown": _markdown,
    "html": _html,
    "pdf": _pdf,
    "docx": _docx,
}
