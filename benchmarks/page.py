"""What the chat page weighs and how quick it is, in a real browser on this machine.

    python -m benchmarks.page

A model server writes the time at which it writes each word; the page tells when that word was painted. Weights are of
the files the chat page loads, and beside them what gzip makes of them, which a proxy or CDN in front of the site sends.
"""

from __future__ import annotations

import gzip
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Response

from tests.browser import pages as chromium
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer, Piece
from tests.servers import site

OPENINGS = 10
WORDS, PACE = 300, 0.03
LONG_CHARACTERS, LONG_PIECE = 200_000, 400

# When each word that is a time has been painted: the frame behind the one that showed it has begun.
WATCH_WORDS = """() => {
    const seen = new Set();
    window.late = [];
    const look = () => {
        const shown = document.querySelector('.run:last-child [data-answer]')?.textContent ?? '';
        const fresh = (shown.match(/\\d{13}/g) ?? []).filter((word) => !seen.has(word));
        fresh.forEach((word) => seen.add(word));
        if (fresh.length) requestAnimationFrame(() => {
            const now = performance.timeOrigin + performance.now();
            fresh.forEach((word) => window.late.push(now - Number(word)));
        });
    };
    const runs = document.querySelector('[data-runs]');
    new MutationObserver(look).observe(runs, {childList: true, subtree: true, characterData: true});
}"""
# Milliseconds after the page was asked for. Not `wait_for_function`, whose later looks the page's policy refuses.
FIRST_PAINT = """() => new Promise((told) => new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName("first-contentful-paint")) told(entry.startTime);
}).observe({type: "paint", buffered: true}))"""
WATCH_FRAMES = """() => {
    window.frames_ms = [];
    let last = performance.now();
    const tick = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
}"""

# Not `expect`: at each of its looks Playwright describes the whole page, which takes 150 ms at 200,000 characters.
WAIT_FOR_THE_END = """() => new Promise((ended, late) => {
    setTimeout(late, 120_000, new Error("The answer did not end."));
    const last = document.querySelector(".run:last-child");
    const end = () => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(ended)));
    new MutationObserver(end).observe(last, {attributeFilter: ["data-state"]});
})"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ChatServer() as model,
        site(data_dir=Path(folder) / "data", OPENAI_BASE_URL=model.url) as running,
        chromium.chromium() as browser,
    ):
        weigh(browser, running.url)
        open_page(browser, running.url)
        page = browser.new_context(base_url=running.url, **chromium.WIDE).new_page()
        page.goto("/")
        time_words(page, model)
        time_frames(page, model)


def weigh(browser: Browser, url: str) -> None:
    """Every response of a first visit, by kind."""
    page = browser.new_context(base_url=url, **chromium.WIDE).new_page()
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    page.goto("/", wait_until="networkidle")
    print(f"{'chat page, first visit':<28}{'requests':>10}{'bytes':>10}{'gzip':>10}")
    total = 0
    for kind in ("document", "stylesheet", "script", "image", "font", "fetch"):
        bodies = [response.body() for response in responses if response.request.resource_type == kind]
        packed = sum(len(gzip.compress(body, 9)) for body in bodies)
        total += packed if kind in ("stylesheet", "script") else 0
        if bodies:
            print(f"{kind:<28}{len(bodies):>10}{sum(map(len, bodies)):>10,}{packed:>10,}")
    print(f"{'JavaScript and CSS in all':<28}{'':>20}{total:>10,}   (aim: 60,000)\n")
    page.context.close()


def open_page(browser: Browser, url: str) -> None:
    """Fresh profiles; the first one also warms the server and is left out."""
    figures: dict[str, list[float]] = {"first paint": [], "interactive (scripts have run)": [], "loaded": []}
    for number in range(OPENINGS + 1):
        page = browser.new_context(base_url=url, **chromium.WIDE).new_page()
        page.goto("/", wait_until="load")
        painted = page.evaluate(FIRST_PAINT)
        times: dict[str, Any] = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
        if number:
            figures["first paint"].append(painted)
            figures["interactive (scripts have run)"].append(times["domContentLoadedEventEnd"])
            figures["loaded"].append(times["loadEventEnd"])
        page.context.close()
    _table(f"opening it, {OPENINGS} times", figures)


def time_words(page: Page, model: ChatServer) -> None:
    """From a word's leaving the model's server to its pixels."""

    def words() -> Iterator[Piece]:
        yield chat_server.chunk({"role": "assistant", "content": "[1] "})  # or it would be no answer
        for _ in range(WORDS):
            yield chat_server.chunk({"content": f"{time.time() * 1000:.0f} "})
            yield PACE
        yield from (chat_server.chunk({}, finish="stop"), chat_server.usage(10, WORDS), chat_server.DONE)

    page.evaluate(WATCH_WORDS)
    model.script(chat_server.Reply(words()))
    _ask(page, "What time is it?")
    late: list[float] = page.evaluate("window.late")
    _table(f"word to pixel, {len(late)} words", {"first word": late[:1], "every word": late})


def time_frames(page: Page, model: ChatServer) -> None:
    """How even the frames are while a long answer streams as fast as it can."""
    words, chance = "pump filter boiler lathe clock door key lid lamp motor".split(), random.Random(1)
    line = "A {}, **another {}** and a `{}`, then a [{}](https://example.org/) with {} [1].\n\n"  # none like another
    lines = (line.format(*chance.choices(words, k=5)) for _ in range(LONG_CHARACTERS // len(line) + 1))
    whole = "".join(lines)[:LONG_CHARACTERS]
    pieces = [whole[at : at + LONG_PIECE] for at in range(0, len(whole), LONG_PIECE)]
    model.script(chat_server.text(*pieces, delay=0.02))
    page.evaluate(WATCH_FRAMES)
    began = time.perf_counter()
    _ask(page, "Tell me everything.")
    seconds = time.perf_counter() - began
    frames: list[float] = page.evaluate("window.frames_ms")
    slow = sum(1 for frame in frames if frame > 50)
    print(f"{LONG_CHARACTERS:,} characters streamed in {seconds:.1f} s: {len(frames) / seconds:.0f} frames a second,")
    print(f"{slow} of {len(frames)} frames took more than 50 ms; the longest {max(frames):.0f} ms (its end included).")


def _ask(page: Page, question: str) -> None:
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    page.evaluate(WAIT_FOR_THE_END)


def _table(title: str, figures: dict[str, list[float]]) -> None:
    print(f"{title:<34}{'median ms':>12}{'p95 ms':>12}")
    for name, values in figures.items():
        ordered = sorted(values)
        worst = ordered[int(len(ordered) * 0.95)] if len(ordered) > 1 else ordered[0]
        print(f"{name:<34}{statistics.median(ordered):>12.1f}{worst:>12.1f}")
    print()


if __name__ == "__main__":
    main()
