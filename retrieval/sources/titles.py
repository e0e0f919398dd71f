"""A first title for a document: what its file says of itself, else the file's name. Staff can change it."""

from __future__ import annotations

from html import unescape
from pathlib import PurePath

from django.utils.translation import gettext as _

from retrieval.parsing.formats import clean

TITLE_CHARACTERS = 300
_HEAD_BYTES = 100_000  # a title stands in the first of them, or it is not looked for


def title_of(filename: str) -> str:
    """Return the file's name without its ending, underscores as spaces."""
    return clean(PurePath(filename).stem).replace("_", " ").strip()[:TITLE_CHARACTERS] or _("Untitled")


def title_in(head: bytes, *, filename: str) -> str:
    """Return the first heading of a Markdown file, the <title> of an HTML page, else `title_of`. `head`: how it
    begins."""
    text = head[:_HEAD_BYTES].decode("utf-8-sig", errors="replace")
    ending = PurePath(filename).suffix.lower()
    found = ""
    if ending in (".md", ".markdown"):
        first = text.lstrip().partition("\n")[0]
        found = first[2:] if first.startswith("# ") else ""
    elif ending in (".html", ".htm"):
        found = _html_title(text)
    return " ".join(clean(found).strip("# ").split())[:TITLE_CHARACTERS] or title_of(filename)


def _html_title(text: str) -> str:
    """Return the text of the <title>. No pattern looks for it: over a hostile page one can take the square of its
    length in time."""
    lower = text.lower()
    start = lower.find("<title")
    opened = lower.find(">", start)
    closed = lower.find("</title", opened)
    return unescape(text[opened + 1 : closed]) if -1 < start < opened < closed else ""
