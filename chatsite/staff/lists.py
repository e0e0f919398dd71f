"""Which lists of the admin someone may see, and what each lets them narrow, search and sort by.

An address of the admin's own list may filter by any field of its model, also by one that the list doesn't show: a
stolen session could guess a hidden value letter by letter. Here a list is narrowed by what its ModelAdmin names, in
`list_filter`, `list_display` or `date_hierarchy`, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.contrib.admin.filters import ListFilter, SimpleListFilter
from django.contrib.admin.sites import all_sites
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, Field
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, QueryDict
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst

from retrieval.models import User

if TYPE_CHECKING:
    AnyModelAdmin = Any

USUAL_SITE = "admin"
MARKS_ROWS = "action_checkbox"
NEVER_SHOWN = frozenset({"password", "secret", "token", "key", "hash", "digest"})  # words of a name, shown or not
CHOICES_MOST = 12  # of a filter, that are told


@dataclass(frozen=True, slots=True)
class AdminColumn:
    """A column of a list: its name, its heading, its place in the list, and whether it can be sorted by. `display` is
    how `list_display` names it."""

    name: str
    heading: str
    place: int
    is_sorted_by: bool
    display: Any


@dataclass(frozen=True, slots=True)
class AdminFilter:
    """What a list may be narrowed by: a field, or a parameter of the project's own filter. `values` are those that it
    may have, where they are few."""

    name: str
    is_field: bool
    values: str = ""


@dataclass(frozen=True, slots=True)
class AdminList:
    """The list of a model in the admin, for whoever `request` is of."""

    name: str
    title: str
    url: str
    columns: tuple[AdminColumn, ...]
    filters: dict[str, AdminFilter]
    request: HttpRequest
    admin: AnyModelAdmin

    @property
    def is_searched(self) -> bool:
        return bool(self.admin.get_search_fields(self.request))

    def column(self, name: str) -> AdminColumn | None:
        """Return the column of this name or heading."""
        wanted = name.casefold()
        return next((one for one in self.columns if wanted in (one.name.casefold(), one.heading.casefold())), None)

    def changes(self, address: QueryDict) -> ChangeList:
        """Return what the admin's page of this list shows at an address. Raises what Django or the ModelAdmin does."""
        return self.admin.get_changelist_instance(_at(self.request, self.url, address))  # type: ignore[no-any-return]

    def may_see(self, row: Any) -> bool:
        return bool(self.admin.has_view_permission(self.request, row))


def as_asked_by(asker: HttpRequest | User) -> HttpRequest | None:
    """Return a request of this user, as the database has them now: their rights may have ended since they came in.
    None for who is no user any more. Of a request is kept what a ModelAdmin may ask for: host, session, language.
    """
    given = getattr(asker, "_request", asker)  # what REST framework has put around it
    request = given if isinstance(given, HttpRequest) else None
    user: Any = request.user if request else asker
    found = get_user_model()._default_manager.filter(pk=user.pk).first() if user.is_authenticated else None
    if found is None or not found.is_active:
        return None
    made = copy(request) if request else HttpRequest()
    made.user = found
    return made


def admin_sites(request: HttpRequest, *, name: str = "") -> list[AdminSite]:
    """Return the project's admin sites that this request may enter, its usual one first; or only that of `name`."""
    every = sorted(all_sites, key=lambda one: (one.name != USUAL_SITE, one.name))
    return [one for one in every if (not name or one.name == name) and one.has_permission(request)]


def admin_lists(request: HttpRequest, *, name: str = "") -> list[AdminList]:
    """Return the lists that this request may see, by their titles; of a model in two admin sites the first."""
    found: dict[str, AdminList] = {}
    for one in admin_sites(request, name=name):
        for model, admin in one._registry.items():
            if model._meta.label_lower not in found and (listed := _list_of(admin, request)):
                found[listed.name] = listed
    return sorted(found.values(), key=lambda listed: (listed.title.casefold(), listed.name))


