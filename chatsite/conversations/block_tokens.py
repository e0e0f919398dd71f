"""Blocks of Markdown as the parser's tokens: the lines they are made of, a list or a table with some of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

_PARTS = {"bullet_list_open": "list_item_open", "ordered_list_open": "list_item_open", "table_open": "tr_open"}


@dataclass(frozen=True, slots=True)
class MarkdownBlock:
    """A block, an item of a list or a row of a table: its tokens, and its lines from `start` up to `end`."""

    tokens: list[Token]
    start: int
    end: int

    @classmethod
    def of(cls, tokens: list[Token]) -> MarkdownBlock:
        start, end = tokens[0].map or (0, 0)
        return cls(tokens, start, end)

    @property
    def kind(self) -> str:
        return self.tokens[0].type

    @property
    def is_list(self) -> bool:
        return _PARTS.get(self.kind) == "list_item_open"

    @property
    def is_table(self) -> bool:
        return self.kind == "table_open"

    @property
    def is_loose(self) -> bool:
        """Return whether it is a list whose items hold paragraphs: a blank line stands somewhere between them."""
        return self.is_list and any(is_paragraph(token) and not token.hidden for token in self.tokens)

    @property
    def parts(self) -> list[MarkdownBlock]:
        """Return the items of a list, or the rows below the head of a table."""
        opening = _PARTS[self.kind]
        ends = (opening, opening.replace("_open", "_close"))
        level = 1 if self.is_list else 2
        edges = [at for at, token in enumerate(self.tokens) if token.level == level and token.type in ends]
        found = [
            MarkdownBlock.of(self.tokens[start : end + 1]) for start, end in zip(edges[::2], edges[1::2], strict=True)
        ]
        return found[1:] if self.is_table else found

    def with_parts(self, parts: Sequence[MarkdownBlock], *, is_loose: bool = False) -> list[Token]:
        """Return the tokens of this list or table with these `parts` alone; a loose list's hold paragraphs."""
        inner = [token for part in parts for token in part.tokens]
        if self.is_table:
            head = next(at for at, token in enumerate(self.tokens) if token.type == "thead_close") + 1
            body = [self.tokens[head], *inner, self.tokens[-2]] if parts else []
            return [*self.tokens[:head], *body, self.tokens[-1]]
        for token in filter(is_paragraph, inner) if is_loose else ():
            token.hidden = False
        return [self.tokens[0], *inner, self.tokens[-1]]

    def is_over(self, lines: int) -> bool:
        """Return whether nothing that follows these `lines` can belong to it, it being the last of them."""
        if self.kind in ("heading_open", "hr"):
            return self.end <= lines
        return self.end < lines and not self.is_list and self.kind != "code_block"


def is_paragraph(token: Token) -> bool:
    """Return whether `token` opens or closes a paragraph right inside an item of a list."""
    return token.level == 2 and token.type in ("paragraph_open", "paragraph_close")


def top_level(tokens: Sequence[Token]) -> Iterator[MarkdownBlock]:
    """Yield the blocks that stand in no other, in their order."""
    starts = [at for at, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0]
    for start, end in pairwise([*starts, len(tokens)]):
        yield MarkdownBlock.of(list(tokens[start:end]))
