"""Seven cheap ways to stop the site, and what they do to it.

    python -m benchmarks.stopping
    python -m benchmarks.stopping --beside ../before     (the same against another checkout's code)
    python -m benchmarks.stopping --only half_sent

Each way meets a site of its own: `manage.py serve` on the loopback, with 64 places, beside a stand-in model, behind a
proxy that is only played. While one attacker goes on, the site is asked every half second whether it is well, and a
second reader, who is elsewhere and has another account, asks what it would: a question, a file to be read, a page.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.stopping.ways import ENDLESS, WAYS, Attack, attachments, slow_pages, slow_pdf
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer, Reply, Request
from tests.retrieval.files import pdf
from tests.servers import ROOT, Site, environment, site

QUIET_SECONDS = 4.0  # from the beginning of an attack until the second reader comes
PATIENCE_SECONDS = 90.0  # of the second reader
HEALTH_SECONDS = 20.0  # after which no answer is none
FURNISH = """
import json, pathlib
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from chatsite.models import ApiKey
from retrieval.ingestion import ingest
from retrieval.models import Collection
collection = Collection.objects.create(name="Pumps", slug="pumps", public=True)
made = {}
for name in ("slow.pdf", "fine.pdf"):
    content = ContentFile((pathlib.Path(FOLDER) / name).read_bytes(), name=name)
    made[name] = ingest.add_document(collection, file=content, filename=name)[0].pk
for name in ("attacker", "second"):
    user = User.objects.create_user(name)
    (client := Client()).force_login(user)
    key = ApiKey(name=name, user=user, all_collections=True)
    made[name] = {"secret": key.make_secret(), "session": client.cookies["sessionid"].value}
    key.save()
print(json.dumps(made))
"""


class EndlessServer(ChatServer):
    """A model that answers the attacker's question for five minutes, and others at once."""

    def reply_to(self, request: Request) -> Reply:
        if ENDLESS in json.dumps(request.body):
            return chat_server.text(*["word "] * 1_500, delay=0.2)
        return super().reply_to(request)


@dataclass
class Health:
    """How long the site took to say that it is well, asked every half second."""

    url: str
    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0

    def watch(self, end: threading.Event) -> None:
        while not end.wait(0.5):
            began = time.monotonic()
            try:
                well = httpx.get(f"{self.url}/api/v1/health", timeout=HEALTH_SECONDS).status_code == 200
            except httpx.HTTPError:
                well = False
            self.milliseconds.append((time.monotonic() - began) * 1_000)
            self.failed += not well

    def __str__(self) -> str:
        median, most = statistics.median(self.milliseconds), max(self.milliseconds)
        return f"{median:,.0f} / {most:,.0f}" + (f", {self.failed} without an answer" if self.failed else "")


@dataclass
class SecondReader:
    """Another account at another address, which tries again as often as it is told to come back."""

    url: str
    secret: str
    session: str
    page: int

    def _until(self, done: Callable[[], str]) -> str:
        """Return what was seen first and last, and how long that took; `done` returns what is seen, `ok` at the end."""
        began, seen = time.monotonic(), list[str]()
        while (took := time.monotonic() - began) < PATIENCE_SECONDS:
            try:
                seen.append(done())
            except httpx.HTTPError as error:
                seen.append(type(error).__name__)
            if seen[-1] == "ok":
                first = f"{seen[0]}, then " if len(seen) > 1 else ""
                return f"{first}served after {time.monotonic() - began:.1f} s"
            time.sleep(0.5)
        return f"{seen[0]}, and nothing for {took:.0f} s"

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "X-Forwarded-For": "198.51.100.7"}

    def _ask(self) -> str:
        asked = {"query": "How often is the pump oiled?", "keep": True}
        response = httpx.post(
            f"{self.url}/api/v1/chat/query", json=asked, headers=self._headers, timeout=PATIENCE_SECONDS
        )
        return "ok" if response.status_code == 200 else str(response.status_code)

    def _picture(self) -> str:
        headers = {"Cookie": f"sessionid={self.session}"}
        url = f"{self.url}/documents/{self.page}/pages/1?width=800"
        response = httpx.get(url, headers=headers, timeout=PATIENCE_SECONDS)
        return "ok" if response.status_code == 200 else str(response.status_code)

    def asks(self) -> str:
        return self._until(self._ask)

    def asks_for_a_page(self) -> str:
        return "page " + self._until(self._picture)

    def attaches(self) -> str:
        """Attach 40 bytes, and wait until they have been read."""
        files = {"file": ("note.md", b"The pump in the cellar is oiled daily.\n")}
        address = f"{self.url}/api/v1/chat/attachments"
        begun = httpx.post(address, files=files, headers=self._headers, timeout=PATIENCE_SECONDS).json()

        def state() -> str:
            asked = {"session_id": begun["session_id"]}
            found = httpx.get(address, params=asked, headers=self._headers, timeout=30).json()["attachments"][0]
            return "ok" if found["state"] == "ready" else str(found["state"])

        return "file " + self._until(state)


