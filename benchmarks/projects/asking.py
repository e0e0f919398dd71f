"""Asks a served site as a reader does, over HTTP, and opens what its answer cites."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from benchmarks.projects.declared import FIRST, QUESTION, Project
from benchmarks.projects.environments import ProjectFault
from benchmarks.projects.site import KEY

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.2

Answer = dict[str, Any]


class Asker:
    """A reader of a site: a program with a key, and a browser that is signed in."""

    def __init__(self, url: str, cookies: dict[str, str]) -> None:
        self.api = httpx.Client(
            base_url=f"{url}/docs/api/v1/", headers={"Authorization": f"Bearer {KEY}"}, timeout=60.0
        )
        self.browser = httpx.Client(base_url=url, cookies=cookies, timeout=60.0)

    def close(self) -> None:
        self.api.close()
        self.browser.close()

    def ask(self) -> Answer:
        answer = self.api.post("chat/query", json={"query": QUESTION})
        if answer.status_code != 200:
            raise ProjectFault(f"The question was answered {answer.status_code}: {answer.text[:500]}")
        return dict(answer.json())

    def ask_until(self, right: Callable[[Answer], bool], *, what: str) -> tuple[Answer, float]:
        """Ask until the answer is right, and return it with the seconds that took. Raises ProjectFault."""
        began = time.monotonic()
        while True:
            answer = self.ask()
            took = time.monotonic() - began
            if right(answer):
                return answer, took
            if took > WAIT_SECONDS:
                raise ProjectFault(f"{what}: not within {WAIT_SECONDS:.0f} s. The last answer: {answer}")
            time.sleep(LOOK_SECONDS)

    def open_cited(self, answer: Answer, project: Project) -> str:
        """Open what the first citation leads to, as the browser does, and return the address of the row's own page.
        Raises ProjectFault where that is not a page that has the row's text."""
        cited = self.browser.get(answer["citations"][0]["url"])
        if not project.opens:
            if cited.status_code != 200 or FIRST[:30] not in cited.text:
                raise ProjectFault(f"The reader shows {cited.status_code} for {answer['citations'][0]['url']}")
            return "the reader"
        if not cited.has_redirect_location:
            raise ProjectFault(f"The citation does not lead to the row's own page: {cited.status_code} {cited.url}")
        page = cited.headers["Location"]
        opened = self.browser.get(page, follow_redirects=True)
        if opened.status_code != 200 or FIRST[:30] not in opened.text:
            raise ProjectFault(f"{page} is {opened.status_code} and has no “{FIRST[:30]}”:\n{opened.text[:1500]}")
        return str(page)

    def withheld(self, answer: Answer) -> bool:
        """Return whether an answer that was given before is kept back by now."""
        told = self.api.get(f"chat/runs/{answer['run_id']}").json()
        return bool(told["answer"]["withheld"])


def quotes(words: str) -> Callable[[Answer], bool]:
    """Return what is true of an answer whose citations have these words."""
    return lambda answer: answer["answered"] and any(words in one["quote"] for one in answer["citations"])


def refuses(answer: Answer) -> bool:
    return not answer["answered"]
