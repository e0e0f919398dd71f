"""Look up rows in the admin's lists, for a person who asks: what the admin's own page would show them, and no more.

What a language model wants is checked against the ModelAdmin first, then made an address of its list, and Django's own
`ChangeList` reads that: its `get_queryset`, `lookup_allowed` and `get_search_results` decide. No SQL comes from
anybody. Rows are of the moment, and of this person: whoever keeps them must not show them to another.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any

from django.conf import settings
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import display_for_field, display_for_value, lookup_field, quote
from django.contrib.admin.views.main import IGNORED_PARAMS, ORDER_VAR, SEARCH_VAR
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, QueryDict
from django.urls import NoReverseMatch, reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chatsite.staff.lists import AdminColumn, AdminList, admin_lists, as_asked_by, field_at, is_secret
from retrieval.models import User

logger = logging.getLogger(__name__)

ROWS_MOST = 9  # a tool gives ten sources, and the count is one of them
ROW_CHARACTERS = 1_000
VALUE_CHARACTERS = 300
TITLE_CHARACTERS = 120
FILTERS_MOST = 8
WORDS_MOST_CHARACTERS = 200  # of a search, and of a filter's value
LOOKUPS = frozenset(
    """exact iexact contains icontains startswith istartswith endswith iendswith gt gte lt lte in isnull
    date year month day week_day""".split()
)


class RowsRefused(ValueError):
    """Raised when what is wanted can't be looked up; the message is for who, or what, wants it."""


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """What to look up: a list by its name (`news.article`), narrowed and sorted as its page can be.

    `filters` are field or parameter names, each with a lookup where it has one (`published__gte`), and their values.
    `order` is a column's name, with `-` in front for the last first.
    """

    model: str
    search: str = ""
    filters: Mapping[str, object] = field(default_factory=dict)
    order: str = ""
    count_only: bool = False


@dataclass(frozen=True, slots=True)
class AdminRow:
    """What was found, as a source: the list with its count first, then each row. `url` is its page in the admin."""

    title: str
    text: str
    url: str


def rows_of(asker: HttpRequest | User, wanted: RowsWanted, *, site: str = "") -> list[AdminRow]:
    """Return how many rows the list has that are wanted, and ROWS_MOST of them at most, as `asker` may see them now.

    Raises RowsRefused.
    """
    listed = _list(asker, wanted.model, site=site)
    address = _address(listed, wanted)
    try:
        changes = listed.changes(address)
        rows = [] if wanted.count_only else list(changes.result_list[:ROWS_MOST])
    except (DisallowedModelAdminLookup, IncorrectLookupParameters) as error:
        raise RowsRefused(f"{listed.title} can't be narrowed so: {error}"[:500]) from error
    except Exception as error:  # the outermost edge of the project's own ModelAdmin
        logger.exception("The list of %s could not be made", listed.name)
        raise RowsRefused(f"The list of {listed.title} could not be made.") from error
    found = [_row(listed, row) for row in rows if listed.may_see(row)]
    return [_count(listed, wanted, changes.result_count, shown=len(found), address=address), *found]


def _list(asker: HttpRequest | User, name: str, *, site: str) -> AdminList:
    """Return the list of this name or title. Raises RowsRefused with those that there are for `asker`."""
    request = as_asked_by(asker)
    lists = admin_lists(request, name=site) if request else []
    wanted = name.strip().casefold()
    for listed in lists:
        if wanted in (listed.name, listed.title.casefold()):
            return listed
    known = ", ".join(listed.name for listed in lists) or "none"
    raise RowsRefused(f"There is no list named {name[:80]!r}; there are: {known}"[:2_000])


# ---- what is wanted, as an address of the list -----------------------------------------------------------------------
def _address(listed: AdminList, wanted: RowsWanted) -> QueryDict:
    """Return the query of the admin's page that shows what is wanted. Raises RowsRefused."""
    address = QueryDict(mutable=True)
    if search := wanted.search.strip():
        if not listed.is_searched:
            raise RowsRefused(f"{listed.title} has no search. It is narrowed by: {_names(listed)}.")
        address[SEARCH_VAR] = _words(search)
    if len(wanted.filters) > FILTERS_MOST:
        raise RowsRefused(f"There are {len(wanted.filters)} filters; {FILTERS_MOST} is the most.")
    for name, value in wanted.filters.items():
        address[str(name)] = _filter_value(listed, str(name), value)
    if order := wanted.order.strip():
        address[ORDER_VAR] = _order(listed, order)
    address._mutable = False
    return address


def _names(listed: AdminList) -> str:
    return ", ".join(listed.filters) or "nothing"


def _filter_value(listed: AdminList, name: str, value: object) -> str:
    """Return the value as the address has it, when the list may be narrowed by `name`. Raises RowsRefused."""
    by = listed.filters.get(name) or next(
        (listed.filters[path] for path in _before_lookups(name) if path in listed.filters), None
    )
    if by is None or not (by.is_field or by.name == name) or is_secret(name) or name in IGNORED_PARAMS:
        raise RowsRefused(f"{listed.title} can't be narrowed by {name[:80]!r}; it is by: {_names(listed)}.")
    return _value(field_at(listed.admin.model, by.name) if by.is_field else None, value)