def furnish(folder: Path, root: Path) -> dict[str, Any]:
    """Start the checkout's site for the first time, with two accounts and two PDFs that have been read. Return their
    names and secrets."""
    for _ in range(3):  # a busy machine takes longer for a first start than a test would wait
        with suppress(AssertionError), site("serve", data_dir=folder, root=root):
            break
    (folder / "slow.pdf").write_bytes(slow_pdf(pages=12))
    (folder / "fine.pdf").write_bytes(pdf([["The pump is oiled every day."]]))
    code = FURNISH.replace("FOLDER", repr(str(folder)))
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=root, env=environment(folder), capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with site("serve", data_dir=folder, root=root) as running:
        until = time.monotonic() + 120
        headers = {"Cookie": f"sessionid={made['second']['session']}"}
        while time.monotonic() < until:
            pages = [f"{running.url}/documents/{made[name]}/" for name in ("slow.pdf", "fine.pdf")]
            if all(httpx.get(url, headers=headers, timeout=30).status_code == 200 for url in pages):
                return made
            time.sleep(0.5)
    raise RuntimeError("The documents were not read in two minutes.")


def measure(way: Callable[[Attack], None], running: Site, made: dict[str, Any]) -> tuple[str, ...]:
    """Let one attack go on until the second reader has been served, or has given up. Return a row of the table."""
    attack = Attack(running.url, **made["attacker"], slow=made["slow.pdf"])
    second = SecondReader(running.url, **made["second"], page=made["fine.pdf"])
    health = Health(running.url)
    threads = [
        threading.Thread(target=way, args=[attack], daemon=True),
        threading.Thread(target=health.watch, args=[attack.end], daemon=True),
    ]
    for thread in threads:
        thread.start()
    time.sleep(QUIET_SECONDS)
    seen = [second.asks()]
    if way is attachments:
        seen.append(second.attaches())
    if way is slow_pages:
        seen.append(second.asks_for_a_page())
    time.sleep(QUIET_SECONDS)
    attack.end.set()
    for thread in threads:
        thread.join(70)
    got = ", ".join(f"{count} x {what}" for what, count in sorted(attack.got.items()))
    return way.__doc__ or "", got, str(health), "; ".join(seen)


def main() -> None:
    names = {way.__name__: way for way in WAYS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="another checkout, which is measured first")
    parser.add_argument("--only", choices=names, nargs="+", default=list(names), help="these ways alone")
    asked = parser.parse_args()
    print("| way | checkout | the attacker got | health, ms, median / most | a second reader |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="stopping-") as name, EndlessServer() as model:
        for title, root in {"before": asked.beside, "now": ROOT}.items():
            if root is None:
                continue
            first = Path(name) / title
            made = furnish(first, root.resolve())
            for number, way in enumerate(names[chosen] for chosen in asked.only):
                copy = Path(name) / f"{title}-{number}"
                shutil.copytree(first, copy)
                variables = {"OPENAI_BASE_URL": model.url, "CHAT_MODEL": "endless", "TRUSTED_PROXIES": "127.0.0.1"}
                with site("serve", data_dir=copy, root=root.resolve(), **variables) as running:
                    row = measure(way, running, made)
                shutil.rmtree(copy)
                print(f"| {row[0]} | {title} | {' | '.join(row[1:])} |", flush=True)


if __name__ == "__main__":
    main()
