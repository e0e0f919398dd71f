"""Files of the Office programs before 2007, and mails of Outlook."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats.older.lzfu import unpacked_rtf
from tests.retrieval import files
from tests.retrieval.parsing.formats.older.containers import container, old_workbook, record
from tests.retrieval.parsing.test_parsers import read

CODES = ["General", "00000", "[h]:mm", "dd.mm.yyyy", '#,##0.00" EUR"']


def test_numbers_of_an_old_workbook_are_shown_by_their_formats(tmp_path: Path) -> None:
    row = [("Öl", 0), (1, 1), (1.25, 2), (45443, 3), (1234.5, 4)]
    content = container({"Book": old_workbook([row], codes=CODES).ljust(5_000, b"\0")})
    extracted = read(tmp_path, "a.xls", content)
    assert extracted.text == "Plan\n\n| Öl | 00001 | 30:00 | 2024-05-31 | 1,234.50 EUR |"
    assert [heading.title for heading in extracted.headings] == ["Plan"]


def test_what_an_old_workbook_hides_is_read_and_noted(tmp_path: Path) -> None:
    hidden_row = record(0x208, struct.pack("<HHHHHHHH", 1, 0, 2, 255, 0, 0, 0x20, 15))
    hidden_column = record(0x7D, struct.pack("<HHHHHH", 1, 1, 2000, 0, 1, 0))
    rows = [[("a", 0), ("b", 0)], [("c", 0), ("d", 0)]]
    book = old_workbook(rows, codes=CODES, extra=hidden_row + hidden_column, hidden=True)
    extracted = read(tmp_path, "a.xls", container({"Book": book}))
    assert extracted.text == "Plan\n\n| a | b |\n| c | d |"
    assert extracted.notes == [Note("hidden_cells", 3, ("Plan", "Plan!2:2", "Plan!B:B"))]


def test_workbook_named_for_another_age_is_read(tmp_path: Path) -> None:
    old = container({"Book": old_workbook([[("a", 0), ("b", 0)]], codes=CODES)})
    new = files.workbook({"Plan": [["a", "b"]]})
    assert read(tmp_path, "a.xlsx", old).text == read(tmp_path, "a.xls", new).text == "Plan\n\n| a | b |"


@pytest.mark.parametrize(
    ("filename", "streams", "reason"),
    [
        ("a.doc", {"WordDocument": b"x"}, "It is an old Word document (.doc): save it as .docx."),
        ("a.dot", {"WordDocument": b"x"}, "It is an old Word document (.dot): save it as .docx."),
        ("a.ppt", {"PowerPoint Document": b"x"}, "It is an old PowerPoint presentation (.ppt): save it as .pptx."),
        ("a.pps", {"PowerPoint Document": b"x"}, "It is an old PowerPoint presentation (.pps): save it as .ppsx."),
        ("a.xls", {"WordDocument": b"x"}, "It is named .xls, but its content is an old Word document."),
        ("a.xls", {"EncryptedPackage": b"x"}, "It is protected by a password: save it without one."),
        ("a.xlsx", {"EncryptedPackage": b"x"}, "It is protected by a password: save it without one."),
        ("a.msg", {"Workbook": b"x"}, "It is named .msg, but its content is an old Excel workbook."),
        ("a.xls", {"Workbook": b"x" * 999}, "The file is broken: it can't be read as a .xls."),
        ("a.xls", {"Other": b"x"}, "It is named .xls, but its content is an old Office file."),
    ],
)
def test_old_file_that_can_not_be_read_says_why(
    tmp_path: Path, filename: str, streams: dict[str, bytes], reason: str
) -> None:
    with pytest.raises(ParsingError) as caught:
        read(tmp_path, filename, container(streams))
    assert str(caught.value) == reason


def test_broken_binary_workbook_is_refused(tmp_path: Path) -> None:
    kind = b"application/vnd.ms-excel.sheet.binary.macroEnabled.main"
    types = b'<Types><Override PartName="/xl/workbook.bin" ContentType="%s"/></Types>' % kind
    content = files.archive(**{"[Content_Types].xml": types, "xl/workbook.bin": b"\x83\x01\x00"})
    with pytest.raises(ParsingError, match=r"it can't be read as a \.xlsb"):
        read(tmp_path, "a.xlsb", content)


# ---- mails of Outlook ------------------------------------------------------------------------------------------------


def text(number: str, value: str) -> dict[str, bytes]:
    return {f"__substg1.0_{number}001F": value.encode("utf-16-le")}


def message(**streams: bytes | dict[str, bytes]) -> bytes:
    moment = int((datetime(2024, 5, 31, 12, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
    fixed = bytes(32) + struct.pack("<HHIQ", 0x40, 0x39, 6, moment) + struct.pack("<HHIQ", 3, 0x3FFD, 6, 1251)
    head = text("0037", "Kessel") | text("0C1A", "Ann") | text("5D01", "ann@x.de") | text("0E04", "Bob; Eve")
    return container({"__properties_version1.0": fixed} | head | streams)


def test_message_has_a_head_a_text_and_names_of_attachments(tmp_path: Path) -> None:
    attached = text("3707", "Bericht.pdf") | {"__substg1.0_37010102": b"%PDF-"}
    content = message(**text("1000", "Der Kessel.\r\nAm Montag."), **{"__attach_version1.0_#00000000": attached})
    extracted = read(tmp_path, "a.msg", content)
    assert extracted.text == (
        "Kessel\n\nFrom: Ann <ann@x.de>\nTo: Bob; Eve\nDate: 2024-05-31 12:00 UTC\n\nDer Kessel.\nAm Montag.\n\n"
        "Attachments: Bericht.pdf"
    )
    assert extracted.dated == "2024-05-31"
    assert extracted.notes == [Note("attachments", 1, ("Bericht.pdf",))]


@pytest.mark.parametrize(
    ("stream", "content", "body"),
    [
        ("__substg1.0_1000001E", "Котёл".encode("cp1251"), "Котёл"),
        ("__substg1.0_10130102", b"<p>From <b>HTML</b></p>", "From HTML"),
        ("__substg1.0_10090102", struct.pack("<II4sI", 99, 21, b"MELA", 0) + rb"{\rtf1\ansi From RTF}", "From RTF"),
    ],
)
def test_text_of_a_message_stands_in_one_of_many_places(tmp_path: Path, stream: str, content: bytes, body: str) -> None:
    assert read(tmp_path, "a.msg", message(**{stream: content})).text.endswith(f"12:00 UTC\n\n{body}")


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        ("__substg1.0_10130102", b"<p>Shown <b style='display:none'>hidden</b></p>"),
        ("__substg1.0_10090102", struct.pack("<II4sI", 99, 36, b"MELA", 0) + rb"{\rtf1\ansi Shown{\v hidden}}"),
    ],
)
def test_what_the_text_of_a_message_leaves_out_is_noted(tmp_path: Path, stream: str, content: bytes) -> None:
    extracted = read(tmp_path, "a.msg", message(**{stream: content}))
    assert (extracted.text.split("\n\n")[-1], extracted.notes) == ("Shown", [Note("hidden_text", 1)])


def test_packed_rtf_is_unpacked() -> None:
    """The example of [MS-OXRTFCP], 4.1."""
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af3 2068656c090020627705b06c647d0a800fa0"
    )
    assert unpacked_rtf(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpacked_rtf(packed[:20] + b"\xff" * 40) is not None
