"""Plain text and Markdown, in whatever encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from retrieval.parsing.formats.extracted import Extracted, clean, first_date
from retrieval.text.headings import Heading

_FRONT_MATTER_DATE = re.compile(r"^(?:lastmod|last_modified_at|updated|modified|date)[ \t]*[:=](.{0,80})", re.MULTILINE)
_FRONT_MATTER_LIMIT = 10_000  # characters
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})[ \t]*")
_TITLE = re.compile(r" {0,3}[^\s|>*+#`~-]")  # not a list item, a quote, a table row or code


def read_text(path: Path) -> Extracted:
    return Extracted(clean(decode(path.read_bytes())))


def read_markdown(path: Path) -> Extracted:
    text = clean(decode(path.read_bytes()))
    return Extracted(text, headings=list(_headings(text)), dated=_front_matter_date(text))


def decode(content: bytes) -> str:
    """Return the text, decoded by its byte order mark, as UTF-8, or in the encoding that its bytes suggest."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(content[:100_000]).best()
        return content.decode(best.encoding if best else "cp1252", errors="replace")


def _headings(text: str) -> Iterator[Heading]:
    """Yield lines that begin with #, and lone ones underlined with = or -, outside front matter and fenced code."""
    fence, above, before = "", "", ""
    start = len(_front_matter(text))
    for line in text[start:].split("\n"):
        stripped = line.lstrip(" ")
        marker = next((mark for mark in ("```", "~~~") if stripped.startswith(mark)), "")
        if marker and fence in ("", marker):
            fence = "" if fence else marker
        level = len(line) - len(line.lstrip("#"))
        if fence or marker:
            line_is_text = False
        elif 1 <= level <= 6 and line[level : level + 1] in (" ", "\t") and line[level:].strip(" \t#"):
            yield Heading(start, level, line[level:].strip(" \t#"))
            line_is_text = False
        else:
            line_is_text = True
            if _UNDERLINE.fullmatch(line) and _TITLE.match(before) and not above.strip():
                yield Heading(start - len(before) - 1, 1 if line[0] == "=" else 2, before.strip())
        above, before = before, line if line_is_text else "```"
        start += len(line) + 1


def _front_matter(text: str) -> str:
    """Return the lines between --- (YAML) or +++ (TOML) at the very beginning; empty without them."""
    fence = text[:4]
    if fence not in ("---\n", "+++\n"):
        return ""
    end = text.find(f"\n{fence}", 3, _FRONT_MATTER_LIMIT)
    return text[: end + 5] if end > 0 else ""


def _front_matter_date(text: str) -> str:
    return first_date(_FRONT_MATTER_DATE.findall(_front_matter(text)))
