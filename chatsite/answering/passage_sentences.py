"""The sentences of a passage with their places in it, and what each of them needs beside it to be understood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.messages import Passage
from retrieval.text.blocks import BlockKind, TextBlock, begins_in_code, blocks
from retrieval.text.sentences import spans_of

_HEADING_MOST = 60  # characters; a shorter line that no mark ends is a heading
_WORDS_MOST = 60  # of a sentence; a longer one (a row, a speech, code) is quoted in parts
_ENDS = ".!?…:;,。！？।|"
_CODE_SIGNS = re.compile(r"[=$<>{}\\|]|\s--?\w|^[#%~./]|\w[:/]\w")
_NO_SENTENCE = re.compile(r"[\s|:=\-–—_*#`~]*$|(?:!\[[^\]]*\]\([^)]*\)\s*)+$")  # a rule, or pictures alone
_CONTENTS = re.compile(r"(?:\.[ ]?){4}\s?\S{0,6}[\s|]*$|^\[[^\]]*\]\(#[^)]*\)$")  # a line of a table of contents
_NAVIGATION = frozenset(
    """prev previous next up home top back contents index zurück weiter hoch oben start inhalt
    précédent suivant haut accueil sommaire anterior siguiente arriba inicio""".split()
)
_RUNNING = frozenset({BlockKind.ITEM, BlockKind.ROW, BlockKind.CODE})
_RULE = re.compile(r"[ \t]*\|?[ \t:|-]*-{2,}[ \t:|-]*(?:\n|$)")  # the line below the names of a table's columns
_PART_END = re.compile(r"[;,:\n]\s+|\s\|\s")
_POINTS_BACK = re.compile(
    r"[\"'“„(*_]*(?:this|that|these|those|it|its|they|their|them|he|his|she|her|such|otherwise|then"
    r"|dies(?:e[mnrs]?)?|es|sie|er|ihre?|seine?|dabei|dadurch|damit|sonst|dann"
    r"|il|elle|ils|elles|cela|ce(?:tte|s)?|esto|este|esta|estos|ello|questo|questa)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PassageSentence:
    """`text[start:end]` of its passage: a sentence, a list item's, a table's row or a line of code. `block` counts the
    blocks of the passage; `above` is the heading it stands under."""

    start: int
    end: int
    kind: BlockKind
    block: int
    above: str = ""
    heading: bool = False


@dataclass(frozen=True, slots=True)
class SentencedPassage:
    """A passage and its sentences, in order. The sets of numbers below count them."""

    passage: Passage
    sentences: Sequence[PassageSentence]

    runs: Sequence[range]  # of each sentence

    @classmethod
    def of(cls, passage: Passage) -> SentencedPassage:
        sentences = list(_sentences(passage.text))
        return cls(passage, sentences, [*_runs(passage.text, sentences)])

    def said(self, at: int) -> str:
        """Return what the sentence says, on one line, without the bars around a row."""
        sentence = self.sentences[at]
        said = " ".join(self.passage.text[sentence.start : sentence.end].split())
        return said.strip("| ") if sentence.kind is BlockKind.ROW else said

    def run_of(self, at: int) -> range:
        """Return the list, the table or the code that the sentence belongs to; of another one, itself alone."""
        return self.runs[at]

    def beside(self, at: int) -> list[int]:
        """Return the sentences right before and behind it in its paragraph."""
        near = (other for other in (at - 1, at + 1) if 0 <= other < len(self.sentences))
        return [other for other in near if self.sentences[other].block == self.sentences[at].block]

    def lead(self, first: int) -> int | None:
        """Return the sentence that leads into what begins with number `first`, by a colon."""
        before = first - 1
        return before if before >= 0 and self.said(before).rstrip('*_`"”').endswith((":", "：")) else None

    def header(self, at: int) -> int | None:
        """Return the row that names the columns of the table that row `at` is in; None where that isn't here."""
        first = self.run_of(at)[0]
        row = self.sentences[first]
        behind = self.passage.text[row.end : row.end + 400].lstrip(" |").lstrip("\n")
        is_cut = not self.passage.text[: row.start].strip(" |")  # the passage may begin in the middle of it
        return first if _RULE.match(behind) or not (is_cut or self.run_of(at)[-1] == first) else None

    def mark(self, at: int) -> str:
        """Return the mark in front of an item: its number, or a dash."""
        start = self.sentences[at].start
        written = self.passage.text[self.passage.text.rfind("\n", 0, start) + 1 : start].split()
        return written[-1] if written and written[-1][:-1].isdigit() else "-"

    def is_prose(self, at: int) -> bool:
        """Return whether it reads as a sentence, or else is a command, a path or a name."""
        said = self.said(at)
        return said.endswith((".", "!", "?", ":", "…", "。", "।")) or len(said.split()) > 20

    def promised(self, at: int) -> range:
        """Return what the colon at the end of the sentence promises; nothing where it ends in no other way."""
        following = at + 1
        if following >= len(self.sentences) or self.lead(following) is None or self.sentences[following].heading:
            return range(0)
        return self.run_of(following)

    def needed_before(self, at: int) -> int | None:
        """Return the sentence before one that points back to it ("This is…")."""
        sentence = self.sentences[at]
        if at == 0 or sentence.kind is not BlockKind.PARAGRAPH or not _POINTS_BACK.match(self.said(at)):
            return None
        before = self.sentences[at - 1]
        return at - 1 if before.kind is BlockKind.PARAGRAPH and not before.heading else None

    def next_sentence(self, at: int) -> int | None:
        """Return the sentence that follows, or None where the passage ends or a heading comes."""
        following = at + 1
        return following if following < len(self.sentences) and not self.sentences[following].heading else None


