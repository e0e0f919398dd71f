"""Compound files, and workbooks of Excel 95 in them, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SECTOR = 512
_SHORTEST = 4096  # what is shorter would stand in the mini stream
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def container(streams: Mapping[str, bytes | Mapping[str, bytes]]) -> bytes:
    """A compound file of these streams, and of storages with streams. Short ones are filled up with zeros."""
    entries: list[tuple[str, int, int, int, bytes]] = []  # name, kind, right neighbour, child, content

    def add(inner: Mapping[str, bytes | Mapping[str, bytes]]) -> int:
        first = before = _FREE
        for name, content in inner.items():
            number = len(entries)
            entries.append((name, 1 if isinstance(content, Mapping) else 2, _FREE, _FREE, b""))
            if isinstance(content, Mapping):
                entries[number] = (name, 1, _FREE, add(content), b"")
            else:
                entries[number] = (name, 2, _FREE, _FREE, content.ljust(_SHORTEST, b"\0"))
            if before == _FREE:
                first = number
            else:
                known = entries[before]
                entries[before] = (known[0], known[1], number, known[3], known[4])
            before = number
        return first

    entries.append(("Root Entry", 5, _FREE, _FREE, b""))
    entries[0] = ("Root Entry", 5, _FREE, add(streams), b"")
    return _written(entries)


def _written(entries: Sequence[tuple[str, int, int, int, bytes]]) -> bytes:
    chains, sectors, directory = [_TABLE], [b""], b""
    for name, kind, right, child, content in entries:
        start = len(sectors) if content else _END
        parts = [content[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(content), SECTOR)]
        chains += [*range(len(sectors) + 1, len(sectors) + len(parts)), _END] if parts else []
        sectors += parts
        encoded = name.encode("utf-16-le") + b"\0\0"
        directory += struct.pack(
            "<64sHBBIII16sIQQIQ", encoded, len(encoded), kind, 1, _FREE, right, child, b"", 0, 0, 0, start, len(content)
        )
    place = len(sectors)
    parts = [directory[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(directory), SECTOR)]
    chains += [*range(place + 1, place + len(parts)), _END]
    sectors += parts
    assert len(chains) <= SECTOR // 4
    sectors[0] = struct.pack(f"<{len(chains)}I", *chains).ljust(SECTOR, b"\xff")
    head = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        1,
        place,
        0,
        0,
        _END,
        0,
        _END,
        0,
        0,
    )
    return head + b"\xff" * (SECTOR - len(head)) + b"".join(sectors)


def old_workbook(
    rows: Sequence[Sequence[tuple[object, int] | None]],
    *,
    codes: Sequence[str],
    extra: bytes = b"",
    hidden: bool = False,
) -> bytes:
    """A sheet of Excel 95 with these cells: a text or number, and which of the codes shows it."""
    formats = b"".join(
        record(0x41E, struct.pack("<HB", 164 + at, len(code)) + code.encode("cp1252")) for at, code in enumerate(codes)
    )
    font = record(0x31, struct.pack("<HHHHHBBBB", 200, 0, 0, 400, 0, 0, 0, 0, 0) + b"\x05Arial")
    styles = b"".join(record(0xE0, struct.pack("<HHH", 0, 164 + at, 0) + bytes(10)) for at in range(len(codes)))
    begin = (
        record(0x809, struct.pack("<HHHH", 0x500, 5, 0, 0))
        + record(0x42, struct.pack("<H", 1252))
        + font
        + formats
        + styles
    )
    sheet = record(0x85, struct.pack("<IHB", 0, int(hidden), 4) + b"Plan")
    at = len(begin) + len(sheet) + 4
    sheet = record(0x85, struct.pack("<IHB", at, int(hidden), 4) + b"Plan")
    cells = b"".join(
        cell(row, column, *value) for row, line in enumerate(rows) for column, value in enumerate(line) if value
    )
    body = record(0x809, struct.pack("<HHHH", 0x500, 0x10, 0, 0)) + cells + extra + record(0x0A, b"")
    return begin + sheet + record(0x0A, b"") + body


def cell(row: int, column: int, value: object, style: int) -> bytes:
    place = struct.pack("<HHH", row, column, style)
    if isinstance(value, str):
        text = value.encode("cp1252")
        return record(0x204, place + struct.pack("<H", len(text)) + text)
    assert isinstance(value, int | float)
    return record(0x203, place + struct.pack("<d", value))


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content
