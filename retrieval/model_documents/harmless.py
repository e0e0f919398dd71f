"""Which SQL of a site can fail on some rows and not on others: a division, a cast, a function, SQL by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, Count, Exists, ExpressionWrapper, F, Max, Min, OrderBy, Subquery, Value, When
from django.db.models.expressions import (
    Col,
    ExpressionList,
    NegatedExpression,
    OuterRef,
    Ref,
    ResolvedOuterRef,
    Star,
)
from django.db.models.functions import Coalesce, Length, Lower, Now, Upper
from django.db.models.lookups import IRegex, Regex
from django.db.models.sql import Query
from django.db.models.sql.where import NothingNode, WhereNode

_HARMLESS = {
    *(Case, Coalesce, Col, Count, Exists, ExpressionList, ExpressionWrapper, F, Length, Lower, Max, Min),
    *(NegatedExpression, NothingNode, Now, OrderBy, OuterRef, Ref, ResolvedOuterRef, Star, Subquery, Upper, Value),
    *(When, WhereNode),
}
_LOOKUPS = {f"django.db.models.{name}" for name in ("lookups", "fields.related_lookups", "fields.tuple_lookups")}
_LOOKUPS |= {f"django.db.models.{name}" for name in ("functions.datetime", "fields.json")}  # fields/__date and __key


def may_fail_on_a_row(query: Query) -> bool:
    """Return whether there may be rows on which this SQL fails, as far as Django's own parts tell: what is unknown may
    fail. A row on which it doesn't says nothing of the others then."""
    return bool(query.extra) or not all(map(_is_harmless, _parts(query)))


def _is_harmless(node: Any) -> bool:
    if isinstance(node, Query):
        return not may_fail_on_a_row(node)
    kind = type(node)
    if kind not in _HARMLESS and kind.__module__ not in _LOOKUPS:
        return False
    if kind in (Regex, IRegex):  # whose pattern may be read for some rows only
        return False
    if kind is Subquery and node.query.high_mark != node.query.low_mark + 1:  # may give two rows for one value
        return False
    below = [*getattr(node, "get_source_expressions", list)()]
    if isinstance(rhs := getattr(node, "rhs", None), (list, tuple)):
        below += [one for one in rhs if hasattr(one, "resolve_expression")]
    return all(_is_harmless(one) for one in below if one is not None)


def _parts(query: Query) -> Iterable[Any]:
    """Yield what a query computes, and the queries that it is made of."""
    asked: Any = query  # of which Django says less to a type checker
    yield from asked.annotations.values()
    yield asked.where
    yield from (one for one in asked.order_by if hasattr(one, "resolve_expression"))
    yield from asked.combined_queries
    filtered = (getattr(table, "filtered_relation", None) for table in asked.alias_map.values())
    yield from (one.resolved_condition for one in filtered if one is not None)
