"""Which documents of rows a user may read: those whose row is in the site's own queryset, asked when something is
shown. Where the site doesn't say, nobody may read them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db import connections, router, transaction
from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    Field,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    When,
)
from django.db.models.functions import Cast

from retrieval.model_documents.declaring import ModelDocuments, declared
from retrieval.model_documents.harmless import may_fail_on_a_row
from retrieval.readers import Readers, each_of

if TYPE_CHECKING:
    from retrieval.models import DocumentQuerySet

logger = logging.getLogger(__name__)

SOURCE = "model"  # of a document that is a row
_LOOKED_UP = 1_000  # rows of a queryset that is asked beforehand


def readable_rows(documents: DocumentQuerySet, user: Readers) -> DocumentQuerySet:
    """Return those of `documents` that are no rows, or rows that `user` may read. Each document's row is looked up by
    its primary key, with the conditions of the site's queryset. Whose account has ended reads what anybody may."""
    readable = ~Q(source=SOURCE)
    for number, (one, rows) in enumerate(_asked(user, documents)):
        is_row, key = Q(source=SOURCE, folder=one.label), f"row_key_{number}"
        # Only keys of this model are cast: one of another may be none of this one's.
        documents = documents.alias(**{key: Case(When(is_row, then=Cast("location", _type_of_key(one))))})
        readable |= is_row & Q(Exists(rows.filter(pk=OuterRef(key)).order_by().values("pk")))
    return documents.filter(readable)


def readable_ids(documents: DocumentQuerySet, user: Readers, *, most: int) -> list[int]:
    """Return the ids of what `readable_rows` returns, or of `most` of it. It goes from the rows to their documents, as
    a reader of few rows is asked for many documents."""
    ids = [*documents.exclude(source=SOURCE).order_by().values_list("pk", flat=True)[:most]]
    for one, rows in _asked(user, documents):
        keys = rows.order_by().annotate(row_key=Cast("pk", TextField())).values("row_key")
        found = documents.filter(source=SOURCE, folder=one.label, location__in=keys).order_by()
        ids += found.values_list("pk", flat=True)[: most - len(ids)]
    return ids


def few_ids(documents: DocumentQuerySet, user: Readers, *, most: int) -> list[int] | None:
    """Return the ids of what `readable_rows` returns; None where that may be more than `most`, found out at little
    cost."""
    ids = [*documents.exclude(source=SOURCE).order_by().values_list("pk", flat=True)[: most + 1]]
    for one, rows in _asked(user, documents):
        keys = [*rows.order_by().values_list("pk", flat=True)[: most + 1]] if len(ids) <= most else []
        if len(ids) + len(keys) > most:
            return None
        found = documents.filter(source=SOURCE, folder=one.label, location__in=[*map(one.key_of, keys)])
        ids += found.order_by().values_list("pk", flat=True)
    return ids if len(ids) <= most else None


def _asked(user: Readers, documents: DocumentQuerySet) -> Iterator[tuple[ModelDocuments, QuerySet[Any]]]:
    """Yield what is declared with the rows that `user` may read, several users together those that each may, but what
    can't be asked."""
    users = [one if one.is_authenticated and one.is_active else AnonymousUser() for one in each_of(user)]
    for one in declared():
        try:
            rows, *others = (_rows_of(one, each, documents) for each in users)
        except Exception:  # whatever a site's code raises, or the database of its SQL
            logger.exception("%s.visible_to can't be used: none of its documents are shown", type(one).__name__)
            continue
        for other in others:
            rows = rows.filter(pk__in=other.order_by().values("pk"))
        yield one, rows


def fault_of(one: ModelDocuments, documents: DocumentQuerySet) -> str:
    """Return why nobody reads any of its rows; empty where what the site says can be used."""
    try:
        _rows_of(one, AnonymousUser(), documents)
    except Exception as error:  # as above
        return f"{type(one).__name__}.visible_to: {type(error).__name__}: {error}"
    return ""


def _rows_of(one: ModelDocuments, user: Any, documents: DocumentQuerySet) -> QuerySet[Any]:
    """Return the rows that `user` may read, as a queryset that takes conditions. It is tried first, as an error of its
    SQL would be one of whatever it becomes a part of: on a row, or, where that says nothing of others, on all. No error
    ends the transaction that is open."""
    with transaction.atomic(documents.db) if connections[documents.db].in_atomic_block else nullcontext():
        rows = _taking_conditions(one, one.visible_to(user), documents)
        here = rows.using(documents.db).order_by()
        if not may_fail_on_a_row(rows.query):
            here.filter(pk=Subquery(one.model._base_manager.order_by().values("pk")[:1])).exists()
            return rows
        keys = [*here.values_list("pk", flat=True)[: _LOOKED_UP + 1]]
        if len(keys) <= _LOOKED_UP:  # so it is asked just once, and as the site means it
            return one.model._base_manager.filter(pk__in=keys)
        here.count()
        return rows


def _taking_conditions(one: ModelDocuments, rows: Any, documents: DocumentQuerySet) -> QuerySet[Any]:
    """Return a queryset of the same rows, of which one can be looked up by its key. Raises TypeError where these are
    none of the model, or in another database than the documents."""
    if not isinstance(rows, QuerySet) or not _is_of(one, rows.model):
        raise TypeError(f"{rows!r:.100} is no queryset of {one.label}")
    asked: Any = rows  # of which Django says less to a type checker
    homes = {router.db_for_write(one.model), router.db_for_write(documents.model)}
    if len(homes) > 1 or asked._db not in {None, documents.db, *homes}:
        raise TypeError(f"the rows of {one.label} are not in the database of the documents")
    query = asked.query
    if asked._fields is not None and query.group_by is not None:
        raise TypeError(f"it groups rows of {one.label}, and says not which of them are meant")
    every = one.model._base_manager.all()
    if query.combinator:
        return every.filter(_combined(one, query))
    picks = query.is_sliced or query.distinct_fields or query.group_by is not None or query.where.contains_over_clause
    return every.filter(pk__in=rows.values("pk")) if picks else rows  # one that picks would pick among one row


def _combined(one: ModelDocuments, query: Any) -> Q:
    """Return a union, intersection or difference, to which no condition can be added, as a condition."""
    if not _is_of(one, query.model):
        raise TypeError(f"it combines rows of {one.label} with others")
    if not query.combinator or query.is_sliced:
        rows: QuerySet[Any] = QuerySet(one.model, query=query.chain())
        return Q(pk__in=[*rows.values_list("pk", flat=True)] if query.combinator else rows.values("pk"))
    first, *others = (_combined(one, part) for part in query.combined_queries)
    for other in others:
        match query.combinator:
            case "union":
                first |= other
            case "intersection":
                first &= other
            case _:
                first &= ~other
    return first


def _is_of(one: ModelDocuments, model: type[Model] | None) -> bool:
    return model is not None and model._meta.concrete_model is one.model._meta.concrete_model


def _type_of_key(one: ModelDocuments) -> Field[Any, Any]:
    key: Any = one.model._meta.pk
    while key.remote_field:  # of a model that inherits from another
        key = key.target_field
    if isinstance(key, IntegerField):
        return BigIntegerField()
    return UUIDField() if isinstance(key, UUIDField) else TextField()
