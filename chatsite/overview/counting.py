"""The counts of questions that figures are read from, made from the runs themselves.

A day that is over is counted once, and the last day by hours, of which those that are not over yet are counted each
time. Whatever changes an older question notes its moment (`ChangedMoment`) in the same transaction; a period with such
a moment is counted again. Who counts deletes the moments first and looks at the runs after: a change that was committed
between the two is counted twice at worst, and one that is committed later has its moment still.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from itertools import product
from time import monotonic, perf_counter, sleep
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from agents.messages import Usage
from chatsite.models import Citation, Feedback, Run
from chatsite.models.counts import (
    SETTLED,
    ChangedMoment,
    CountedPeriod,
    CountingTurn,
    DocumentCount,
    QuestionCount,
)
from chatsite.overview.days import beginning_of, today
from chatsite.overview.times import span_of
from retrieval.models import Collection

DAYS = 90  # that are counted, with today
AGAIN_SECONDS = 0.5  # a page takes no longer to count again what has changed; what is left has its turn later
IDLE_SECONDS = 60.0  # between two counts in the background
_SHORT_SECONDS = 0.02
_OTHERS_SECONDS = 0.12  # SQLite's busy handler sleeps 0.1 at the longest
FEW = 20_000  # questions that are counted in one go
HOUR = timedelta(hours=1)
KINDS = tuple(usage.name for usage in fields(Usage))


@dataclass(frozen=True, slots=True)
class Period:
    """A day or an hour. Whether it is settled: no question of it is still to come."""

    begins: datetime
    ends: datetime
    settled: bool

    def holds(self, moment: datetime) -> bool:
        return self.begins <= moment < self.ends


@dataclass(slots=True)
class Tally:
    """What a row of QuestionCount counts."""

    numbers: Counter[str] = field(default_factory=Counter)  # by the names of NUMBERS
    first_text: Counter[int] = field(default_factory=Counter)
    total: Counter[int] = field(default_factory=Counter)


NUMBERS = (
    "questions", "answered", "unsupported", "refused", "failed", "helpful", "not_helpful", *KINDS
)  # fmt: skip


def first_day() -> datetime:
    """Return the moment from which questions are counted."""
    return beginning_of(today() - timedelta(days=DAYS - 1))


def periods(now: datetime) -> list[Period]:
    """Return all that are to be counted, the latest first: whole days, and hours of a day that is not settled yet."""
    found: list[Period] = []
    for number in range(DAYS):
        day = today() - timedelta(days=number)
        begins, ends = beginning_of(day), beginning_of(day + timedelta(days=1))
        if ends + SETTLED <= now:
            found.append(Period(begins, ends, settled=True))
        else:
            found += reversed(list(_hours(begins, ends, now)))
    return found


def _hours(begins: datetime, ends: datetime, now: datetime) -> Iterator[Period]:
    """Yield those of a day, whichever its length; the last one that has begun goes on to the day's end."""
    moment = begins.astimezone(UTC) if settings.USE_TZ else begins
    while moment < ends:
        after = min(moment + HOUR, ends) if moment + HOUR <= now else ends
        yield Period(moment, after, settled=after + SETTLED <= now)
        moment = after


def bring_up_to_date(*, all_of_it: bool = False, only_settled: bool = False) -> int:
    """Count what is not counted yet and, for AGAIN_SECONDS or `all_of_it`, what has changed since. Return how many
    periods are still as they were before a change. `only_settled` leaves out what has not settled."""
    wanted, left, began = periods(timezone.now()), 0, perf_counter()
    kept = {(each.begins, each.ends) for each in CountedPeriod.objects.all()}
    changed = list(ChangedMoment.objects.order_by().values_list("moment", flat=True))
    due = [each for each in wanted if _is_due(each, kept, changed, only_settled=only_settled)]
    if due and _are_few(due):
        _count_and_keep(due)
        due = []
    for period in due:
        is_kept = period.settled and (period.begins, period.ends) in kept
        if is_kept and not all_of_it and perf_counter() - began >= AGAIN_SECONDS:
            left += 1
        else:
            began_this = perf_counter()
            _count_and_keep([period])
            _let_others_write(perf_counter() - began_this)
    _forget_before(wanted[-1].begins)
    return left


