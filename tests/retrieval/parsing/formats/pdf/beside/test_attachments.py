import time
import zlib
from pathlib import Path

import pytest

from retrieval.text.headings import Heading
from tests.retrieval.parsing.formats.pdf.beside.raw import line, raw_pdf, read, stream

PAGE = line("See the attached list.")


def file(name: str, content: bytes | str) -> dict[int, bytes | str]:
    return {
        200: f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F 201 0 R /UF 201 0 R >> >>",
        201: stream(content, entries="/Type /EmbeddedFile"),
    }


TREE = "/Names << /EmbeddedFiles << /Names [(a) 200 0 R] >> >>"
ON_PAGE = "/Subtype /FileAttachment /Rect [50 700 60 710] /FS 200 0 R /Contents (The list)"


@pytest.mark.parametrize(("catalog", "annotations"), [(TREE, []), ("", [ON_PAGE]), (TREE, [ON_PAGE])])
def test_attached_text_is_read_once_under_its_name(tmp_path: Path, catalog: str, annotations: list[str]) -> None:
    content = raw_pdf(PAGE, catalog=catalog, annotations=annotations, objects=file("list.txt", "Yard 4: crane"))
    extracted = read(tmp_path, content)
    assert extracted.text == "See the attached list.\n\nlist.txt\n\nYard 4: crane\n\n"
    assert (extracted.headings, extracted.notes) == ([Heading(24, 1, "list.txt")], [])


@pytest.mark.parametrize(("catalog", "annotations"), [(TREE, []), ("", [ON_PAGE]), (TREE, [ON_PAGE])])
def test_other_attached_file_is_named(tmp_path: Path, catalog: str, annotations: list[str]) -> None:
    content = raw_pdf(PAGE, catalog=catalog, annotations=annotations, objects=file("plan.dwg", b"AC10\0\0"))
    extracted = read(tmp_path, content)
    assert [(note.kind, note.count, note.names) for note in extracted.notes] == [("attachments", 1, ("plan.dwg",))]


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b"\0\1\2binary"), ("a.txt", b""), ("big.txt", b"x " * 200_000)]
)
def test_attached_text_that_is_none_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    extracted = read(tmp_path, raw_pdf(PAGE, catalog=TREE, objects=file(name, content)))
    assert (extracted.text.strip(), extracted.notes[0].names) == ("See the attached list.", (name,))


def test_attached_table_is_read(tmp_path: Path) -> None:
    extracted = read(tmp_path, raw_pdf(PAGE, catalog=TREE, objects=file("list.csv", "Yard,Crane\n4,yes\n5,no\n")))
    assert "| 4 | yes |" in extracted.text


def test_settings_of_a_printer_are_no_attachment(tmp_path: Path) -> None:
    extracted = read(tmp_path, raw_pdf(PAGE, catalog=TREE, objects=file("Press Quality.joboptions", "<< >>")))
    assert extracted.notes == []


def test_attached_files_that_unpack_without_end_are_named(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(100 * 1024**2), 9)
    files = {number: f"<< /Type /Filespec /F (f{number}.txt) /EF << /F 200 0 R >> >>" for number in range(300, 600)}
    tree = " ".join(f"(f{number}) {number} 0 R" for number in files)
    content = raw_pdf(
        PAGE,
        catalog=f"/Names << /EmbeddedFiles << /Names [{tree}] >> >>",
        objects={200: stream(packed, entries="/Filter /FlateDecode"), **files},
    )
    begun = time.process_time()
    extracted = read(tmp_path, content)
    assert time.process_time() - begun < 10
    assert [(note.kind, note.count) for note in extracted.notes] == [("attachments", 300)]
