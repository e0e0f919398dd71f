"""What a run leaves behind: its text with verified citations, its passages and steps, and in the end its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from agents import RunResult
from chatsite.answering.citations import CitationReader, VerifiedCitation
from chatsite.conf import EXTRACTIVE
from chatsite.models import Citation, HostToolCall, Run
from chatsite.signals import tell_end
from chatsite.tools.approval import give_up_confirmed
from chatsite.tools.results import LookedUp
from retrieval.models import Document
from retrieval.searching.passages import Passage
from retrieval.text.cleaning import without_hidden

NOTHING_ANSWERS = gettext_noop("Nothing that was found answers this question.")
_KEPT_OF_A_PASSAGE = "chunk_id document_id section page start end score content_hash".split()


Review = Callable[[Mapping[str, Any], Sequence[VerifiedCitation]], dict[str, Any]]
"""Of the fields that a run is closed with and what it cites, those that are to be others."""


class Recording:
    """A run while it is answered: kept in memory, saved to its row now and then, and closed in one state."""

    def __init__(self, run: Run, *, passages: Mapping[int, Passage], review: Review | None = None) -> None:
        self.run = run
        self._review = review  # says what of its end is recorded otherwise; until then no text of it is
        self.passages = dict(passages)  # by number; each search adds to them
        self.steps: list[dict[str, Any]] = []  # what was searched for, what came of it, and how long it took
        self._reader = CitationReader(self.passages)
        self._written = ""  # as the model wrote it
        self._citations_saved = 0
        self._began = perf_counter()
        self._first_text_ms: float | None = None
        self._model_ms = run.model_time_ms  # of one that goes on

    def read(self, text: str) -> Iterator[str | VerifiedCitation]:
        """Take in a piece of the answer: its clean text, and the citations that are certain after it."""
        text = without_hidden(text)
        self._written += text
        return self._timed(self._reader.feed(text))

    def withdraw(self, text: str) -> Iterator[str | VerifiedCitation]:
        """Take back `text`, with which the answer ends so far. Return what is left of it, anew."""
        left, self._written = self._written.removesuffix(without_hidden(text)), ""
        self._reader = CitationReader(self.passages)
        if self._citations_saved:
            self._citations_saved = 0
            self.run.citations.all().delete()
        return self.read(left)

    def read_end(self) -> Iterator[str | VerifiedCitation]:
        """Take in the end of the answer: what was held back because it could still have become a marker."""
        return self._timed(self._reader.end())

    def _timed(self, pieces: Iterable[str | VerifiedCitation]) -> Iterator[str | VerifiedCitation]:
        """Note when the first words come."""
        for piece in pieces:
            if self._first_text_ms is None and isinstance(piece, str) and not piece.isspace():
                self._first_text_ms = self._passed_ms()
            yield piece

    def _passed_ms(self) -> float:
        return round((perf_counter() - self._began) * 1000, 2)

    def save_so_far(self) -> bool:
        """Save what there is, with a sign of life; False when the run has ended or was asked to stop."""
        with transaction.atomic():
            text = "" if self._review else self._reader.text.lstrip()
            fields = {"answer": text, "sources": self._sources(), "steps": self.steps}
            if not Run.objects.going_on().filter(pk=self.run.pk).update(**fields, checked_at=timezone.now()):
                return False
            saved = 0 if self._review else self._save_citations()
        self._citations_saved = saved
        return True

    @property
    def has_text(self) -> bool:
        return bool(self._reader.text)

    def restore(self) -> Iterator[str | VerifiedCitation]:
        """Take in what was written before the run waited for its reader, and saved. Where a review has come since, it
        is saved no more: until that has seen all of it, it is no text of the run."""
        if self._review:
            self.run.citations.all().delete()
            Run.objects.filter(pk=self.run.pk).update(answer="")
        self._citations_saved = self.run.citations.count()
        self._began -= self.run.total_time_ms / 1000
        yield from self.read((self.run.paused or {})["written"])
        yield from self.read_end()

    def pause(self, result: RunResult, calls: Sequence[HostToolCall]) -> bool:
        """Save the run as one that waits until its reader has decided `calls`; False when it was to stop meanwhile."""
        assert result.state
        written = self._reader.text.strip()
        fields = {
            "state": Run.State.WAITING,
            "personal": True,
            "paused": {"agent": result.state.to_json(), "written": written},
            "scope": self.run.scope,
            "answer": "" if self._review else written,
            "sources": self._sources(),
            "steps": self.steps,
            "model": result.model,
            "usage": asdict(result.usage),
            "model_time_ms": round(result.model_seconds * 1000 + self._model_ms, 2),
            "total_time_ms": self._passed_ms(),
        }
        with transaction.atomic():
            if not Run.objects.going_on().filter(pk=self.run.pk).update(**fields):
                return False
            HostToolCall.objects.bulk_create(calls)
            self._citations_saved = 0 if self._review else self._save_citations()
        for name, value in fields.items():
            setattr(self.run, name, value)
        return True

    def close(
        self,
        state: Run.State,
        *,
        error: str = "",
        result: RunResult | None = None,
        model_fault: str = "",
        small_talk: str = "",
    ) -> None:
        """Record how the run has ended; without effect when that is recorded already. Without one citation, what a
        language model wrote is no answer, unless the site takes it for one (FREE_CHAT)."""
        run = self.run
        if run.state != Run.State.RUNNING:
            return
        closed: dict[str, Any] = {
            "state": state,
            "error": error,
            "ended_at": timezone.now(),
            "scope": run.scope,
            "answer": self._reader.text.strip(),
            "answered": bool(self._reader.citations),
            "small_talk": small_talk,
            "model_fault": model_fault,
            "sources": self._sources(),
            "steps": self.steps,
            "retrieval_time_ms": round(sum(step["ms"] for step in self.steps), 2),
            "first_text_time_ms": self._first_text_ms,
            "total_time_ms": self._passed_ms(),
        }
        if run.paused is not None:
            closed["paused"] = None
        if result:
            closed |= {"model": result.model, "usage": asdict(result.usage)}
            closed["model_time_ms"] = round(result.model_seconds * 1000 + self._model_ms, 2)
            if result.passages_left_out and self.steps:
                self.steps[0]["left_out"] = result.passages_left_out
        ended = state in (Run.State.COMPLETED, Run.State.LIMITED)
        if ended and closed["answer"] and not small_talk and self._is_unsupported(result):
            closed |= {"answer": _(NOTHING_ANSWERS), "unsupported": closed["answer"]}
        if self._review and not small_talk:
            closed |= self._review({"unsupported": "", **closed}, self._reader.citations)
        with transaction.atomic():
            saved = Run.objects.filter(pk=run.pk).update(**closed)
            if "paused" in closed:
                give_up_confirmed(run)
            if saved and closed["answered"]:  # otherwise its conversation has been deleted, or there is nothing to cite
                self._save_citations()
        for name, value in closed.items():  # only now: what could not be saved is not told as the run's end
            setattr(run, name, value)
        if saved:
            tell_end(run)

    def _is_unsupported(self, result: RunResult | None) -> bool:
        quoted = result is not None and result.model == EXTRACTIVE and not self.run.continues_id
        return not (self._reader.citations or quoted or settings.FREE_CHAT)

    def _sources(self) -> list[dict[str, Any]]:
        """Return what a run keeps of its passages; title and text stay with the document."""
        return [
            {"marker": marker}
            | {name: getattr(passage, name) for name in _KEPT_OF_A_PASSAGE}
            | ({"call": passage.call} if isinstance(passage, LookedUp) else {})
            for marker, passage in self.passages.items()
        ]

    def _save_citations(self) -> int:
        """Save those that are not saved yet; return how many are once the transaction is."""
        save_citations(self.run, self._reader.citations[self._citations_saved :])
        return len(self._reader.citations)


def save_citations(run: Run, citations: Sequence[VerifiedCitation]) -> None:
    """Save a row for each; a document that was deleted since the search is None in it."""
    if not citations:
        return
    cited = Document.objects.in_bulk({citation.passage.document_id for citation in citations} - {None})
    Citation.objects.bulk_create([_row(citation, run, cited) for citation in citations])


def _row(citation: VerifiedCitation, run: Run, documents: Mapping[int, Document]) -> Citation:
    document = documents.get(citation.passage.document_id or 0)
    return Citation(
        run=run,
        marker=citation.marker,
        document=document,
        in_selection=run.mode == Run.Mode.SELECTED_TEXT,
        quote=citation.quote,
        page=document.page_at(citation.start) if document else None,
        start=citation.start,
        end=citation.end,
        content_hash=citation.passage.content_hash,
    )
