"""Sentences of an answer that no citation supports, put into spans that the page marks lightly.

A marker supports the sentence that it stands in or behind, and those before it in the same paragraph, item of a list
or row of a table. Headings, what introduces something (it ends with a colon), questions, and what is too short to claim
anything are not marked. In linear time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from markdown_it.token import Token

from retrieval.text.blocks import BlockKind, TextBlock
from retrieval.text.sentences import Span, spans_of
from retrieval.text.words import is_unspaced, words

CLASS = "uncited"

_PARTS = {"list_item": 2, "tr": 2, "paragraph": 3}  # words of a claim, at least: a greeting in a paragraph has fewer
_CLAIM_CHARACTERS = 8  # likewise, in a script that puts no space between words
_UNMARKED = {"heading", "thead"}
_AROUND = " \t\n\"'“”„‘’«»()[]*_"
_NO_CLAIM = (":", "：", "?", "？", "؟")
_CODE = "`x`"  # stands for code, in which no sentence ends
_OTHER = "\ufffc"  # stands for a formula


@dataclass(slots=True)
class _Part:
    """A paragraph, an item of a list or a row of a table: the texts in it, but for what stands in parts of its own."""

    kind: str
    inlines: list[Token] = field(default_factory=list)


def mark_uncited(tokens: Sequence[Token]) -> None:
    """Put spans around the sentences in `tokens` (whole blocks, parsed) that no citation supports."""
    for part in _parts(tokens):
        cited = [_last_marker(token) is not None for token in part.inlines]
        if part.kind == "tr":
            if not any(cited):
                _mark_row(part)
            continue
        last = len(cited) - 1 - cited[::-1].index(True) if True in cited else 0
        for token in part.inlines[last:]:
            text = _text(token)
            spans = [span for span in _behind_markers(text, token) if _claims(text[slice(*span)], part.kind)]
            token.children = list(_with_spans(token.children or [], _joined(text, spans)))


def has_uncited(html: str) -> bool:
    """Return whether some of an answer that was rendered as `html` is marked."""
    return f'<span class="{CLASS}"' in html


def _parts(tokens: Sequence[Token]) -> Iterator[_Part]:
    """Yield the parts in the order in which they end. A paragraph in an item belongs to that."""
    opened: list[_Part] = []
    unmarked = 0
    for token in tokens:
        name, _underscore, edge = token.type.rpartition("_")
        if name in _UNMARKED:
            unmarked += token.nesting
        elif name in _PARTS and edge == "open" and (name != "paragraph" or not opened):
            opened.append(_Part(name))
        elif token.type == "inline" and opened and not unmarked:
            opened[-1].inlines.append(token)
        elif opened and edge == "close" and name == opened[-1].kind:
            yield opened.pop()


def _mark_row(part: _Part) -> None:
    texts = [_text(token) for token in part.inlines]
    if _claims(" ".join(texts), part.kind):
        for token, text in zip(part.inlines, texts, strict=True):
            token.children = list(_with_spans(token.children or [], [(0, len(text))] if text.strip() else []))


# ---- which sentences -------------------------------------------------------------------------------------------------
def _text(token: Token) -> str:
    """Return what is read of an inline token, without Markdown's signs."""
    return "".join(map(_shown, token.children or []))


def _shown(child: Token) -> str:
    if child.type == "text":
        return child.content
    if child.type == "citation":
        return f"[{child.content}]"
    if child.type in ("softbreak", "hardbreak"):
        return "\n"
    if child.nesting:
        return ""
    return _CODE if child.type == "code_inline" else _OTHER


def _last_marker(token: Token) -> Span | None:
    """Return where the last marker stands in the text of `token`."""
    at, last = 0, None
    for child in token.children or []:
        size = len(_shown(child))
        if child.type == "citation":
            last = at, at + size
        at += size
    return last


def _behind_markers(text: str, token: Token) -> Iterator[Span]:
    """Yield the sentences that follow the one which the last marker supports; all of them where there is none."""
    marker = _last_marker(token)
    for start, end in spans_of(text, TextBlock(BlockKind.PARAGRAPH, 0, len(text), 0)):
        if marker is None or start >= marker[1]:
            yield start, end
        elif end > marker[1] and start and not _without_markers(text[start : marker[1]]):
            rest = text[marker[1] : end]  # it begins with the markers of the sentence before it
            yield end - len(rest.lstrip()), end


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return `spans` with those that only white space parts as one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and text[joined[-1][1] : start].isspace():
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _without_markers(text: str) -> str:
    return text.strip("[]0123456789 \t\n")


def _claims(sentence: str, kind: str) -> bool:
    bare = sentence.rstrip(_AROUND)
    if bare.endswith(_NO_CLAIM) and kind != "tr":
        return False
    if is_unspaced(bare):
        return len(bare) >= _CLAIM_CHARACTERS or kind == "tr"
    return len(words(bare)) >= _PARTS[kind]


# ---- the spans -------------------------------------------------------------------------------------------------------
def _with_spans(children: Sequence[Token], spans: Sequence[Span]) -> Iterator[Token]:
    """Yield `children` with an element around what stands in `spans`, a new one wherever another element begins or
    ends."""
    is_open, at, coming = False, 0, 0
    for child in _cut(children, [edge for span in spans for edge in span]):
        while coming < len(spans) and spans[coming][1] <= at:
            coming += 1
        inside = coming < len(spans) and spans[coming][0] <= at and not child.nesting
        if inside != is_open:
            yield _opening() if inside else _closing()
            is_open = inside
        yield child
        at += len(_shown(child))
    if is_open:
        yield _closing()


def _cut(children: Sequence[Token], edges: Sequence[int]) -> Iterator[Token]:
    """Yield `children`, their texts cut at `edges`, which are counted in what is shown of all of them."""
    at, coming = 0, 0
    for child in children:
        begin, end = at, at + len(_shown(child))
        while coming < len(edges) and edges[coming] < end:
            if child.type == "text" and edges[coming] > begin:
                yield _text_token(child, child.content[begin - at : edges[coming] - at])
                begin = edges[coming]
            coming += 1
        yield _text_token(child, child.content[begin - at :]) if begin > at else child
        at = end


def _text_token(child: Token, content: str) -> Token:
    return Token("text", "", 0, content=content, level=child.level)


def _opening() -> Token:
    return Token("uncited_open", "span", 1, attrs={"class": CLASS, "title": _("No passage is cited for this.")})


def _closing() -> Token:
    return Token("uncited_close", "span", -1)
