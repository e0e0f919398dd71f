"""A run as the staff see it whole: what was searched, what was found, who wrote the answer, and how long each took."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from chatsite.answering.sight import NOT_YOURS, Sight, SourceView, as_asked, stored_passages
from chatsite.models import Run
from chatsite.overview.spending import cost_of_model, usage_of
from chatsite.reader import Reader
from chatsite.tools.shown import tools_of_runs
from retrieval.models import User


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that happened, and how long it took, as milliseconds and as a part of the whole from 0 to 100."""

    name: str  # search, tool, model
    said: str
    passages: int
    milliseconds: float
    share: int
    failed: bool = False
    corrections: Sequence[tuple[str, str]] = ()  # words as they were written, and as they were read


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that the answer could cite, as far as who looks may read it."""

    marker: int
    seen: SourceView
    is_cited: bool


@dataclass(frozen=True, slots=True)
class RunPage:
    """All of it."""

    stages: Sequence[Stage]
    sources: Sequence[Source]
    input_tokens: int
    output_tokens: int
    cost: Decimal | None  # US dollars; None where nobody knows the price


def run_page(run: Run, *, user: User) -> RunPage:
    """Return a run as `user` may see it: the passages only of documents that they may read, and of a search the words
    that it read others as only where all that the answer rests on may be read."""
    sight = Sight.of([run], reader=Reader(user))
    cited = {citation.marker for citation in run.citations.all()}
    sources = [
        Source(marker, sight.source(passage), marker in cited) for marker, passage in stored_passages(run).items()
    ]
    usage = usage_of(run.usage)
    cost = cost_of_model(run.model, usage)
    words = sight.words if sight.may_read(run) else frozenset[str]()
    return RunPage(
        _stages(run, words, is_readers=sight.is_readers(run)), sources, usage.input_tokens, usage.output_tokens, cost
    )


def _stages(run: Run, words: AbstractSet[str], *, is_readers: bool) -> list[Stage]:
    whole = max(run.total_time_ms, 1.0)
    stages: list[Stage] = []
    for step in run.steps:
        query, corrections = as_asked(step, words=words)
        if stages and not is_readers:  # the model has worded it, perhaps with what a tool gave
            query = _(NOT_YOURS)
        took = step.get("ms", 0.0)
        found, failed = step["passages"], step["failed"]
        stages.append(Stage("search", query, found, took, _share(took, whole), failed=failed, corrections=corrections))
    for tool in tools_of_runs([run]).get(run.pk, ()):
        took = tool.milliseconds
        stages.append(Stage("tool", f"{tool.title} ({tool.tool})", 0, took, _share(took, whole), failed=tool.failed))
    if run.model:
        stages.append(Stage("model", run.model, 0, run.model_time_ms, _share(run.model_time_ms, whole)))
    return stages


def _share(milliseconds: float, whole: float) -> int:
    return min(100, max(1, round(100 * milliseconds / whole)))
