"""What the templates show of a run: plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.safestring import SafeString

from chatsite.answering.sight import CitationView
from chatsite.documents.excerpts import Excerpt


@dataclass(frozen=True, slots=True)
class SelectionView:
    """A text that was asked about, cut where the words begin and end that the answer rests on (`cited` is true)."""

    parts: Sequence[tuple[str, bool]]
    url: str = ""
    title: str = ""
    document_id: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    """One search of the agent, and what came of it; how many of its passages the model's window had no room for."""

    query: str
    passages: int
    failed: bool
    milliseconds: float
    left_out: int = 0
    corrections: Sequence[tuple[str, str]] = ()  # words as they were written, and as they were read


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
    all_readable: bool = True  # every document that its sources or citations name may be read
    is_withheld: bool = False

    @property
    def selected_text(self) -> str:
        return "\n\n".join("".join(text for text, _cited in selection.parts) for selection in self.selections)

    @property
    def is_answer(self) -> bool:
        """Return whether it says something of its own: with a citation, or where the site takes any text for one."""
        return self.answered or bool(self.answer and self.model and not (self.unsupported or self.is_unsupported))

    @property
    def unsupported_lines(self) -> Sequence[str]:
        return self.unsupported.splitlines()

    def withheld(self) -> RunView:
        """Return the question alone, for a reader who may not read what its answer rests on."""
        return RunView(
            id=self.id,
            question=self.question,
            mode=self.mode,
            state=self.state,
            model="",
            answered=False,
            answer_html=SafeString(""),
            is_withheld=True,
        )

    def shared(self) -> RunView:
        """Return the answer as others see it: nothing to do with it, and nothing of how it came about."""
        return replace(
            self, steps=(), scope=ScopeView(), earlier=(), follow_ups=(), helpful=None, also_read=(), can_continue=False
        )
