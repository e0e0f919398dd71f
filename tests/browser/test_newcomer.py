"""A newcomer's task by keyboard alone takes what the docs say, and its run publishes what the documents say."""

from __future__ import annotations

from playwright.sync_api import Browser

from benchmarks.newcomer.__main__ import COLUMNS, with_scripted_model
from tests.browser import pages as chromium
from tests.test_docs import read

pytestmark = chromium.MARKS


def test_newcomers_task_takes_what_the_docs_say(browser: Browser) -> None:
    rows = [line.strip("| ").split(" | ") for line in read("docs/designer.md").splitlines()]
    stated = {tuple(row[:2]): row[2:] for row in rows if len(row) == len(COLUMNS) + 7}
    done = list(with_scripted_model(browser))
    for row in done:
        ran = row.ran
        assert (ran.state, ran.citation) == ("Completed", "right"), ran
        said = stated[row.way, row.model]
        counts = dict(zip(COLUMNS, map(int, said[: len(COLUMNS)]), strict=True))
        pressed = counts.pop("pressed")
        assert counts == {name: getattr(row.keys, name) for name in counts}, row.way
        assert abs(row.keys.pressed - pressed) <= 10, row.way  # buttons of a run come and go as it does
        assert said[-3:] == [ran.state, str(ran.tokens), ran.citation]
    assert {row.way for row in done} == {way for way, model in stated if model == "scripted"}
