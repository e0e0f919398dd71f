"""What the templates show of a run: plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.safestring import SafeString

from chatsite.answering.sight import CitationView
from chatsite.conversations.neutral import neutral_markdown
from chatsite.documents.excerpts import Excerpt
from chatsite.tools.shown import ToolView


@dataclass(frozen=True, slots=True)
class SelectionView:
    """A text that was asked about, cut where the words begin and end that the answer rests on (`cited` is true)."""

    parts: Sequence[tuple[str, bool]]
    url: str = ""
    title: str = ""
    document_id: int | None = None
    start: int | None = None
    end: int | None = None
    is_withheld: bool = False  # it stands in a document that may not be read


@dataclass(frozen=True, slots=True)
class StepView:
    """One search of the agent, and what came of it; how many of its passages the model's window had no room for."""

    query: str
    passages: int
    failed: bool
    milliseconds: float
    left_out: int = 0
    corrections: Sequence[tuple[str, str]] = ()  # words as they were written, and as they were read
    workflow_step: str = ""  # its name, where it is no search of the agent's but a step of a workflow


@dataclass(frozen=True, slots=True)
class ScopeView:
    """What a search was narrowed to, as far as its reader may see it: collections as slug and name, documents as id and
    title (empty: gone), and titles of attached files that were searched too, or were not read in time."""

    collections: Sequence[tuple[str, str]] = ()
    documents: Sequence[tuple[int, str]] = ()
    languages: Sequence[str] = ()
    since: str = ""
    until: str = ""
    attached: Sequence[str] = ()
    unread: Sequence[str] = ()

    @property
    def as_json(self) -> str:
        """Return what the question is asked with again."""
        documents = [{"id": pk, "title": title} for pk, title in self.documents]
        return json.dumps({"collections": [slug for slug, _name in self.collections], "documents": documents})


@dataclass(frozen=True, slots=True)
class RunView:
    """One question and its answer, for `fragments/run.html`."""

    id: str
    question: str
    mode: str
    state: str
    model: str  # empty when nobody wrote it: sentences were quoted
    answered: bool
    answer_html: SafeString
    small_talk: str = ""  # what it is instead of a question
    error_message: str = ""
    selections: Sequence[SelectionView] = ()
    citations: Sequence[CitationView] = ()
    nearest: Sequence[Excerpt] = ()
    also_read: Sequence[Excerpt] = ()
    steps: Sequence[StepView] = ()
    scope: ScopeView = ScopeView()
    milliseconds: float = 0
    model_milliseconds: float = 0
    helpful: bool | None = None
    can_continue: bool = False
    earlier: Sequence[RunView] = ()
    follow_ups: Sequence[str] = ()
    copy_text: str = ""
    answer: str = ""  # Markdown
    has_uncited: bool = False  # some of its sentences are marked
    is_unsupported: bool = False  # it was cut short before its first citation
    unsupported: str = ""  # Markdown that a model wrote without one citation: the answer says that there is none
    unsupported_html: SafeString | None = None
    history_readable: bool = True  # every document that the answers before it rest on may be read
    is_withheld: bool = False  # it rests on a document that was deleted, or may not be read
    is_personal: bool = False  # tools were asked for its reader: it is told to nobody else
    tools: Sequence[ToolView] = ()

    @property
    def asks(self) -> Sequence[ToolView]:
        """Return the calls of tools that wait for the reader, or for going on."""
        return [tool for tool in self.tools if self.state == "waiting" and (tool.waits or tool.goes_on)]

    @property
    def notable_tools(self) -> Sequence[ToolView]:
        """Return the calls whose end the answer may not say: what failed, and all that the reader was asked about."""
        return [tool for tool in self.tools if tool not in self.asks and (tool.failed or tool.expires_at)]

    @property
    def selected_text(self) -> str:
        return "\n\n".join("".join(text for text, _cited in selection.parts) for selection in self.selections)

    @property
    def is_answer(self) -> bool:
        """Return whether it says something of its own: with a citation, or where the site takes any text for one."""
        return self.answered or bool(self.answer and self.model and not (self.unsupported or self.is_unsupported))

    @property
    def unsupported_lines(self) -> Sequence[str]:
        return neutral_markdown(self.unsupported).split("\n")

    def withheld(self, *, readable: int = 0) -> RunView:
        """Return it without its answer, for a reader who may not read all that this rests on. Which of its sources are
        left is still shown, and of its searches the first, which was for the question: `readable` passages."""
        return replace(
            self,
            model="",
            answered=False,
            answer_html=SafeString(""),
            answer="",
            copy_text="",
            unsupported="",
            unsupported_html=None,
            has_uncited=False,
            is_unsupported=False,
            can_continue=False,
            steps=[replace(step, passages=readable, left_out=0) for step in self.steps[:1]],
            nearest=(),
            tools=(),
            is_withheld=True,
        )

    def shared(self) -> RunView:
        """Return the answer as others see it: nothing to do with it, and nothing of how it came about. One that is
        withheld is its question alone, and so is one behind such an answer, which it may repeat."""
        alone = replace(
            self, steps=(), scope=ScopeView(), earlier=(), follow_ups=(), helpful=None, also_read=(), can_continue=False
        )
        is_whole = not self.is_withheld and not self.is_personal and (self.history_readable or self.small_talk)
        return alone if is_whole else replace(alone.withheld(), selections=(), citations=())
