"""A question as it is answered: whose it is, what is searched, and what it is answered from before any search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chatsite.assistants.agent import AskedAgent
from chatsite.models import Conversation, PromptVersion, Run
from chatsite.reader import Reader
from retrieval.searching.passages import Passage
from retrieval.text.asked import asked_in, goes_on


@dataclass(frozen=True, slots=True)
class SearchScope:
    """What may be searched. The server keeps it: a model chooses words, never a reader or a document.

    None stands for all that the reader may read; `hidden` is the collection of the conversation's attached files.
    """

    collections: tuple[str, ...] | None = None
    document_ids: tuple[int, ...] | None = None
    languages: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    hidden: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A text that was selected: as it stands in the request, or characters `start` to `end` (exclusive, in code points)
    of a document, or both. `field` names it in the request."""

    text: str = ""
    document_id: int | None = None
    start: int = 0
    end: int = 0
    field: str = "selections"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one reader, made by `chatsite.asking.request.question_of`, which has checked all of it."""

    reader: Reader
    conversation: Conversation
    text: str
    mode: str = Run.Mode.RETRIEVAL
    scope: SearchScope = SearchScope()
    narrowed: Mapping[str, Any] = field(default_factory=dict)  # what of the scope was asked for, as the run keeps it
    top_k: int = 5
    selections: tuple[Mapping[str, Any], ...] = ()  # as the run keeps them
    passages: Mapping[int, Passage] = field(default_factory=dict)  # by number: selected texts, or an answer's to go on
    earlier: tuple[Run, ...] = ()  # that it follows up, oldest first
    asked: tuple[str, ...] = ()  # what is searched for first, one by one
    follows: str = ""  # what the first of that may follow up
    small_talk: str = ""  # what it is instead of a question: a value of Run.SmallTalk
    model: str = ""  # that was chosen to answer; empty: the site's
    agent: AskedAgent = field(default_factory=AskedAgent)  # that was asked; by default the site itself
    prompt: PromptVersion = field(default_factory=PromptVersion)  # that it is answered with
    added: str = ""  # what a model is told behind the prompt: the agent's tone and languages, and what hooks add
    hooked: bool = True  # between the hooks of the project, with its tools; what a workflow's step asks is not
    keep: bool = False  # it is answered to its end, whether or not anybody reads
    replaces: Run | None = None  # the run whose place this one takes, with all that followed it
    asks: bool = True  # its reader can be asked before a tool is called
    continues: bool = False  # it goes on with what `replaces` has written


@dataclass(frozen=True, slots=True)
class Trial:
    """What one of the staff tries a question with: a prompt, published or not, and the agent of a name. With `again`,
    a run of somebody's conversation is asked once more, after what came before it there."""

    prompt: PromptVersion
    again: Run | None = None
    agent: str = ""


def searches(messages: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return what the last of `messages` asks, one by one, and what the first of that may follow up in the messages
    before: "and in version 2?" is searched for alone and together with it. Empty where there are none.

    A rule, for the first search only; a language model words its own further searches from the whole conversation.
    """
    *earlier, last = messages[-3:]
    if not earlier:
        return tuple(asked_in(last)), ""
    asked, follows = searches(earlier)
    first = asked[0]
    if follows and goes_on(first):
        first = f"{follows} {first}"
    return tuple(asked_in(last)), " ".join((first, *asked[1:]))
