"""Ten questions of the shipped documents, answered by a real small language model on the loopback.

    python -m benchmarks.real_model                      # make bench-real-model
    python -m benchmarks.real_model --beside ../before   # and by another checkout of the site, in turns

SmolLM2 has 135 million parameters: it cites seldom and invents much. So this says whether the site holds beside such
a model, and not how good its answers are: no question falls back to quoting, none runs over the limit, and what no
passage supports is told apart. With a window of 2,048 tokens the passages have to be shortened.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers import ROOT, Site, site

PYTHON = ROOT / ".venv-real-model" / "bin" / "python"
WINDOWS = [2048, 8192]
MAX_TOKENS = 300
COLUMNS = {
    "answered": 9,
    "unsupported": 12,
    "other": 7,
    "fell back": 10,
    "cut short": 10,
    "first sign s": 13,
    "first text s": 13,
    "whole s": 9,
    "longest, tokens": 16,
}
QUESTIONS = [
    "Which variable points the site at a Qdrant server?",
    "How do I back up the site?",
    "What does a reader see of a document that was deleted?",
    "Which formats can be uploaded?",
    "How do I set a new password for the admin?",
    "How can a program ask a question?",
    "What happens when the language model can't be reached?",
    "How is a collection made public?",
    "How do I put the chat on the pages of another site?",
    "How many files may a conversation have?",
]


@dataclass
class Asked:
    """How one question went; times in seconds from its request on."""

    first_sign: float = 0.0  # a word, a thought, or that the model is still reading
    first_text: float = 0.0
    whole: float = 0.0
    events: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        if "answer" not in self.body:
            return f"error: {self.body.get('error', 'no end')}"
        if self.body["model"] == "extractive":
            return "fell back"
        if self.body["answered"]:
            return "answered"
        return "unsupported" if self.body.get("unsupported") else "uncited, as an answer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--windows", type=int, nargs="+", default=WINDOWS, help="tokens")
    parser.add_argument("--beside", type=Path, help="another checkout, whose site answers the same questions")
    parser.add_argument("--questions", type=int, default=len(QUESTIONS), help="how many of them")
    options = parser.parse_args()
    roots = {"this": ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    print(f"{'window':>8} {'site':<8}" + "".join(f"{name:>{width}}" for name, width in COLUMNS.items()))
    for window in options.windows:
        with model_server(window) as address, tempfile.TemporaryDirectory() as folder:
            for name, root in roots.items():
                asked = ask_all(Path(folder) / name, root=root, address=address, count=options.questions)
                print_row(window, name, asked)


@contextmanager
def model_server(window: int) -> Iterator[str]:
    """Yield the address of the model, with a context window of so many tokens."""
    command = [str(PYTHON), str(ROOT / "benchmarks" / "llama_server.py"), str(window)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            if not (address := process.stdout.readline().strip()):
                raise RuntimeError("the model's server has not started: make .venv-real-model/installed")
            yield address
        finally:
            process.stdin.close()


def ask_all(data_dir: Path, *, root: Path, address: str, count: int) -> list[Asked]:
    variables = {"OPENAI_BASE_URL": address, "CHAT_MODEL": "smollm2-135m", "CHAT_MAX_TOKENS": str(MAX_TOKENS)}
    with site("serve", data_dir=data_dir, root=root, **variables) as running, httpx.Client(timeout=None) as client:
        return [ask(client, running, question) for question in QUESTIONS[:count]]


def ask(client: httpx.Client, running: Site, question: str) -> Asked:
    asked = Asked()
    began = time.monotonic()
    name = ""
    with client.stream("POST", f"{running.url}/api/v1/chat/query", json={"query": question, "stream": True}) as lines:
        for line in lines.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
                asked.events.append(name)
                if name in {"text", "thinking", "waiting"}:
                    asked.first_sign = asked.first_sign or time.monotonic() - began
                if name == "text":
                    asked.first_text = asked.first_text or time.monotonic() - began
            elif line.startswith("data: ") and name in {"done", "error"}:
                asked.body = json.loads(line.removeprefix("data: "))
    asked.whole = time.monotonic() - began
    return asked


def print_row(window: int, name: str, asked: list[Asked]) -> None:
    outcomes = [one.outcome for one in asked]
    known = {kind: outcomes.count(kind) for kind in ("answered", "unsupported", "fell back")}
    other = len(asked) - sum(known.values())
    cut = sum(bool(one.body.get("cut_short")) for one in asked)
    longest = max(one.body.get("usage", {}).get("output_tokens", 0) for one in asked)
    times = [median(getattr(one, name) for one in asked) for name in ("first_sign", "first_text", "whole")]
    row = [
        known["answered"],
        known["unsupported"],
        other,
        known["fell back"],
        cut,
        *(f"{s:.1f}" for s in times),
        longest,
    ]
    figures = "".join(f"{value:>{width}}" for value, width in zip(row, COLUMNS.values(), strict=True))
    print(f"{window:>8} {name:<8}{figures}", flush=True)
    for one in asked:
        if one.outcome.startswith("error"):
            print(f"{'':>9}{one.outcome}", flush=True)


def median(values: Iterator[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()