def _let_others_write(seconds: float) -> None:
    """Leave SQLite's one lock alone between two periods that take `seconds`, for as long as those who wait for it sleep
    before they try again: else one question waits for all periods, and gives up before the last."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block and seconds > _SHORT_SECONDS:
        sleep(_OTHERS_SECONDS)


def _is_due(
    period: Period, kept: Set[tuple[datetime, datetime]], changed: Sequence[datetime], *, only_settled: bool
) -> bool:
    if not period.settled:
        return not only_settled
    return (period.begins, period.ends) not in kept or any(map(period.holds, changed))


def _are_few(due: Sequence[Period]) -> bool:
    """Say whether there are so few questions since the first of these that one go counts them all."""
    since = Run.objects.order_by().filter(created_at__gte=due[-1].begins)
    return len(due) == 1 or since[: FEW + 1].count() <= FEW


def count_while_idle() -> bool:
    """Count once a minute what has settled or changed, so that whoever looks need not wait for it. Return False: there
    is nothing to go on with."""
    global _counted_at
    if _counted_at is None or monotonic() - _counted_at >= IDLE_SECONDS:
        _counted_at = monotonic()
        bring_up_to_date(only_settled=True)
    return False


_counted_at: float | None = None  # by this process, while it was idle


def _forget_before(moment: datetime) -> None:
    """Delete the counts that are looked at no more."""
    if CountedPeriod.objects.filter(begins__lt=moment).exists():
        with transaction.atomic():
            CountedPeriod.objects.filter(begins__lt=moment).delete()
            ChangedMoment.objects.filter(moment__lt=moment).delete()


def _count_and_keep(due: Sequence[Period]) -> None:
    """Count these, the latest first, but for those that somebody else has counted while we stood in line."""
    with transaction.atomic():
        take_turn()
        rows = list(CountedPeriod.objects.all())
        kept = {(each.begins, each.ends) for each in rows}
        noted = [each for each in ChangedMoment.objects.all() if any(period.holds(each.moment) for period in due)]
        ChangedMoment.objects.filter(pk__in=[each.pk for each in noted]).delete()
        changed = [each.moment for each in noted]
        due = [each for each in due if _is_due(each, kept, changed, only_settled=False)]
        overlapped = [row.pk for row in rows if any(each.begins < row.ends and row.begins < each.ends for each in due)]
        CountedPeriod.objects.filter(pk__in=overlapped).delete()
        CountedPeriod.objects.bulk_create([CountedPeriod(begins=each.begins, ends=each.ends) for each in due])
        # What has not settled is counted again once it has, whoever looked before.
        ChangedMoment.objects.bulk_create([ChangedMoment(moment=each.begins) for each in due if not each.settled])
        row_of = {row.begins: row for row in CountedPeriod.objects.filter(begins__in=[each.begins for each in due])}
        questions: list[QuestionCount] = []
        documents: list[DocumentCount] = []
        for period, counts in counts_of(due):
            questions += counts.question_rows(row_of[period.begins])
            documents += counts.document_rows(row_of[period.begins])
        QuestionCount.objects.bulk_create(questions, batch_size=500)
        DocumentCount.objects.bulk_create(documents, batch_size=500)


def take_turn() -> None:
    """Wait until nobody else counts, to the end of the transaction. It begins with a change, which takes SQLite's one
    lock as well, before anything is read."""
    if not CountingTurn.objects.filter(pk=1).update(taken_at=timezone.now()):
        CountingTurn.objects.bulk_create([CountingTurn(pk=1, taken_at=timezone.now())], ignore_conflicts=True)
        CountingTurn.objects.filter(pk=1).update(taken_at=timezone.now())


Key = tuple[int | None, int | None, str, str]  # group, collection, agent, model


@dataclass(slots=True)
class Counts:
    """What is counted in a period: a tally for each group, collection, agent and model, and for each document how many
    questions were answered from it."""

    tallies: dict[Key, Tally] = field(default_factory=lambda: defaultdict(Tally))
    documents: Counter[int] = field(default_factory=Counter)

    def question_rows(self, period: CountedPeriod) -> list[QuestionCount]:
        """Return the rows of the tallies, to be saved."""
        return [
            QuestionCount(
                period=period, group=group, collection=collection, agent=agent, model=model,
                first_text=_json(tally.first_text), total=_json(tally.total),
                **{name: tally.numbers[name] for name in NUMBERS},
            )
            for (group, collection, agent, model), tally in self.tallies.items()
        ]  # fmt: skip

    def document_rows(self, period: CountedPeriod) -> list[DocumentCount]:
        """Return the rows of the documents, to be saved."""
        return [DocumentCount(period=period, document=pk, questions=many) for pk, many in self.documents.items()]


def _json(spans: Counter[int]) -> dict[str, int]:
    return {str(span): many for span, many in sorted(spans.items())}


def counts_of(due: Sequence[Period]) -> Iterator[tuple[Period, Counts]]:
    """Yield what is counted in each of these periods, which come the latest first. Greetings are no questions, nor is
    what staff only tried, and one that was asked again in its place doesn't count twice."""
    if not due:
        return
    first, last = due[-1].begins, due[0].ends
    runs = Run.objects.current().of_readers().filter(created_at__gte=first, created_at__lt=last, small_talk="")
    runs = runs.order_by("-created_at")
    unsupported = models.ExpressionWrapper(~Q(unsupported=""), output_field=models.BooleanField())
    rows = runs.annotate(is_unsupported=unsupported).values_list(
        "created_at", "pk", "agent", "model", "answered", "is_unsupported", "state", "first_text_time_ms",
        "total_time_ms", "usage", "conversation__user",
    )  # fmt: skip
    cited = _cited(first, last)
    opinions = dict(_of_runs(Feedback.objects, first, last).values_list("run", "helpful"))
    groups = _groups(first, last)
    listed = set(Collection.objects.listed().order_by().values_list("pk", flat=True))
    counts = [Counts() for _ in due]
    at = 0
    for moment, pk, agent, model, *outcome, first_text, total, usage, user in rows.iterator():
        while at < len(due) and moment < due[at].begins:
            at += 1
        if at == len(due) or not due[at].holds(moment):
            continue
        tallies, places = counts[at].tallies, cited.get(pk, ())
        numbers = _numbers(*outcome, opinion=opinions.get(pk), usage=usage)
        completed = outcome[-1] == Run.State.COMPLETED
        counts[at].documents.update({document for document, _ in places if document is not None})
        collections = {collection for _, collection in places} & listed
        for group, collection in product((None, *groups.get(user, ())), (None, *collections)):
            tally = tallies[group, collection, agent, model]
            for name, many in numbers:
                tally.numbers[name] += many
            if completed:
                tally.total[span_of(total)] += 1
                if first_text is not None:
                    tally.first_text[span_of(first_text)] += 1
    yield from zip(due, counts, strict=True)


