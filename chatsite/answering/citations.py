"""Markers in an answer become citations: each `[2]` is tied to the sentence of source 2 that its claim rests on.

A model writes only the number. The quote is chosen here and is a substring of the source by construction, so a citation
can't say what its source does not. A marker that points nowhere is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from retrieval.searching.passages import Passage
from retrieval.text.blocks import BlockKind, blocks
from retrieval.text.sentences import sentence_spans
from retrieval.text.terms import content_terms, language_of_terms


@dataclass(frozen=True, slots=True)
class VerifiedCitation:
    """One marker's proof: `quote == passage.text[start - passage.start : end - passage.start]`."""

    marker: int
    passage: Passage
    quote: str
    start: int
    end: int


# Blanks in front belong to a marker. They are looked at from the first of them: a long run would take its square.
_MARKER = re.compile(
    r"(?<![ \t])[ \t]*(?<!\\sqrt)(?:\[(?P<square>\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]|【(?P<thick>\d{1,3})】)(?!\()"
)
_MAYBE_MARKER = re.compile(r"(?<![ \t])[ \t]*(?:\[[\d\s,;]*\]?|【\d*】?)?\Z")
_CODE = re.compile(r"(`+)")
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_FORMULA = re.compile(r"\$\$.*?\$\$|\\\[.*?\\\]|\\\(.*?\\\)|\$(?![\s$])[^$]*?(?<!\s)\$(?!\d)", re.DOTALL)
_FORMULA_OPEN = re.compile(r"\$\$|\\\[|\\\(")
_FORMULA_PERHAPS = re.compile(r"\$(?![\s\d$])\S+\Z")  # up to a marker that stands right behind it
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_MARKERS_BEHIND = re.compile(r"(?:\s*\[\d+\])+\s*\Z")
_CLAUSE_END = re.compile(r"(?<=[;:])\s+")
_TITLE_LINE = re.compile(r"[^\n.!?:;,]{1,60}\n\s*(?=[A-ZÀ-Þ])")  # PDF text has no mark between a title and its text
_AFTER_A_CLAIM = re.compile(r"\A[.!?,;:]+\s+")  # the mark that ends the claim of the marker before
_AROUND_A_CLAIM = " \t\n\"'“”‘’«»>*_-–—"
CLAIM_MAX_CHARACTERS = 2_000
HELD_MAX_CHARACTERS = 200  # of what may still become a marker: no marker is longer


