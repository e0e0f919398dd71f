"""docs/tools.md shows what the newsroom has, whose own suite runs, and what is tested here."""

from __future__ import annotations

import dataclasses
import re

from chatsite.tools import Context
from chatsite.tools.results import SOURCES_MOST, TEXT_MOST
from chatsite.tools.running import HANGING_MOST
from tests.servers import ROOT
from tests.test_docs import read, table

NEWSROOM = "examples/newsroom"
HOMES = [
    f"{NEWSROOM}/news/tools.py",
    f"{NEWSROOM}/newsroom/settings.py",
    "tests/chatsite/tools/shop.py",
    f"{NEWSROOM}/news/tools.py",
    f"{NEWSROOM}/tests/test_tools.py",
    f"{NEWSROOM}/tests/test_tools.py",
]


def test_page_shows_what_is_executed() -> None:
    shown = re.findall(r"```python\n(.*?)```", read("docs/tools.md"), flags=re.DOTALL)
    assert len(shown) == len(HOMES)
    for snippet, home in zip(shown, HOMES, strict=True):
        assert snippet.strip() in (ROOT / home).read_text(), home


def test_page_states_names_and_limits_as_the_code_has_them() -> None:
    page = read("docs/tools.md")
    assert table(page, "attribute") == [field.name for field in dataclasses.fields(Context)]
    for said in (f"{SOURCES_MOST} sources", f"{TEXT_MOST:,} characters", f"After {HANGING_MOST} that hang"):
        assert said in page


def test_page_shows_a_table_of_nothing_lost_and_nothing_repeated() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|(?: [\d,]+ \|)* 0 \| 0 \| 0 \|$", read("docs/tools.md"), flags=re.M)
    assert [name for name, _calls in rows] == [
        "SIGKILL at a random moment",
        "the same button twice at once",
        "confirmed and refused at once",
        "confirmed as the time runs out",
    ]
