"""What a question is, and what of it is searched for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chatsite.answering.quoting import content_terms
from chatsite.models import Conversation, EmbedSite, Run
from retrieval.models import User


@dataclass(frozen=True, slots=True)
class Selection:
    """Where selected text lies: characters `start` to `end` (exclusive, in code points) of a document's text."""

    document_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SelectedText:
    """One text that a question is about, and where it lies, if that is known; `field` of the request names it."""

    text: str = ""
    place: Selection | None = None
    field: str = "selections"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one reader. The scope (`user`, `collections`, `document_ids`) is the server's to keep."""

    text: str
    user: User
    conversation: Conversation
    mode: str = Run.Mode.RETRIEVAL
    selections: tuple[SelectedText, ...] = ()
    top_k: int = 5
    collections: tuple[str, ...] | None = None
    document_ids: tuple[int, ...] | None = None
    languages: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    narrowed: Mapping[str, Any] = field(default_factory=dict)  # what of these was asked for, as the run keeps it
    embed_site: EmbedSite | None = None  # on whose pages it is asked
    keep: bool = False  # it is answered to its end, whether or not anybody reads
    replaces: Run | None = None  # the run whose place this one takes, with all that followed it
    continues: bool = False  # it goes on with what `replaces` has written


_FOLLOWS_UP = re.compile(
    r"^\W*(?:and|but|or|so|then|also|what about|how about|what if)\b"
    r"|\b(?:it|its|they|them|their|this|that|these|those|there|ones?|same|instead|former|latter)\b",
    re.IGNORECASE,
)


def search_query(questions: Sequence[str]) -> str:
    """The last question, made to stand alone: "and in version 2?" is searched together with what it follows up.

    A rule, for the first search only; a language model words its own further searches from the whole conversation.
    """
    *earlier, last = questions[-3:]
    if earlier and (_FOLLOWS_UP.search(last) or len(content_terms(last)) < 2):
        return f"{search_query(earlier)} {last}"
    return last
