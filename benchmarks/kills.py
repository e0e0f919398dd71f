"""Forty SIGKILLs at random moments while 200 documents are ingested, changed and deleted, beside an undisturbed run.

    python -m benchmarks.kills [kills] [documents]

The process is the real `manage.py worker` with the embedded index; its embeddings come from a small local server. At
the end SQL and index of both runs must be the same: chunk by chunk, point by point.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fakes.chat_server import ChatServer, Reply, Request
from tests.servers import ROOT, environment

KILLS, DOCUMENTS = 40, 200
LONGEST_LIFE = 2.0  # seconds of work before a kill, at most
EMBEDDING_SECONDS = 0.2  # that a batch of texts takes: most of the kills meet documents in hand


def main() -> None:
    kills, documents = [int(argument) for argument in sys.argv[1:3]] or (KILLS, DOCUMENTS)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, SlowServer() as server:
        calm, killed = Run(Path(folder) / "calm", server.url), Run(Path(folder) / "killed", server.url)
        for run in (calm, killed):
            run.call("setup", documents)
        calm.finish()
        calm.call("change", documents)
        calm.finish()
        states = Counter[str]()
        for number in range(kills):
            if number == kills // 2:
                killed.call("change", documents)
            states[killed.kill()] += 1
        began = time.perf_counter()
        killed.finish()
        report(calm.look(), killed.look(), states, kills=kills, last=time.perf_counter() - began)


class SlowServer(ChatServer):
    def reply_to(self, request: Request) -> Reply:
        time.sleep(EMBEDDING_SECONDS)
        return super().reply_to(request)


class Run:
    """One site in a folder of its own."""

    def __init__(self, data_dir: Path, url: str) -> None:
        self._environment = environment(data_dir, EMBEDDING_BASE_URL=url, EMBEDDING_MODEL="fake")
        self._chance = random.Random(7)

    def call(self, step: str, documents: int = 0) -> str:
        """One of the functions below, in a process of its own."""
        command = [sys.executable, "-m", "benchmarks.kills", "--step", step, str(documents)]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def look(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.call("look"))
        return result

    def _worker(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", "worker", *arguments]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=pipe, stderr=nowhere, text=True)

    def finish(self) -> None:
        with self._worker("--until-empty") as worker:
            worker.communicate()
        assert worker.returncode == 0

    def kill(self) -> str:
        """Let it work for a while; what it was doing when it was killed."""
        with self._worker() as worker:
            assert worker.stdout
            worker.stdout.readline()  # it has begun
            time.sleep(self._chance.uniform(0, LONGEST_LIFE))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        return self.call("state").strip()


def report(calm: dict[str, Any], killed: dict[str, Any], states: Counter[str], *, kills: int, last: float) -> None:
    print(f"{kills} kills. What the worker had in hand when it died:")
    for state, times in states.most_common():
        print(f"  {times:>4}  {state}")
    print(f"The last start took {last:.1f} s to finish the rest.\n")
    print(f"{'':<34}{'undisturbed':>14}{'killed':>14}")
    for name in ("documents ready", "chunks", "points", "removals waiting", "attempts above one"):
        print(f"{name:<34}{calm[name]:>14,}{killed[name]:>14,}")
    one, other = {tuple(row) for row in calm["rows"]}, {tuple(row) for row in killed["rows"]}
    points, others = {tuple(row) for row in calm["held"]}, {tuple(row) for row in killed["held"]}
    figures = {
        "chunks lost": len(one - other),
        "chunks too many": len(other - one),
        "chunks twice": len(killed["rows"]) - len(other),
        "points lost": len(points - others),
        "points orphaned": len(others - points),
        "points without their vector": killed["without vector"],
    }
    for name, figure in figures.items():
        print(f"{name:<48}{figure:>14,}")
    if any(figures.values()):
        sys.exit(1)


# ---- steps, each in a process of its own -----------------------------------------------------------------------------


def text_of(number: int, *, version: int) -> bytes:
    chance = random.Random(f"{number}.{version}")
    words = [f"word{chance.randrange(5_000)}" for _ in range(chance.randint(100, 1_500))]
    sentences = [" ".join(words[first : first + 12]).capitalize() + "." for first in range(0, len(words), 12)]
    return "\n\n".join(sentences).encode()


def setup(documents: int) -> None:
    from django.core.files.base import ContentFile
    from django.core.management import call_command

    from retrieval.ingestion import ingest
    from retrieval.models import Collection

    call_command("migrate", verbosity=0)
    collection = Collection.objects.create(name="C", slug="c")
    for number in range(documents):
        file = ContentFile(text_of(number, version=1))
        ingest.add_document(collection, file=file, filename=f"{number}.md")


def change(documents: int) -> None:
    """Every tenth is replaced, every tenth deleted, every tenth asked for again."""
    from django.core.files.base import ContentFile

    from retrieval.ingestion import ingest
    from retrieval.models import Document

    for number in range(0, documents, 10):
        by_name = {document.filename: document for document in Document.objects.all()}
        ingest.replace_file(by_name[f"{number}.md"], file=ContentFile(text_of(number, version=2)))
        by_name[f"{number + 1}.md"].delete()
        ingest.enqueue(by_name[f"{number + 2}.md"])


def state(documents: int) -> None:
    from retrieval.models import Document, IndexRemoval

    in_hand = Document.objects.filter(state=Document.State.PROCESSING).exists()
    removals = "with removals waiting" if IndexRemoval.objects.exists() else ""
    print("documents" if in_hand else "nothing", removals)


def look(documents: int) -> None:
    from retrieval.ingestion.spaces import live_space
    from retrieval.models import Chunk, Document, IndexRemoval

    rows = [[str(pk), *rest] for pk, *rest in Chunk.objects.order_by("pk").values_list("pk", "start", "end", "digest")]
    index = live_space().index
    held = index.holdings()
    points = list(Chunk.objects.values_list("pk", flat=True))
    found = {
        "documents ready": Document.objects.filter(state=Document.State.READY).count(),
        "chunks": len(rows),
        "points": index.count(),
        "removals waiting": IndexRemoval.objects.count(),
        "attempts above one": Document.objects.filter(attempts__gt=1).count(),
        "without vector": len(points) - len(index.vectors(points)),
        "rows": rows,
        "held": [[*key, total] for key, total in sorted(held.items())],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        import django

        os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
        django.setup()
        {"setup": setup, "change": change, "state": state, "look": look}[sys.argv[2]](int(sys.argv[3]))
    else:
        main()
