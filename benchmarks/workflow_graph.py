"""How long it takes to draw the graph of a workflow in the designer.

    python -m benchmarks.workflow_graph [--steps 10 60 120]

In a real browser on this machine, medians of ten: laying it out and drawing it, as after each change. Each step uses
the results of one to three before it.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from pathlib import Path

from tests.browser import pages as chromium
from tests.furnished import furnished_site, sign_in
from tests.servers import manage

TIMES = 10
DRAW = """async () => {
    const { draw } = await import("/static/chatsite/workflow-graph.js");
    const [cards, graph] = ["[data-cards]", "[data-graph]"].map((name) => document.querySelector(name));
    const began = performance.now();
    draw(cards, graph);
    graph.getBoundingClientRect();
    return [performance.now() - began, graph.querySelectorAll("svg a").length];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 60, 120])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, furnished_site(Path(name)) as running:
        code = "from chatsite.models import Workflow\n"
        for steps in options.steps:
            code += f"Workflow.objects.create(slug='w{steps}', title='{steps} steps', draft={workflow(steps)!r})\n"
        manage("shell", "--no-imports", "-c", code, data_dir=running.data_dir)
        with chromium.chromium() as browser:
            page = browser.new_page(base_url=running.url)
            sign_in(page, "staff")
            print(f"{'steps':>6}{'drawn ms':>10}")
            for steps in options.steps:
                page.goto("/admin/chatsite/workflow/")
                page.get_by_role("link", name=f"{steps} steps").click()
                page.locator("[data-graph] svg").wait_for()
                times, drawn = zip(*(page.evaluate(DRAW) for _ in range(TIMES)), strict=True)
                assert set(drawn) == {steps}
                print(f"{steps:>6}{statistics.median(times):>10.0f}", flush=True)


def workflow(steps: int) -> str:
    """Return the text of a workflow of so many steps."""
    chance = random.Random(4)
    lines = ["inputs:", "  topic: {}", "steps:", "  s0:", "    agent: writer", '    prompt: "About ${inputs.topic}"']
    for number in range(1, steps):
        used = sorted({chance.randrange(max(0, number - 8), number) for _ in range(chance.randint(1, 3))})
        said = " ".join(f"${{steps.s{one}.output}}" for one in used)
        lines += [f"  s{number}:", "    agent: writer", f'    prompt: "{said}"']
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
