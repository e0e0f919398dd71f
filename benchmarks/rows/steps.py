"""The steps that are done in a process of their own, on the site: `python -m benchmarks.rows.steps step numbers`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace


def main() -> None:
    import django

    django.setup()
    from benchmarks.rows import changing, followed, searched
    from retrieval import configuration

    step, numbers = sys.argv[1], [int(number) for number in sys.argv[2:]]
    if step != "followed":  # which embeds as a site does
        own = replace(
            configuration.runtime().settings,
            embedding_base_url=os.environ["BENCHMARK_VECTORS"],
            embedding_model="fake",
        )
        configuration.configure(own)
    steps = {"followed": followed.measure, "searched": searched.measure, "work": changing.work, "look": changing.look}
    steps[step](*numbers)
    configuration.runtime().close()


if __name__ == "__main__":
    main()
