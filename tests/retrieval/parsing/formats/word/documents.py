"""Word documents of raw XML, made on the spot."""

from __future__ import annotations

from pathlib import Path

from retrieval.notes import Note
from retrieval.parsing.formats.extracted import Extracted
from retrieval.parsing.formats.word.document import read_word
from tests.retrieval import files

SPACES = " ".join(
    f'xmlns:{name}="http://schemas.openxmlformats.org/{place}"'
    for name, place in {
        "w": "wordprocessingml/2006/main",
        "r": "officeDocument/2006/relationships",
        "m": "officeDocument/2006/math",
        "wp": "drawingml/2006/wordprocessingDrawing",
        "a": "drawingml/2006/main",
        "c": "drawingml/2006/chart",
        "dgm": "drawingml/2006/diagram",
        "mc": "markup-compatibility/2006",
    }.items()
)
SPACES += (
    ' xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
    ' xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
    ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MERGED, BEGUN = "<w:vMerge/>", '<w:vMerge w:val="restart"/>'
MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def word(body: str, **parts: str) -> bytes:
    """A document with this body. `parts` are the contents of other parts by their relation (styles, numbering, header1,
    footnotes), whose root is made for them unless they bring one; their relations' ids are their names."""
    roots = {name: name.rstrip("0123456789") for name in parts}
    related = "".join(
        f'<Relationship Id="{name}" Type="{RELATIONS}/{kind}" Target="{name}.xml"/>' for name, kind in roots.items()
    )
    tags = {"header": "hdr", "footer": "ftr"}
    return files.archive(
        **{
            "[Content_Types].xml": (
                '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                f'<Override PartName="/word/document.xml" ContentType="{MAIN_TYPE}"/></Types>'
            ).encode(),
            "_rels/.rels": (
                f'<Relationships><Relationship Id="a" Type="{RELATIONS}/officeDocument" Target="word/document.xml"/>'
                "</Relationships>"
            ).encode(),
            "word/_rels/document.xml.rels": f"<Relationships>{related}</Relationships>".encode(),
            "word/document.xml": f"<w:document {SPACES}><w:body>{body}</w:body></w:document>".encode(),
            **{f"word/{name}.xml": _rooted(tags.get(kind, kind), parts[name]).encode() for name, kind in roots.items()},
        }
    )


def _rooted(tag: str, content: str) -> str:
    return content if content.startswith("<?xml") else f"<w:{tag} {SPACES}>{content}</w:{tag}>"


def p(*runs: str, properties: str = "") -> str:
    """A paragraph of runs; what isn't XML is the text of one."""
    inside = "".join(one if one.startswith("<") else run(one) for one in runs)
    return f"<w:p><w:pPr>{properties}</w:pPr>{inside}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def in_run(inside: str) -> str:
    return f"<w:r>{inside}</w:r>"


def in_list(text: str, number: int = 1, level: int = 0) -> str:
    numbered = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    return p(text, properties=numbered)


def row(*cells: str, properties: str = "") -> str:
    inside = "".join(one if one.startswith("<w:tc>") else cell(one) for one in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{inside}</w:tr>"


def cell(words: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{words if words.startswith('<') else p(words)}</w:tc>"


def table(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/>{''.join(rows)}</w:tbl>"


def read(tmp_path: Path, body: str, **parts: str) -> Extracted:
    return read_bytes(tmp_path, word(body, **parts))


def read_bytes(tmp_path: Path, content: bytes) -> Extracted:
    path = tmp_path / "stored"
    path.write_bytes(content)
    return read_word(path)


def text(tmp_path: Path, body: str, **parts: str) -> str:
    return read(tmp_path, body, **parts).text


def kinds(notes: list[Note]) -> list[tuple[str, int]]:
    return [(note.kind, note.count) for note in notes]