def _before_lookups(name: str) -> Iterator[str]:
    """Yield what `name` is without each of the lookups at its end that are known."""
    path, _, lookup = name.rpartition(LOOKUP_SEP)
    while path and lookup in LOOKUPS:
        yield path
        path, _, lookup = path.rpartition(LOOKUP_SEP)


def _value(of: Any, value: object) -> str:
    if isinstance(value, (list, tuple)):
        return _words(",".join(map(str, value)))
    text = _words("" if value is None else str(value))
    if isinstance(of, models.BooleanField) and text.casefold() in ("true", "false"):
        return "1" if text.casefold() == "true" else "0"
    if isinstance(of, models.DateTimeField) and settings.USE_TZ:
        return _aware(text)
    return text


def _aware(text: str) -> str:
    """Return a date or time with its time zone, where that is missing; anything else as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return make_aware(when).isoformat() if len(text) > 4 and is_naive(when) else text


def _words(text: str) -> str:
    """Raises RowsRefused for what is too long, or holds what no database takes."""
    if len(text) > WORDS_MOST_CHARACTERS:
        raise RowsRefused(f"{WORDS_MOST_CHARACTERS} characters are the most to search or narrow by.")
    if "\0" in text:
        raise RowsRefused("A null character can't be looked for.")
    return text.encode(errors="replace").decode()


def _order(listed: AdminList, order: str) -> str:
    backwards, name = ("-", order[1:]) if order.startswith("-") else ("", order)
    column = listed.column(name)
    if column is None or not column.is_sorted_by:
        known = ", ".join(column.name for column in listed.columns if column.is_sorted_by) or "nothing"
        raise RowsRefused(f"{listed.title} can't be sorted by {name[:80]!r}; it is by: {known}.")
    return f"{backwards}{column.place}"


# ---- what was found, as text -----------------------------------------------------------------------------------------
def _count(listed: AdminList, wanted: RowsWanted, count: int, *, shown: int, address: QueryDict) -> AdminRow:
    said = [_("search: “%s”") % wanted.search.strip()] if wanted.search.strip() else []
    said += [f"{name} = {value}"[:VALUE_CHARACTERS] for name, value in wanted.filters.items()]
    which = f" ({'; '.join(said)})" if said else ""
    text = ngettext("%(list)s%(which)s: %(count)d row.", "%(list)s%(which)s: %(count)d rows.", count)
    text %= {"list": listed.title, "which": which, "count": count}
    if shown < count and not wanted.count_only:
        text += " " + _("The first %d are shown.") % shown
    query = address.urlencode()
    return AdminRow(listed.title, text[:ROW_CHARACTERS], f"{listed.url}?{query}" if query else listed.url)


def _row(listed: AdminList, row: Any) -> AdminRow:
    """Return a row as its columns show it."""
    values = [(column.heading, _shown(listed, column, row)) for column in listed.columns]
    text = "\n".join(f"{heading}: {value}" for heading, value in values if value)
    title, url = str(listed.admin.model._meta.verbose_name), _url(listed, row)
    said = _one_line(str(row))
    if any(secret in said for secret in _secrets(row)):
        said = ""
    title = f"{title}: {said}" if said else title
    return AdminRow(title[:TITLE_CHARACTERS], text[:ROW_CHARACTERS], url)


def _secrets(row: Any) -> Iterator[str]:
    """Yield what stands in the fields of a row that are never shown: it may be what the row is called, too."""
    for one in row._meta.concrete_fields:
        if is_secret(one.name) and not one.is_relation and (value := str(one.value_from_object(row) or "")):
            yield _one_line(value)


def _url(listed: AdminList, row: Any) -> str:
    options = listed.admin.model._meta
    if is_secret(options.pk.name) and not options.pk.is_relation:  # its address would tell it
        return listed.url
    try:
        name = f"{listed.admin.admin_site.name}:{options.app_label}_{options.model_name}_change"
        return reverse(name, args=(quote(row.pk),))
    except NoReverseMatch:
        return listed.url


def _shown(listed: AdminList, column: AdminColumn, row: Any) -> str:
    """Return what the list's cell says, as one line of text; nothing where the project's own code for it fails."""
    try:
        return _one_line(_as_text(_cell(listed.admin, column, row)))[:VALUE_CHARACTERS]
    except ObjectDoesNotExist:
        return ""
    except Exception:  # the outermost edge of the project's own column
        logger.exception("The column %s of %s has failed", column.name, listed.name)
        return ""


def _cell(admin: Any, column: AdminColumn, row: Any) -> object:
    """Return what Django's list shows in a cell, as `items_for_result` makes it; nothing for an empty one."""
    of, attribute, value = lookup_field(column.display, row, admin)
    if value is None or value == "":
        return ""
    if of is None or of.auto_created:
        if isinstance(value, bool) and getattr(attribute, "boolean", False):
            return value
        return display_for_value(value, "")
    if isinstance(of.remote_field, models.ManyToOneRel):
        return getattr(row, of.name)
    if isinstance(of, models.BooleanField):
        return value
    return display_for_field(value, of, "")


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None:
        return ""
    return unescape(strip_tags(value)) if isinstance(value, SafeString) else str(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())
