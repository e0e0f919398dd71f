"""RTF as Outlook packs it ([MS-OXRTFCP])."""

from __future__ import annotations

import struct

_BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_SIZE = 4096  # of the window, of which `_BEGINNING` fills the first 207 bytes
_LIMIT = 50 * 1024**2


def unpacked_rtf(content: bytes) -> bytes:
    """Return the RTF; empty when it isn't packed in a known way. A broken end is left out."""
    if len(content) < 16:
        return b""
    _packed, size, kind, _check = struct.unpack_from("<II4sI", content)
    if kind == b"MELA":  # not packed
        return content[16 : 16 + size]
    return _unpacked(content, min(size, _LIMIT)) if kind == b"LZFu" else b""


def _unpacked(content: bytes, size: int) -> bytes:
    window = bytearray(_BEGINNING.ljust(_SIZE, b"\0"))
    place, at, shown = len(_BEGINNING), 16, bytearray()
    while at < len(content) and len(shown) < size:
        flags, at = content[at], at + 1
        for bit in range(8):
            if at >= len(content):
                break
            if not flags >> bit & 1:
                part, at = content[at : at + 1], at + 1
            elif at + 1 >= len(content):
                return bytes(shown)
            else:
                offset, length = divmod(content[at] << 8 | content[at + 1], 16)
                at += 2
                if offset == place:
                    return bytes(shown[:size])
                part = b""
                for step in range(length + 2):
                    letter = window[(offset + step) % _SIZE]
                    window[(place + step) % _SIZE] = letter
                    part += bytes((letter,))
            for letter in part:
                window[place] = letter
                place = (place + 1) % _SIZE
            shown += part
    return bytes(shown[:size])
