"""The admin's lists as a tool of the language model, for who may enter the admin: counts and rows, cited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext as _

from agents.tools import Definition
from chatsite.reader import Reader
from chatsite.tools import Context, Source
from chatsite.tools.host_tool import HostTool

if TYPE_CHECKING:
    from chatsite.staff.lists import AdminList

DESCRIPTION_CHARACTERS = 6_000
SEVERAL = 12  # names of one list, that are told

TOLD = """\
Look up records in the lists of this site's admin, as the person who asks may see them: how many there are, and the
first of them. Use it for questions about records, not for what documents say. Give a list's name; narrow it by `search`
(words) and by `filters` (a name below, alone or with a lookup such as __gte, __contains or __isnull, and its value);
`order` is a column, with - in front for the last first; with `count_only` rows are only counted. The lists:
"""


def staff_tools(reader: Reader) -> tuple[HostTool, ...]:
    """Return what is asked of the admin for this reader: nothing but for someone signed in who may enter it, never by
    an API key or a public token, nor while something is only tried."""
    if type(reader) is not Reader or not (settings.ADMIN_ASSISTANT and apps.is_installed("django.contrib.admin")):
        return ()
    from chatsite.staff.lists import admin_lists, as_asked_by  # a project without the admin has this module, too

    request = as_asked_by(reader.request or reader.user)
    lists = admin_lists(request) if request else []
    if not lists:
        return ()
    definition = Definition(admin_rows, description=_described(lists), context=Context)
    title = str(_("The admin"))
    return (HostTool(definition, timeout=float(settings.TOOL_SECONDS), title=title, context_type=Context),)


def admin_rows(
    context: Context,
    model: str,
    search: str = "",
    filters: dict[str, str | int | float | bool | list[str]] | None = None,
    order: str = "",
    count_only: bool = False,
) -> list[Source]:
    """Return how many rows a list of the admin has that are wanted, and the first of them; or why none can be."""
    from chatsite.staff.rows import RowsRefused, RowsWanted, rows_of  # likewise

    wanted = RowsWanted(model, search=search, filters=filters or {}, order=order, count_only=count_only)
    try:
        found = rows_of(context.request or context.user, wanted)
    except RowsRefused as error:
        return [Source(str(_("The admin")), str(error))]
    return [Source(row.title, row.text, row.url) for row in found]


def _described(lists: list[AdminList]) -> str:
    """Return what the tool is, with the lists, as many as there is room for."""
    told = TOLD
    for listed in lists:
        line = f"- {_line(listed)}\n"
        if len(told) + len(line) > DESCRIPTION_CHARACTERS:
            return told + "- and others, by app_label.model"
        told += line
    return told


def _line(listed: AdminList) -> str:
    columns = ", ".join(column.name for column in listed.columns[:SEVERAL])
    filters = (f"{one.name}: {one.values}" if one.values else one.name for one in listed.filters.values())
    narrowed = "; ".join(list(filters)[:SEVERAL])
    search = ", search" if listed.is_searched else ""
    return f"{listed.name} ({listed.title}{search}), columns: {columns}; filters: {narrowed or 'none'}"[:700]
