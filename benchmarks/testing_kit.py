"""How long 1,000 assertions of the test kit take, in a suite of its own: `python -m benchmarks.testing_kit`.

Twenty documents, put in anew for each of ten tests; a hundred questions each, of everybody and of a reader, which are
answered (cited and quoted) and refused by turns.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITE = """
import pytest
from django.contrib.auth.models import User
from chatsite.testing import assert_answers, assert_refuses
from retrieval.models import Collection

ANIMALS = "bear cat dog eel fox goat hare ibis jay koala lynx mole newt otter pig quail rat seal toad wolf".split()
TEXTS = {{a.title(): f"# The {{a}}\\n\\nThe {{a}} sleeps for {{n}} hours. The {{a}} lives in room {{n + 30}}.\\n"
         for n, a in enumerate(ANIMALS, 3)}}

@pytest.mark.parametrize("turn", range({tests}))
def test_answers(documents, turn):
    owner = User.objects.create_user("owner")
    documents(TEXTS, collection=Collection.objects.create(name="Own", slug="own", owner=owner))
    for number in range({each}):
        animal = ANIMALS[number // 2 % len(ANIMALS)]
        question = f"How many hours does the {{animal}} sleep?"
        if number % 2:
            assert_refuses(question)
        else:
            assert_answers(question, cites=animal.title(), quotes="hours", reader=owner)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assertions", type=int, default=1_000)
    parser.add_argument("--tests", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        suite = SUITE.format(tests=options.tests, each=options.assertions // options.tests)
        (place / "conftest.py").write_text('pytest_plugins = ["chatsite.testing"]\n')
        (place / "test_suite.py").write_text(suite)
        command = [sys.executable, "-m", "pytest", "-q", "--durations=3", f"--rootdir={place}", "-c", "/dev/null"]
        began = time.monotonic()
        subprocess.run([*command, "-p", "no:cacheprovider", "--ds=tests.settings", str(place)], cwd=ROOT, check=True)
        seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{options.assertions} assertions in {options.tests} tests: {seconds:.1f} s with the start, {cpu:.1f} s of CPU"
    )


if __name__ == "__main__":
    main()
