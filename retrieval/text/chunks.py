"""Text in, pieces out: about 200 tokens each, respecting headings, paragraphs and sentences.

The pieces partition the text: joined they are the text, whitespace included, so an offset means the same everywhere.
Pure arithmetic: no database, no network.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from retrieval.text.headings import Heading, heading_paths
from retrieval.text.sentences import sentence_spans

VERSION = 3  # of what is made of a file: its text, by its reader, and the pieces, here
TOKEN_LIMIT = 200
_ATOM_LIMIT = (
    1_000  # characters; a longer "sentence" (a table, minified text) is cut at whitespace, before it is counted
)
_COUNTED_AT_ONCE = 1_000  # texts; bounds the memory of the token count

_PARAGRAPH = re.compile(r"\n\s*\n\s*$")
_WORD = re.compile(r"[⺀-鿿가-힯]|\w{1,5}|[^\w\s]")

TokenCounter = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Piece:
    """`text[start:end]`, and the path of headings above it, outermost first."""

    start: int
    end: int
    headings: tuple[str, ...]


@dataclass(frozen=True)
class _Atom:
    """What is not cut any further: mostly a sentence, with the whitespace behind it."""

    start: int
    end: int
    begins_paragraph: bool
    begins_section: bool


def split(
    text: str, *, count_tokens: TokenCounter, headings: Sequence[Heading] = (), limit: int = TOKEN_LIMIT
) -> list[Piece]:
    """Cut `text` into pieces of at most `limit` tokens, the last of at most a quarter more; a sentence is cut only
    when it is longer than that itself.
    """
    atoms = list(_atoms(text, {heading.start for heading in headings}))
    sizes = list(_sizes(text, atoms, count_tokens))
    if max(sizes, default=0) > limit:
        atoms = [part for atom, size in zip(atoms, sizes, strict=True) for part in _parts(text, atom, size, limit)]
        sizes = list(_sizes(text, atoms, count_tokens))
    paths = heading_paths(headings)
    starts = [heading.start for heading in headings]
    return [
        Piece(atoms[first].start, atoms[last - 1].end, paths[bisect_right(starts, atoms[first].start)])
        for first, last in pairwise(_cuts(atoms, sizes, limit))
    ]


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of each text for a tokenizer that isn't at hand: pieces of words, punctuation, ideographs."""
    return [sum(1 for _ in _WORD.finditer(text)) for text in texts]


def _atoms(text: str, sections: set[int]) -> Iterator[_Atom]:
    edges = sorted({start for start, _ in sentence_spans(text)[1:]} | sections | {0, len(text)})
    begins_paragraph = True
    for start, end in pairwise(edges):
        for first, last in pairwise(_whitespace_cuts(text, start, end, _ATOM_LIMIT)):
            yield _Atom(first, last, begins_paragraph and first == start, first in sections)
        begins_paragraph = _PARAGRAPH.search(text, max(start, end - 50), end) is not None


def _parts(text: str, atom: _Atom, size: int, limit: int) -> Iterator[_Atom]:
    """The atom itself, or, when it counts more than `limit` tokens, even parts of it that count about `limit`."""
    longest = (atom.end - atom.start) // -(-size // limit) + 1 if size > limit else _ATOM_LIMIT
    for first, last in pairwise(_whitespace_cuts(text, atom.start, atom.end, longest)):
        yield replace(atom, start=first, end=last) if first == atom.start else _Atom(first, last, False, False)


def _whitespace_cuts(text: str, start: int, end: int, longest: int) -> Iterator[int]:
    """`start`, the places behind whitespace (or, without any, anywhere) at most `longest` apart, `end`."""
    yield start
    while end - start > longest:
        reach = start + longest
        start = max(text.rfind(space, start + 1, reach) for space in " \n\t") + 1 or reach
        yield start
    if end > start:
        yield end


def _sizes(text: str, atoms: Sequence[_Atom], count_tokens: TokenCounter) -> Iterator[int]:
    for first in range(0, len(atoms), _COUNTED_AT_ONCE):
        yield from count_tokens([text[atom.start : atom.end] for atom in atoms[first : first + _COUNTED_AT_ONCE]])


def _cuts(atoms: Sequence[_Atom], sizes: Sequence[int], limit: int) -> list[int]:
    """The atoms at which pieces begin, and one past the last atom."""
    before = list(accumulate(sizes, initial=0))  # before[i]: tokens in front of atom i
    cuts = [0]
    for i, atom in enumerate(atoms):
        while i > cuts[-1] and before[i + 1] - before[cuts[-1]] > limit:
            cuts.append(_best_cut(atoms, before, cuts[-1], i, limit))
        if atom.begins_section and before[i] - before[cuts[-1]] >= limit // 4:  # shorter sections share a piece
            cuts.append(i)
    if len(cuts) > 1 and not atoms[cuts[-1]].begins_section and before[-1] - before[cuts[-1]] < limit // 4:
        cuts.pop()  # a scrap at the end stays with what it belongs to
    return [*cuts, len(atoms)] if atoms else []


def _best_cut(atoms: Sequence[_Atom], before: Sequence[int], first: int, last: int, limit: int) -> int:
    """The last paragraph beginning that leaves at least half a piece, else `last`."""
    for i in range(last, first, -1):
        if before[i] - before[first] < limit // 2:
            break
        if atoms[i].begins_paragraph or atoms[i].begins_section:
            return i
    return last