def _sentences(text: str) -> Iterator[PassageSentence]:
    above, before = "", ""
    for number, block in enumerate(blocks(text, fenced=begins_in_code(text))):
        if block.kind is BlockKind.FENCE:
            continue
        written = text[block.body : block.end]
        heading = _is_heading(text, block, promised=before.endswith(":"))
        before = written
        for start, end in spans_of(text, block, start=block.body):
            said = text[start:end]
            if not _NO_SENTENCE.match(said) and not _leads_elsewhere(said):
                parts = list(_parts(text, start, end)) if block.kind is not BlockKind.ROW else [(start, end)]
                for first, last in parts:
                    yield PassageSentence(first, last, block.kind, number, above, heading)
        above = " ".join(written.split()).strip("| ") if heading else above


def _runs(text: str, sentences: Sequence[PassageSentence]) -> Iterator[range]:
    """Yield the run of each sentence: neighbours of the same list, table or code."""
    first = 0
    for last, (before, after) in enumerate(pairwise([*sentences, None])):
        if before and after and _go_on(text, before, after):
            continue
        yield from [range(first, last + 1)] * (last + 1 - first)
        first = last + 1


def _go_on(text: str, before: PassageSentence, after: PassageSentence) -> bool:
    """Return whether two neighbours belong to the same list, table or code."""
    if before.kind is not after.kind or before.kind not in _RUNNING or before.heading or after.heading:
        return False
    return before.kind is BlockKind.ITEM or "\n\n" not in text[before.end : after.start].replace(" ", "")


def _leads_elsewhere(said: str) -> bool:
    """Return whether it is a line of a table of contents, or a row of links to other pages."""
    if _CONTENTS.search(said[-_HEADING_MOST:]):
        return True
    cells = [cell.strip().casefold() for cell in said.split("|")] if "|" in said else []
    return len(_NAVIGATION.intersection(cells)) >= 2


def _is_heading(text: str, block: TextBlock, *, promised: bool) -> bool:
    """Return whether it is a heading: marked as one, or a short line that no mark ends, like the name in front of what
    defines it. What a colon has `promised` is none."""
    written = text[block.body : block.end].rstrip("| ")
    if block.kind is BlockKind.HEADING or (block.kind is BlockKind.ROW and "|" not in written and len(written) < 60):
        return True
    if block.kind is not BlockKind.PARAGRAPH or promised or "\n" in written or len(written) >= _HEADING_MOST:
        return False
    return written[-1:] not in _ENDS and not _CODE_SIGNS.search(written)


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence of text, in parts of at most about _WORDS_MOST words where it is longer, cut where a clause, a
    cell or a line ends."""
    if text.count(" ", start, end) < _WORDS_MOST:
        yield start, end
        return
    edges = [start, *(match.end() for match in _PART_END.finditer(text, start, end)), end]
    begun, count = start, 0
    for before, after in pairwise(edges):
        more = len(text[before:after].split())
        if count and count + more > _WORDS_MOST:
            yield begun, begun + len(text[begun:before].rstrip())
            begun, count = before, 0
        count += more
    yield begun, begun + len(text[begun:end].rstrip())
