"""Tries one project from its installation to its own tests with the chat added."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from benchmarks.projects.asking import Asker, quotes, refuses
from benchmarks.projects.declared import FIRST_WORDS, SECOND_WORDS, Project
from benchmarks.projects.environments import CACHE, Environment, ProjectFault
from benchmarks.projects.site import HostSite
from benchmarks.projects.suites import Counted, run_suite

MOST_SECONDS, MOST_LINES = 180.0, 5
KEPT = "outcome.json"  # in the folder of a project


@dataclass
class Tried:
    """What came out for one project: a line of the table."""

    project: Project
    seconds: float = 0.0  # from the first changed line to the first answer that cites the row, and its page opened
    saved: float = 0.0  # from the end of the process that saved, until the answer has the new words
    gone: float = 0.0  # from the end of the process that deleted or hid, until nothing is answered
    before: Counted | None = None
    after: Counted | None = None
    clashes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    page: str = ""
    fault: str = ""

    @property
    def passed(self) -> bool:
        quick, short = self.seconds <= MOST_SECONDS, self.project.lines <= MOST_LINES
        return not self.fault and quick and short and self.as_green

    @property
    def as_green(self) -> bool:
        """Return whether its own tests do as well with the chat as without, if it has any."""
        if self.before is None or self.after is None:
            return self.project.suite is None
        return (
            self.before.passed > 0
            and self.after.passed >= self.before.passed
            and self.after.failed <= self.before.failed
        )

    def keep(self, folder: Path) -> None:
        """Keep it for a table that is made later."""
        told = {name: value for name, value in asdict(self).items() if name != "project"}
        (folder / KEPT).write_text(json.dumps(told, default=list))


def kept(project: Project, cache: Path = CACHE) -> Tried | None:
    """Return what came out when the project was tried last, in this version of it."""
    environment = Environment(project, cache)
    try:
        told = json.loads((environment.folder / KEPT).read_text())
    except FileNotFoundError:
        return None
    for name in ("before", "after"):
        told[name] = Counted(**told[name]) if told[name] else None
    return Tried(project, **told)


def try_project(project: Project, product: Path, *, tests: bool = True, cache: Path = CACHE) -> Tried:
    """Try a project, and say what came out. A fault ends it, and is told in its line."""
    tried, environment = Tried(project), Environment(project, cache)
    try:
        environment.install()
        site = HostSite(project, environment)
        site.begin()
        if project.suite and tests:
            tried.before = run_suite(project, environment, chat=False)
        _add_and_ask(tried, site, product)
        if project.suite and tests:
            tried.after = run_suite(project, environment, chat=True)
    except (ProjectFault, httpx.HTTPError) as error:
        tried.fault = str(error)
    if environment.folder.exists():
        tried.keep(environment.folder)
    return tried


def _add_and_ask(tried: Tried, site: HostSite, product: Path) -> None:
    began = time.monotonic()
    site.environment.add(product)
    site.add_chat()
    cookies, warned = site.migrate_and_sync()
    with site.served() as url, site.other() as other, closing(Asker(url, cookies)) as asker:
        answer, _ = asker.ask_until(quotes(FIRST_WORDS), what="The row is no answer")
        tried.page = asker.open_cited(answer, tried.project)
        tried.seconds = time.monotonic() - began
        other.change()
        _, tried.saved = asker.ask_until(
            lambda now: quotes(SECOND_WORDS)(now) and not quotes(FIRST_WORDS)(now), what="The change is no answer"
        )
        other.hide()
        _, tried.gone = asker.ask_until(refuses, what="What is gone is still answered")
        if not asker.withheld(answer):
            raise ProjectFault("The answer that was given before is still shown")
    tried.clashes = site.environment.clashes(product)
    tried.warnings = sorted(set(re.findall(r"\b(?:chatsite|retrieval|agents)\.[EW]\d+", warned)))
