"""PDFs written by hand: what no library writes, or writes otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieval.notes import Note
from retrieval.parsing.formats import Extracted, extract

FORM = "/FT"  # what makes an annotation a field
_FONTS = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >>"


def stream(content: bytes | str, *, entries: str = "") -> bytes:
    body = content.encode("latin-1") if isinstance(content, str) else content
    return f"<< /Length {len(body)} {entries} >>\nstream\n".encode() + body + b"\nendstream"


def raw_pdf(
    *pages: str,
    annotations: Sequence[str] = (),
    objects: Mapping[int, bytes | str] | None = None,
    catalog: str = "",
    page: str = "",
    resources: str = _FONTS,
    info: str = "",
) -> bytes:
    """A PDF of these pages' drawing commands. The annotations are on the first page, each with a number: 101, 102, ...
    `objects` are further ones, by numbers from 200; those of `annotations` that have /FT or /Kids are a form's fields.
    """
    numbers = range(101, 101 + len(annotations))
    fields = [number for number, text in zip(numbers, annotations, strict=True) if "/FT" in text and "/Up" not in text]
    kids = range(10, 10 + 2 * len(pages), 2)
    form = f"/AcroForm << /Fields [{' '.join(f'{number} 0 R' for number in fields)}] /DR << {_FONTS} >> >>"
    found: dict[int, bytes | str] = {
        1: f"<< /Type /Catalog /Pages 2 0 R {form if fields and '/AcroForm' not in catalog else ''} {catalog} >>",
        2: f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{number} 0 R' for number in kids)}] >>",
        3: f"<< {info} >>",
    }
    for number, commands in zip(kids, pages, strict=True):
        on_it = " ".join(f"{number} 0 R" for number in numbers) if number == kids[0] else ""
        found[number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R"
            f" /Resources << {resources} >> /Annots [{on_it}] {page} >>"
        )
        found[number + 1] = stream(commands)
    found |= {
        number: f"<< /Type /Annot /F 4 {text} >>".replace("/F 4", "" if "/F " in text else "/F 4").replace(
            "/Up", "/Parent"
        )
        for number, text in zip(numbers, annotations, strict=True)
    }
    return _written(found | dict(objects or {}))


def _written(objects: Mapping[int, bytes | str]) -> bytes:
    content = b"%PDF-1.7\n"
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = len(content)
        text = body if isinstance(body, bytes) else body.encode("latin-1")
        content += b"%d 0 obj\n" % number + text + b"\nendobj\n"
    table = b"".join(b"%d 1\n%010d 00000 n \n" % place for place in places.items())
    end = b"trailer << /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF" % (max(places) + 1, len(content))
    return content + b"xref\n0 1\n0000000000 65535 f \n" + table + end


def line(text: str, *, x: int = 50, y: int = 800, before: str = "", size: float = 12) -> str:
    """The commands that write a line."""
    return f"q {before} BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET Q\n"


def read(folder: Path, content: bytes) -> Extracted:
    path = folder / "raw.pdf"
    path.write_bytes(content)
    return extract(path, filename="raw.pdf", max_characters=1_000_000)


def kinds(notes: Sequence[Note]) -> dict[str, int]:
    return {note.kind: note.count for note in notes}
