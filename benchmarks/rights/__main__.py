"""Run the states, and print how many checks each surface has stood, how many leaked and where something was missing."""

from __future__ import annotations

import argparse
import os
import tempfile
import time

PRINTED = 20  # faults


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rights")
    parser.add_argument("--states", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        os.environ |= {"ANONYMOUS_CHAT": "1", "SITE_INGESTS": "0"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        _run(given.states, seed=given.seed)


def _run(states: int, *, seed: int) -> None:
    from django.conf import settings
    from django.test.utils import setup_test_environment

    from benchmarks.rights.run import run_states

    setup_test_environment(debug=False)
    settings.MEDIA_ROOT = f"{settings.DATA_DIR}/media"
    began = time.monotonic()
    table = run_states(states, seed=seed)
    print(table)
    for fault in table.faults[:PRINTED]:
        print(f"  {fault}")
    print(f"{table.states:,} states in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
