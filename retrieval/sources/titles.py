"""A title for a document that nobody gave one: what its file calls itself, else its first heading, else its name."""

from __future__ import annotations

import re
from html import unescape
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from django.utils.translation import gettext as _

from retrieval.parsing.formats import FORMATS, clean
from retrieval.parsing.formats.titles import is_title

if TYPE_CHECKING:
    from retrieval.parsing.formats import Extracted

TITLE_CHARACTERS = 300
HEAD_BYTES = 100_000  # a title stands in the first of them, or is found only when the file is read
_NEAR_THE_BEGINNING = 1_000  # characters; a heading behind them names a part
_HEADED_BY_PARTS = {"xlsx", "csv", "json", "jsonl"}  # their headings are names of sheets and the like
_PART = re.compile(
    r"(table of )?contents|(front |back )?cover|title page|preface|foreword"
    r"|inhalt(sverzeichnis)?|titel(blatt|seite)?|vorwort|umschlag",
    re.IGNORECASE,
)
_CHAPTER = re.compile(r"(\w+ )?\d|abstract|introduction|summary|overview|einleitung|zusammenfassung", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_EMPHASIS = re.compile(r"(\*{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_JOINT = re.compile(r"_+|(?<!\d)-+|-+(?!\d)")  # a date keeps its dashes


def title_of(filename: str) -> str:
    """Return a file's name as people write it: without its ending, without %20; where no space divides its words, with
    spaces for what does."""
    stem = PurePath(filename).stem
    stem = clean(unquote(stem) if _ESCAPE.search(stem) else stem)
    plain = stem.replace("_", " ") if " " in stem.strip() else _JOINT.sub(" ", stem)
    return " ".join(plain.split())[:TITLE_CHARACTERS] or _("Untitled")


def title_in(head: bytes, *, filename: str) -> str:
    """Return a title until the file has been read: the first heading of a Markdown file, the <title> of an HTML page,
    else `title_of`. `head`: how it begins."""
    text = head[:HEAD_BYTES].decode("utf-8-sig", errors="replace")
    format_ = _format_of(filename)
    found = ""
    if format_ == "markdown":
        first = text.lstrip().partition("\n")[0]
        found = _plain(first[2:].strip("# ")) if first.startswith("# ") else ""
    elif format_ == "html":
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


def title_for(extracted: Extracted, *, filename: str) -> str:
    """Return the title of a document whose title nobody gave, once its file has been read."""
    own = _plain(extracted.title) if _format_of(filename) == "markdown" else extracted.title
    if is_title(own):
        return own[:TITLE_CHARACTERS]
    return _first_heading(extracted, filename)[:TITLE_CHARACTERS] or title_of(filename)


def _first_heading(extracted: Extracted, filename: str) -> str:
    """Return the first heading that names the whole: of level 1, near the beginning, and no "Contents". Those of a PDF
    are bookmarks, of which many name its first chapter or its file."""
    format_ = _format_of(filename)
    if format_ in _HEADED_BY_PARTS:
        return ""
    near = (heading for heading in extracted.headings if heading.level == 1 and heading.start < _NEAR_THE_BEGINNING)
    titles = (_plain(heading.title) if format_ == "markdown" else heading.title for heading in near)
    named = (title for title in titles if any(map(str.isalpha, title)) and not _PART.fullmatch(title))
    if format_ == "pdf":
        named = (title for title in named if is_title(title) and not _CHAPTER.match(title))
    return next(named, "")


def _format_of(filename: str) -> str:
    return FORMATS.get(PurePath(filename).suffix[1:].lower(), "")


def _plain(title: str) -> str:
    """Return a heading of Markdown without the signs of emphasis, code and links."""
    title = _LINK.sub(r"\1", title[: 2 * TITLE_CHARACTERS])
    return _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", title))
