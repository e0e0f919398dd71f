"""Markdown, parsed so that of all it says the place in its source is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore, normalize
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

AT, UNTIL = "at", "until"  # in a token's meta: from which to which character of its inline text it was read
_HEADING_MARK = re.compile(r"#{1,6}[ \t]+")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_COLUMNS = re.compile(r"[ \t]{0,3}\|?(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*(?::?-+:?)?[ \t]*")
_COLUMNS_MOST = 5_000  # characters


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A piece of what Markdown says, which stands from `start` to `end` of its source: as it is when both are as long,
    else written in another way ("&amp;")."""

    text: str
    start: int
    end: int

    @property
    def is_exact(self) -> bool:
        return len(self.text) == self.end - self.start


def opening(text: str, *, before: str) -> str:
    """Return the lines that `text` must begin with to be read as it is behind the text `before`: what opened the block
    of code that it stands in, or the head of its table; empty without either."""
    fence, opened = "", ""
    for found in _FENCE.finditer(before):
        mark, rest = found.groups()
        if not fence and not (mark[0] == "`" and "`" in rest):
            fence, opened = mark, found[0]
        elif fence and mark.startswith(fence) and not rest.strip():
            fence = ""
    if fence:
        return f"{opened}\n"
    if not before.endswith("\n") or "|" not in text.partition("\n")[0]:
        return ""
    lines = before[before.rfind("\n\n") + 1 :].strip("\n").split("\n")
    for head, line in pairwise(lines):
        if "|" in head and len(line) < _COLUMNS_MOST and _COLUMNS.fullmatch(line):
            return f"{head}\n{line}\n"
    return ""


class _PlacedInline(StateInline):
    """An inline text that is parsed: each token is told where it was read."""

    rule_began: int | None = None  # where the rule that is tried has begun; None between two rules

    def pushPending(self) -> Token:  # noqa: N802 - markdown-it's name
        token = super().pushPending()
        end = self.pos if self.rule_began is None else self.rule_began
        length = len(token.content)
        while end > length and self.src[end - length : end] != token.content:
            end -= 1  # spaces before a line's end are taken off
        token.meta = {AT: end - length, UNTIL: end}
        return token


