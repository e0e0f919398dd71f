"""Which scripts have tests without a browser, and texts.js and frame.js, which need few."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.static.engine import SCRIPTS, Engine

# These only tie elements, events and requests together: tests/browser sees what comes of it.
WIRING = {
    "actions.js", "admin-search.js", "approvals.js", "attachments.js", "chat.js", "choosing.js", "conversations.js",
    "earlier.js", "enter.js", "panel.js", "quotes.js", "reader.js", "widget.js", "workflow-designer.js",
    "workflow-graph.js", "workflow-redraw.js", "workflow-run.js",
}  # fmt: skip


def test_script_has_a_test_without_a_browser_or_is_wiring() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tested = set(re.findall(r'(?:load\(|modules\[)"([\w.]+)"', tests)) | {"chips.js"}  # by way of the composer
    scripts = {path.name for path in SCRIPTS.glob("*.js")}
    assert tested - {"texts.js"} <= scripts - WIRING
    assert scripts == tested | WIRING


def test_sentence_is_filled_in_and_counted_as_the_language_wants() -> None:
    assert Engine().load("texts.js").run(
        """const { text, counted, characters } = modules["texts.js"];
        return [text("query-left", { count: 3 }), counted("found", 1), counted("found", 2), characters("a🌍")];"""
    ) == ["3 left", "1 passage.", "2 passages.", 2]


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#0b6a58", "#ffee00", "#7f7f7f"])
def test_colour_of_a_site_stands_out_from_paper_by_4_5_to_1(accent: str) -> None:
    page = (
        '<div data-frame="" data-parent-origin="" data-login-url="/in/"></div><div data-panel=""></div>'
        '<button data-frame-close=""></button><a data-new=""></a>'
    )
    engine = Engine(page)
    engine.run(
        "Object.assign(globalThis, { parent: globalThis, location: { search: '' } });"
        "globalThis.URLSearchParams = class { has() {} }; globalThis.MutationObserver = class { observe() {} };"
    )
    light, dark = engine.load("frame.js").run(
        f"""const {{ legible, luminance }} = modules["frame.js"];
        const colour = [1, 3, 5].map((at) => parseInt("{accent}".slice(at, at + 2), 16));
        const contrast = (paper, ink) => {{
            const one = legible(colour, paper, ink).match(/\\d+/g).map(Number);
            const [low, high] = [luminance(one), luminance(paper)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
        }};
        return [contrast([255, 255, 255], [0, 0, 0]), contrast([28, 34, 32], [255, 255, 255])];"""
    )
    assert light >= 4.45  # what is mixed is rounded to whole numbers
    assert dark >= 4.45
