"""One DATA_DIR, no variable set, and every kind of process on it at once: questions beside ingestion, and kills.

    python -m benchmarks.processes [questions] [kills]

gunicorn and uvicorn with four workers each, `runserver`, two of `manage.py worker`, and a cron command that looks at
the index again and again. First questions go to all three servers at once while documents come in. Then one process
after another is killed with SIGKILL, every second time the one that owns the index, while questions go on. A question
that the killed process itself was answering is lost with its connection; it is asked again, as a browser would.
"""

from __future__ import annotations

import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.servers import ROOT, Site, environment, manage, site

QUESTIONS, KILLS, AT_ONCE = 2_000, 40, 6
SERVERS = ("gunicorn, 4 workers", "uvicorn, 4 workers", "runserver")
WORDS = ("anvil", "basalt", "cobalt", "dynamo", "enamel", "funnel", "girder", "hinge", "ingot", "jigsaw")
BEFORE = 20  # documents there from the start
PATIENCE = 90.0
PAUSE_SECONDS = 6.0  # from kill to kill: a server starts another worker meanwhile

FURNISH = """
from retrieval.models import Collection
Collection.objects.get_or_create(slug="parts", defaults={"name": "Parts", "public": True})
"""
ADD = """
import sys, time
from django.core.files.base import ContentFile
from retrieval.ingestion import ingest
from retrieval.models import Collection
parts = Collection.objects.get(slug="parts")
WORDS, first, count, pause = %r, %d, %d, %f
for number in range(first, first + count):
    word = WORDS[number %% len(WORDS)]
    text = f"# Part {number}\\n\\nThe {word} of part {number} weighs {number} grams; hall {number %% 7} makes it.\\n"
    ingest.add_document(parts, file=ContentFile(text.encode(), name=f"part-{number}.md"), filename=f"part-{number}.md")
    time.sleep(pause)
"""
LEFT = """
from collections import Counter
from retrieval.models import Document
print(dict(Counter(Document.objects.values_list("state", flat=True))))
"""


@dataclass
class Answers:
    """What came back, by outcome, and how long each took, in seconds."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    cut_off: int = 0  # with the process that was answering; asked again

    def add(self, outcome: str, seconds: float) -> None:
        self.outcomes[outcome] += 1
        self.seconds.append(seconds)


@dataclass
class Result:
    asked: Answers
    killed: Answers
    kills: int
    owners_killed: int
    states: str
    index: str


def measure(
    data_dir: Path, *, questions: int, kills: int, servers: Sequence[str] = SERVERS, pause: float = 0.0
) -> Result:
    """Ask so many questions, then go on asking while so many processes are killed, at least `pause` seconds apart.
    `data_dir` is migrated."""
    manage("shell", "--no-imports", "-c", FURNISH, data_dir=data_dir)
    add(data_dir, first=0, count=BEFORE)
    with ExitStack() as stack:
        sites = [stack.enter_context(site(host, data_dir=data_dir)) for host in servers]
        for _ in range(2):
            stack.enter_context(repeated([sys.executable, "manage.py", "worker"], data_dir))
        stack.enter_context(repeated([sys.executable, "manage.py", "reconcile", "--dry-run"], data_dir))
        wait_until_read(data_dir)
        asked, killed = Answers(), Answers()
        feeding = threading.Thread(target=add, args=[data_dir], kwargs={"first": BEFORE, "count": 60, "pause": 0.3})
        feeding.start()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: ask(sites[number % len(sites)], number, asked), range(questions)))
        feeding.join()
        owners = kill_in_turn(sites, data_dir, killed, kills=kills, pause=pause)
        wait_until_read(data_dir)
        states = manage("shell", "--no-imports", "-c", LEFT, data_dir=data_dir).strip()
        index = manage("reconcile", "--dry-run", data_dir=data_dir).strip()
    return Result(asked, killed, kills, owners, states, index)


def add(data_dir: Path, *, first: int, count: int, pause: float = 0.0) -> None:
    """Add documents from a process of their own, `pause` seconds apart."""
    manage("shell", "--no-imports", "-c", ADD % (WORDS, first, count, pause), data_dir=data_dir)


def ask(running: Site, number: int, answers: Answers) -> None:
    """Ask for one of the first documents, again where the process that answers is killed."""
    number %= BEFORE
    query = f"How much does the {WORDS[number % len(WORDS)]} of part {number} weigh?"
    began = time.monotonic()
    while True:
        try:
            response = httpx.post(f"{running.url}/api/v1/chat/query", json={"query": query}, timeout=PATIENCE)
        except httpx.TransportError:
            answers.cut_off += 1
            if time.monotonic() - began > PATIENCE:
                return answers.add("no answer", time.monotonic() - began)
            time.sleep(0.05)
            continue
        right = response.status_code == 200 and f"{number} grams" in response.json()["answer"]
        outcome = "right" if right else f"{response.status_code} {response.text[:60]}"
        return answers.add(outcome, time.monotonic() - began)


def kill_in_turn(sites: Sequence[Site], data_dir: Path, answers: Answers, *, kills: int, pause: float) -> int:
    """Return how many of the killed owned the index. What is killed is started again by its server, or by `repeated`;
    `runserver` has nobody who does, and is left alone."""
    ended = threading.Event()

    def keep_asking(running: Site) -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            ask(running, number, answers)

    with ThreadPoolExecutor(2 * len(sites)) as pool:
        asking = [pool.submit(keep_asking, running) for running in [*sites, *sites]]
        owners = 0
        for turn in range(kills):
            spared = {running.process.pid for running in sites}
            workers = [pid for server in spared for pid in children(server)]
            owner = lock_holder(data_dir, "owner")
            chosen = owner if turn % 2 == 0 and owner not in spared else workers[turn % len(workers)]
            owners += chosen == owner
            os.kill(chosen, signal.SIGKILL)
            time.sleep(pause)
            done = len(answers.seconds)
            until = time.monotonic() + PATIENCE
            while len(answers.seconds) < done + 4 * len(sites) and time.monotonic() < until:
                time.sleep(0.05)
        ended.set()
        for future in asking:
            future.result()
    return owners


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid=,args="], capture_output=True, text=True)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "resource_tracker" not in line]


def lock_holder(data_dir: Path, part: str) -> int:
    return int((data_dir / "index" / f"{part}.lock").read_text() or 0)


@contextmanager
def repeated(command: list[str], data_dir: Path) -> Iterator[None]:
    """Run the command until the block ends, again whenever it has ended, as a supervisor or cron would."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment(data_dir), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while process.poll() is None and not ended.wait(0.2):
                pass
            process.terminate()
            process.wait()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def wait_until_read(data_dir: Path) -> None:
    manage("worker", "--until-empty", data_dir=data_dir)