@dataclass(slots=True)
class CitationReader:
    """Reads an answer in pieces, as they are streamed, and yields its clean text and its citations in order.

    `passages`, by number, may grow while the answer is read: a model can search again in the middle.
    """

    passages: Mapping[int, Passage]
    text: str = ""
    citations: list[VerifiedCitation] = field(default_factory=list)
    _held: str = ""
    _code: str = ""  # the backticks that opened the code the text is in
    _fenced: bool = False
    _behind: int = -1  # where the text ended behind the last marker: one that follows at once has the same claim
    _claimed: tuple[str, ...] = ()
    _cited: dict[int, VerifiedCitation] = field(default_factory=dict)  # for that claim, by number

    def feed(self, piece: str) -> Iterator[str | VerifiedCitation]:
        """What is certain after `piece`; the end of the text is held back while it may still become a marker."""
        pending = self._held + piece
        first = max(0, len(pending) - HELD_MAX_CHARACTERS)
        kept = _MAYBE_MARKER.search(pending, first)
        cut = kept.start() if kept else len(pending)
        while cut > first and pending[cut - 1] == "`":  # a run of backticks may go on as well
            cut -= 1
        self._held = pending[cut:]
        yield from _whole(self._read(pending[:cut]))

    def end(self) -> Iterator[str | VerifiedCitation]:
        """What was held back."""
        held, self._held = self._held, ""
        yield from _whole(self._read(held))

    def _read(self, text: str) -> Iterator[str | VerifiedCitation]:
        for part in _CODE.split(text):
            if part.startswith("`"):
                self._toggle_code(part)
                yield from self._emit(part)
            elif self._code:
                yield from self._read_code(part)
            else:
                yield from self._read_prose(part)

    def _toggle_code(self, ticks: str) -> None:
        """Inside code `a[1]` is no marker. A fence ends with a fence, a code span with the same run of backticks."""
        if not self._code:
            self._code = ticks
            self._fenced = len(ticks) >= 3 and not self.text.rpartition("\n")[2].strip()
        elif (self._fenced and len(ticks) >= len(self._code)) or self._code == ticks:
            self._code = ""

    def _read_code(self, text: str) -> Iterator[str | VerifiedCitation]:
        """A code span ends with its paragraph at the latest: its opening backticks were only text, then."""
        end = None if self._fenced else _PARAGRAPH_END.search(text)
        yield from self._emit(text[: end.start()] if end else text)
        if end:
            self._code = ""
            yield from self._read_prose(text[end.start() :])

    def _read_prose(self, text: str) -> Iterator[str | VerifiedCitation]:
        position = 0
        for match in _MARKER.finditer(text):
            yield from self._emit(text[position : match.start()])
            position = match.end()
            follows = len(self.text) == self._behind
            if not follows and self._in_formula(glued=match[0][0] in "[【"):
                yield from self._emit(match[0])
                continue
            numbers = [int(number) for number in re.findall(r"\d+", match["square"] or match["thick"])]
            known = [number for number in numbers if number in self.passages]
            if known:
                if not follows:
                    self._claimed, self._cited = self._claims(), {}
                space = match[0][: len(match[0]) - len(match[0].lstrip(" \t"))]
                yield from self._emit(space)
                for number in known:
                    yield from self._emit(f"[{number}]")
                    citation = self._cite(number)
                    self.citations.append(citation)
                    yield citation
                self._behind = len(self.text)
        yield from self._emit(text[position:])

    def _cite(self, number: int) -> VerifiedCitation:
        if number not in self._cited:
            self._cited[number] = cite(*self._claimed, marker=number, passage=self.passages[number])
        return self._cited[number]

    def _in_formula(self, *, glued: bool) -> bool:
        """Inside a formula `a[1]` is no marker. What opens one may be a currency's sign, so a single one counts only
        for what is `glued` to it."""
        paragraph = _PARAGRAPH_END.split(self.text[-CLAIM_MAX_CHARACTERS:])[-1]
        rest = _FORMULA.sub("", _CODE_SPAN.sub("", paragraph))
        return bool(_FORMULA_OPEN.search(rest) or (glued and _FORMULA_PERHAPS.search(rest)))

    def _emit(self, text: str) -> Iterator[str]:
        if text:
            self.text += text
            yield text

    def _claims(self) -> tuple[str, ...]:
        """Return what stands before a marker, back to another one or the paragraph's beginning: as it is, without the
        Markdown and quotation marks around it, and the last sentence or clause of it. Behind a fence, that is the code.
        """
        before = _MARKERS_BEHIND.sub("", self.text[-CLAIM_MAX_CHARACTERS:])
        there = list(blocks(before))
        fences = [block for block in there if block.kind is BlockKind.FENCE]
        if len(fences) > 1 and there[-1] is fences[-1]:
            return (before[fences[-2].end : fences[-1].start].strip(),)
        block = before[there[-1].start : there[-1].end] if there else ""
        whole = _AFTER_A_CLAIM.sub("", _MARKER.split(block)[-1].strip())
        bare = whole.strip(_AROUND_A_CLAIM)
        *_, (start, end) = sentence_spans(bare) or [(0, 0)]
        return whole, bare, _CLAUSE_END.split(bare[start:end])[-1]


def _whole(pieces: Iterable[str | VerifiedCitation]) -> Iterator[str | VerifiedCitation]:
    """`pieces` with text that follows on text as one."""
    for is_text, run in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(map(str, run))
        else:
            yield from run


def cite(*claims: str, marker: int, passage: Passage) -> VerifiedCitation:
    """Return the place in `passage` that supports the last of `claims`: where the first that does stands word for word,
    else the sentence that shares most of its words; the earlier one when two share as many.
    """
    found = (span for claim in claims if (span := _verbatim(claim, passage.text)))
    start, end = next(found, None) or _best_sentence(claims[-1], passage.text)
    return VerifiedCitation(marker, passage, passage.text[start:end], passage.start + start, passage.start + end)


def _verbatim(claim: str, content: str) -> tuple[int, int] | None:
    words = re.split(r"[\s|]+", claim.strip("| "))  # a bar stands between the cells of a table's row
    if len(words) < 3:
        return None
    match = re.search(r"[\s|]+".join(map(re.escape, words)), content)
    return match.span() if match else None


def _best_sentence(claim: str, content: str) -> tuple[int, int]:
    language = language_of_terms(content)
    wanted = content_terms(claim, language=language)

    def shared(span: tuple[int, int]) -> tuple[float, int]:
        terms = content_terms(content[slice(*span)], language=language)
        return len(wanted & terms) / (len(terms) + 3) ** 0.5, -span[0]

    spans = sentence_spans(content)
    start, end = max(spans, key=shared) if spans else (0, len(content))
    title = _TITLE_LINE.match(content, start, end)
    return (title.end() if title else start), end


def strip_markers(text: str) -> str:
    """An earlier answer as history: its numbers mean nothing among the sources of the next one."""
    return _MARKER.sub("", text)
