"""A newcomer's task in the admin, by keyboard alone: how much it takes, and what comes of it.

    python -m benchmarks.newcomer [--real-model]

A workflow that finds passages, summarises them, asks a person and publishes is built by cards, and again by “Help me
build”; it is run, approved, and published as a version. All keys are counted, from the empty form to the version; a
machine presses them, so its times are no newcomer's. The model is scripted, and with `--real-model` SmolLM2-135M on the
loopback as well (`make .venv-real-model/installed`), which is too small to write a workflow or to cite. A citation is
right where what is published names the document that says it, and no other, and says what stands there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.newcomer import task
from benchmarks.newcomer.keys import Keys
from benchmarks.newcomer.task import WAYS, Ran
from benchmarks.real_model import MAX_TOKENS, model_server
from tests.browser import pages as chromium
from tests.fakes.chat_server import ChatServer
from tests.furnished import furnished_site, sign_in

WINDOW = 8192  # tokens of the real model
COLUMNS = {"typed": 6, "pressed": 8, "picks": 6, "fields": 7, "buttons": 8}
RESULTS = {"built s": 8, "state": 11, "run s": 7, "tokens": 7}


@dataclass(frozen=True)
class Row:
    """One way with one model: what it took, in seconds of a machine that types, and what became of the run."""

    way: str
    model: str
    keys: Keys
    built: float
    ran: Ran

    @property
    def counts(self) -> list[int]:
        """Return what it took, as in COLUMNS."""
        return [getattr(self.keys, name) for name in COLUMNS]

    def __str__(self) -> str:
        results = [f"{self.built:.1f}", self.ran.state, f"{self.ran.seconds:.1f}", self.ran.tokens]
        widths = [*COLUMNS.values(), *RESULTS.values()]
        figures = "".join(f"{value:>{width}}" for value, width in zip([*self.counts, *results], widths, strict=True))
        return f"{self.way:<14}{self.model:<9}{figures}  {self.ran.citation}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--real-model", action="store_true", help="run it with SmolLM2-135M as well")
    options = parser.parse_args()
    names = "".join(f"{name:>{width}}" for name, width in (COLUMNS | RESULTS).items())
    print(f"{'way':<14}{'model':<9}{names}  citation", flush=True)
    with chromium.chromium() as browser:
        for row in with_scripted_model(browser):
            print(row, flush=True)
        if options.real_model:
            for row in with_real_model(browser):
                print(f"{row}\n  published: {' '.join(row.ran.published.split())[:300]}", flush=True)


def with_scripted_model(browser: Browser) -> Iterator[Row]:
    """Do it in each way with a model that says what it was told to."""
    with ChatServer() as server, _site(server.url) as url:
        for way in WAYS:
            server.script(*task.scripted(way))
            yield done(browser, url, way=way, model="scripted")


def with_real_model(browser: Browser) -> Iterator[Row]:
    """Do it in each way with a real small model on the loopback."""
    with model_server(WINDOW) as address, _site(address, CHAT_MAX_TOKENS=str(MAX_TOKENS)) as url:
        for way in WAYS:
            yield done(browser, url, way=way, model="real")


@contextmanager
def _site(model: str, **variables: str) -> Iterator[str]:
    told = {
        "OPENAI_BASE_URL": model,
        "CHAT_MODEL": "a-model",
        "WORKFLOW_REGISTRY": "benchmarks.newcomer.project.registry",
    }
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as name,
        furnished_site(Path(name), **told | variables) as running,
    ):
        yield running.url


def done(browser: Browser, url: str, *, way: str, model: str) -> Row:
    """Do the task in one way, and return what it took."""
    with chromium.strict_page(browser, url, reduced_motion="reduce") as page:
        sign_in(page, "staff")
        keys, title = Keys(page), f"Notices {way}"
        began = time.monotonic()
        task.begin(keys, title)
        WAYS[way](keys)
        built = time.monotonic() - began
        ran = task.run(keys)
        task.publish(keys, title)
        return Row(way, model, keys, built, ran)


if __name__ == "__main__":
    main()
