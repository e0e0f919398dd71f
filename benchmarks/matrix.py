"""Every host, every way to run an agent: does it work, on whose database connection, with how many loops and clients?

    python -m benchmarks.matrix [--requests 48] [--at-once 12] [--only HOST ...] [--write docs/hosts.md]

Each host is a process of its own with the same tiny project, `tests/hosts_project`. A model server on the loopback
tells which of its callers left before the end. Behind the name of a framework, the host asks an agent of it in the
environment that it has for itself. Prints a table, and exits with 1 when anything in it failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.apart import APART
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer, Reply, Request
from tests.fakes.shelf_server import shelf_reply
from tests.servers import ROOT, free_port

PROJECT = "tests.hosts_project"
SCENARIOS = ("run", "stream", "cancel")
START_SECONDS = 60
LEFT_SECONDS = 60.0  # for the model server to notice that the last of its callers has left

GUNICORN = ["-m", "gunicorn", f"{PROJECT}.wsgi", "--bind=127.0.0.1:{port}", "--no-control-socket"]
GRANIAN = ["-m", "granian", "--port={port}", "--workers=1", "--no-access-log"]
SERVERS: dict[str, tuple[list[str], int]] = {  # what starts it, and how many requests it serves at once
    "runserver": (["-m", "django", "runserver", "--noreload", "127.0.0.1:{port}"], 12),
    "gunicorn sync": (GUNICORN, 1),
    "gunicorn sync --preload": ([*GUNICORN, "--preload"], 1),
    "gunicorn gthread": ([*GUNICORN, "-k=gthread", "--threads=12"], 12),
    "uvicorn": (["-m", "uvicorn", f"{PROJECT}.asgi:application", "--port={port}", "--lifespan=off"], 12),
    "daphne": (["-m", "daphne", "-p", "{port}", f"{PROJECT}.asgi:application"], 12),
    "hypercorn": (["-m", "hypercorn", "--bind=127.0.0.1:{port}", f"{PROJECT}.asgi:application"], 12),
    "granian wsgi": ([*GRANIAN, "--interface=wsgi", "--blocking-threads=12", f"{PROJECT}.wsgi:application"], 12),
    "granian asgi": ([*GRANIAN, "--interface=asginl", f"{PROJECT}.asgi:application"], 12),
}
CELERY = {"Celery prefork": ("prefork", 4), "Celery threads": ("threads", 12)}
SETUP = f"import django, json, sys; django.setup(); from {PROJECT} import work; scenario, n, at_once = {{arguments}}"
SCRIPTS: dict[str, tuple[str, int]] = {  # Python that prints the findings of one scenario
    "thread": ("print(json.dumps(work.repeat(scenario, requests=n, at_once=at_once)))", 12),
    "management command": (
        "from django.core.management import call_command as c; c('matrix_work', scenario, requests=n, at_once=at_once)",
        1,
    ),
    "running loop": (
        "import asyncio; print(json.dumps(asyncio.run(work.arepeat(scenario, requests=n, at_once=at_once))))",
        12,
    ),
}
CELL = "print(json.dumps(await work.arepeat(scenario, requests=n, at_once=at_once)))"
PYTEST_CASE = """
async def test_scenario():
    print(json.dumps(await work.arepeat(scenario, requests=n, at_once=at_once)))