def _placing(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """Return `rule`, so that the tokens it pushes know where they were read."""

    def placed(state: StateInline, silent: bool) -> bool:
        if silent or not isinstance(state, _PlacedInline):
            return rule(state, silent)
        began, known = state.pos, len(state.tokens)
        state.rule_began = began
        try:
            done = rule(state, silent)
        finally:
            state.rule_began = None
        at = began
        for token in state.tokens[known:] if done else ():
            if AT not in token.meta:
                token.meta = {AT: at, UNTIL: state.pos}
                at += len(token.content) if token.type == "text" else 0  # signs of emphasis come one by one
        return done

    return placed


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    names = parser.get_active_rules()["inline"]
    for name, rule in zip(names, parser.inline.ruler.getRules(""), strict=True):
        parser.inline.ruler.at(name, _placing(rule))
    parser.inline.ruler2.disable(["fragments_join"])  # what is joined would lose its place
    return parser


_markdown = _parser()


class MarkdownSource:
    """A text in Markdown: its blocks as tokens, and what stands in them as tokens and runs of its own characters."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines)]
        self._env: dict[str, object] = {}
        self._row: tuple[int, str, list[int]] = (-1, "", [])
        state = StateCore(text, _markdown, self._env)
        normalize(state)
        _markdown.block.parse(state.src, _markdown, state.env, state.tokens)
        self.blocks: Sequence[Token] = state.tokens

    def inline(self, token: Token, *, in_cell: bool) -> Iterator[tuple[Token, SourceRun | None]]:
        """Yield what stands in a block, each with its run where it has text."""
        places = self._cell(token) if in_cell else self._places(token)
        if sum(map(token.content.count, "[<")) * len(token.content) > _COSTLY:  # as it stands, then
            for run in _as_it_stands(token.content, places):
                yield Token("text", "", 0), run
            return
        state = _PlacedInline(token.content, _markdown, self._env, [])
        _markdown.inline.tokenize(state)
        for rule in _markdown.inline.ruler2.getRules(""):
            rule(state)
        for child in state.tokens:
            yield child, _run_of(child, token.content, places)

    def code(self, token: Token) -> Iterator[SourceRun]:
        """Yield the lines of a block of code, their ends with them."""
        first = (token.map or [0, 0])[0] + (token.type == "fence")
        for number, line in enumerate(token.content.splitlines(keepends=True), first):
            source = self._lines[number] if number < len(self._lines) else ""
            bare = line.rstrip("\n")
            end = self._starts[min(number, len(self._lines))] + len(source)
            own = bare if source.endswith(bare) else bare.lstrip()
            ends = 1 if line.endswith("\n") and number + 1 < len(self._lines) else 0
            yield SourceRun(own + "\n" * ends, end - len(own), end + ends)

    def _places(self, token: Token) -> list[int]:
        """Return where each character of a block's inline text stands, and where it ends."""
        places: list[int] = []
        number, _ = token.map or [0, 0]
        for number, line in enumerate(token.content.split("\n"), number):  # noqa: B020
            source, start = self._lines[number], self._starts[number]
            at = self._found(source, line.strip()) - (len(line) - len(line.lstrip()))
            places += range(start + at, start + at + len(line) + 1)  # and the end of the line
        return places

    @staticmethod
    def _found(source: str, line: str) -> int:
        """Return where a line of a block stands in the line of the source: at its end, but for what closes a
        heading."""
        bare = source.rstrip()
        if bare.endswith(line):
            return len(bare) - len(line)
        mark = _HEADING_MARK.search(source)
        return max(source.find(line, mark.end() if mark else 0), 0)

    def _cell(self, token: Token) -> list[int]:
        """Return where each character of a cell stands. The cells of a row come in order."""
        number = (token.map or [0, 0])[0]
        if self._row[0] != number:
            self._row = (number, *_unescaped(self._lines[number], self._starts[number]))
        _, row, places = self._row
        at = max(row.find(token.content), 0)
        after = at + len(token.content)
        self._row = (number, row[after:], places[after:]) if len(row) < _ROW_MOST else self._row
        return [*places[at:after], (places[after - 1] + 1) if after else self._starts[number]]


_COSTLY = 20_000_000  # openers of links times characters: the parser looks for the end of each of them
_ROW_MOST = 5_000  # characters; what is cut off a longer row for each of its cells would take too long


def _as_it_stands(content: str, places: Sequence[int]) -> Iterator[SourceRun]:
    """Yield the lines of a block, none of its signs read."""
    at = 0
    for line in content.splitlines(keepends=True):
        yield SourceRun(line, places[at], places[at] + len(line))
        at += len(line)


def _unescaped(line: str, start: int) -> tuple[str, list[int]]:
    """Return a row without the backslashes before bars, its bars as zeros, and where each character stands."""
    characters: list[str] = []
    places: list[int] = []
    escaped = False
    for at, character in enumerate(line, start):
        if character == "|" and escaped:
            characters[-1], places[-1] = "|", at
        else:
            characters.append("\0" if character == "|" else character)
            places.append(at)
        escaped = character == "\\"
    return "".join(characters), places


def _run_of(token: Token, content: str, places: Sequence[int]) -> SourceRun | None:
    """Return the run of a token, whose text may be written in another way in the source; none without text."""
    if not token.content or AT not in token.meta:
        return None
    at, until = token.meta[AT], token.meta[UNTIL]
    if token.type == "code_inline":
        inner = content.replace("\n", " ").find(token.content, at + len(token.markup))
        at, until = inner, inner + len(token.content)
    elif token.type == "text" and content.startswith(token.content, at):
        until = at + len(token.content)
    elif token.type == "text" and content.startswith(token.content, at + 1):  # an address in angle brackets
        at, until = at + 1, at + 1 + len(token.content)
    until = min(until, len(content))
    if not 0 <= at < until:
        return None
    return SourceRun(token.content, places[at], places[until - 1] + 1)
