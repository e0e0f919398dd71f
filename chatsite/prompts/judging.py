"""How a run answered a saved question: what of its expectation it meets, and how many did before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chatsite.answering.citations import strip_markers
from chatsite.models import Citation, Run, SavedQuestion

Expected = SavedQuestion.Expected


def judged(run: Run, saved: SavedQuestion) -> dict[str, Any]:
    """Return what an evaluation keeps of an answer. What does not apply to the question is None."""
    citations = list(run.citations.all())
    failed = run.state not in (Run.State.COMPLETED, Run.State.LIMITED)
    cites = any(one.document_id == saved.document_id for one in citations) if saved.document_id else None
    quotes = _quotes(run, citations, saved) if saved.quote else None
    refused = None if failed else not run.answered
    good = {
        Expected.ANSWERED: run.answered,
        Expected.DOCUMENT: bool(cites),
        Expected.QUOTE: bool(quotes),
        Expected.REFUSED: bool(refused),
    }
    return {
        "run": str(run.pk),
        "error": run.error if failed else "",
        "not_run": list(run.scope.get("not_run", ())),
        "answered": run.answered,
        "document": cites,
        "quote": quotes,
        "refused": refused if saved.expected == Expected.REFUSED else None,
        "good": good[Expected(saved.expected)],
        "milliseconds": run.total_time_ms,
    }


def _quotes(run: Run, citations: Iterable[Citation], saved: SavedQuestion) -> bool:
    """Say whether the words are said or cited, however they are spaced, or a cited place overlaps theirs."""
    wanted = _compared(saved.quote)
    if any(wanted in _compared(text) for text in (strip_markers(run.answer), *(one.quote for one in citations))):
        return True
    start, end = saved.start, saved.end
    return any(
        one.document_id == saved.document_id and start < one.end and one.start < end
        for one in citations
        if saved.document_id and start is not None and end is not None
    )


def _compared(text: str) -> str:
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Count:
    """How many of the questions that something applies to had it before and after."""

    name: str
    before: int
    after: int
    of: int

    @property
    def difference(self) -> int:
        return self.after - self.before


def counts(results: Sequence[Mapping[str, Any]]) -> list[Count]:
    """Return the table of an evaluation: each measure that applies to any question."""
    measures = {
        "good": _("Answered as expected"),
        "answered": _("Answered with a citation"),
        "document": _("Right document cited"),
        "quote": _("Words found"),
        "refused": _("Rightly not answered"),
    }
    found = []
    for key, name in measures.items():
        pairs = [(one["before"][key], one["after"][key]) for one in results]
        applying = [pair for pair in pairs if None not in pair]
        before, after = (sum(values) for values in zip(*applying, strict=True)) if applying else (0, 0)
        found.append(Count(name, before, after, len(applying)))
    return [one for one in found if one.of]
