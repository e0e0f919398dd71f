"""What lists show of a passage: its first words, or the sentence that the words are about."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARKS = re.compile(r"^ {0,3}#{1,6}[ \t]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a passage that was found and is not cited, or the sentence of one that the words are about."""

    title: str
    page_label: str
    section: str
    excerpt: str
    url: str
    beside: str = ""


def excerpt_of(text: str) -> str:
    """Return `text` in one line, without what marks Markdown's headings."""
    return " ".join(_MARKS.sub("", text).split())
