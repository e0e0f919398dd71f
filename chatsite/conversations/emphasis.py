"""Bold and italic that end beside Chinese, Japanese and Korean: `**注意：**请`.

CommonMark sees no end of bold there, for a punctuation mark stands before the stars and a letter behind them, which in
languages without spaces is how every sentence goes on. Where one neighbour is CJK, or the mark is a CJK one, the stars
count as they do beside a space: https://github.com/tats-u/markdown-cjk-friendly/blob/main/specification.md
"""

from __future__ import annotations

from unicodedata import category, east_asian_width

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token


def enable(parser: MarkdownIt) -> None:
    """Let `parser` read emphasis so. Rules that it has are kept, and more may be added."""
    inline = _Inline()
    inline.ruler, inline.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = inline


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: object, tokens: list[Token]) -> list[Token]:
        """Append the tokens inside `src` to `tokens`, and return them: the inherited way, with a state of ours."""
        state = _State(src, md, env, tokens)  # type: ignore[arg-type]
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803 (the names are markdown-it's)
        """Return whether the run of stars, underscores or tildes at `start` can open or close, and its length."""
        marker, end = self.src[start], start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before = self.src[start - 1] if start else " "
        behind = self.src[end] if end < self.posMax else " "
        left, right = _faces(behind, before), _faces(before, behind)
        can_open = left and (canSplitWord or not right or _is_mark(before))
        can_close = right and (canSplitWord or not left or _is_mark(behind))
        return Scanned(can_open, can_close, end - start)


def _faces(inner: str, outer: str) -> bool:
    """Return whether stars between these characters belong to the `inner` one ("flanking" in CommonMark's words)."""
    if isWhiteSpace(ord(inner)):
        return False
    if not _is_mark(inner) or _is_cjk(inner):
        return True
    return isWhiteSpace(ord(outer)) or _is_mark(outer) or _is_cjk(outer)


def _is_mark(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _is_cjk(character: str) -> bool:
    """Return whether `character` is one of Chinese, Japanese or Korean: as wide as those, and no emoji."""
    return character > "\u10ff" and east_asian_width(character) in "WFH" and category(character) != "So"
