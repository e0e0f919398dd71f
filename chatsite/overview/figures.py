"""What was asked and answered in the last days: counts, times, tokens, money; by day, agent, model and so on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from agents.budget import Price
from agents.messages import Usage
from chatsite.models.counts import QuestionCount
from chatsite.overview.counting import KINDS, bring_up_to_date, has_groups
from chatsite.overview.days import beginning_of, day_of, today
from chatsite.overview.spending import cost_of_model, own_prices
from chatsite.overview.times import Times, times_of
from retrieval.models import Collection, User

PERIODS = (7, 30, 90)  # days
ROWS = 10  # of a table by agent, collection or group
SITE = "-"  # for the site itself, where the name of an agent stands in an address
OUTCOMES = ("answered", "unsupported", "refused", "failed")  # of a question; one that was stopped has none of them


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the figures are narrowed to: the last `days`, a collection's slug that answers cite, the id of a group that
    askers are in, a model, the name of an agent ("": the site itself). None, and "" elsewhere, narrow nothing."""

    days: int = 30
    collection: str = ""
    group: int | None = None
    model: str | None = None
    agent: str | None = None

    @classmethod
    def by(cls, query: Mapping[str, str]) -> Narrowed:
        """Return what the query of an address asks for; what it can't mean is left out."""
        days, group = query.get("days", ""), query.get("group", "")
        return cls(
            days=int(days) if days in map(str, PERIODS) else 30,
            collection=query.get("collection", ""),
            group=int(group) if group.isdecimal() and len(group) < 10 and has_groups() else None,
            model=query.get("model") or None,
            agent={"": None, SITE: ""}.get(query.get("agent", ""), query.get("agent")),
        )

    @property
    def first(self) -> date:
        return today() - timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Day:
    """One day's questions, and how many of them ended in each of OUTCOMES."""

    day: date
    questions: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OfModel:
    """What one language model answered, with its tokens and US dollars; None where its price is unknown."""

    name: str  # empty: none answered
    questions: int
    input_tokens: int
    output_tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All of a period; see `figures`."""

    days: Sequence[Day]
    first_text: Times | None  # from a question to its answer's first words
    times: Times | None  # to its end
    models: Sequence[OfModel]
    agents: Sequence[tuple[str, int]]  # name, questions; empty: the site itself
    collections: Sequence[tuple[str, int]]  # name, questions whose answers cite it
    groups: Sequence[tuple[str, int]]  # name, questions of its members
    helpful: int
    not_helpful: int
    periods_left: int = 0  # that have changed, and are still as they were counted before

    @property
    def questions(self) -> int:
        return sum(day.questions for day in self.days)

    @property
    def outcomes(self) -> dict[str, int]:
        """Return how many questions ended in each of OUTCOMES."""
        return {name: sum(day.outcomes[name] for day in self.days) for name in OUTCOMES}

    @property
    def cost(self) -> Decimal | None:
        """Return US dollars; None when a model's price is unknown."""
        known = [one.cost for one in self.models if one.cost is not None]
        return sum(known, Decimal()) if len(known) == len(self.models) else None


def figures(narrowed: Narrowed, *, user: User) -> Figures:
    """Return what was asked and answered. Greetings and the like are no questions, and one that was asked again in its
    place doesn't count twice. Only collections that `user` may read are named."""
    left = bring_up_to_date()
    rows = _rows(narrowed)
    numbers = rows.aggregate(**{name: Coalesce(Sum(name), 0) for name in ("helpful", "not_helpful")})
    return Figures(
        days=_by_day(rows, narrowed),
        first_text=times_of(rows.values_list("first_text", flat=True)),
        times=times_of(rows.values_list("total", flat=True)),
        models=_by_model(rows),
        agents=_by_agent(rows),
        collections=_of_collections(narrowed, user),
        groups=_of_groups(narrowed) if has_groups() else [],
        periods_left=left,
        **numbers,
    )


