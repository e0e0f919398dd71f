"""Bytes to text: by their byte order mark, as they are declared, as UTF-8, or else in the encoding that makes words."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter

from retrieval.notes import Notes

_MARKS = (  # the longer ones first: a mark of UTF-32 begins like one of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_SAMPLE = 4_096  # bytes: a multiple of four
_WIDER = {"gbk": "gb18030"}  # which holds all of it, and what it lacks
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_JAPANESE_ESCAPE = re.compile(rb"\x1b\$[@B(]")
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_DECLARATIONS = (
    re.compile(rb"^\s{0,100}<\?xml[^>]{1,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})"),
    re.compile(rb"<meta\b[^>]{0,300}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE),
    re.compile(rb"^[^\n]{0,200}\n?[^\n]{0,20}coding[:=][ \t]{0,9}([\w.-]{1,40})"),  # Python, Ruby, Emacs
    re.compile(rb"\\(?:usepackage|inputencoding)\[?([\w-]{0,20})\]?\{inputenc\}"),
)
_TEX_NAMES = {"latin1": "windows-1252", "ansinew": "windows-1252", "latin9": "iso-8859-15", "applemac": "macintosh"}


def decode(content: bytes, *, notes: Notes | None = None, declared: str = "") -> str:
    """Return the text. `declared` is the label of an encoding that is known to be meant, read as browsers read it.
    `notes` takes the name of an encoding that had to be guessed."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, errors="replace")
    if declared and (text := _decoded(content, _codec(declared))) is not None:
        return text
    if _JAPANESE_ESCAPE.search(content[:100_000]) and (text := _decoded(content, "iso2022_jp_ext")) is not None:
        return text
    if b"\0" in content[:_SAMPLE] and (name := wide_encoding(content[:_SAMPLE])):
        return _say(notes, name, content.decode(name, errors="replace"))
    text = _decoded(content, "utf-8")
    text = text if text is not None else _cut_utf_8(content)
    return text if text is not None else _guessed(content, notes)


def declared_in(content: bytes) -> str:
    """Return the label of the encoding that a page, an XML file, a source file or a TeX file names in its first
    lines; empty without one. What can be read as ASCII is not UTF-16, whatever it says."""
    head = _COMMENT.sub(b"", content[:_SAMPLE])
    for pattern in _DECLARATIONS:
        if found := pattern.search(head):
            label = found[1].decode("ascii", errors="replace").lower()
            label = _TEX_NAMES.get(label, label)
            return "utf-8" if label.startswith(("utf-16", "utf16", "ucs-2", "iso-10646-ucs")) else label
    return ""


def wide_encoding(head: bytes) -> str:
    """Return the encoding of a text whose characters take two or four bytes each, without a byte order mark; empty for
    anything else. `head`: its first bytes."""
    found = {name: _readable_share(head, name) for name in _WIDE} if b"\0" in head else {}
    best = max(found, key=lambda name: found[name], default="")
    return best if best and found[best] > 0.95 else ""


def _readable_share(head: bytes, name: str) -> float:
    """Return how much of it is text: letters of few alphabets, digits, spaces and signs."""
    width = 4 if "32" in name else 2
    try:
        text = codecs.getincrementaldecoder(name)().decode(head[: len(head) - len(head) % width])
    except UnicodeDecodeError:
        return 0.0
    if len(text) < 4:
        return 0.0
    blocks = Counter(_block(character) for character in text)
    control = blocks.pop("", 0)
    if control > len(text) // 100 or blocks["extended"] > blocks["latin"]:
        return 0.0
    common = sum(count for _block_name, count in blocks.most_common(3))
    return (common + 0.01 * blocks["latin"]) / len(text)  # a tie goes to the order of bytes that makes plain letters


def _block(character: str) -> str:
    """Return a name for the alphabet that a character is of; empty for what no text holds."""
    category = unicodedata.category(character)
    code = ord(character)
    if category in {"Cn", "Co", "Cs"} or (category == "Cc" and character not in "\t\n\r\f"):
        return ""
    if 0x10000 <= code < 0x1F000:  # alphabets of old, which binary numbers look like
        return ""
    if 0x2E80 <= code < 0xA000 or 0xF900 <= code < 0xFB00 or 0xFE30 <= code < 0xFFF0 or 0xAC00 <= code < 0xD7A4:
        return "cjk"
    if 0x100 <= code < 0x250:
        return "extended"
    return "latin" if code < 0x100 or 0x2010 <= code < 0x2070 else str(code >> 8)


def _codec(label: str) -> str:
    """Return the codec that browsers take for a label (https://encoding.spec.whatwg.org/#names-and-labels), or
    Python's for a label that they don't know; empty when nobody does."""
    import webencodings

    known = webencodings.lookup(label)
    if known is not None and known.name not in {"replacement", "x-user-defined"}:
        name = str(known.codec_info.name)
        return _WIDER.get(name, name)
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return ""
    if webencodings.lookup(found.name) is not None and found.name != label:  # Python knows more spellings: latin-1
        return _codec(found.name)
    return found.name if getattr(found, "_is_text_encoding", True) else ""


def _decoded(content: bytes, name: str) -> str | None:
    """Return the text when the bytes are in that encoding, else None. As in browsers, bytes that windows-1252 and its
    kind leave open are no fault."""
    if not name:
        return None
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        if not name.startswith("cp125"):
            return None
        return content.decode(name, errors="ignore")
    except (LookupError, UnicodeError):
        return None


def _cut_utf_8(content: bytes) -> str | None:
    """Return the text of UTF-8 that was cut within its last character, without that one; None for anything else."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return None
    return None if text.isascii() else text  # a single é at the end is no UTF-8


def _guessed(content: bytes, notes: Notes | None) -> str:
    """Return the text in the encoding that suits it best. Mostly UTF-8 is UTF-8: what isn't has come from
    elsewhere."""
    from retrieval.parsing.formats.plain.guessing import guess_encoding

    text = content.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    sound = len(_BEYOND_ASCII.findall(text)) - broken
    if sound > 4 * broken:
        return _say(notes, "utf-8 + windows-1252", _mixed(content))
    name = guess_encoding(content)
    return _say(notes, name, content.decode(name, errors="replace"))


def _mixed(content: bytes) -> str:
    """Return mostly UTF-8, with the bytes that aren't as windows-1252."""

    def one_by_one(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end

    codecs.register_error("retrieval.mixed", one_by_one)
    return content.decode("utf-8", errors="retrieval.mixed")


def _say(notes: Notes | None, name: str, text: str) -> str:
    if notes is not None:
        import webencodings

        known = webencodings.lookup(name)
        notes.add("encoding", known.name if known is not None else name)
    return text
