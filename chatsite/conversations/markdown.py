"""An answer's Markdown as safe HTML, its markers as links."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore, normalize, text_join
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from chatsite.answering.sight import CitationView
from chatsite.conversations import emphasis, formulas
from chatsite.conversations.uncited import mark_uncited


@dataclass(slots=True)
class MarkdownReading:
    """What is known beside the text while an answer is read: its citations in the order of their markers, how many of
    the markers have been rendered, and the link definitions that were met (in markdown-it's form). With
    `marks_uncited`, sentences that no citation supports are marked.
    """

    citations: Sequence[CitationView] = ()
    rendered: int = 0
    references: MutableMapping[str, Any] = field(default_factory=dict)
    marks_uncited: bool = False


def answer_html(text: str, citations: Sequence[CitationView], *, marks_uncited: bool = False) -> SafeString:
    """Return an answer's Markdown as HTML that is safe to show: no raw HTML, no images, no scripts, http(s) links only.

    `citations` are in the order of the markers in `text`, as they were recorded.
    """
    reading = MarkdownReading(citations, marks_uncited=marks_uncited)
    return blocks_html(blocks(text, reading.references), reading)


def blocks(text: str, references: MutableMapping[str, Any]) -> list[Token]:
    """Return the blocks of `text` as tokens, what stands in them not parsed yet; add its link definitions."""
    state = StateCore(text, _markdown, {"references": references})
    normalize(state)
    _markdown.block.parse(state.src, _markdown, state.env, state.tokens)
    return state.tokens


def blocks_html(tokens: list[Token], reading: MarkdownReading) -> SafeString:
    """Return whole blocks as safe HTML; their markers are the next ones of `reading`."""
    env: dict[str, Any] = {"references": reading.references, "reading": reading}
    for before, token in pairwise([Token("", "", 0), *tokens]):
        if token.type == "inline":
            env["in_cell"] = before.type in ("td_open", "th_open")
            token.children = _markdown.inline.parse(token.content, _markdown, env, [])
    text_join(StateCore("", _markdown, env, tokens))
    if reading.marks_uncited:
        mark_uncited(tokens)
    html = _markdown.renderer.render(tokens, _markdown.options, env)
    return mark_safe(_cleaner.clean(html))  # noqa: S308 (nh3 has cleaned it)  # nosec


def citation_html(citation: CitationView) -> SafeString:
    """Return the chip that stands for `citation`: a link to its quote, or its number alone where there is none."""
    if citation.gone or citation.looked_up or not citation.url:
        return format_html(
            '<span class="citation" title="{}" data-marker="{}" tabindex="0">{}</span>',
            citation.quote or citation.name,
            citation.marker,
            citation.marker,
        )
    return format_html(
        '<a class="citation" href="{}" data-citation data-marker="{}" title="{}" aria-label="{}">{}</a>',
        citation.url,
        citation.marker,
        citation.quote,
        _("Citation %(marker)s: %(title)s") % {"marker": citation.marker, "title": citation.name},
        citation.marker,
    )


_ATTRIBUTES = formulas.ELEMENTS | {
    "a": {"href", "class", "title", "data-citation", "data-marker", "aria-label"},
    "span": {"class", "title", "data-marker", "data-tex", "tabindex"},
    "ol": {"start"},
}
_TAGS = set(formulas.ELEMENTS) | set(
    "p br hr strong em s code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 table thead tbody tr th td a span".split()
)
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)
_LINE_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)


def _marker_rule(state: StateInline, silent: bool) -> bool:
    """Read `[2]`, outside of code, where the Markdown parser has found no link in it."""
    close = state.src.find("]", state.pos, state.pos + 5)
    number = state.src[state.pos + 1 : close]
    if state.src[state.pos] != "[" or close < 0 or not number.isdecimal():
        return False
    if not silent:
        state.push("citation", "", 0).content = number
    state.pos = close + 1
    return True


def _render_citation(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    marker, reading = tokens[index].content, env["reading"]
    citation = reading.citations[reading.rendered] if reading.rendered < len(reading.citations) else None
    reading.rendered += 1
    if citation is None or str(citation.marker) != marker:
        return f"[{marker}]"
    return citation_html(citation)


def _render_link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Open a link that the model has written: it has a mark, and leads nowhere on this site."""
    token = tokens[index]
    address = str(token.attrs.pop("href", ""))
    token.attrs |= {"class": "foreign"} | ({"href": address} if _host(address) else {})
    return renderer.renderToken(tokens, index, options, env)


def _render_link_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Close it, and say where it leads, unless its words do."""
    opened = next(at for at in range(index, -1, -1) if tokens[at].type == "link_open")  # links hold no links
    host = _host(str(tokens[opened].attrs.get("href", "")))
    told = format_html('<span class="host"> ({})</span>', host) if host and tokens[opened].markup != "autolink" else ""
    return f"</a>{told}"


def _host(address: str) -> str:
    """Return the host that an address leads to, or whom it writes to; empty for one of this site."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme == "mailto":
        return parts.path[:200]
    return parts.hostname or "" if parts.scheme in {"http", "https"} else ""


def _line_break_rule(state: StateInline, silent: bool) -> bool:
    """Read `<br>` in a cell of a table, which can hold a second line in no other way."""
    found = _LINE_BREAK.match(state.src, state.pos) if state.env["in_cell"] else None
    if found is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    emphasis.enable(parser)
    formulas.enable(parser)
    parser.inline.ruler.before("link", "citation", _marker_rule)
    parser.inline.ruler.before("autolink", "line_break", _line_break_rule)
    parser.add_render_rule("citation", _render_citation)
    parser.add_render_rule("link_open", _render_link_open)
    parser.add_render_rule("link_close", _render_link_close)
    return parser


_markdown = _parser()
