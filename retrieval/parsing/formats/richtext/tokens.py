"""RTF as a row of tokens, and the encodings it names (Rich Text Format Specification 1.9.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|(?P<ends>[\r\n\0]+)|(?P<text>[^\\{}\r\n\0]+)|(?P<rest>.)",
    re.DOTALL,
)
_CHARSETS = {
    2: "symbol",
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
    255: "cp437", 254: "cp437",
}  # fmt: skip
_PAGES = {10000: "mac_roman", 10006: "mac_greek", 10007: "mac_cyrillic", 10029: "mac_latin2", 65001: "utf-8"}


class Token(NamedTuple):
    """`kind` is word (a control word), sign (a control symbol), hex (a byte), text, { or }."""

    kind: str
    text: str
    number: int | None = None


def tokens(content: bytes) -> Iterator[Token]:
    """Yield the tokens; what \\bin announces as binary is passed over."""
    at = 0
    while found := _TOKEN.match(content, at):
        at = found.end()
        kind = found.lastgroup
        if found["word"] is not None:
            word, number = found["word"].decode(), found["number"]
            if word == "bin":
                at += max(0, int(number or 0))
            else:
                yield Token("word", word, int(number) if number is not None else None)
        elif kind == "brace":
            yield Token(found["brace"].decode(), "")
        elif kind in ("hex", "sign", "text"):
            yield Token(kind, found[kind].decode("latin-1"))


def charset_encoding(number: int) -> str:
    """Return the encoding of a font's character set; empty for the document's own."""
    return _CHARSETS.get(number, "")


def page_encoding(number: int) -> str:
    """Return the encoding of a code page; windows-1252 for one that Python doesn't know."""
    import codecs

    name = _PAGES.get(number, f"cp{number}")
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name


def decoded(content: bytes, encoding: str) -> str:
    """Return the text of these bytes; what they don't hold is left out, as Word does it."""
    if encoding == "symbol":
        return "".join(chr(0xF000 + byte) for byte in content)
    return content.decode(encoding, errors="ignore" if encoding == "utf-8" else "replace").replace("\ufffd", "")