"""
FRAMEWORKS = {
    f"{host}, {framework}": (host, framework) for host in ("gunicorn gthread", "uvicorn") for framework in APART
}
HOSTS = (
    "thread",
    *SERVERS,
    *CELERY,
    "management command",
    "ipykernel cell",
    "pytest-asyncio test",
    "running loop",
    *FRAMEWORKS,
)

Finding = dict[str, Any]


@dataclass
class Outcome:
    """One cell of the table."""

    host: str
    scenario: str
    at_once: int
    requests: int
    findings: list[Finding] = field(default_factory=list)
    asked: int = 0  # slow calls that reached the model server
    left: int = 0  # of those, the ones that it saw broken off
    seconds: float = 0.0
    fault: str = ""

    @property
    def succeeded(self) -> int:
        """A call may be cancelled before it has reached the model server; once there, its connection has to end."""
        return sum(finding["ok"] for finding in self.findings) - (self.asked - self.left)

    @property
    def processes(self) -> int:
        return len({finding["pid"] for finding in self.findings})

    @property
    def passed(self) -> bool:
        clients = 0 if self.host in FRAMEWORKS else 1  # theirs are in processes of their own
        one_each = all((finding["loops"], finding["clients"]) == (1, clients) for finding in self.findings)
        some = self.scenario != "cancel" or self.left > self.requests / 2
        return not self.fault and self.succeeded == self.requests and one_each and some

    def why(self) -> str:
        reasons = {finding["why"] for finding in self.findings if not finding["ok"]}
        return (
            self.fault or "; ".join(sorted(reasons)) or f"{self.left} of {self.asked} calls left, {self.findings[:1]}"
        )


class Model(ChatServer):
    """Answers as the fake does, but slowly to whoever asks for "slow", and agents of other frameworks as a shelf."""

    def reply_to(self, request: Request) -> Reply:
        first, *_, last = request.body["messages"]
        if first["content"] == "Look it up.":  # as those are told, in tests/agents/isolated_*.py
            return shelf_reply(request, delay=self.delay)
        if last["content"] == "slow":
            return chat_server.text(*["word "] * 200, threading.Event(), delay=0.05)  # which is never set
        return super().reply_to(request)

    def slow(self) -> list[Request]:
        return [request for request in list(self.requests) if request.body["messages"][-1]["content"] == "slow"]

    def left(self) -> int:
        return sum(request.left_at is not None for request in self.slow())


# ---- one host, one scenario ------------------------------------------------------------------------------------------
Work = Callable[[str, int, int], list[Finding]]
"""Of a started host: does a scenario so many times, so many at once."""


def measure(work: Work, *, host: str, scenario: str, requests: int, at_once: int, model: Model) -> Outcome:
    outcome = Outcome(host, scenario, at_once, requests)
    asked, left, began = len(model.slow()), model.left(), time.monotonic()
    try:
        outcome.findings = work(scenario, requests, at_once)
    except (httpx.HTTPError, subprocess.SubprocessError, ValueError, RuntimeError) as error:
        outcome.fault = f"{type(error).__name__}: {error}"[-2000:]
    outcome.seconds = time.monotonic() - began
    if scenario == "cancel":
        until = time.monotonic() + LEFT_SECONDS
        while model.left() - left < len(model.slow()) - asked and time.monotonic() < until:
            time.sleep(0.05)
    outcome.asked, outcome.left = len(model.slow()) - asked, model.left() - left
    return outcome


def run_host(host: str, *, requests: int, at_once: int, model: Model, state: Path) -> Iterator[Outcome]:
    environment = os.environ | {
        "MATRIX_DIR": str(state),
        "MODEL_URL": model.url,
        "DJANGO_SETTINGS_MODULE": f"{PROJECT}.settings",
        "PYTHONPATH": str(ROOT),
    }
    scenarios = SCENARIOS
    if host in FRAMEWORKS:
        name, framework = FRAMEWORKS[host]
        command, room = SERVERS[name]
        scenarios, started = ("run", "stream"), server(command, environment, state / "server.log", framework=framework)
    elif host in SERVERS:
        command, room = SERVERS[host]
        started = server(command, environment, state / "server.log")
    elif host in CELERY:
        pool, room = CELERY[host]
        started = celery(pool, room, environment, state)
    else:
        room = SCRIPTS[host][1] if host in SCRIPTS else 12
        started = contextlib.nullcontext(partial(script, host, environment, state))
    with started as work:
        for scenario in scenarios:
            yield measure(
                work, host=host, scenario=scenario, requests=requests, at_once=min(at_once, room), model=model
            )


# ---- servers ---------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def process(command: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextlib.contextmanager
def server(command: Sequence[str], environment: dict[str, str], log: Path, *, framework: str = "") -> Iterator[Work]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process([part.format(port=port) for part in command], environment, log) as running:
        until = time.monotonic() + START_SECONDS
        while not _answers(url):
            if running.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command} did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield partial(ask_apart, framework, url) if framework else partial(ask, url)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/probe", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def ask(url: str, scenario: str, requests: int, at_once: int) -> list[Finding]:
    """Over HTTP; a stream's findings are the reader's own, with a probe of the process at the end."""
    asked = {"run": _ask_run, "stream": _read, "cancel": _leave}[scenario]
    return _all(lambda client, number: asked(client, url), url, requests, at_once)


def ask_apart(framework: str, url: str, scenario: str, requests: int, at_once: int) -> list[Finding]:
    """Ask an agent of `framework`, which has an environment of its own; each answer tells whose it is."""
    ended = {"run": "", "stream": "[completed]"}[scenario]

    def asked(client: httpx.Client, number: int) -> Finding:
        text = client.get(f"{url}/apart/{framework}/{scenario}/{number}").text.replace("\n", "")  # without its beats
        return {"ok": text == f"There are 3 copies of {number}{ended}", "why": text}

    return _all(asked, url, requests, at_once)


def _all(asked: Callable[[httpx.Client, int], Finding], url: str, requests: int, at_once: int) -> list[Finding]:
    with httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        with ThreadPoolExecutor(at_once) as pool:
            findings = list(pool.map(lambda number: asked(client, number), range(requests)))
        probed = client.get(f"{url}/probe").raise_for_status().json()
    return [probed | finding for finding in findings]


def _ask_run(client: httpx.Client, url: str) -> Finding:
    response = client.get(f"{url}/run")
    return dict(response.raise_for_status().json())


def _read(client: httpx.Client, url: str) -> Finding:
    """It has to come in pieces, and whole."""
    with client.stream("GET", f"{url}/stream/nobody") as response:
        pieces = [piece for piece in response.iter_text() if piece]
    text = "".join(pieces).replace("\n", "")  # without its beats
    ok = text == "I found no passage about that.[completed]" and len(pieces) > 1
    return {"ok": ok, "why": f"{response.status_code} {pieces}"}


def _leave(client: httpx.Client, url: str) -> Finding:
    with client.stream("GET", f"{url}/stream/slow") as response:
        begun = next((piece for piece in response.iter_text() if "word" in piece), "no word came")
    return {"ok": "word" in begun, "why": begun}


# ---- task workers ----------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def celery(pool: str, size: int, environment: dict[str, str], state: Path) -> Iterator[Work]:
    module = ["-m", "celery", "-A", f"{PROJECT}.celery", "worker", "--loglevel=warning", "-P", pool, "-c", str(size)]
    quiet = ["--without-heartbeat", "--without-gossip", "--without-mingle"]
    with process([*module, *quiet], environment, state / "celery.log"):
        yield partial(send, environment)


def send(environment: dict[str, str], scenario: str, requests: int, at_once: int) -> list[Finding]:
    """From a process of its own, as a site would."""
    program = (
        f"import json; from {PROJECT}.celery import send; sent = send({scenario!r}, {requests}); "
        "print(json.dumps([one.get(timeout=60, interval=0.05) for one in sent]))"
    )
    return _last_line([sys.executable, "-c", program], environment)


# ---- everything that is its own host ---------------------------------------------------------------------------------
def script(
    host: str, environment: dict[str, str], state: Path, scenario: str, requests: int, at_once: int
) -> list[Finding]:
    setup = SETUP.format(arguments=(scenario, requests, at_once))
    if host == "ipykernel cell":
        return notebook(setup, environment)
    if host == "pytest-asyncio test":
        case = state / "test_case.py"
        case.write_text(f"{setup}\n{PYTEST_CASE}")
        options = ["-c", os.devnull, "-o", "asyncio_mode=auto", "-p", "no:django", "-p", "no:cacheprovider", "-sq"]
        return _last_line([sys.executable, "-m", "pytest", *options, str(case)], environment)
    return _last_line([sys.executable, "-c", f"{setup}\n{SCRIPTS[host][0]}"], environment)


def _last_line(command: Sequence[str], environment: dict[str, str]) -> list[Finding]:
    """The findings that a process printed among other things."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    found = [line for line in done.stdout.splitlines() if line.startswith("[{")]
    if done.returncode or not found:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return list(json.loads(found[-1]))


def notebook(setup: str, environment: dict[str, str]) -> list[Finding]:
    """In a cell of a notebook that a real kernel runs."""
    import nbformat
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(setup), nbformat.v4.new_code_cell(CELL)]
    executed = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=120, kernel_name="python3").execute(
        env=environment, cwd=str(ROOT), stderr=subprocess.DEVNULL
    )
    printed = "".join(output.get("text", "") for output in executed.cells[1].outputs)
    return list(json.loads(printed))


