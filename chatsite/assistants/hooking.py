"""An answer between the hooks of the project: refused or changed before, noted or withheld after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from chatsite.answering.capacity import Place
from chatsite.answering.citations import VerifiedCitation
from chatsite.answering.drivable import Drivable
from chatsite.answering.recording import Recording
from chatsite.answering.telling import BEAT, WITHDRAWN, Aside, LogEntry, PassagesFound, RunClosed, run_event
from chatsite.assistants.hooks import (
    MESSAGE_MOST,
    AddNote,
    ChangeQuestion,
    Hook,
    HookedAnswer,
    HookedQuestion,
    HookFailed,
    Refuse,
    Withhold,
    called,
    hooks,
)
from chatsite.models import Run

if TYPE_CHECKING:
    from chatsite.asking.question import Question

logger = logging.getLogger(__name__)

FAILED = gettext_noop("This question can’t be answered now. Try again later.")
KEPT_STATES = (Run.State.COMPLETED, Run.State.LIMITED)
Driver = Callable[..., Drivable]  # of a question, with its `run`, `place` and `review`


def hooked(question: Question, *, run: Run, place: Place, drive: Driver) -> Drivable:
    """Return what answers a question between the hooks that there are; without any, what `drive` makes. Small talk has
    a fixed answer, which no hook is asked about."""
    before, after = hooks("BEFORE_ANSWER"), hooks("AFTER_ANSWER")
    if question.small_talk or not question.hooked or not (before or after):
        return drive(question, run=run, place=place)
    return HookedDriving(question, run=run, place=place, drive=drive, before=before, after=after)


class HookedDriving:
    """A question under way. Where there are hooks for after it, its text is held back until they have seen all of it:
    what is withheld was told to nobody, and what was cut short is not kept."""

    def __init__(
        self,
        question: Question,
        *,
        run: Run,
        place: Place,
        drive: Driver,
        before: Sequence[Hook],
        after: Sequence[Hook],
    ) -> None:
        self.question = question
        self.run = run
        self.is_watched: Callable[[], bool] = lambda: True
        self._place = place
        self._drive = drive
        self._before = before
        self._after = after
        self._driven: Drivable | None = None
        self._begun = False
        self._stopped = False
        self._told = HookedQuestion(
            text=question.text,
            asked=question.text,
            agent=question.agent.name,
            user=question.reader.person(),
            mode=question.mode,
            conversation_id=run.conversation_id,
            run_id=run.pk,
        )
        self._withheld = ""
        self._note = ""

    def entries(self, *, whole: bool = False) -> Generator[LogEntry, None, None]:
        self._begun = True
        try:
            question, message = self._asked()
            driven = None if message else self._driven_by(question)
        except BaseException:
            self._place.release()
            raise
        if driven is None:
            yield from self._refused(message)
            return
        with closing(driven.entries(whole=whole)) as entries:
            yield from self._held_back(entries) if self._after else entries

    def _driven_by(self, question: Question) -> Drivable:
        review = self._review if self._after else None
        driven = self._driven = self._drive(question, run=self.run, place=self._place, review=review)
        driven.is_watched = self.is_watched
        if self._stopped:
            driven.cancel()
        return driven

    def cancel(self) -> None:
        self._stopped = True
        if self._driven:
            self._driven.cancel()

    def close(self) -> None:
        if not self._begun:
            Recording(self.run, passages={}).close(Run.State.CANCELLED, error="cancelled")
            self._place.release()

    # ---- before ----
    def _asked(self) -> tuple[Question, str]:
        """Return the question as the hooks have it, and the message that it is refused with, if any."""
        question = self.question
        for hook in self._before:
            try:
                said = called(hook, self._told, kinds=(ChangeQuestion, Refuse))
            except HookFailed:
                return question, _(FAILED)
            if isinstance(said, Refuse):
                return question, str(said.message)[:MESSAGE_MOST] or _(FAILED)
            if isinstance(said, ChangeQuestion):
                question = self._changed(question, said)
        return question, ""

    def _changed(self, question: Question, said: ChangeQuestion) -> Question:
        if text := str(said.text).strip()[: settings.QUERY_MAX_CHARACTERS]:
            self._told = replace(self._told, text=text)
            question = replace(question, text=text, asked=(text,), follows="")
        if added := str(said.instructions).strip()[:MESSAGE_MOST]:
            question = replace(question, added="\n".join(filter(None, [question.added, added])))
        return question

    def _refused(self, message: str) -> Generator[LogEntry, None, None]:
        """Give the message in place of an answer: it is recorded as one that no document supports."""
        recording = Recording(
            self.run, passages={}, review=lambda closed, _cited: {"answer": message, "unsupported": ""}
        )
        try:
            yield run_event(self.run)
            yield message
            recording.close(Run.State.COMPLETED)
            yield RunClosed(self.run)
        finally:
            recording.close(Run.State.CANCELLED, error="cancelled")  # without effect where it is closed
            self._place.release()

    # ---- after ----
    def _review(self, closed: Mapping[str, Any], cited: Sequence[VerifiedCitation]) -> dict[str, Any]:
        """Return what of a run is recorded otherwise than it would be."""
        if closed["state"] not in KEPT_STATES or not (closed["answer"] or closed["unsupported"]):
            return {"answer": "", "unsupported": "", "answered": False}
        notes = []
        for hook in self._after:
            try:
                said = called(hook, self._told, _told_of(closed, cited), kinds=(AddNote, Withhold))
            except HookFailed:
                said = Withhold(_(FAILED))
            if isinstance(said, Withhold):
                self._withheld = str(said.message).strip()[:MESSAGE_MOST] or _(FAILED)
                return {"answer": self._withheld, "unsupported": "", "answered": False, "sources": []}
            if isinstance(said, AddNote) and (text := str(said.text).strip()[:MESSAGE_MOST]):
                notes.append(text)
        self._note = "".join(f"\n\n{note}" for note in notes)
        return {"answer": f"{closed['answer']}{self._note}"} if notes else {}

    def _held_back(self, entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
        """Yield how far it is as it happens, and all that is said at its end, as far as the hooks have left it."""
        held: list[LogEntry] = []
        for entry in entries:
            if entry is WITHDRAWN:
                held = [one for one in held if isinstance(one, PassagesFound)]
            elif isinstance(entry, RunClosed):
                yield from self._released(held)
                yield entry
            elif isinstance(entry, str | VerifiedCitation | PassagesFound):
                held.append(entry)
                yield BEAT
            elif not isinstance(entry, Aside):  # which may say what will be withheld
                yield entry

    def _released(self, held: Sequence[LogEntry]) -> Iterator[LogEntry]:
        if self._withheld:
            yield self._withheld
        elif self.run.state in KEPT_STATES:
            yield from held
            if self._note:
                yield self._note


def _told_of(closed: Mapping[str, Any], cited: Sequence[VerifiedCitation]) -> HookedAnswer:
    return HookedAnswer(
        text=closed["answer"],
        answered=closed["answered"],
        unsupported=closed["unsupported"],
        quotes=tuple(citation.quote for citation in cited),
        document_ids=tuple(dict.fromkeys(c.passage.document_id for c in cited if c.passage.document_id)),
    )
