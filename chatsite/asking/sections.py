"""The sections of a text: a heading with what stands below it, as far as questions can be made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, zip_longest

from retrieval.models import Chunk
from retrieval.text.blocks import BlockKind, TextBlock, blocks
from retrieval.text.sentences import sentence_spans

BODY_MOST = 1_200  # characters below a heading that are read for its questions
TITLE_MOST = 70
_SENTENCES = 3
_NUMBER = re.compile(
    r"^(?:(?:chapter|section|part|appendix|kapitel|abschnitt|teil|anhang|§{1,2})\s*)?"
    r"(?:\d+(?:\.\d+)+[.):]?|\d+[.):]|(?<=\s)\d+|[A-Z]\.\d+(?:\.\d+)*|[IVX]+\.)[\s:.–—-]+(?=\S)",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[*`]{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|^#+\s*|\[(?=[^\]]*\]\()|\]\([^)]*\)|\s*\{#[\w-]+\}\s*$")
_WORD = re.compile(r"\w[\w'’-]*")


@dataclass(frozen=True)
class Section:
    """A heading, in plain text and without its number; what its document is called; and the text below it. Its heading
    begins at character `start` of the document."""

    title: str
    document_title: str
    body: str
    start: int = 0

    @property
    def end(self) -> int:
        """Return about where the text ends that was read of it."""
        return self.start + len(self.title) + len(self.body)

    @cached_property
    def sentences(self) -> Sequence[str]:
        """Return the first sentences of its prose, each in one line."""
        prose = "\n\n".join(
            self.body[block.start : block.end] for block in blocks(self.body) if block.kind is BlockKind.PARAGRAPH
        )
        found = (" ".join(_plain(prose[start:end]).split()) for start, end in sentence_spans(prose))
        return [*islice(filter(None, found), _SENTENCES)]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Return the words below the heading, as they are written."""
        return frozenset(_WORD.findall(self.body))


def sections(document_title: str, chunks: Iterable[Chunk]) -> Iterator[Section]:
    """Yield the sections of neighbouring chunks, in order: by headings that are marked as in Markdown, and where a
    chunk has none, by the path above it."""
    latest = ""
    for chunk in chunks:
        path = tuple(chunk.headings)
        marked = [block for block in blocks(chunk.text) if block.kind is BlockKind.HEADING]
        above = plain_title(path[-1]) if path else ""
        if above and above != latest and not (marked and _title(chunk, marked[0]) == above):
            latest = above
            text = chunk.text[: marked[0].start] if marked else chunk.text
            yield Section(above, document_title, _without(path[-1], text)[:BODY_MOST], chunk.start)
        for block, following in zip_longest(marked, marked[1:]):
            latest = _title(chunk, block)
            body = chunk.text[block.end : following.start if following else len(chunk.text)]
            yield Section(latest, document_title, body[:BODY_MOST], chunk.start + block.start)


def _title(chunk: Chunk, block: TextBlock) -> str:
    return plain_title(chunk.text[block.body : block.end])


def plain_title(heading: str) -> str:
    """Return a heading, the beginning of a long one, without its number, the signs of its markup and its colon."""
    return _NUMBER.sub("", " ".join(_plain(heading[: 4 * TITLE_MOST]).split())).strip(" :#")


def _plain(text: str) -> str:
    return _SIGNS.sub("", text)


def _without(heading: str, text: str) -> str:
    """Return `text` without the heading that it begins with."""
    flat = text.lstrip()
    return flat[len(heading) :] if flat.startswith(heading) else text
