"""A passage: a chunk that was found, with its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from retrieval.models import Document
from retrieval.text.headings import section_name


@dataclass(frozen=True)
class Elsewhere:
    """Another document that says the same."""

    document_id: int
    title: str
    url: str


@dataclass(frozen=True)
class Passage:
    """A chunk that was found, with its neighbours: exactly the characters `start` to `end` of the document's text.

    `section` is the path of headings above its beginning, as people read it. `page` is the one that the chunk which was
    found begins on, `page_label` what is printed as its number. `score` is the fused rank score (0 to
    about 2); `similarity` the chunk's cosine to the query, on the scale of MiniLM's, None without vectors that know its
    language. `also_in` names documents whose passage repeats this one. A text that lies in no known document is a
    passage as well, without `document_id` and `chunk_id`; its offsets are its own.
    """

    chunk_id: str | None
    document_id: int | None
    title: str
    section: str
    url: str
    page: int | None
    start: int
    end: int
    text: str
    score: float = 1.0
    similarity: float | None = None
    content_hash: str = ""
    also_in: tuple[Elsewhere, ...] = ()
    page_label: str = ""

    @classmethod
    def of_text(cls, text: str, *, title: str) -> Passage:
        """Return a passage of a text that lies in no known document."""
        return cls(None, None, title, section="", url="", page=None, start=0, end=len(text), text=text)


class ChunkText(NamedTuple):
    """A chunk, as far as a passage needs it."""

    start: int
    headings: Sequence[str]
    text: str


def passage_of(
    document: Document,
    pieces: Sequence[ChunkText],
    *,
    chunk_id: UUID,
    found: ChunkText | None = None,
    score: float = 1.0,
    similarity: float | None = None,
    also_in: tuple[Elsewhere, ...] = (),
) -> Passage:
    """Return neighbouring chunks as one passage, without the whitespace around it; `found` is the one of them that was
    found, by default the first."""
    whole = "".join(piece.text for piece in pieces)
    text = whole.strip()
    start = pieces[0].start + len(whole) - len(whole.lstrip())
    found = found or pieces[0]
    page = document.page_at(found.start + len(found.text) - len(found.text.lstrip()))
    return Passage(
        chunk_id=str(chunk_id),
        document_id=document.pk,
        title=document.title,
        section=section_name(pieces[0].headings),
        url=document.get_absolute_url(),
        page=page,
        page_label=document.page_label(page),
        start=start,
        end=start + len(text),
        text=text,
        score=score,
        similarity=similarity,
        content_hash=document.live_hash,
        also_in=also_in,
    )
