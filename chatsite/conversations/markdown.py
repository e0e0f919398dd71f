"""An answer's Markdown as safe HTML, its markers as links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from chatsite.answering.sight import CitationView
from chatsite.conversations import formulas


def answer_html(text: str, citations: Sequence[CitationView]) -> SafeString:
    """An answer's Markdown as HTML that is safe to show: no raw HTML, no images, no scripts, http(s) links only.

    `citations` are in the order of the markers in `text`, as they were recorded.
    """
    html = _markdown.render(text, {"citations": iter(citations)})
    return mark_safe(  # noqa: S308 (nh3 has cleaned it)
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )


_ATTRIBUTES = formulas.ELEMENTS | {
    "a": {"href", "class", "title", "data-citation", "data-marker", "aria-label"},
    "span": {"class", "title", "data-marker", "data-tex", "tabindex"},
    "ol": {"start"},
}
_TAGS = set(formulas.ELEMENTS) | set(
    "p br hr strong em del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 table thead tbody tr th td a span sup".split()
)


def _marker_rule(state: StateInline, silent: bool) -> bool:
    """`[2]`, outside of code, where the Markdown parser has found no link in it."""
    close = state.src.find("]", state.pos, state.pos + 5)
    number = state.src[state.pos + 1 : close]
    if state.src[state.pos] != "[" or close < 0 or not number.isdecimal():
        return False
    if not silent:
        state.push("citation", "", 0).content = number
    state.pos = close + 1
    return True


def _render_citation(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    marker = tokens[index].content
    citation: CitationView | None = next(env["citations"], None)
    if citation is None or str(citation.marker) != marker:
        return f"[{marker}]"
    if citation.gone or not citation.url:
        return format_html(
            '<span class="citation" title="{}" data-marker="{}" tabindex="0">{}</span>',
            citation.quote or citation.title,
            marker,
            marker,
        )
    return format_html(
        '<a class="citation" href="{}" data-citation data-marker="{}" title="{}" aria-label="{}">{}</a>',
        citation.url,
        marker,
        citation.quote,
        _("Citation %(marker)s: %(title)s") % {"marker": marker, "title": citation.title},
        marker,
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    formulas.enable(parser)
    parser.inline.ruler.before("link", "citation", _marker_rule)
    parser.add_render_rule("citation", _render_citation)
    return parser


_markdown = _parser()
