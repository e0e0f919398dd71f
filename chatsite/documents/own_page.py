"""The page that a row of the site has of its own, opened at a quote.

The browser finds the words: https://wicg.github.io/scroll-to-text-fragment/
"""

from __future__ import annotations

import re
from urllib.parse import quote

from retrieval.models import Document
from retrieval.texts import document_text

_WORDS = 4  # at either end of a quote, which tell where it stands
_READ = 5_000  # characters of a quote
_MARKUP = re.compile(r"[*_`#>|\[\]]+|\(https?://\S*?\)|<[^<>]*>")


def own_page(document: Document, *, start: int, end: int) -> str:
    """Return the address of the row's own page, at the words of these characters; empty where it has no page."""
    if not document.address:
        return ""
    text = document_text(document, start=start, end=min(end, start + _READ))
    words = _MARKUP.sub(" ", text).split()
    if not words:
        return document.address
    ends = [words] if len(words) <= 2 * _WORDS else [words[:_WORDS], words[-_WORDS:]]
    place = ",".join(quote(" ".join(some), safe="").replace("-", "%2D") for some in ends)
    return f"{document.address.partition('#')[0]}#:~:text={place}"
