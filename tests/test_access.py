"""Every route and verb, as each kind of client is answered: as expected, and as docs/access.md says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.access.expected import API, COLUMNS, EXPECTED
from benchmarks.access.table import BEGIN, END, Row, faults, seen_rows, table
from benchmarks.access.world import World

PAGE = Path(__file__).resolve().parent.parent / "docs" / "access.md"
EVERYONE = {"chat", "embed", "embed-script", "api-schema", "api-docs"}  # and the pages that sign in
EVERYONE |= {"api-health", "api-health-live", "api-health-ready"}

RESET = {"password_reset_done", "password_reset_confirm", "password_reset_complete"}  # an expired link says so


def of(key: str) -> dict[str, int]:
    return dict(zip(COLUMNS, map(int, EXPECTED[key].split()), strict=True))


@pytest.mark.case(14, 15, 16, 18)
def test_every_client_is_answered_as_expected_at_every_route(index: None, settings: Any, tmp_path: Path) -> None:
    settings.ANONYMOUS_CHAT = False
    settings.MEDIA_ROOT = tmp_path / "media"
    rows = seen_rows(World())
    assert "\n".join(faults(rows)) == ""
    documented = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert documented == table(rows), "`python -m benchmarks.access --write docs/access.md` writes it anew"


def test_what_is_expected_lets_nobody_in_without_a_name() -> None:
    let_in = {key.partition(" ")[2] for key in EXPECTED if of(key)["nobody"] < 300}
    assert let_in <= {f"chatsite:{name}" for name in EVERYONE} | {"login", "admin:login"} | RESET


def test_what_is_expected_of_an_ended_right_is_what_is_expected_of_nobody() -> None:
    assert [key for key in EXPECTED if of(key)["deactivated"] != of(key)["nobody"]] == []
    ended = [key for key in EXPECTED if of(key)["key expired"] != of(key)["nobody"]]
    # A wrong key is refused also where none is needed.
    assert ended == ["GET chatsite:api-health", "GET chatsite:api-docs"]


def test_what_belongs_to_one_reader_is_not_there_for_another() -> None:
    """No other client is let in where the owner is, and a client without any right is not."""
    for key in EXPECTED:
        if of(key)["owner"] < 400 and of(key)["another"] == 404:
            others = {of(key)[column] for column in ("nobody", "staff", "key elsewhere", "key expired")}
            others |= set() if key in API else {of(key)["right"]}
            assert others <= {302, 401, 403, 404}, key


def test_route_without_an_expectation_is_named_with_the_line_to_add() -> None:
    rows = [Row(key, expected, expected) for key, expected in EXPECTED.items()]
    seen = " ".join(["200"] * len(COLUMNS))
    [fault] = faults([*rows, Row("GET chatsite:new", "", seen)])
    assert fault.startswith("GET chatsite:new has no expectation")
    assert f'"GET chatsite:new": "{seen}",' in fault


def test_difference_and_expectation_of_no_route_are_named() -> None:
    rows = [Row(key, expected, expected) for key, expected in EXPECTED.items() if key != "GET chatsite:chat"]
    login = next(row for row in rows if row.key == "GET login")
    rows[rows.index(login)] = Row(login.key, login.expected, login.expected.replace("200", "500", 1))
    assert faults(rows) == [
        "GET login is not as expected: nobody: 500, not 200",
        "GET chatsite:chat is expected, and no route has that name",
    ]
