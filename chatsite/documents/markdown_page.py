"""Markdown as the reader shows it: headings, lists, tables and code, with the marked characters of its source marked.

All text stands in elements that know their place in the source, so that what is selected has one as well.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from html import escape

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it.token import Token

from chatsite.documents.markdown_source import MarkdownSource, SourceRun, opening
from chatsite.documents.text import Marks, Part, cut

MOST = 150_000  # characters that are shown so at once, of a long quote
_LINKED = ("http://", "https://", "mailto:")
_TAGS = set(
    "p br hr strong em s code pre blockquote ul ol li h2 h3 h4 h5 h6 div table thead tbody tr th td a span mark".split()
)
_RUN_ATTRIBUTES = {"class", "data-start", "data-end", "id", "data-place", "tabindex"}
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={
        "span": _RUN_ATTRIBUTES,
        "mark": {"class", "id", "data-quote", "tabindex"},
        "div": {"class"},
        "a": {"href"},
        "ol": {"start"},
    },
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)


def markdown_page(text: str, *, offset: int, marks: Marks, keeps_lines: bool = False, before: str = "") -> SafeString:
    """Return Markdown, which stands at `offset` of a document behind the text `before`, as safe HTML: no raw HTML,
    http(s) links only, and no pictures: what describes them stands for them, for the site keeps the text alone, and
    asks no other. With `keeps_lines` a line's end is one in what is shown, too."""
    opened = opening(text, before=before)
    page = _MarkdownPage(offset, len(opened), marks, "<br>" if keeps_lines else "\n")
    page.write(MarkdownSource(opened + text))
    return mark_safe(_cleaner.clean("".join(page.written)))  # noqa: S308 (nh3 has cleaned it)  # nosec


class _MarkdownPage:
    """HTML while it is written, of a text that stands at `offset`, but for the `opened` characters in front."""

    def __init__(self, offset: int, opened: int, marks: Marks, line_end: str) -> None:
        self.written: list[str] = []
        self._offset = offset - opened
        self._first = offset
        self._marks = marks
        self._line_end = line_end
        self._found_starts = [start for start, _ in marks.found]
        self._found_ends = [end for _, end in marks.found]
        self._has_quote = False
        self._waits_for_place = 0 < marks.start >= marks.end
        self._links: list[bool] = []

    def write(self, source: MarkdownSource) -> None:
        in_cell = False
        for token in source.blocks:
            if token.type in ("th_open", "td_open", "th_close", "td_close"):
                in_cell = token.nesting > 0
            if token.type == "inline":
                for child, run in source.inline(token, in_cell=in_cell):
                    self._inline(child, run)
            elif token.type in ("fence", "code_block"):
                self.written.append("<pre><code>")
                for line in source.code(token):
                    self._run(line)
                self.written.append("</code></pre>")
            else:
                self._block(token)

    def _block(self, token: Token) -> None:
        if token.hidden or token.tag not in _TAGS | {"h1"}:
            return
        tag = f"h{min(int(token.tag[1]) + 1, 6)}" if token.tag[0] == "h" and token.tag != "hr" else token.tag
        start = token.attrGet("start") if tag == "ol" else None
        if tag == "table" and token.nesting > 0:
            self.written.append('<div class="wide">')
        self.written.append(f"</{tag}>" if token.nesting < 0 else f'<ol start="{start}">' if start else f"<{tag}>")
        if tag == "table" and token.nesting < 0:
            self.written.append("</div>")

    def _inline(self, token: Token, run: SourceRun | None) -> None:
        if token.type == "link_open":
            href = str(token.attrGet("href") or "")
            self._links.append(href.startswith(_LINKED))
            self.written.append(f'<a href="{escape(href)}">' if self._links[-1] else "")
        elif token.type == "link_close":
            self.written.append("</a>" if self._links and self._links.pop() else "")
        elif token.type == "hardbreak":
            self.written.append("<br>")
        elif token.type == "softbreak":
            self.written.append(self._line_end)
        elif run:
            tag = {"code_inline": ("<code>", "</code>"), "image": ('<span class="picture">', "</span>")}
            opened, closed = tag.get(token.type, ("", ""))
            self.written.append(opened)
            self._run(run)
            self.written.append(closed)
        elif token.tag in ("strong", "em", "s"):
            self.written.append(f"<{'/' if token.nesting < 0 else ''}{token.tag}>")

    def _run(self, run: SourceRun) -> None:
        start, end = run.start + self._offset, run.end + self._offset
        if start < self._first:  # it stands elsewhere
            self.written.append(escape(run.text, quote=False))
            return
        place = ""
        if self._waits_for_place and end > self._marks.start:
            self._waits_for_place, place = False, ' id="place" data-place tabindex="-1"'
        whole = "" if run.is_exact else f' data-end="{end}"'
        self.written.append(f'<span class="said" data-start="{start}"{whole}{place}>')
        self.written += map(self._part, self._parts(run, start, end))
        self.written.append("</span>")

    def _parts(self, run: SourceRun, start: int, end: int) -> list[Part]:
        """Return what is marked of a run, and what is not. One that is written in another way is marked as a whole."""
        marks = self._marks
        near = marks.found[bisect_right(self._found_ends, start) : bisect_left(self._found_starts, end)]
        if run.is_exact:
            return list(cut(run.text, start, replace(marks, found=near)))
        quoted = marks.start < end and start < marks.end
        return [Part(run.text, quoted=quoted, found=bool(near))]

    def _part(self, part: Part) -> str:
        text = escape(part.text, quote=False)
        if part.quoted:
            first = "" if self._has_quote else ' id="quote" data-quote tabindex="-1"'
            self._has_quote = True
            return f"<mark{first}>{text}</mark>"
        return f'<mark class="found">{text}</mark>' if part.found else text
