"""Who is let in where: every route and verb, as each kind of client is answered, beside what is expected.

    python -m benchmarks.access [--write docs/access.md]

Routes come from the URLconf, pages of the admin from its models, expectations from `expected.py`. Each call runs in a
transaction that is rolled back. Exits with 1 where anything differs, or where a route has no expectation.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.access.expected import COLUMNS
from benchmarks.access.table import faults, page, seen_rows, table
from benchmarks.access.world import World


@contextlib.contextmanager
def _database() -> Iterator[None]:
    """Give an empty database, an empty index and an empty folder of media, until the block ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.test.utils import override_settings, setup_databases, setup_test_environment, teardown_databases

    from tests.configured import configured

    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    with tempfile.TemporaryDirectory(prefix="docchat-access-") as folder:
        media = override_settings(MEDIA_ROOT=Path(folder) / "media", ANONYMOUS_CHAT=False)
        with media, configured(Path(folder) / "index"):
            yield
    teardown_databases(databases, verbosity=0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    chosen = parser.parse_args()
    with _database():
        rows = seen_rows(World())
        if chosen.write:
            chosen.write.write_text(page(rows, chosen.write.read_text()))
        else:
            print(table(rows))
    problems = faults(rows)
    print(*problems, sep="\n", file=sys.stderr)
    print(f"{len(rows)} rows, {len(rows) * len(COLUMNS)} calls with an expectation, {len(problems)} faults")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
