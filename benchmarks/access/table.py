"""Expected against seen, and the table of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmarks.access.expected import COLUMNS, EXPECTED, PAGES, READ_ONLY, SIGNED_IN
from benchmarks.access.routes import Route, all_routes, permission_of
from benchmarks.access.world import World

VERBS = ("get", "post", "put", "patch", "delete")
REFUSED = {401, 403, 404, 405}


@dataclass(frozen=True, slots=True)
class Row:
    """One verb at one route: what each kind of client is to be answered, and is."""

    key: str  # "GET chatsite:chat"
    expected: str
    seen: str


def expected_of(route: Route, verb: str) -> str:
    """Return the statuses expected; empty for a verb that nothing is said of, which is to be refused to everybody."""
    key = f"{verb.upper()} {route.name}"
    if key in EXPECTED or not route.name.startswith("admin:"):
        return EXPECTED.get(key, "")
    if route.name in PAGES or not (permission := permission_of(route)):
        return ""
    written = route.name.endswith("_add") or (route.name.endswith("_change") and verb == "post")
    allowed = 403 if permission.partition("_")[2] in READ_ONLY and written else 200
    return " ".join(["302"] * 4 + ["403", str(allowed)] + ["302"] * 6)


def seen_rows(world: World) -> list[Row]:
    """Call every route with every verb as every kind of client."""
    rows = []
    for route in all_routes():
        for verb in ("get", "post") if route.name.startswith("admin:") else VERBS:
            seen = [world.status(route, verb, column) for column in COLUMNS]
            expected = expected_of(route, verb)
            if expected or not is_refused(seen):
                rows.append(Row(f"{verb.upper()} {route.name}", expected, " ".join(map(str, seen))))
    return rows


def is_refused(seen: list[int]) -> bool:
    """Say whether nobody is let in; who is not signed in may be sent to where one signs in."""
    statuses = {status for column, status in zip(COLUMNS, seen, strict=True) if column in SIGNED_IN or status != 302}
    return statuses <= REFUSED


def faults(rows: list[Row]) -> list[str]:
    """Return a sentence for each row that is not as expected, and for each expectation of a route that is gone."""
    found = [
        f"{row.key} has no expectation. Judge what is seen, and add to EXPECTED in benchmarks/access/expected.py:\n"
        f'    "{row.key}": "{row.seen}",'
        for row in rows
        if not row.expected
    ]
    for row in rows:
        if row.expected and row.expected != row.seen:
            differing = zip(COLUMNS, row.expected.split(), row.seen.split(), strict=True)
            told = ", ".join(f"{column}: {now}, not {then}" for column, then, now in differing if then != now)
            found.append(f"{row.key} is not as expected: {told}")
    gone = set(EXPECTED) - {row.key for row in rows}
    return found + [f"{key} is expected, and no route has that name" for key in sorted(gone)]


# ---- the page -------------------------------------------------------------------------------------------------------
BEGIN, END = "<!-- access -->\n", "<!-- access end -->"


def table(rows: list[Row]) -> str:
    """Return the rows as a table, `seen` where it is as expected and both where it is not."""
    addresses = {route.name: route.address for route in all_routes()}
    lines = [f"| verb and address | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    for row in rows:
        verb, _, name = row.key.partition(" ")
        address = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", addresses[name])
        expected = row.expected.split() or ["?"] * len(COLUMNS)
        cells = [
            now if now == then else f"**{now}, not {then}**"
            for then, now in zip(expected, row.seen.split(), strict=True)
        ]
        lines.append(f"| {verb} `{address}` | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def page(rows: list[Row], former: str) -> str:
    """Return the page with a new table between its two marks."""
    before, _, rest = former.partition(BEGIN)
    return f"{before}{BEGIN}{table(rows)}{END}{rest.partition(END)[2]}"