def _list_of(admin: AnyModelAdmin, request: HttpRequest) -> AdminList | None:
    """Return the list of `admin`; None where this request may not see it, or it has no address."""
    if not admin.has_view_permission(request):
        return None
    options = admin.model._meta
    try:  # by the site's own name: that of another one would be found instead where this has no address
        url = reverse(f"{admin.admin_site.name}:{options.app_label}_{options.model_name}_changelist")
    except NoReverseMatch:
        return None
    columns = tuple(_columns(admin, request))
    return AdminList(
        name=options.label_lower,
        title=str(capfirst(options.verbose_name_plural)),
        url=url,
        columns=columns,
        filters=_filters(admin, request, columns),
        request=request,
        admin=admin,
    )


def is_secret(name: str) -> bool:
    """Say whether a name of a field or a lookup leads to what is never shown."""
    return not NEVER_SHOWN.isdisjoint(name.split("_"))


def _columns(admin: AnyModelAdmin, request: HttpRequest) -> Iterator[AdminColumn]:
    """Yield the columns that are shown: none that marks rows, that the form leaves out, or that is a secret."""
    shown = admin.get_list_display(request)
    left_out = {MARKS_ROWS, *(admin.get_exclude(request) or ())}
    sorted_by = admin.get_sortable_by(request)
    first = 1 if admin.get_actions(request) else 0  # before the others stands the column that marks rows
    for place, column in enumerate(shown, start=first):
        name = column if isinstance(column, str) else getattr(column, "__name__", "")
        if not name or name in left_out or is_secret(name):
            continue
        heading, attribute = label_for_field(column, admin.model, model_admin=admin, return_attr=True)
        is_field = attribute is None
        sorts = column in sorted_by and (is_field or getattr(attribute, "admin_order_field", None) is not None)
        yield AdminColumn(name, str(capfirst(heading)), place, is_sorted_by=sorts, display=column)


def _filters(admin: AnyModelAdmin, request: HttpRequest, columns: tuple[AdminColumn, ...]) -> dict[str, AdminFilter]:
    """Return what the list may be narrowed by: its filters, then the fields that it shows."""
    named = [*admin.get_list_filter(request), admin.date_hierarchy, *(column.name for column in columns)]
    left_out = set(admin.get_exclude(request) or ())
    found: dict[str, AdminFilter] = {}
    for one in filter(None, named):
        made = _filter(admin.model, one)
        if made and made.name not in found and not is_secret(made.name) and made.name.split("__")[0] not in left_out:
            found[made.name] = made
    return found


def _filter(model: Any, named: Any) -> AdminFilter | None:
    """Return a filter by its name in an address; None for one that has no name, or names no field."""
    if isinstance(named, type) and issubclass(named, ListFilter):
        parameter = getattr(named, "parameter_name", None) if issubclass(named, SimpleListFilter) else None
        return AdminFilter(parameter, is_field=False) if parameter else None
    path = named[0] if isinstance(named, (tuple, list)) else named
    if isinstance(path, Field):
        path = path.name
    field = field_at(model, path) if isinstance(path, str) else None
    return AdminFilter(path, is_field=True, values=_values(field)) if field is not None else None


def field_at(model: Any, path: str) -> Any:
    """Return the field that a path of names leads to; None where it leads to none."""
    field = None
    for name in path.split(LOOKUP_SEP):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        model = field.related_model or model
    return field


def _values(field: Any) -> str:
    if isinstance(field, BooleanField):
        return "true, false"
    choices = getattr(field, "flatchoices", None) or []
    return ", ".join(f"{value} ({label})" for value, label in choices[:CHOICES_MOST] if value not in (None, ""))


def _at(request: HttpRequest, url: str, address: QueryDict) -> HttpRequest:
    """Return this request as if it had come to the page of a list."""
    made = copy(request)
    made.method = "GET"
    made.path = made.path_info = url
    made.resolver_match = None
    made.GET = address  # type: ignore[assignment]
    return made