def _rows(narrowed: Narrowed) -> QuerySet[QuestionCount]:
    """Return the counts of all that the figures are narrowed to, each question in one of them."""
    return _of_collection(_of_period(narrowed), narrowed).filter(group=narrowed.group)


def _of_period(narrowed: Narrowed) -> QuerySet[QuestionCount]:
    rows = QuestionCount.objects.filter(period__begins__gte=beginning_of(narrowed.first)).order_by()
    said = {"model": narrowed.model, "agent": narrowed.agent}
    return rows.filter(**{name: value for name, value in said.items() if value is not None})


def _of_collection(rows: QuerySet[QuestionCount], narrowed: Narrowed) -> QuerySet[QuestionCount]:
    if not narrowed.collection:
        return rows.filter(collection=None)
    return rows.filter(collection__in=Collection.objects.filter(slug=narrowed.collection).values("pk"))


def _by_day(rows: QuerySet[QuestionCount], narrowed: Narrowed) -> list[Day]:
    """Return all days of the period, also those on which nobody asked."""
    sums = {f"{name}_count": Sum(name) for name in ("questions", *OUTCOMES)}
    found: dict[date, Counter[str]] = defaultdict(Counter)
    by_period: Any = rows.values("period__begins").annotate(**sums)
    for row in by_period:
        found[day_of(row["period__begins"])].update({name: row[name] for name in sums})
    days = [narrowed.first + timedelta(days=number) for number in range(narrowed.days)]
    return [
        Day(day, found[day]["questions_count"], {name: found[day][f"{name}_count"] for name in OUTCOMES})
        for day in days
    ]  # fmt: skip


def _by_model(rows: QuerySet[QuestionCount]) -> list[OfModel]:
    sums = {"many": Sum("questions"), **{f"sum_{kind}": Sum(kind) for kind in KINDS}}
    found: Any = rows.values("model").annotate(**sums)
    own = own_prices()
    return [_of_model(row, own) for row in sorted(found, key=lambda row: (-row["many"], row["model"]))]


def _of_model(row: Mapping[str, Any], own: Mapping[str, Price]) -> OfModel:
    usage = Usage(**{kind: row[f"sum_{kind}"] for kind in KINDS})
    cost = cost_of_model(row["model"], usage, own=own)
    return OfModel(row["model"], row["many"], usage.input_tokens, usage.output_tokens, cost)


def _by_agent(rows: QuerySet[QuestionCount]) -> list[tuple[str, int]]:
    counted = rows.values_list("agent").annotate(many=Sum("questions"))
    return sorted(counted, key=lambda row: (-row[1], row[0]))[:ROWS]


def _of_collections(narrowed: Narrowed, user: User) -> list[tuple[str, int]]:
    """Return the collections that answers cite most; where the figures are narrowed to one, that one."""
    named = Collection.objects.visible_to(user).listed()
    if narrowed.collection:
        named = named.filter(slug=narrowed.collection)
    names = dict(named.order_by().values_list("pk", "name"))
    rows = _of_period(narrowed).filter(group=narrowed.group, collection__isnull=False)
    return _most(rows, "collection", names)


def _of_groups(narrowed: Narrowed) -> list[tuple[str, int]]:
    """Return the groups whose members ask most; where the figures are narrowed to one, that one."""
    groups = Group.objects.order_by() if narrowed.group is None else Group.objects.filter(pk=narrowed.group)
    rows = _of_collection(_of_period(narrowed), narrowed).filter(group__isnull=False)
    return _most(rows, "group", dict(groups.values_list("pk", "name")))


def _most(rows: QuerySet[QuestionCount], by: str, names: Mapping[Any, str]) -> list[tuple[str, int]]:
    counted = rows.values_list(by).annotate(many=Sum("questions"))
    found = [(names[pk], many) for pk, many in counted if pk in names]
    return sorted(found, key=lambda row: (-row[1], row[0]))[:ROWS]