# ---- the table -------------------------------------------------------------------------------------------------------
def table(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "| host | at once | " + " | ".join(SCENARIOS) + " | processes | loops and clients, each | seconds |",
        "|---|" + "---:|" * (len(SCENARIOS) + 4),
    ]
    for host in dict.fromkeys(outcome.host for outcome in outcomes):
        of_host = [outcome for outcome in outcomes if outcome.host == host]
        told = {outcome.scenario: f"{outcome.succeeded}/{outcome.requests}" for outcome in of_host}
        cells = [told.get(scenario, "–") for scenario in SCENARIOS]
        findings = [finding for outcome in of_host for finding in outcome.findings]
        loops, clients = (max((f[what] for f in findings), default=0) for what in ("loops", "clients"))
        processes = max(outcome.processes for outcome in of_host)
        seconds = sum(outcome.seconds for outcome in of_host)
        row = [host, of_host[0].at_once, *cells, processes, f"{loops}, {clients}", f"{seconds:.1f}"]
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def write_into(page: Path, text: str, *, target: str = "matrix") -> None:
    """Replace what stands between the page's two marks, the first of which names the target of `make`."""
    begin, end = f"<!-- made by `make {target}` -->\n", "\n<!-- until here -->"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}{text}{end}{rest.partition(end)[2]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=48)
    parser.add_argument("--at-once", type=int, default=12)
    parser.add_argument("--only", nargs="+", choices=HOSTS, default=HOSTS, metavar="HOST")
    parser.add_argument("--write", type=Path, help="a page to put the table into")
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="matrix-", ignore_cleanup_errors=True) as folder,
        Model(delay=0.02) as model,
    ):
        migrate = os.environ | {"MATRIX_DIR": folder, "MODEL_URL": "", "DJANGO_SETTINGS_MODULE": f"{PROJECT}.settings"}
        subprocess.run([sys.executable, "-m", "django", "migrate", "-v0"], cwd=ROOT, env=migrate, check=True)
        for host in options.only:
            for outcome in run_host(
                host, requests=options.requests, at_once=options.at_once, model=model, state=Path(folder)
            ):
                outcomes.append(outcome)
                print(f"{host:<32}{outcome.scenario:<8}{outcome.succeeded}/{outcome.requests}", flush=True)
                if not outcome.passed:
                    print(f"    {outcome.why()}", flush=True)
    made = table(outcomes)
    print(f"\n{made}\n\n{time.monotonic() - began:.0f} s in all")
    if options.write:
        write_into(options.write, made)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
