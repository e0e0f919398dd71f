"""Public Django projects that answer from their own rows: how many lines that takes, how long, and what is in the way.

    python -m benchmarks.projects [NAME ...] [--no-tests] [--write docs/projects.md] [--kept]

Each project is installed in an environment of its own (in `.venv-projects`, which Git ignores) and becomes part of a
throw-away site with one row. Then the chat is added as README's "In a Django project" says, with a `docchat.py` beside
the settings. One process serves the site: it is asked over HTTP without a language model, must cite the row and lead to
its own page, must answer with the new text after `save()`, and no more once the row is deleted or hidden. The project's
own tests run before and after, with its settings and with the chat added to them. Needs a package index for what isn't
there yet. Exits with 1 when a project took more than five lines or three minutes, or anything failed. What came out is
kept: `--kept` prints it again, and `--write` writes a table of all projects, those that were not named as they were.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.matrix import write_into
from benchmarks.projects.catalogue import PROJECTS
from benchmarks.projects.environments import unpacked_product
from benchmarks.projects.run import Tried, kept, try_project
from benchmarks.projects.site import slug_of
from benchmarks.projects.table import table

NAMES = {slug_of(project): project for project in PROJECTS}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", default=[])
    parser.add_argument("--no-tests", action="store_true", help="without the projects' own tests")
    parser.add_argument("--write", type=Path, help="a page to put the table into")
    parser.add_argument("--kept", action="store_true", help="try nothing, and print what came out the last time")
    options = parser.parse_args()
    chosen = [] if options.kept else [NAMES[name] for name in options.names] or PROJECTS
    outcomes: list[Tried] = []
    with tempfile.TemporaryDirectory(prefix="projects-") as folder:
        product = unpacked_product(Path(folder))
        for project in chosen:
            tried = try_project(project, product, tests=not options.no_tests)
            outcomes.append(tried)
            print(f"{'passed' if tried.passed else 'FAILED'}  {slug_of(project)}  {tried.page}", flush=True)
            if tried.fault:
                print(tried.fault, flush=True)
            if tried.after and tried.before and (new := {*tried.after.names} - {*tried.before.names}):
                print("\n".join(f"    fails with the chat: {name}" for name in sorted(new)), flush=True)
    if options.kept or options.write:
        outcomes = [tried for project in PROJECTS if (tried := kept(project))]
    made = table(outcomes)
    print(f"\n{made}")
    if options.write:
        write_into(options.write, made, target="bench-projects")
    return 0 if all(tried.passed for tried in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
