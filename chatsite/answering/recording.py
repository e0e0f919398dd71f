"""What a run leaves behind: its text with verified citations, its passages and steps, and in the end its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from chatsite.models import Citation, Run
from retrieval.models import Document
from retrieval.searching.passages import Passage
from retrieval.text.cleaning import without_hidden

NOTHING_ANSWERS = gettext_noop("Nothing that was found answers this question.")
_KEPT_OF_A_PASSAGE = "chunk_id document_id section page start end score content_hash".split()


class Recording:
    """A run while it is answered: kept in memory, saved to its row now and then, and closed in one state."""

    def __init__(self, run: Run, *, passages: Mapping[int, Passage]) -> None:
        self.run = run
        self.passages = dict(passages)  # by number; each search adds to them
        self.steps: list[dict[str, Any]] = []  # what was searched for, what came of it, and how long it took
        self._reader = CitationReader(self.passages)
        self._written = ""  # as the model wrote it
        self._citations_saved = 0
        self._began = perf_counter()

    def read(self, text: str) -> Iterator[str | VerifiedCitation]:
        """Take in a piece of the answer: its clean text, and the citations that are certain after it."""
        text = without_hidden(text)
        self._written += text
        return self._reader.feed(text)

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
        return self._reader.end()

    def save_so_far(self) -> bool:
        """Save what there is, with a sign of life; False when the run has ended or was asked to stop."""
        with transaction.atomic():
            fields = {"answer": self._reader.text.lstrip(), "sources": self._sources(), "steps": self.steps}
            if not Run.objects.going_on().filter(pk=self.run.pk).update(**fields, checked_at=timezone.now()):
                return False
            saved = self._save_citations()
        self._citations_saved = saved
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
            "total_time_ms": round((perf_counter() - self._began) * 1000, 2),
        }
        if result:
            closed |= {"model": result.model, "usage": asdict(result.usage)}
            closed["model_time_ms"] = round(result.model_seconds * 1000, 2)
            if result.passages_left_out and self.steps:
                self.steps[0]["left_out"] = result.passages_left_out
        ended = state in (Run.State.COMPLETED, Run.State.LIMITED)
        if ended and closed["answer"] and not small_talk and self._is_unsupported(result):
            closed |= {"answer": _(NOTHING_ANSWERS), "unsupported": closed["answer"]}
        with transaction.atomic():
            if Run.objects.filter(pk=run.pk).update(**closed):
                self._save_citations()  # otherwise its conversation has been deleted
        for name, value in closed.items():  # only now: what could not be saved is not told as the run's end
            setattr(run, name, value)

    def _is_unsupported(self, result: RunResult | None) -> bool:
        quoted = result is not None and result.model == EXTRACTIVE and not self.run.continues_id
        return not (self._reader.citations or quoted or settings.FREE_CHAT)

    def _sources(self) -> list[dict[str, Any]]:
        """Return what a run keeps of its passages; title and text stay with the document."""
        return [
            {"marker": marker} | {name: getattr(passage, name) for name in _KEPT_OF_A_PASSAGE}
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