HOP = """
import random, statistics, sys, time
from pathlib import Path
from uuid import UUID
from retrieval.index import Point, Scope
from retrieval.index.edge import EdgeIndex
from retrieval.index.embedded import EmbeddedIndex, Storage

folder, dice = Path(sys.argv[1]), random.Random(7)
storage = Storage(folder, find=lambda name: index)
index = EmbeddedIndex(storage, EdgeIndex(folder, name="hop", dimension=384))

def vector():
    return [dice.gauss(0, 1) for _ in range(384)]

if not (folder / "hop").exists():
    for first in range(0, 10_000, 500):
        numbers = range(first, first + 500)
        index.upsert([Point(UUID(int=n), n, 1, 1, 0, f"text {n} of {n % 97}", vector()) for n in numbers])
    index.tidy()
print("ready", flush=True)
for line in sys.stdin:
    times = []
    for number in range(200):
        asked = vector()
        began = time.perf_counter()
        index.search(f"text {number}", vector=asked, scope=Scope([1]), limit=30)
        times.append(time.perf_counter() - began)
    print(statistics.median(times) * 1000, flush=True)
"""


def hop() -> tuple[float, float]:
    """Return the median of a search among 10,000 points in the process that owns the index, and in one that asks it, in
    milliseconds; both take turns."""
    with tempfile.TemporaryDirectory(prefix="hop-") as folder, ExitStack() as stack:
        measured: list[list[float]] = [[], []]
        command = [sys.executable, "-c", HOP, folder]
        processes = []
        for _ in measured:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            processes.append(stack.enter_context(process))
            assert process.stdout is not None
            process.stdout.readline()
        for _turn in range(5):
            for process, medians in zip(processes, measured, strict=True):
                assert process.stdin is not None
                assert process.stdout is not None
                print(file=process.stdin, flush=True)
                medians.append(float(process.stdout.readline()))
        for process in reversed(processes):
            process.kill()
    return min(measured[0]), min(measured[1])


def main() -> None:
    questions, kills = [*map(int, sys.argv[1:3]), *(QUESTIONS, KILLS)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory(prefix="processes-") as folder:
        manage("migrate", "--verbosity=0", data_dir=Path(folder))
        result = measure(Path(folder), questions=questions, kills=kills, pause=PAUSE_SECONDS)
    print("| | questions | right | else | median | p95 | longest | cut off with their process |")
    print("|---|--:|--:|---|--:|--:|--:|--:|")
    for name, answers in (("beside ingestion", result.asked), (f"{result.kills} kills", result.killed)):
        seconds = sorted(answers.seconds)
        others = {outcome: count for outcome, count in answers.outcomes.items() if outcome != "right"}
        print(
            f"| {name} | {len(seconds):,} | {answers.outcomes['right']:,} | {others or 'none'} | "
            f"{statistics.median(seconds) * 1000:.0f} ms | {seconds[int(0.95 * len(seconds))] * 1000:.0f} ms | "
            f"{seconds[-1]:.1f} s | {answers.cut_off} |"
        )
    own, asking = hop()
    print(f"\nA search among 10,000 chunks takes {own:.1f} ms in the owner, {asking:.1f} ms in a process that asks it.")
    print(f"\n{result.owners_killed} of the killed owned the index. Documents: {result.states}. {result.index}")


if __name__ == "__main__":
    main()