def _numbers(answered: bool, unsupported: bool, state: str, *, opinion: bool | None, usage: Any) -> list[Any]:
    """Return what one question adds, each with its name. One that was stopped, or is being answered, has no outcome."""
    numbers = [(kind, int(usage[kind])) for kind in KINDS if usage.get(kind)]
    numbers.append(("questions", 1))
    if answered:
        numbers.append(("answered", 1))
    elif unsupported:
        numbers.append(("unsupported", 1))
    elif state == Run.State.COMPLETED:
        numbers.append(("refused", 1))
    elif state in (Run.State.FAILED, Run.State.LIMITED):
        numbers.append(("failed", 1))
    if opinion is not None:
        numbers.append(("helpful" if opinion else "not_helpful", 1))
    return numbers


def _of_runs(rows: Any, first: datetime, last: datetime) -> Any:
    return rows.filter(run__created_at__gte=first, run__created_at__lt=last).order_by()


def _cited(first: datetime, last: datetime) -> dict[Any, list[tuple[int | None, int | None]]]:
    """Return the documents that each run cites, and the collections that these were in."""
    cited: dict[Any, list[tuple[int | None, int | None]]] = defaultdict(list)
    for run, *place in _of_runs(Citation.objects, first, last).values_list("run", "document", "in_collection"):
        cited[run].append((place[0], place[1]))
    return cited


def _groups(first: datetime, last: datetime) -> dict[Any, list[int]]:
    """Return the groups of those who asked, by the id of the user."""
    groups: dict[Any, list[int]] = defaultdict(list)
    if has_groups():
        asked = {"conversations__runs__created_at__gte": first, "conversations__runs__created_at__lt": last}
        askers = get_user_model()._default_manager.filter(**asked, groups__isnull=False).order_by()
        for user, group in askers.values_list("pk", "groups").distinct():
            groups[user].append(group)
    return groups


def has_groups() -> bool:
    """Say whether this project's users have groups: not every kind does."""
    return any(each.name == "groups" for each in get_user_model()._meta.get_fields())
