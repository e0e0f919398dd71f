"""What a run's page shows: each step with what went in, what came out, how long it took; to who may read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from agents.workflows.checkpoints import State
from chatsite.answering.sight import Sight
from chatsite.models import WorkflowRun
from chatsite.reader import Reader
from chatsite.workflows.records import record_of

VIEW_QUESTIONS = "chatsite.view_run"
SHOWN_MOST = 4_000  # characters of one value


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as a page shows it: a text as it is, anything else as JSON; addresses in it are `links`."""

    text: str
    is_json: bool = False
    is_cut: bool = False
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StepTrace:
    """A step of a run, or one item of it, numbered from 1."""

    name: str
    state: str
    item: int | None = None
    seconds: float | None = None
    attempts: int = 0
    failures: tuple[str, ...] = ()
    error: str = ""
    given: Shown | None = None
    output: Shown | None = None
    by: str = ""  # who has answered
    items: list[StepTrace] = field(default_factory=list)


def staffs_runs(runs: QuerySet[WorkflowRun], *, request: HttpRequest) -> QuerySet[WorkflowRun]:
    """Return those of `runs` that one of the staff may look at. What answers a question in the chat is its reader's: it
    takes the right to look at questions as well."""
    return runs if request.user.has_perm(VIEW_QUESTIONS) else runs.filter(question=None)


def may_read(run: WorkflowRun, *, reader: Reader) -> bool:
    """Say whether this reader may see what a run was given and what came of it: that takes the right to read each
    document that it has found, now, also of who started it. Where it answers a question, it is read by who may read
    that answer."""
    found = set(run.found)
    if found and reader.documents().filter(pk__in=found).count() < len(found):
        return False
    if run.question is None:
        return True
    sight = Sight.of([run.question], reader=reader)
    return sight.may_read(run.question) and sight.is_readers(run.question)


def shown(value: Any) -> Shown | None:
    """Return a value as a page shows it; None for one that is not there."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    cut = text[:SHOWN_MOST]
    return Shown(cut, not isinstance(value, str), len(text) > len(cut), tuple(dict.fromkeys(_links(value))))


def _links(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the address and the title of each passage and citation in a value; addresses of this site alone."""
    match value:
        case {"url": str(url), "title": str(title)} if url.startswith("/") and not url.startswith("//"):
            yield url, title
        case dict():
            for inner in value.values():
                yield from _links(inner)
        case list():
            for inner in value:
                yield from _links(inner)


def traced(run: WorkflowRun, names: list[str]) -> list[StepTrace]:
    """Return the steps of a run in the order `names`, as they are recorded, or else as its row has them."""
    record = record_of(run)
    states = list(record.states.values()) if record else []
    traces = []
    for name in names:
        noted = run.steps.get(name, {})
        own = [state for state in states if state.step == name]
        items = [_trace(state, state.status) for state in own if state.item is not None]
        whole = next((state for state in own if state.item is None), None)
        if whole:
            trace = _trace(whole, noted.get("state") or whole.status, by=noted.get("by", ""))
        else:
            trace = StepTrace(name, noted.get("state", ""), seconds=noted.get("seconds"))
        trace.items.extend(sorted(items, key=lambda one: one.item or 0))
        traces.append(trace)
    return traces


def _trace(state: State, stands: str, *, by: str = "") -> StepTrace:
    return StepTrace(
        state.step,
        stands,
        item=None if state.item is None else state.item + 1,
        seconds=state.seconds,
        attempts=state.attempts,
        failures=tuple(state.failures),
        error=state.error or "",
        given=shown(state.arguments),
        output=shown(state.output),
        by=by,
    )
